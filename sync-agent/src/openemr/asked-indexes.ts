import type { Connection, RowDataPacket } from 'mysql2/promise';
import { z } from 'zod';
import type { WatchedTableName } from './watched-tables.js';

/** An index by patient that OpenEMR does not have, so that each of `reads` goes through the whole table. */
export interface AskedIndex {
  table: WatchedTableName;
  column: string;
  name: string;
  /** names of the reader's statements */
  reads: readonly string[];
}

/**
 * Indexes that a large practice is asked to add: its database administrator does, for OpenEMR's schema is not ours to
 * change. The statements use them as they are. A test on a schema of 100,000 patients holds that they read nothing whole
 * beyond these tables, and nothing at all with the indexes.
 */
export const ASKED_INDEXES: readonly AskedIndex[] = [
  {
    table: 'openemr_postcalendar_events',
    column: 'pc_pid',
    name: 'events_of_patient',
    reads: ['appointments'],
  },
  {
    table: 'form_clinical_notes',
    column: 'pid',
    name: 'notes_of_patient',
    reads: ['clinical notes', 'narrative reports'],
  },
  // No key and no other index by which a form's lines could be found either.
  { table: 'form_care_plan', column: 'pid', name: 'plans_of_patient', reads: ['care plans'] },
  {
    table: 'drug_sales',
    column: 'pid',
    name: 'sales_of_patient',
    reads: ['dispensed drugs', 'products sold'],
  },
  {
    table: 'questionnaire_response',
    column: 'patient_id',
    name: 'answers_of_patient',
    reads: ['questionnaires'],
  },
  { table: 'care_teams', column: 'pid', name: 'teams_of_patient', reads: ['care teams'] },
  // Before 7.0.4; from then on OpenEMR has one.
  { table: 'form_observation', column: 'pid', name: 'observations_of_patient', reads: ['assessments'] },
];

/** Rows from which on reading all of a table is felt with every change of one patient. */
const MANY_ROWS = 50_000;

const Tables = z.array(z.object({ name: z.string(), rows: z.coerce.number() }));
const Indexed = z.array(z.object({ name: z.string() }));

export const indexSql = ({ table, column, name }: AskedIndex): string => `CREATE INDEX ${name} ON ${table} (${column})`;

/** Asked indexes that are missing where they matter: the table is there, has many rows, and no index that begins so. */
export async function findMissingIndexes(connection: Connection, many: number = MANY_ROWS): Promise<AskedIndex[]> {
  const [tables] = await connection.query<RowDataPacket[]>(
    `SELECT table_name AS name, table_rows AS \`rows\` FROM information_schema.tables
      WHERE table_schema = DATABASE() AND table_name IN (?)`,
    [ASKED_INDEXES.map(({ table }) => table)],
  );
  const [indexed] = await connection.query<RowDataPacket[]>(
    `SELECT CONCAT(table_name, '.', column_name) AS name FROM information_schema.statistics
      WHERE table_schema = DATABASE() AND seq_in_index = 1 AND table_name IN (?)`,
    [ASKED_INDEXES.map(({ table }) => table)],
  );
  const large = new Set(
    Tables.parse(tables)
      .filter(({ rows }) => rows >= many)
      .map(({ name }) => name.toLowerCase()),
  );
  const led = new Set(Indexed.parse(indexed).map(({ name }) => name.toLowerCase()));
  return ASKED_INDEXES.filter(({ table, column }) => large.has(table) && !led.has(`${table}.${column.toLowerCase()}`));
}
