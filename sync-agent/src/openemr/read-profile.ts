import { z } from 'zod';
import { Id, Text, WallClock, Whole } from './column-types.js';
import { parseChoice } from './list-choice.js';
import type { LookupsWanted } from './read-lookups.js';
import {
  readKeptAddresses,
  readRelatedPersons,
  type KeptAddressRow,
  type RelatedPersonRows,
} from './read-related-persons.js';
import type { Snapshot } from './snapshot.js';
import { sourceRow, type SourceRow } from './source-row.js';

export const PatientRow = z.object({
  pid: Id,
  title: Text,
  fname: Text,
  mname: Text,
  lname: Text,
  suffix: Text,
  preferred_name: Text,
  birth_fname: Text,
  birth_mname: Text,
  birth_lname: Text,
  DOB: WallClock,
  sex: Text,
  sex_identified: Text,
  gender_identity: Text,
  pronoun: Text,
  status: Text,
  language: Text,
  interpreter_needed: Text,
  race: Text,
  ethnicity: Text,
  tribal_affiliations: Text,
  deceased_date: WallClock,
  pubpid: Text,
  providerID: Whole,
  street: Text,
  street_line_2: Text,
  city: Text,
  county: Text,
  state: Text,
  postal_code: Text,
  country_code: Text,
  phone_home: Text,
  phone_biz: Text,
  phone_cell: Text,
  phone_contact: Text,
  contact_relationship: Text,
  email: Text,
  email_direct: Text,
  guardiansname: Text,
  guardianrelationship: Text,
  guardianphone: Text,
  guardianworkphone: Text,
  guardianemail: Text,
  guardianaddress: Text,
  guardiancity: Text,
  guardianstate: Text,
  guardianpostalcode: Text,
  guardiancountry: Text,
});
export type PatientRow = z.infer<typeof PatientRow>;

export const PreviousNameRow = z.object({
  id: Id,
  previous_name_prefix: Text,
  previous_name_first: Text,
  previous_name_middle: Text,
  previous_name_last: Text,
  previous_name_suffix: Text,
  previous_name_enddate: WallClock,
});
export type PreviousNameRow = z.infer<typeof PreviousNameRow>;

export interface ProfileRows extends RelatedPersonRows {
  patient: PatientRow;
  previousNames: PreviousNameRow[];
  furtherAddresses: KeptAddressRow[];
}

/** The chart's patient is not (or no longer) in OpenEMR: merged into another, deleted, or never there. */
export class PatientRowMissing extends Error {
  readonly code = 'patient-row-missing';
  readonly logLevel = 'error';
  constructor() {
    super('the patient of this chart has no row in patient_data');
  }
}

const PATIENT_COLUMNS = Object.keys(PatientRow.shape).join(', ');

/** Four queries. @throws PatientRowMissing, OpenEmrReadFailed */
export async function readProfile(
  snapshot: Snapshot,
  pid: number,
  wanted: LookupsWanted,
): Promise<{ rows: ProfileRows; sources: SourceRow[] }> {
  const patient = await readPatient(snapshot, pid);
  const previousNames = await snapshot.selectLookups(
    'previous names',
    PreviousNameRow,
    `SELECT id, previous_name_prefix, previous_name_first, previous_name_middle, previous_name_last,
            previous_name_suffix, previous_name_enddate
       FROM patient_history WHERE pid = ? AND history_type_key = 'name_history' ORDER BY id`,
    [pid],
  );
  const related = await readRelatedPersons(snapshot, pid, wanted);
  const addresses = await readKeptAddresses(snapshot, pid, related.rows.persons);
  wanted.user(patient.providerID);
  wantPatientOptions(patient, wanted);
  return {
    rows: {
      ...{ patient, previousNames, furtherAddresses: addresses.own },
      ...{ ...related.rows, personAddresses: addresses.ofPersons },
    },
    sources: [
      sourceRow('patient_data', patient),
      ...previousNames.map((row) => sourceRow('patient_history', row)),
      ...related.sources,
      ...addresses.sources,
    ],
  };
}

async function readPatient(snapshot: Snapshot, pid: number): Promise<PatientRow> {
  const [patient] = await snapshot.select(
    'the patient',
    PatientRow,
    `SELECT ${PATIENT_COLUMNS} FROM ${snapshot.table('patient_data')} WHERE pid = ?`,
    [pid],
  );
  if (patient === undefined) {
    throw new PatientRowMissing();
  }
  return patient;
}

/** Several races or tribes stand in one column, separated by `|`. */
export function splitOptions(stored: string): string[] {
  return stored
    .split('|')
    .map((option) => option.trim())
    .filter((option) => option !== '');
}

function wantPatientOptions(patient: PatientRow, wanted: LookupsWanted): void {
  for (const race of splitOptions(patient.race)) {
    wanted.option('race', race);
  }
  for (const ethnicity of splitOptions(patient.ethnicity)) {
    wanted.option('ethnicity', ethnicity);
  }
  for (const tribe of splitOptions(patient.tribal_affiliations)) {
    wanted.option('tribal_affiliations', tribe);
  }
  wanted.option('administrative_sex', patient.sex_identified);
  wanted.option('gender_identity', parseChoice(patient.gender_identity).option);
  wanted.option('pronoun', parseChoice(patient.pronoun).option);
  wanted.option('language', patient.language);
  wanted.option('marital', patient.status);
}
