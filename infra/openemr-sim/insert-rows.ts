import type { Connection, ResultSetHeader } from 'mysql2/promise';

export type ColumnValue = string | number | null | Buffer;
export type Row = Record<string, ColumnValue>;

/** Enough to make the round trips cheap and small enough for the default max_allowed_packet of 16 MiB. */
const ROWS_PER_STATEMENT = 500;

const quoteName = (name: string): string => `\`${name.replaceAll('`', '``')}\``;

/**
 * Inserts rows in the given order, several per statement. A row's missing columns get their default. Not a transaction
 * of its own. Answers the ids the rows got where the table numbers them itself: InnoDB gives one statement consecutive
 * numbers (`innodb_autoinc_lock_mode` 0 or 1; MariaDB's default is 1).
 */
export async function insertRows(connection: Connection, table: string, rows: readonly Row[]): Promise<number[]> {
  const ids: number[] = [];
  let start = 0;
  while (start < rows.length) {
    const columns = Object.keys(rows[start] ?? {});
    const shape = columns.join('\n');
    let end = start + 1;
    while (end < rows.length && end - start < ROWS_PER_STATEMENT && Object.keys(rows[end] ?? {}).join('\n') === shape) {
      end += 1;
    }
    const values = rows.slice(start, end).map((row) => columns.map((column) => row[column]));
    const [result] = await connection.query<ResultSetHeader>(
      `INSERT INTO ${quoteName(table)} (${columns.map(quoteName).join(', ')}) VALUES ?`,
      [values],
    );
    ids.push(...values.map((_, index) => result.insertId + index));
    start = end;
  }
  return ids;
}

/** Inserts one row and answers the id its auto_increment column got (0 where the table has none). */
export async function insertRow(connection: Connection, table: string, row: Row): Promise<number> {
  const columns = Object.keys(row);
  const [result] = await connection.execute<ResultSetHeader>(
    `INSERT INTO ${quoteName(table)} (${columns.map(quoteName).join(', ')}) VALUES (${columns.map(() => '?').join(', ')})`,
    Object.values(row),
  );
  return result.insertId;
}
