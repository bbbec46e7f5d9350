import type { Connection, RowDataPacket } from 'mysql2/promise';
import { toClinicDateTime, utcOffset } from './clinic-time.js';
import { readClinicTimeZone } from './practice.js';

/**
 * When a write was committed, by the database's own clock (ISO 8601, UTC, microseconds): the COMMIT lies between the
 * two. A bench that must not flatter itself counts from `committingAt`.
 */
export interface Commit {
  committingAt: string;
  committedAt: string;
}

export interface Screen {
  /** The clinic's wall clock now, `2026-11-22 14:05:09`. */
  now: string;
  timeZone: string;
}

/** Sets the session as OpenEMR does at the start of every request: empty sql_mode, the offset of the clinic's zone. */
export async function openScreen(connection: Connection): Promise<Screen> {
  const timeZone = await readClinicTimeZone(connection);
  const instant = new Date();
  await connection.query("SET SESSION sql_mode = '', SESSION time_zone = ?", [utcOffset(instant, timeZone)]);
  return { now: toClinicDateTime(instant, timeZone), timeZone };
}

async function databaseTime(connection: Connection): Promise<string> {
  const [rows] = await connection.query<RowDataPacket[]>(
    "SELECT DATE_FORMAT(UTC_TIMESTAMP(6), '%Y-%m-%dT%H:%i:%s.%fZ') AS now",
  );
  return String(rows[0]?.now);
}

/** Runs the statement whose (auto)commit makes the change visible, between two looks at the database's clock. */
export async function commitBetween<T>(connection: Connection, write: () => Promise<T>): Promise<[T, Commit]> {
  const committingAt = await databaseTime(connection);
  const written = await write();
  return [written, { committingAt, committedAt: await databaseTime(connection) }];
}

/** The clinic was asked for something its screens would not offer: no such patient, note, row; portal not allowed. */
export class ClinicRefusal extends Error {
  override readonly name = 'ClinicRefusal';
}
