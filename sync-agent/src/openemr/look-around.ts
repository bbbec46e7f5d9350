import { DateTime } from 'luxon';
import type { Connection, RowDataPacket } from 'mysql2/promise';
import type { EntityManager } from 'typeorm';
import { z } from 'zod';
import { WATCHED_TABLES } from './watched-tables.js';
import type { OpenEmrTables } from './writer-tables.js';

/** What `doctor` looks up in OpenEMR's database: settings, counts and column names, never a row of a patient. */

const Settings = z.array(z.object({ name: z.string(), value: z.string() }));
const Engines = z.array(z.object({ name: z.string(), engine: z.string().nullable() }));
const Newest = z.tuple([
  z.object({ mail: z.string().nullable(), prescription: z.string().nullable(), utc: z.string() }),
]);
const Counts = z.tuple([z.object({ shared: z.coerce.number(), missing: z.coerce.number() })]);

/** OpenEMR's global settings of these names; one that is not there was never set. @param reader with OpenEMR's as its database */
export async function readSettings(reader: Connection, names: readonly string[]): Promise<ReadonlyMap<string, string>> {
  const [rows] = await reader.query<RowDataPacket[]>(
    'SELECT gl_name AS name, gl_value AS value FROM globals WHERE gl_name IN (?) AND gl_index = 0',
    [names],
  );
  return new Map(Settings.parse(rows).map(({ name, value }) => [name, value.trim()]));
}

/** Names of tables in a database that the account sees and that are not InnoDB. Views have no engine and do not count. */
export async function findOtherEngines(connection: Connection, database: string): Promise<string[]> {
  const [rows] = await connection.query<RowDataPacket[]>(
    `SELECT table_name AS name, engine FROM information_schema.tables
      WHERE table_schema = ? AND engine IS NOT NULL AND engine <> 'InnoDB'`,
    [database],
  );
  return Engines.parse(rows).map(({ name }) => name);
}

/** Every table that is followed or written is among these. */
export const FOLLOWED_TABLES: ReadonlySet<string> = new Set(WATCHED_TABLES.map(({ table }) => table));

/**
 * How far the newest mail or prescription lies in the future of the clinic's own time, minutes; 0 when none does.
 * OpenEMR writes both with its clock, so only another time zone or a wrong clock makes them.
 */
export async function minutesAhead(reader: Connection, timeZone: string): Promise<number> {
  const [rows] = await reader.query<RowDataPacket[]>(
    `SELECT (SELECT CAST(MAX(date) AS CHAR) FROM onsite_mail) AS mail,
            (SELECT CAST(MAX(date_added) AS CHAR) FROM prescriptions) AS prescription,
            CAST(UTC_TIMESTAMP() AS CHAR) AS utc`,
  );
  const [{ mail, prescription, utc }] = Newest.parse(rows);
  const now = DateTime.fromSQL(utc, { zone: 'utc' });
  const ahead = [mail, prescription].map((at) => {
    const written = DateTime.fromSQL(at ?? '', { zone: timeZone });
    return written.isValid ? written.diff(now).as('minutes') : 0;
  });
  return Math.max(0, ...ahead);
}

/** Columns of OpenEMR with what passwords are checked against. */
const PASSWORDS = [
  ['users_secure', 'password'],
  ['users', 'password'],
  ['patient_access_onsite', 'portal_pwd'],
] as const;

const REFUSED: ReadonlySet<unknown> = new Set([
  'ER_TABLEACCESS_DENIED_ERROR',
  'ER_COLUMNACCESS_DENIED_ERROR',
  'ER_DBACCESS_DENIED_ERROR',
  'ER_NO_SUCH_TABLE',
  'ER_BAD_FIELD_ERROR',
]);

/** The columns with passwords that an account may read, by asking for none of their rows. */
export async function findReadablePasswords(connection: Connection, openemr: string): Promise<string[]> {
  const readable: string[] = [];
  for (const [table, column] of PASSWORDS) {
    try {
      await connection.query('SELECT ?? FROM ??.?? LIMIT 0', [column, openemr, table]);
      readable.push(`${table}.${column}`);
    } catch (failure: unknown) {
      if (!REFUSED.has(z.object({ code: z.string() }).safeParse(failure).data?.code)) {
        throw failure;
      }
    }
  }
  return readable;
}

/**
 * Patients who may use the portal and whose name in portal mail is somebody else's too, and patients of the portal who
 * have no such name. @param manager as the writer, on the ledger
 */
export async function countPortalNames(
  manager: EntityManager,
  { access, patients, users }: OpenEmrTables,
): Promise<{ shared: number; missing: number }> {
  const rows: unknown = await manager.query(
    `SELECT (SELECT COUNT(DISTINCT a.pid) FROM ${access} a JOIN ${patients} p ON p.pid = a.pid
              WHERE p.allow_patient_portal = 'YES' AND a.portal_username <> ''
                AND (a.portal_username IN (SELECT portal_username FROM ${access} GROUP BY portal_username HAVING COUNT(DISTINCT pid) > 1)
                  OR a.portal_username IN (SELECT username FROM ${users} WHERE username <> ''))) AS shared,
            (SELECT COUNT(*) FROM patient e LEFT JOIN ${access} a ON a.pid = e.pid AND a.portal_username <> ''
              WHERE e.state = 'enrolled' AND a.pid IS NULL) AS missing`,
  );
  return Counts.parse(rows)[0];
}
