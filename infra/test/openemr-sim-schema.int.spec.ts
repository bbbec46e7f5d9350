import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { RowDataPacket } from 'mysql2/promise';
import { loadGoldenRows, recordedTables } from '../openemr-sim/load-golden.js';
import { readOpenEmrTables, type OpenEmrTable } from '../openemr-sim/schema.js';
import { readRecordedRows, type RecordedRow, type RecordedSet } from '../openemr-sim/sim-data.js';
import { openSimDatabase, type SimDatabase } from './openemr-sim-database.js';
import { readAsRecorded } from './openemr-sim-rows.js';

let db: SimDatabase;

beforeAll(async () => {
  db = await openSimDatabase('sim_schema');
});

afterAll(async () => {
  await db[Symbol.asyncDispose]();
});

async function rows(sql: string, values: string[] = []): Promise<RowDataPacket[]> {
  const [found] = await db.connection.query<RowDataPacket[]>(sql, values);
  return found;
}

/** What information_schema says of a table, in the form of columns.json. */
async function describeTable(name: string): Promise<OpenEmrTable> {
  const [table] = await rows(
    'SELECT TABLE_COLLATION AS collation FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ?',
    [name],
  );
  const columns = await rows(
    `SELECT COLUMN_NAME AS name, COLUMN_TYPE AS type, IS_NULLABLE AS nullable, COLUMN_DEFAULT AS value,
            COLUMN_KEY AS indexed, EXTRA AS extra, COLUMN_COMMENT AS comment, CHARACTER_SET_NAME AS charset,
            COLLATION_NAME AS collation
       FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ? ORDER BY ORDINAL_POSITION`,
    [name],
  );
  const parts = await rows(
    `SELECT INDEX_NAME AS name, NON_UNIQUE AS nonUnique, COLUMN_NAME AS columnName, SUB_PART AS prefix
       FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ?
      ORDER BY INDEX_NAME, SEQ_IN_INDEX`,
    [name],
  );
  const indexes = new Map<string, { name: string; unique: boolean; columns: string[] }>();
  for (const part of parts) {
    const indexName = String(part.name);
    const index = indexes.get(indexName) ?? { name: indexName, unique: Number(part.nonUnique) === 0, columns: [] };
    index.columns.push(part.prefix === null ? String(part.columnName) : `${part.columnName}(${part.prefix})`);
    indexes.set(indexName, index);
  }
  return {
    collation: table?.collation,
    columns: columns.map((column) => ({
      name: column.name,
      type: column.type,
      ...(column.nullable === 'NO' ? { notNull: true } : {}),
      ...(column.value === null || column.value === 'NULL' ? {} : { default: column.value }),
      ...(column.indexed === '' ? {} : { key: column.indexed }),
      ...(column.extra === '' ? {} : { extra: column.extra }),
      ...(column.comment === '' ? {} : { comment: column.comment }),
      ...(column.charset === null ? {} : { charset: column.charset }),
      ...(column.collation === null ? {} : { collation: column.collation }),
    })),
    indexes: [...indexes.values()],
  };
}

const byName = (table: OpenEmrTable): OpenEmrTable => ({
  ...table,
  indexes: table.indexes.toSorted((a, b) => (a.name < b.name ? -1 : 1)),
});

test('every column, default, key, index and collation of the generated database is the recorded one', async () => {
  const recorded = readOpenEmrTables();
  const names = await rows(
    'SELECT TABLE_NAME AS name, ENGINE AS engine FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE()',
  );
  expect(names.map((table) => String(table.name)).sort()).toEqual(Object.keys(recorded.tables).sort());
  expect(new Set(names.map((table) => String(table.engine)))).toEqual(new Set([recorded.engine]));
  for (const [name, table] of Object.entries(recorded.tables)) {
    expect({ [name]: byName(await describeTable(name)) }).toEqual({ [name]: byName(table) });
  }
});

const asLines = (found: RecordedRow[]): string[] =>
  found.map((row) => JSON.stringify(Object.entries(row).sort(([a], [b]) => (a < b ? -1 : 1)))).sort();

test.each(['golden', 'screens'] satisfies RecordedSet[])('the %s rows read back as they were recorded', async (set) => {
  for (const table of recordedTables(set)) {
    await db.connection.query(`DELETE FROM \`${table}\``);
  }
  await loadGoldenRows(db.connection, { set });
  let compared = 0;
  for (const table of recordedTables(set)) {
    const recorded = readRecordedRows(set, table);
    const [first] = recorded;
    if (first !== undefined) {
      const found = await readAsRecorded(db.connection, set, table, Object.keys(first));
      expect({ [table]: asLines(found) }).toEqual({ [table]: asLines(recorded) });
      compared += found.length;
    }
  }
  expect(compared).toBeGreaterThan(30);
});

test('timestamps hold the recorded instants, whatever zone a reader sets', async () => {
  const [recorded] = readRecordedRows('golden', 'lists');
  for (const table of recordedTables('golden')) {
    await db.connection.query(`DELETE FROM \`${table}\``);
  }
  await loadGoldenRows(db.connection, { timeZone: 'America/New_York' });
  await db.connection.query("SET SESSION time_zone = '-05:00'");
  const [row] = await rows('SELECT modifydate, date FROM lists WHERE id = ?', [String(recorded?.id)]);
  expect(recorded?.modifydate).toBe('2026-11-22 05:58:32');
  expect(row).toEqual({ modifydate: '2026-11-22 00:58:32', date: recorded?.date });
  expect(await rows("SELECT gl_value FROM globals WHERE gl_name = 'gbl_time_zone'")).toEqual([
    { gl_value: 'America/New_York' },
  ]);
});
