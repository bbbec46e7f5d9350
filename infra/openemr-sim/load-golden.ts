import { readdirSync } from 'node:fs';
import type { Connection } from 'mysql2/promise';
import { insertRows, type Row } from './insert-rows.js';
import { readOpenEmrTables } from './schema.js';
import { RECORDED_SETS, readRecordedRows, simDataPath, type RecordedSet } from './sim-data.js';

/** Clinic time zones OpenEMR's answers were recorded in: `fhir/` in UTC, `fhir-tz-new_york/` in the other. */
export const RECORDED_TIME_ZONES = ['UTC', 'America/New_York'] as const;
export type RecordedTimeZone = (typeof RECORDED_TIME_ZONES)[number];

export interface LoadGoldenOptions {
  /** The clinic's zone (`globals.gbl_time_zone`) of the loaded practice; default as recorded: UTC. */
  timeZone?: RecordedTimeZone;
  /** Which recording; default: golden. */
  set?: RecordedSet;
}

export function recordedTables(set: RecordedSet): string[] {
  return readdirSync(simDataPath(RECORDED_SETS[set]))
    .filter((file) => file.endsWith('.json'))
    .map((file) => file.slice(0, -'.json'.length))
    .sort();
}

/** Recorded rows as they go into the database: binary columns (`hex:…` or bare hex digits) as bytes. */
function readRows(set: RecordedSet, table: string): Row[] {
  const columns = readOpenEmrTables().tables[table]?.columns ?? [];
  const binaryColumns = new Set(columns.filter(({ type }) => type === 'binary(16)').map(({ name }) => name));
  return readRecordedRows(set, table).map((recorded) =>
    Object.fromEntries(
      Object.entries(recorded).map(([column, value]) => [
        column,
        typeof value === 'string' && binaryColumns.has(column) ? Buffer.from(value.replace('hex:', ''), 'hex') : value,
      ]),
    ),
  );
}

export function readGoldenRows(table: string): Row[] {
  return readRows('golden', table);
}

/**
 * Loads the recorded rows into a database made by `createOpenEmrSchema`, all tables in one transaction, in OpenEMR's
 * own sql_mode (empty: zero dates are allowed) and with the session time zone of the recording (+00:00), so that
 * TIMESTAMP columns hold the recorded instants. Columns that the recording leaves out (passwords) get their default.
 */
export async function loadGoldenRows(connection: Connection, options: LoadGoldenOptions = {}): Promise<void> {
  const set = options.set ?? 'golden';
  await connection.query("SET SESSION sql_mode = '', SESSION time_zone = '+00:00'");
  await connection.beginTransaction();
  for (const table of recordedTables(set)) {
    await insertRows(connection, table, readRows(set, table));
  }
  if (options.timeZone !== undefined) {
    await connection.execute("UPDATE globals SET gl_value = ? WHERE gl_name = 'gbl_time_zone' AND gl_index = 0", [
      options.timeZone,
    ]);
  }
  await connection.commit();
}
