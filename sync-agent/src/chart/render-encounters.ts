import type { Resource } from 'sync-contract/section-content';
import type { IssueVisitRow } from '../openemr/read-issues.js';
import type { EncounterRow, EncounterRows } from '../openemr/read-encounters.js';
import { profileMeta, resource, type CodeableConcept, type Coding, type Reference } from './fhir.js';
import type { RenderTools } from './render-tools.js';

/** Visits, newest first, undated ones last; then the people and places they name. */
export function renderEncounters(rows: EncounterRows, tools: RenderTools): { resources: Resource[]; skipped: number } {
  const diagnoses = Map.groupBy(rows.diagnoses, ({ encounter }) => encounter);
  const categories = new Map(rows.categories.map((row) => [row.pc_catid, row.pc_catname]));
  const visits = oneOfEach(rows.encounters).map((row) => ({ row, start: tools.time.dateTime(row.date) }));
  const order = (start: string | undefined): number => (start === undefined ? -Infinity : tools.time.order(start));
  const rendered = visits
    .sort((a, b) => order(b.start) - order(a.start) || b.row.encounter - a.row.encounter || b.row.id - a.row.id)
    .map(({ row, start }) =>
      renderEncounter(
        row,
        start,
        { category: categories.get(row.pc_catid) ?? '', problems: diagnoses.get(row.encounter) ?? [] },
        tools,
      ),
    );
  const resources = rendered.filter((each) => each !== undefined);
  return { resources: [...resources, ...tools.people.resources()], skipped: rendered.length - resources.length };
}

/** Of rows with the same number the first one counts: everything of the visit refers to the number. */
function oneOfEach(encounters: readonly EncounterRow[]): EncounterRow[] {
  const first = new Map<string, EncounterRow>();
  for (const row of encounters) {
    const key = row.encounter > 0 ? `number ${String(row.encounter)}` : `row ${String(row.id)}`;
    if (!first.has(key)) {
      first.set(key, row);
    }
  }
  return [...first.values()];
}

function renderEncounter(
  row: EncounterRow,
  start: string | undefined,
  { category, problems }: { category: string; problems: readonly IssueVisitRow[] },
  tools: RenderTools,
): Resource | undefined {
  const type = visitType(row, category, tools);
  // A number names the visit for everything else of the chart, and something must say what it was.
  if (row.encounter <= 0 || (start === undefined && row.reason === '' && type.length === 0)) {
    return undefined;
  }
  const { people } = tools;
  return resource({
    resourceType: 'Encounter',
    id: tools.ids.id('form_encounter', row.encounter),
    meta: { ...profileMeta('us-core-encounter'), security: restricted(row) },
    status: 'finished',
    class: visitClass(row.class_code, tools),
    type,
    subject: tools.ids.patient(tools.pid),
    participant: [
      participant('PPRF', 'Primary Performer', people.practitioner(row.provider_id)),
      participant('ATND', 'Attender', people.practitioner(row.supervisor_id)),
      participant('REF', 'Referrer', people.practitioner(row.referring_provider_id)),
    ],
    period: { start, end: tools.time.dateTime(row.date_end) },
    reasonCode: [row.reason === '' ? undefined : { text: row.reason }],
    // Named where they stand, in the list of problems.
    diagnosis: [...new Set(problems.map(({ list_id }) => list_id))].map((problem) => ({
      condition: tools.ids.reference('Condition', 'lists', problem),
    })),
    hospitalization: { dischargeDisposition: disposition(row.discharge_disposition, tools) },
    location: [{ location: people.facilityLocation(row.facility_id) ?? { display: row.facility } }],
    serviceProvider: people.facilityOrganization(row.facility_id),
  });
}

/** The practice keeps these visits from part of its own staff. */
function restricted(row: EncounterRow): Coding[] {
  const system = 'http://terminology.hl7.org/CodeSystem/v3-Confidentiality';
  return row.sensitivity.toLowerCase() === 'high' ? [{ system, code: 'R', display: 'restricted' }] : [];
}

/** OpenEMR keeps HL7's display in the notes of the option. */
function visitClass(code: string, { options }: RenderTools): Coding | undefined {
  const option = options.find('_ActEncounterCode', code);
  const system = 'http://terminology.hl7.org/CodeSystem/v3-ActCode';
  return code === '' ? undefined : { system, code, display: option?.notes || options.title('_ActEncounterCode', code) };
}

/** What kind of visit it was: the type chosen for it, and the category it was entered under. */
function visitType(row: EncounterRow, category: string, { options }: RenderTools): CodeableConcept[] {
  const chosen = options.concept('encounter-types', row.encounter_type_code);
  const text = row.encounter_type_description || (chosen?.text ?? '');
  return [
    ...(text === '' ? [] : [{ coding: chosen?.coding ?? [], text }]),
    ...(category === '' ? [] : [{ text: category }]),
  ];
}

function participant(code: string, display: string, individual: Reference | undefined): unknown {
  const system = 'http://terminology.hl7.org/CodeSystem/v3-ParticipationType';
  return individual === undefined ? undefined : { type: [{ coding: [{ system, code, display }] }], individual };
}

/** Options of OpenEMR's list that carry HL7's own codes. */
const DISPOSITIONS: ReadonlySet<string> = new Set([
  ...['home', 'alt-home', 'other-hcf', 'hosp', 'long', 'aadvice', 'exp', 'psy', 'rehab', 'snf', 'oth'],
]);

function disposition(option: string, { options }: RenderTools): CodeableConcept | undefined {
  const concept = options.concept('discharge-disposition', option);
  const system = 'http://terminology.hl7.org/CodeSystem/discharge-disposition';
  return concept === undefined || !DISPOSITIONS.has(option)
    ? concept
    : { ...concept, coding: [{ system, code: option, display: concept.text }, ...(concept.coding ?? [])] };
}
