import { WATCHED_TABLES, type WatchedTableName } from './watched-tables.js';

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

const PRIMARY_KEYS = new Map<string, readonly string[]>(
  WATCHED_TABLES.map((watched) => [watched.table, watched.primaryKey]),
);

/** What the ledger keeps for a row that a chart used. */
export function sourceRow(table: WatchedTableName, row: Readonly<Record<string, unknown>>): SourceRow {
  const primaryKey = PRIMARY_KEYS.get(table);
  if (primaryKey === undefined) {
    throw new TypeError(`table ${table} is not watched`);
  }
  return { table, key: rowKey(primaryKey, row) };
}
