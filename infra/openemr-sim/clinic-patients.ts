import type { Connection, ResultSetHeader, RowDataPacket } from 'mysql2/promise';
import { ClinicRefusal, commitBetween, openScreen, type Commit } from './clinic-session.js';

export interface ListedPatient {
  pid: number;
  fname: string;
  lname: string;
  dob: string;
  allowPatientPortal: string;
  portalUsername: string | null;
}

export async function listPatients(connection: Connection): Promise<ListedPatient[]> {
  const [rows] = await connection.query<RowDataPacket[]>(
    `SELECT p.pid, p.fname, p.lname, DATE_FORMAT(p.DOB, '%Y-%m-%d') AS dob, p.allow_patient_portal AS allowed,
            a.portal_username AS username
       FROM patient_data AS p LEFT JOIN patient_access_onsite AS a ON a.pid = p.pid ORDER BY p.pid`,
  );
  return rows.map((row) => ({
    pid: Number(row.pid),
    fname: String(row.fname),
    lname: String(row.lname),
    dob: String(row.dob),
    allowPatientPortal: String(row.allowed),
    portalUsername: row.username === null ? null : String(row.username),
  }));
}

/** The clinic allows or forbids a patient the portal, on the demographics screen. */
export async function setPortal(connection: Connection, choice: { pid: number; allow: 'YES' | 'NO' }): Promise<Commit> {
  await openScreen(connection);
  const [[result], commit] = await commitBetween(connection, () =>
    connection.execute<ResultSetHeader>('UPDATE patient_data SET allow_patient_portal = ? WHERE pid = ?', [
      choice.allow,
      choice.pid,
    ]),
  );
  if (result.affectedRows === 0) {
    throw new ClinicRefusal('there is no such patient');
  }
  return commit;
}

/** The clinic corrects a patient's telephone number or address, on the demographics screen. */
export async function changeDemographics(
  connection: Connection,
  change: { pid: number; phoneHome?: string; phoneCell?: string; street?: string; email?: string },
): Promise<Commit> {
  await openScreen(connection);
  const columns = { phoneHome: 'phone_home', phoneCell: 'phone_cell', street: 'street', email: 'email' } as const;
  const sets: string[] = [];
  const values: (string | number)[] = [];
  for (const [field, column] of Object.entries(columns)) {
    const value = change[field as keyof typeof columns];
    if (value !== undefined) {
      sets.push(`${column} = ?`);
      values.push(value);
    }
  }
  if (sets.length === 0) {
    throw new ClinicRefusal('nothing to change');
  }
  const [[result], commit] = await commitBetween(connection, () =>
    connection.execute<ResultSetHeader>(`UPDATE patient_data SET ${sets.join(', ')} WHERE pid = ?`, [
      ...values,
      change.pid,
    ]),
  );
  if (result.affectedRows === 0) {
    throw new ClinicRefusal('there is no such patient');
  }
  return commit;
}

/** What OpenEMR's uuid job later does to rows that were written without one; it moves their ON UPDATE columns. */
export async function assignUuids(connection: Connection): Promise<Commit & { rows: number }> {
  await openScreen(connection);
  const [tables] = await connection.query<RowDataPacket[]>(
    `SELECT TABLE_NAME AS name FROM information_schema.COLUMNS
      WHERE TABLE_SCHEMA = DATABASE() AND COLUMN_NAME = 'uuid' AND IS_NULLABLE = 'YES' ORDER BY TABLE_NAME`,
  );
  let rows = 0;
  const [, commit] = await commitBetween(connection, async () => {
    for (const table of tables) {
      const [result] = await connection.query<ResultSetHeader>(
        'UPDATE ?? SET uuid = UNHEX(SYS_GUID()) WHERE uuid IS NULL',
        [table.name],
      );
      rows += result.affectedRows;
    }
  });
  return { rows, ...commit };
}
