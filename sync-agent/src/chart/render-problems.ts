import type { Resource } from 'sync-contract/section-content';
import type { ProblemRow, ProblemRows } from '../openemr/read-problems.js';
import { profileMeta, resource, type CodeableConcept } from './fhir.js';
import { counted, entryCode, firstVisits, hasEnded, newestFirst, RESOLVED } from './list-entries.js';
import type { RenderTools } from './render-tools.js';

/**
 * Medical problems and health concerns as Conditions, newest first. One entry of the list is one Condition, however many
 * visits it is linked to: a link adds the visit and takes nothing off the list.
 */
export function renderProblems(rows: ProblemRows, tools: RenderTools): { resources: Resource[]; skipped: number } {
  const visits = firstVisits(rows.visits);
  const { shown, skipped } = counted(
    newestFirst(rows.problems, (row) => row.begdate ?? row.date).map((row) =>
      renderProblem(row, visits.get(row.id), tools),
    ),
  );
  return { resources: [...shown, ...tools.people.resources()], skipped };
}

function renderProblem(row: ProblemRow, visit: number | undefined, tools: RenderTools): Resource | undefined {
  const code = entryCode(row);
  if (code === undefined) {
    return undefined;
  }
  const end = tools.time.dateOrDateTime(row.enddate);
  return resource({
    resourceType: 'Condition',
    id: tools.ids.id('lists', row.id),
    meta: profileMeta('us-core-condition-problems-health-concerns'),
    extension: courseAndOutcome(row, tools),
    // FHIR lets an entry made in error have no clinical status.
    clinicalStatus:
      row.verification === 'entered-in-error' ? undefined : statusConcept(clinicalStatus(row, end, tools.readOn)),
    verificationStatus: verificationStatus(row, tools),
    category: categories(row, visit),
    code,
    subject: tools.ids.patient(tools.pid),
    encounter: visit === undefined ? undefined : tools.ids.encounter(visit),
    onsetDateTime: tools.time.dateOrDateTime(row.begdate),
    abatementDateTime: end,
    recordedDate: tools.time.dateTime(row.date),
    recorder: tools.people.practitionerNamed(row.user),
    note: [row.comments === '' ? undefined : { text: row.comments }],
  });
}

/** Options of list `occurrence` that say that the problem came back; "chronic" and "acute on chronic" are none. */
const CAME_BACK = [6, 7, 8];

function clinicalStatus(row: ProblemRow, end: string | undefined, readOn: string): string {
  if (row.outcome === RESOLVED) {
    return 'resolved';
  }
  if (row.activity === 0 || hasEnded(end, readOn)) {
    return 'inactive';
  }
  return CAME_BACK.includes(row.occurrence) ? 'recurrence' : 'active';
}

const CLINICAL_WORDS: Readonly<Record<string, string>> = {
  active: 'Active',
  recurrence: 'Recurrence',
  inactive: 'Inactive',
  resolved: 'Resolved',
};

function statusConcept(code: string): CodeableConcept {
  const system = 'http://terminology.hl7.org/CodeSystem/condition-clinical';
  return { coding: [{ system, code, display: CLINICAL_WORDS[code] }] };
}

const VERIFICATIONS = ['unconfirmed', 'provisional', 'differential', 'confirmed', 'refuted', 'entered-in-error'];

/** OpenEMR's options are FHIR's codes; one that a practice made up is text. Nothing said is nothing claimed. */
function verificationStatus({ verification }: ProblemRow, { options }: RenderTools): CodeableConcept | undefined {
  const display = options.title('condition-verification', verification);
  const system = 'http://terminology.hl7.org/CodeSystem/condition-ver-status';
  return VERIFICATIONS.includes(verification)
    ? { coding: [{ system, code: verification, display }] }
    : { text: display };
}

const CONDITION_CATEGORY = 'http://terminology.hl7.org/CodeSystem/condition-category';

function categories({ type, subtype }: ProblemRow, visit: number | undefined): (CodeableConcept | undefined)[] {
  return [
    type === 'health_concern'
      ? category('http://hl7.org/fhir/us/core/CodeSystem/condition-category', 'health-concern', 'Health Concern')
      : category(CONDITION_CATEGORY, 'problem-list-item', 'Problem List Item'),
    visit === undefined ? undefined : category(CONDITION_CATEGORY, 'encounter-diagnosis', 'Encounter Diagnosis'),
    subtype === 'sdoh'
      ? category(
          'http://hl7.org/fhir/us/core/CodeSystem/us-core-category',
          'sdoh',
          'Social Determinants of Health (SDOH)',
        )
      : { text: subtype },
  ];
}

function category(system: string, code: string, display: string): CodeableConcept {
  return { coding: [{ system, code, display }], text: display };
}

/** FHIR's standard extensions for what a Condition has no element for. */
function courseAndOutcome(row: ProblemRow, { options }: RenderTools): unknown[] {
  const course = options.title('occurrence', row.occurrence);
  const outcome = row.outcome === RESOLVED ? '' : options.title('outcome', row.outcome);
  return [
    textExtension('http://hl7.org/fhir/StructureDefinition/condition-diseaseCourse', course),
    textExtension('http://hl7.org/fhir/StructureDefinition/condition-outcome', outcome),
  ];
}

const textExtension = (url: string, text: string): unknown =>
  text === '' ? undefined : { url, valueCodeableConcept: { text } };
