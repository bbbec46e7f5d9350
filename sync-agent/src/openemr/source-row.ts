import { WATCHED_TABLES, type WatchedTable, type WatchedTableName } from './watched-tables.js';

/** A row a chart was made of: its table and its primary key as `rowKey` writes it. */
export interface SourceRow {
  table: string;
  key: string;
}

const KEY_SEPARATOR = '|';

/** Primary key of a row as one text, from the row itself (binlog image or select). @throws when a part is missing */
export function rowKey(primaryKey: readonly string[], row: Readonly<Record<string, unknown>>): string {
  return primaryKey
    .map((column) => {
      const part = row[column];
      if (typeof part !== 'string' && typeof part !== 'number' && typeof part !== 'bigint') {
        throw new TypeError(`row has no ${column}`);
      }
      return String(part).replaceAll('%', '%25').replaceAll(KEY_SEPARATOR, '%7C');
    })
    .join(KEY_SEPARATOR);
}

/** The columns that identify a row: those of the table's key, or of its former one where the row has no other. */
export function keyColumnsOf(
  { primaryKey, formerKey }: Pick<WatchedTable, 'primaryKey' | 'formerKey'>,
  row: Readonly<Record<string, unknown>>,
): readonly string[] {
  const has = (column: string): boolean => row[column] !== null && row[column] !== undefined;
  return formerKey?.every(has) === true && !primaryKey.every(has) ? formerKey : primaryKey;
}

const WATCHED: ReadonlyMap<string, WatchedTable> = new Map(WATCHED_TABLES.map((watched) => [watched.table, watched]));

/** What the ledger keeps for a row that a chart used. */
export function sourceRow(table: WatchedTableName, row: Readonly<Record<string, unknown>>): SourceRow {
  const watched = WATCHED.get(table);
  if (watched === undefined) {
    throw new TypeError(`table ${table} is not watched`);
  }
  return { table, key: rowKey(keyColumnsOf(watched, row), row) };
}
