import type { Resource } from 'sync-contract/section-content';
import type { AssessmentRow, AssessmentRows, FilledQuestionnaireRow } from '../openemr/read-assessments.js';
import { answersOf } from './questionnaire-answers.js';
import { parseCodes } from './coded-values.js';
import { profileMeta, resource, some, SYSTEMS, usCore, type Reference } from './fhir.js';
import { measured, parseNumber } from './reference-range.js';
import type { RenderTools } from './render-tools.js';

const STATUSES = ['registered', 'preliminary', 'final', 'amended', 'corrected', 'cancelled', 'entered-in-error'];
/** Kinds of observation that US Core added to FHIR's own. */
const US_CORE_KINDS = ['functional-status', 'cognitive-status', 'disability-status', 'sdoh'];

interface Dated {
  at: string;
  id: number;
  resource: Resource;
}

/** Observation forms as Observations, a score before its parts, and filled-in questionnaires, each the newest first. */
export function renderAssessments(
  { observations, questionnaires }: AssessmentRows,
  tools: RenderTools,
): { resources: Resource[]; skipped: number } {
  const lines = distinctLines(observations);
  const families = {
    withId: Map.groupBy(lines, ({ row }) => row.id),
    parts: Map.groupBy(lines, ({ row }) => row.parent_observation_id),
  };
  const rendered = [
    ...lines.map((line) => renderObservation(line, families, tools)),
    ...questionnaires.map((row) => renderQuestionnaire(row, tools)),
  ];
  const shown = rendered.filter((each) => each !== undefined);
  const newestFirst = shown
    .sort((a, b) => compare(b.at, a.at) || a.id - b.id || compare(a.resource.id, b.resource.id))
    .map(({ resource: each }) => each);
  return { resources: [...newestFirst, ...tools.people.resources()], skipped: rendered.length - shown.length };
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** A line of an observation form, and what tells it from all others. */
interface Line {
  row: AssessmentRow;
  key: string;
}

interface Families {
  withId: ReadonlyMap<number, readonly Line[]>;
  /** by the line that they are parts of */
  parts: ReadonlyMap<number, readonly Line[]>;
}

/**
 * In an older OpenEMR the lines of a form share its id: nothing but its words tells one from another, and the same words
 * twice are one line.
 */
function distinctLines(rows: readonly AssessmentRow[]): Line[] {
  const withId = Map.groupBy(rows, ({ id }) => id);
  const byKey = new Map<string, AssessmentRow>();
  for (const row of rows) {
    const isAlone = withId.get(row.id)?.length === 1;
    const words = [row.code, row.ob_code, row.description, row.ob_value, row.observation].join(' ');
    byKey.set(isAlone ? String(row.id) : `${String(row.id)} ${words}`, row);
  }
  return [...byKey].map(([key, row]) => ({ row, key }));
}

function renderObservation({ row, key }: Line, families: Families, tools: RenderTools): Dated | undefined {
  const codes = parseCodes(row.ob_code || row.code).map(({ coding }) => ({
    ...coding,
    display: some(row.description),
  }));
  if (codes.length === 0 && row.description + row.ob_value + row.observation === '') {
    return undefined;
  }
  const parts = families.parts.get(row.id) ?? [];
  const parents = families.withId.get(row.parent_observation_id) ?? [];
  const observation = resource({
    resourceType: 'Observation',
    id: tools.ids.id('form_observation', key),
    meta: profileMeta('us-core-simple-observation'),
    status: STATUSES.includes(row.ob_status) ? row.ob_status : row.ob_status === '' ? 'preliminary' : 'unknown',
    category: [categoryOf(row.ob_type, tools)],
    code: { coding: codes, text: row.description },
    subject: tools.ids.patient(tools.pid),
    encounter: /^\d{1,15}$/.test(row.encounter) ? tools.ids.encounter(Number(row.encounter)) : undefined,
    effectiveDateTime: tools.time.dateTime(row.date),
    performer: [tools.people.practitionerNamed(row.user)],
    ...valueOf(row, parts.length > 0),
    note: [row.observation === '' ? undefined : { text: row.observation }],
    hasMember: parts.map((part) => referenceTo(part.key, tools)),
    derivedFrom: parents.map((parent) => referenceTo(parent.key, tools)),
  });
  return { at: row.date ?? '', id: row.id, resource: observation };
}

function referenceTo(key: string, tools: RenderTools): Reference {
  return tools.ids.reference('Observation', 'form_observation', key);
}

function categoryOf(kind: string, tools: RenderTools): unknown {
  if (kind === '') {
    return undefined;
  }
  const system = US_CORE_KINDS.includes(kind)
    ? usCore('us-core-category').replace('StructureDefinition', 'CodeSystem')
    : 'http://terminology.hl7.org/CodeSystem/observation-category';
  return { coding: [{ system, code: kind, display: tools.options.title('Observation_Types', kind) }] };
}

/** A number with its unit, a code with its words, or text. A score whose parts stand for it may have none. */
function valueOf(row: AssessmentRow, hasParts: boolean): Record<string, unknown> {
  const number = parseNumber(row.ob_value);
  if (number !== undefined) {
    return { valueQuantity: measured(number, row.ob_unit) };
  }
  const codes = parseCodes(row.ob_value).filter(({ coding }) => coding.system !== undefined);
  if (codes.length > 0) {
    const text = row.ob_value_code_description;
    return { valueCodeableConcept: { coding: codes.map(({ coding }) => ({ ...coding, display: some(text) })), text } };
  }
  if (row.ob_value !== '') {
    return { valueString: row.ob_value };
  }
  return hasParts
    ? {}
    : { dataAbsentReason: { coding: [{ system: SYSTEMS.dataAbsentReason, code: 'unknown', display: 'Unknown' }] } };
}

const FILLED: Readonly<Record<string, string>> = {
  completed: 'completed',
  amended: 'amended',
  stopped: 'stopped',
  'entered-in-error': 'entered-in-error',
};

function renderQuestionnaire(row: FilledQuestionnaireRow, tools: RenderTools): Dated | undefined {
  const answers = answersOf(row.questionnaire_response);
  if (answers === undefined) {
    return undefined;
  }
  const display = { url: 'http://hl7.org/fhir/StructureDefinition/display', valueString: row.questionnaire_name };
  const response = resource({
    resourceType: 'QuestionnaireResponse',
    id: tools.ids.id('questionnaire_response', row.id),
    meta: profileMeta('us-core-questionnaireresponse'),
    questionnaire: answers.questionnaire,
    _questionnaire: row.questionnaire_name === '' ? undefined : { extension: [display] },
    status: FILLED[row.status] ?? 'in-progress',
    subject: tools.ids.patient(tools.pid),
    encounter: tools.ids.encounter(row.encounter),
    authored: tools.time.dateTime(row.create_time),
    author: tools.people.practitioner(row.creator_user_id),
    source: row.creator_user_id === 0 ? tools.ids.patient(tools.pid) : undefined,
    item: answers.item,
  });
  return { at: row.create_time ?? '', id: row.id, resource: response };
}
