import { readdirSync } from 'node:fs';
import { z } from 'zod';
import { readRecordedRows, readSimJson, simDataPath, type RecordedRow } from 'infra/openemr-sim/sim-data';
import { ResourceIds } from '../src/chart/resource-id.js';
import type { Json, JsonObject } from './golden-comparison.js';

export const COMPARED_TYPES = [
  'Patient',
  'MedicationRequest',
  'MedicationDispense',
  'Observation',
  'DiagnosticReport',
  'Appointment',
  'Coverage',
  'Encounter',
  'Condition',
  'AllergyIntolerance',
  'Immunization',
  'Procedure',
  'Device',
  'DocumentReference',
  'CareTeam',
  'CarePlan',
  'Goal',
  'QuestionnaireResponse',
  'RelatedPerson',
] as const;
export type ComparedType = (typeof COMPARED_TYPES)[number];

const Patients = z.array(z.object({ label: z.string(), pid: z.int() }));
const Bundle = z.object({ entry: z.array(z.object({ resource: z.record(z.string(), z.json()) })).default([]) });
const SingleResource = z.record(z.string(), z.json());

/** The recordings: the folder of OpenEMR's answers and the zone they were recorded in. */
export const RECORDINGS = [
  { set: 'utc', folder: 'golden/fhir', timeZone: 'UTC' },
  { set: 'newYork', folder: 'golden/fhir-tz-new_york', timeZone: 'America/New_York' },
] as const;
export type Recording = (typeof RECORDINGS)[number];

/** Patients of a recording. */
export function goldenPatients(recording: Recording): { label: string; pid: number }[] {
  const recorded = readdirSync(simDataPath(recording.folder));
  return Patients.parse(readSimJson('golden/patients.json')).filter(({ label }) => recorded.includes(label));
}

const CATEGORIES_OF: Partial<Record<ComparedType, readonly string[]>> = {
  Observation: ['laboratory', 'vital-signs', 'social-history', 'survey', 'functional-status', 'cognitive-status'],
  // Narratives by LOINC's parts for radiology, pathology and cardiology.
  DiagnosticReport: ['LAB', 'LP29684-5', 'LP7839-6', 'LP29708-2'],
};

/** All that OpenEMR answered in a folder of a recording: for a patient by label, for the practice under `_practice`. */
export function recordedResources(recording: Recording, label: string): JsonObject[] {
  const folder = `${recording.folder}/${label}`;
  return readdirSync(simDataPath(folder))
    .toSorted()
    .flatMap((file) => {
      const answer = readSimJson(`${folder}/${file}`);
      const single = SingleResource.parse(answer);
      return single['resourceType'] === 'Bundle'
        ? Bundle.parse(answer).entry.map(({ resource }) => resource)
        : [single];
    });
}

/** Whether a resource is held to ours, fact by fact. What is not stands in `golden-uncompared.ts`. */
export function isCompared(resource: JsonObject): boolean {
  const type = COMPARED_TYPES.find((each) => each === resource['resourceType']);
  const categories = type === undefined ? [] : CATEGORIES_OF[type];
  const isOfCategory = (code: string): boolean =>
    JSON.stringify(resource['category'] ?? null).includes(`"code":"${code}"`);
  return type !== undefined && (categories?.some(isOfCategory) ?? true);
}

/** OpenEMR's own answers for a patient, as far as they are compared. */
export const goldenResources = (recording: Recording, label: string): JsonObject[] =>
  recordedResources(recording, label).filter(isCompared);

/** Natural keys of the tables whose rows are FHIR resources. */
const KEYS = {
  patient_data: 'pid',
  prescriptions: 'id',
  lists: 'id',
  immunizations: 'id',
  drug_sales: 'sale_id',
  procedure_order: 'procedure_order_id',
  procedure_report: 'procedure_report_id',
  procedure_result: 'procedure_result_id',
  procedure_specimen: 'procedure_specimen_id',
  procedure_providers: 'ppid',
  users: 'id',
  facility: 'id',
  form_encounter: 'encounter',
  form_clinical_notes: 'id',
  openemr_postcalendar_events: 'pc_eid',
  insurance_data: 'id',
  insurance_companies: 'id',
  documents: 'id',
  employer_data: 'id',
  care_teams: 'id',
  person: 'id',
  form_observation: 'id',
  questionnaire_response: 'id',
} as const;

/** Tables of whose rows OpenEMR makes resources with uuids of their own. */
const MAPPED = ['form_vitals', 'facility', 'history_data', 'form_history_sdoh', 'patient_data'] as const;
export type GoldenTable = keyof typeof KEYS | (typeof MAPPED)[number] | 'form_soap';

/** Links made before this day are answered under the id of the problem. */
const LINK_IDS_SINCE = '2025-11-15';

const HABITS = ['alcohol', 'coffee', 'recreational_drugs', 'exercise_patterns', 'sleep_patterns'];
/** What an assessment of social needs asks, and the assessment itself. */
const ANSWERS = [
  ...['hunger_q1', 'hunger_q2', 'hunger_score', 'food_insecurity', 'housing_instability', 'transportation_insecurity'],
  ...['veteran_status', 'disability_status', 'assessment'],
];

const uuidOf = (hex: string): string =>
  hex.replace('hex:', '').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');

/** The recorded rows, and OpenEMR's uuid for each of our resource ids. */
export class GoldenRows {
  private readonly indexes = new Map<string, ReadonlyMap<string, RecordedRow>>();
  private readonly tables = new Map<string, RecordedRow[]>();
  private readonly byUuid = new Map<string, { table: string; row: RecordedRow }>();
  private readonly uuidByOurId = new Map<string, string>();

  constructor(resourceIdKey: Uint8Array) {
    const ids = new ResourceIds(resourceIdKey);
    this.addCarePlans(ids);
    for (const [table, key] of Object.entries(KEYS)) {
      for (const row of this.all(table)) {
        const uuid = uuidOf(z.string().parse(row['uuid']));
        this.byUuid.set(uuid, { table, row });
        this.uuidByOurId.set(ids.id(table, z.int().parse(row[key])), uuid);
      }
    }
    // SOAP notes have no uuid: OpenEMR makes no resource of them.
    for (const row of this.all('form_soap')) {
      const id = `soap-${String(row['id'])}`;
      this.byUuid.set(id, { table: 'form_soap', row });
      this.uuidByOurId.set(ids.id('form_soap', String(row['id'])), id);
    }
    this.addMapped(ids);
    this.nameParts(ids, 'history_data', HABITS);
    this.nameParts(ids, 'form_history_sdoh', ANSWERS);
    this.nameLinkedProblems(ids);
    this.nameOrderedProcedures(ids);
  }

  /** Of some rows OpenEMR makes several resources, each with a uuid of its own. */
  private addMapped(ids: ResourceIds): void {
    for (const { table, target_uuid, uuid: hex, resource_path } of this.all('uuid_mapping')) {
      const mapped = MAPPED.find((each) => each === table);
      const row = mapped === undefined ? undefined : this.find(mapped, { uuid: target_uuid ?? null });
      if (mapped !== undefined && row !== undefined) {
        const uuid = uuidOf(z.string().parse(hex));
        const loinc = /code=(.+)$/.exec(String(resource_path))?.[1];
        const key = String(mapped === 'patient_data' ? row['pid'] : row['id']);
        this.byUuid.set(uuid, { table: mapped, row: loinc === undefined ? row : { ...row, loinc } });
        this.uuidByOurId.set(ids.id(mapped, loinc === undefined ? `location ${key}` : `${key}|${loinc}`), uuid);
      }
    }
  }

  /** Habits and answers that OpenEMR's FHIR does not answer at all: they are found by a name of ours. */
  private nameParts(ids: ResourceIds, table: string, columns: readonly string[]): void {
    for (const row of this.all(table)) {
      for (const column of columns) {
        const name = `${uuidOf(z.string().parse(row['uuid']))} ${column}`;
        this.byUuid.set(name, { table, row: { ...row, column } });
        this.uuidByOurId.set(ids.id(table, `${String(row['id'])}|${column}`), name);
      }
    }
  }

  /** OpenEMR answers a problem that was linked to a visit lately under the id of the link. */
  private nameLinkedProblems(ids: ResourceIds): void {
    for (const link of this.all('issue_encounter')) {
      const row = this.find('lists', { id: link['list_id'] ?? null });
      if (row?.['type'] === 'medical_problem' && String(link['created_at']) >= LINK_IDS_SINCE) {
        const uuid = uuidOf(z.string().parse(link['uuid']));
        this.byUuid.set(uuid, { table: 'lists', row });
        this.uuidByOurId.set(ids.id('lists', z.int().parse(row['id'])), uuid);
      }
    }
  }

  /** OpenEMR answers a procedure under the id of its order; ours is a line of the order. */
  private nameOrderedProcedures(ids: ResourceIds): void {
    for (const order of this.all('procedure_order')) {
      const ourId = ids.id('procedure_order_code', `${String(order['procedure_order_id'])}|1`);
      this.uuidByOurId.set(ourId, uuidOf(z.string().parse(order['uuid'])));
    }
  }

  /** OpenEMR's id of a plan, and of the goal in it, is its encounter's and the form's. The table has no key of its own. */
  private addCarePlans(ids: ResourceIds): void {
    const text = (value: RecordedRow[string] | undefined): string => String(value ?? '');
    for (const row of this.all('form_care_plan')) {
      const encounter = this.find('form_encounter', { encounter: Number(row['encounter']) });
      const uuid = `${uuidOf(text(encounter?.['uuid']))}_${text(row['id'])}`;
      const isGoal = row['care_plan_type'] === 'goal';
      const words = `${text(row['code'])} ${text(row['description'])} ${text(row['codetext'])}`;
      this.uuidByOurId.set(
        ids.id('form_care_plan', isGoal ? `${text(row['id'])} goal ${words}` : text(row['id'])),
        uuid,
      );
      this.byUuid.set(uuid, { table: 'form_care_plan', row });
    }
  }

  all(table: string): RecordedRow[] {
    const rows = this.tables.get(table) ?? readRecordedRows('golden', table);
    this.tables.set(table, rows);
    return rows;
  }

  /** The row a resource was made of, by OpenEMR's uuid; of vital signs with the `loinc` that tells them apart. */
  of(uuid: string): { table: string; row: RecordedRow } {
    const found = this.byUuid.get(uuid);
    if (found === undefined) {
      throw new Error(`no recorded row has uuid ${uuid}`);
    }
    return found;
  }

  /** First row of a table with these values. */
  find(table: string, values: RecordedRow): RecordedRow | undefined {
    const columns = Object.keys(values);
    const name = `${table} ${columns.join(' ')}`;
    const keyOf = (row: RecordedRow): string => JSON.stringify(columns.map((column) => row[column] ?? null));
    const index =
      this.indexes.get(name) ??
      new Map(
        this.all(table)
          .toReversed()
          .map((row) => [keyOf(row), row]),
      );
    this.indexes.set(name, index);
    return index.get(keyOf(values));
  }

  /** Our resource with OpenEMR's uuids in its id and references, everything else as it is. */
  withUuids(value: Json): Json {
    if (Array.isArray(value)) {
      return value.map((item) => this.withUuids(item));
    }
    if (typeof value === 'object' && value !== null) {
      return Object.fromEntries(
        Object.entries(value).map(([key, part]) => [
          key,
          typeof part === 'string' && (key === 'id' || key === 'reference') ? this.uuid(part) : this.withUuids(part),
        ]),
      );
    }
    return value;
  }

  private uuid(reference: string): string {
    const [type, id] = reference.includes('/') ? reference.split('/') : ['', reference];
    const uuid = this.uuidByOurId.get(id ?? '');
    if (uuid === undefined) {
      throw new Error(`${reference} is the id of no recorded row`);
    }
    return type === '' ? uuid : `${type ?? ''}/${uuid}`;
  }
}
