import type { Connection, RowDataPacket } from 'mysql2/promise';
import { insertRow, insertRows, type Row } from './insert-rows.js';
import { readGoldenRows } from './load-golden.js';

export const DEFAULT_CLINIC_TIME_ZONE = 'America/New_York';

/** Lists, codes and settings that every OpenEMR comes with; taken whole from the recorded practice. */
const STOCK_TABLES = [
  'globals',
  'list_options',
  'code_types',
  'codes',
  'categories',
  'openemr_postcalendar_categories',
  'insurance_type_codes',
  'facility',
  'drugs',
  'drug_inventory',
] as const;

/** Of the list that the recorded rows lack what the loader's payments name, with OpenEMR's own titles. */
const PAYMENT_METHODS = [
  { option_id: 'check_payment', title: 'Check Payment', seq: 10 },
  { option_id: 'credit_card', title: 'Credit Card', seq: 30 },
].map((method): Row => ({ list_id: 'payment_method', ...method, activity: 1 }));

/** The recorded practice's staff: administrator, the portal's own user, two doctors and a nurse. */
const STAFF = new Set(['admin', 'portal-user', 'drgreene', 'drlopez', 'nursekim']);

/** Receives portal mail: `active` and `portal_user` are what OpenEMR's compose screen asks for. */
export const FRONT_DESK = 'frontdesk';

interface Lab {
  readonly ppid: number;
  readonly directoryId: number;
  readonly name: string;
  readonly npi: string;
  readonly type: 'local_lab' | 'external_lab';
  readonly street: string;
  readonly city: string;
  readonly zip: string;
  readonly phone: string;
  /** Prefix of this laboratory's own order codes. */
  readonly codePrefix: string;
}

export const LABS: readonly [Lab, Lab] = [
  {
    ppid: 11,
    directoryId: 121,
    name: 'Riverbend Clinical Lab (synthetic)',
    npi: '1073514998',
    type: 'local_lab',
    street: '3 Test Way',
    city: 'Springfield',
    zip: '01101',
    phone: '413-555-0300',
    codePrefix: 'RCL',
  },
  {
    ppid: 12,
    directoryId: 122,
    name: 'Statewide Reference Lab (synthetic)',
    npi: '1487645323',
    type: 'external_lab',
    street: '400 Assay Drive',
    city: 'Worcester',
    zip: '01608',
    phone: '508-555-0400',
    codePrefix: 'SRL',
  },
];

/** Insurers of the practice's patients, by what Synthea calls them. */
export const INSURERS = [
  { id: 9101, name: 'Bay State Mutual (synthetic)', kinds: ['private'] },
  { id: 9102, name: 'Medicare (synthetic)', kinds: ['medicare', 'dual_eligible'] },
  { id: 9103, name: 'Medicaid (synthetic)', kinds: ['medicaid'] },
] as const;

export interface Clinician {
  id: number;
  username: string;
  facilityId: number;
  facilityName: string;
}

export interface Practice {
  timeZone: string;
  doctors: readonly Clinician[];
  facilityIds: readonly number[];
}

function goldenStaff(): Row[] {
  return readGoldenRows('users').filter((user) => STAFF.has(String(user.username)));
}

function frontDeskClerk(): Row {
  const nurse = goldenStaff().find((user) => user.username === 'nursekim') ?? {};
  return {
    ...nurse,
    id: 110,
    uuid: null,
    username: FRONT_DESK,
    fname: 'Dana',
    lname: 'Whitfield',
    title: '',
    specialty: '',
    email: 'frontdesk@riverbend.example',
    phone: '413-555-0110',
    phonew1: '413-555-0210',
    taxonomy: '207Q00000X',
    portal_user: 1,
  };
}

/**
 * A laboratory is an address book entry (a `users` row without a sign-in, `abook_type` ord_lab) that its
 * `procedure_providers` row names in `lab_director`: that is where OpenEMR keeps a laboratory's address.
 */
function labDirectoryEntry(lab: Lab): Row {
  return {
    id: lab.directoryId,
    username: '',
    authorized: 0,
    fname: '',
    mname: '',
    lname: '',
    active: 1,
    npi: lab.npi,
    title: '',
    specialty: '',
    organization: lab.name,
    email: '',
    street: lab.street,
    streetb: '',
    city: lab.city,
    state: 'MA',
    zip: lab.zip,
    phone: '',
    phonew1: lab.phone,
    phonew2: '',
    phonecell: '',
    fax: '',
    notes: '',
    abook_type: 'ord_lab',
  };
}

function labRow(lab: Lab): Row {
  return { ppid: lab.ppid, name: lab.name, npi: lab.npi, lab_director: lab.directoryId, active: 1, type: lab.type };
}

/** Writes the rows any OpenEMR practice has, into an empty database made by `createOpenEmrSchema`. */
export async function loadPractice(
  connection: Connection,
  options: { timeZone?: string; name?: string } = {},
): Promise<Practice> {
  await connection.query("SET SESSION sql_mode = '', SESSION time_zone = '+00:00'");
  await connection.beginTransaction();
  for (const table of STOCK_TABLES) {
    await insertRows(connection, table, readGoldenRows(table));
  }
  await insertRows(connection, 'list_options', PAYMENT_METHODS);
  await insertRows(connection, 'users', [...goldenStaff(), frontDeskClerk()]);
  for (const lab of LABS) {
    await insertRow(connection, 'users', labDirectoryEntry(lab));
    await insertRow(connection, 'procedure_providers', labRow(lab));
  }
  const [insurer] = readGoldenRows('insurance_companies');
  await insertRows(
    connection,
    'insurance_companies',
    INSURERS.map(({ id, name }) => ({ ...insurer, id, uuid: null, name })),
  );
  await connection.execute("UPDATE globals SET gl_value = ? WHERE gl_name = 'gbl_time_zone' AND gl_index = 0", [
    options.timeZone ?? DEFAULT_CLINIC_TIME_ZONE,
  ]);
  if (options.name !== undefined) {
    await connection.execute("UPDATE globals SET gl_value = ? WHERE gl_name = 'openemr_name' AND gl_index = 0", [
      options.name,
    ]);
  }
  await connection.commit();
  return readPractice(connection);
}

/** The clinic's zone, as OpenEMR itself looks it up. */
export async function readClinicTimeZone(connection: Connection): Promise<string> {
  const [rows] = await connection.execute<RowDataPacket[]>(
    "SELECT gl_value FROM globals WHERE gl_name = 'gbl_time_zone' AND gl_index = 0",
  );
  const timeZone: unknown = rows[0]?.gl_value;
  if (typeof timeZone !== 'string' || timeZone === '') {
    throw new Error('the OpenEMR simulator database has no gbl_time_zone: create the practice first');
  }
  return timeZone;
}

export async function readPractice(connection: Connection): Promise<Practice> {
  const [doctors] = await connection.execute<RowDataPacket[]>(
    "SELECT id, username, facility_id, facility FROM users WHERE authorized = 1 AND npi <> '' AND username <> '' ORDER BY id",
  );
  if (doctors.length === 0) {
    throw new Error('the OpenEMR simulator database has no doctor: create the practice first');
  }
  const clinicians = doctors.map((doctor) => ({
    id: Number(doctor.id),
    username: String(doctor.username),
    facilityId: Number(doctor.facility_id),
    facilityName: String(doctor.facility),
  }));
  return {
    timeZone: await readClinicTimeZone(connection),
    doctors: clinicians,
    facilityIds: [...new Set(clinicians.map((doctor) => doctor.facilityId))],
  };
}
