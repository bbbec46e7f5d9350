import type { EntityManager } from 'typeorm';
import { z } from 'zod';
import { clinicNow } from './clinic-clock.js';
import { PortalNameShared } from './portal-name-shared.js';
import { STRICTLY, type OpenEmrTables } from './writer-tables.js';

/** What enrolment asks OpenEMR about a patient. Never leaves the inside. */
export interface PortalPatient {
  /** `patient_data.id`, which OpenEMR's portal puts into the user names it makes */
  id: number;
  firstName: string;
  lastName: string;
  /** `yyyy-MM-dd`; null when OpenEMR holds none */
  dateOfBirth: string | null;
  portalAllowed: boolean;
}

/** A row of `PORTAL_PATIENT_COLUMNS`. */
export const PortalPatientRow = z.object({
  id: z.coerce.number(),
  fname: z.string(),
  lname: z.string(),
  dob: z.string().nullable(),
  allow_patient_portal: z.string(),
});
export const PORTAL_PATIENT_COLUMNS = 'd.id, d.fname, d.lname, CAST(d.DOB AS CHAR) AS dob, d.allow_patient_portal';
const PatientRows = z.array(PortalPatientRow).max(1);

const ISO_DATE = /^(?!0000)\d{4}-(?!00)\d{2}-(?!00)\d{2}$/;

export async function readPortalPatient(
  manager: EntityManager,
  tables: OpenEmrTables,
  pid: number,
): Promise<PortalPatient | null> {
  const rows: unknown = await manager.query(
    `SELECT ${PORTAL_PATIENT_COLUMNS} FROM ${tables.patients} d WHERE d.pid = ?`,
    [pid],
  );
  const [patient] = PatientRows.parse(rows);
  return patient === undefined ? null : portalPatientOf(patient);
}

export function portalPatientOf(row: z.infer<typeof PortalPatientRow>): PortalPatient {
  return {
    id: row.id,
    firstName: row.fname,
    lastName: row.lname,
    dateOfBirth: row.dob !== null && ISO_DATE.test(row.dob) ? row.dob : null,
    portalAllowed: row.allow_patient_portal === 'YES',
  };
}

const AccessRows = z.array(z.object({ portal_username: z.string().nullable() })).max(1);

/** @returns undefined when OpenEMR's portal has no row for the patient, '' when the row has no name */
async function readPortalUsername(
  manager: EntityManager,
  tables: OpenEmrTables,
  pid: number,
  lock: '' | 'FOR UPDATE' = '',
): Promise<string | undefined> {
  const rows: unknown = await manager.query(`SELECT portal_username FROM ${tables.access} WHERE pid = ? ${lock}`, [
    pid,
  ]);
  const [row] = AccessRows.parse(rows);
  return row && (row.portal_username ?? '');
}

/** No function of OpenEMR makes this text from any password, so nobody signs in with the row. */
const UNUSABLE_PASSWORD_HASH = '*';
const NAME_CHARACTERS = 100;

/**
 * Gives the patient an identity in portal mail, inside the caller's transaction: the one OpenEMR has, else first name
 * and `patient_data.id`, which is how its own portal names patients and how its staff screen addresses them. Rows are
 * found by name, so a new name that somebody else holds (compared as OpenEMR does) gets the pid behind it, and one that
 * OpenEMR already gave to two is not used.
 * @throws PortalNameShared
 */
export async function ensurePortalAccess(
  manager: EntityManager,
  tables: OpenEmrTables,
  pid: number,
  patient: PortalPatient,
): Promise<string> {
  const known = await readPortalUsername(manager, tables, pid);
  if (known !== undefined && known !== '') {
    return ownName(manager, tables, pid, known);
  }
  // Looked at again under a lock, because OpenEMR or another enrolment may be writing the row right now.
  const existing = await readPortalUsername(manager, tables, pid, 'FOR UPDATE');
  if (existing !== undefined && existing !== '') {
    return ownName(manager, tables, pid, existing);
  }
  const number = String(patient.id);
  const wanted = [...patient.firstName].slice(0, NAME_CHARACTERS - number.length).join('') + number;
  const name = (await nameIsTaken(manager, tables, wanted)) ? `${number}-${String(pid)}-portal` : wanted;
  if (existing === '') {
    // A patient once prepared for OpenEMR's own portal keeps what else stands there.
    await manager.query(`${STRICTLY} UPDATE ${tables.access} SET portal_username = ? WHERE pid = ?`, [name, pid]);
    return name;
  }
  await manager.query(
    `${STRICTLY} INSERT INTO ${tables.access}
       (pid, portal_username, portal_pwd, portal_pwd_status, portal_login_username, date_created)
     VALUES (?, ?, ?, 1, ?, ?)`,
    [pid, name, UNUSABLE_PASSWORD_HASH, name, await clinicNow(manager, tables)],
  );
  return name;
}

/** Whether the name that OpenEMR has for the patient in portal mail is somebody else's too. */
export async function portalNameIsShared(manager: EntityManager, tables: OpenEmrTables, pid: number): Promise<boolean> {
  const name = (await readPortalUsername(manager, tables, pid)) ?? '';
  return name !== '' && (await belongsToOthers(manager, tables, pid, name));
}

async function ownName(manager: EntityManager, tables: OpenEmrTables, pid: number, name: string): Promise<string> {
  if (await belongsToOthers(manager, tables, pid, name)) {
    throw new PortalNameShared();
  }
  return name;
}

/** As the columns' collation compares, or to the letter, whichever finds more. */
async function belongsToOthers(
  manager: EntityManager,
  tables: OpenEmrTables,
  pid: number,
  name: string,
): Promise<boolean> {
  const rows: unknown = await manager.query(
    `SELECT 1 AS shared FROM ${tables.access}
      WHERE pid <> ? AND (portal_username = ? OR BINARY portal_username = BINARY ?)
      UNION ALL SELECT 1 FROM ${tables.users} WHERE username = ? OR BINARY username = BINARY ? LIMIT 1`,
    [pid, name, name, name, name],
  );
  return z.array(z.unknown()).parse(rows).length > 0;
}

async function nameIsTaken(manager: EntityManager, tables: OpenEmrTables, name: string): Promise<boolean> {
  const rows: unknown = await manager.query(
    `SELECT 1 AS taken FROM ${tables.access} WHERE portal_username = ?
      UNION ALL SELECT 1 FROM ${tables.users} WHERE username = ?
      UNION ALL SELECT 1 FROM ${tables.mail} WHERE owner = ? LIMIT 1`,
    [name, name, name],
  );
  return z.array(z.unknown()).parse(rows).length > 0;
}
