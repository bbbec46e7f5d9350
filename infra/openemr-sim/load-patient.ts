import type { Connection, RowDataPacket } from 'mysql2/promise';
import { toClinicDateTime } from './clinic-time.js';
import { insertRow, type Row } from './insert-rows.js';
import type { Clinician } from './practice.js';
import { firstCode, type SyntheaPatient } from './synthea-bundle.js';

const US_CORE = 'http://hl7.org/fhir/us/core/StructureDefinition';
/** Synthea files Hispanic origin under race; the clinic asks both, and gets this answer most often. */
const HISPANIC = '2135-2';
const FIRST_PID = 1001;

const SEX = { male: 'Male', female: 'Female', other: 'UNK', unknown: 'UNK' } as const;
const MARITAL: Readonly<Record<string, string>> = { M: 'married', S: 'single', 'Never Married': 'single' };

/** OpenEMR stores option ids; the recorded lists carry the standard code in `notes`. */
async function optionByNotes(connection: Connection, list: string, notes: string | undefined): Promise<string> {
  if (notes === undefined) {
    return '';
  }
  const [rows] = await connection.execute<RowDataPacket[]>(
    'SELECT option_id FROM list_options WHERE list_id = ? AND notes = ? ORDER BY seq, option_id LIMIT 1',
    [list, notes],
  );
  return rows[0] === undefined ? '' : String(rows[0].option_id);
}

function ombCategory(patient: SyntheaPatient, name: 'race' | 'ethnicity'): string | undefined {
  const extension = patient.extension.find(({ url }) => url === `${US_CORE}/us-core-${name}`);
  return extension?.extension?.find(({ url }) => url === 'ombCategory')?.valueCoding?.code;
}

async function raceAndEthnicity(connection: Connection, patient: SyntheaPatient): Promise<Row> {
  const race = ombCategory(patient, 'race');
  const hispanic = race === HISPANIC;
  return {
    race: hispanic ? 'white' : await optionByNotes(connection, 'race', race),
    ethnicity: hispanic
      ? 'hisp_or_latin'
      : await optionByNotes(connection, 'ethnicity', ombCategory(patient, 'ethnicity')),
  };
}

export interface LoadedPatient {
  pid: number;
  /** `Gloria Hane`, as OpenEMR shows it. */
  name: string;
  dateOfBirth: string;
}

/** Registers the patient with the next free pid, as the new patient form does. Inside the loader's transaction. */
export async function loadPatient(
  connection: Connection,
  patient: SyntheaPatient,
  options: { portal: boolean; timeZone: string; registered: Date; doctorOf: (pid: number) => Clinician },
): Promise<LoadedPatient> {
  const [newest] = await connection.query<RowDataPacket[]>('SELECT MAX(pid) AS pid FROM patient_data FOR UPDATE');
  const pid = Math.max(Number(newest[0]?.pid ?? 0) + 1, FIRST_PID);
  const name = patient.name.find(({ use }) => use === 'official') ?? patient.name[0];
  const [fname = '', ...middle] = name?.given ?? [];
  const lname = name?.family ?? '';
  const maiden = patient.name.find(({ use }) => use === 'maiden');
  const [address] = patient.address;
  const identifier = (type: string): string =>
    patient.identifier.find((each) => each.type?.coding.some(({ code }) => code === type))?.value ?? '';
  const language = patient.communication[0]?.language.coding[0]?.code.split('-', 1)[0];
  const marital = patient.maritalStatus === undefined ? '' : firstCode(patient.maritalStatus);
  const registered = toClinicDateTime(options.registered, options.timeZone);
  await insertRow(connection, 'patient_data', {
    title: name?.prefix?.[0] ?? '',
    language: await optionByNotes(connection, 'language', language),
    fname,
    mname: middle.join(' '),
    lname,
    suffix: name?.suffix?.[0] ?? null,
    birth_fname: maiden?.given[0] ?? null,
    birth_lname: maiden?.family ?? null,
    DOB: patient.birthDate,
    street: address?.line[0] ?? '',
    street_line_2: address?.line[1] ?? '',
    city: address?.city ?? '',
    state: address?.state === 'Massachusetts' ? 'MA' : (address?.state ?? ''),
    postal_code: address?.postalCode ?? '',
    country_code: address?.country === 'US' ? 'USA' : (address?.country ?? ''),
    ss: identifier('SS'),
    occupation: '',
    phone_home: patient.telecom.find(({ system }) => system === 'phone')?.value ?? '',
    status: marital === '' ? '' : (MARITAL[marital.text] ?? MARITAL[marital.code] ?? ''),
    date: registered,
    regdate: `${registered.slice(0, 10)} 00:00:00`,
    sex: SEX[patient.gender],
    providerID: options.doctorOf(pid).id,
    ref_providerID: 0,
    email: `${fname}.${lname}@patients.example`.toLowerCase().replaceAll(/[^a-z.@]/g, ''),
    ...(await raceAndEthnicity(connection, patient)),
    interpreter_needed: '',
    pubpid: `SYN-${String(pid)}`,
    pid,
    hipaa_mail: 'YES',
    hipaa_voice: 'YES',
    hipaa_notice: 'YES',
    hipaa_allowsms: 'NO',
    hipaa_allowemail: 'YES',
    guardiansname: '',
    allow_imm_reg_use: 'YES',
    allow_imm_info_share: 'YES',
    allow_health_info_ex: 'YES',
    allow_patient_portal: options.portal ? 'YES' : 'NO',
    deceased_date:
      patient.deceasedDateTime === undefined ? null : toClinicDateTime(patient.deceasedDateTime, options.timeZone),
    sexual_orientation: '',
    gender_identity: '',
    created_by: 1,
    updated_by: 1,
  });
  return { pid, name: `${fname} ${lname}`, dateOfBirth: patient.birthDate };
}
