import type { Pool, RowDataPacket } from 'mysql2/promise';
import { z } from 'zod';
import { OpenEmrReadFailed } from './snapshot.js';
import { READER_COLUMNS } from './reader-columns.js';
import { lackingBy, presentColumns, type Lacking } from './version-differences.js';

/**
 * OpenEMR's tables lack columns the reader needs, or its account may not see them. Normal before the first grants,
 * while OpenEMR is being upgraded, and with an OpenEMR older than 7.0.2; nothing is read until it is settled, because a
 * chart without a column would look like a chart without the fact.
 */
export class OpenEmrNotSupported extends Error {
  readonly code = 'openemr-not-supported';
  readonly logLevel = 'error';
  constructor(readonly missing: readonly string[]) {
    super(
      `OpenEMR's database lacks, or the reader account may not select, ${missing.join(', ')}; ` +
        'OpenEMR 7.0.2 or later, its upgrade finished, and the reader grants of its version are needed',
    );
  }
}

const ColumnRows = z.array(z.object({ name: z.string() }));

/** Refuses to start when a column that the reader needs is not there. @throws OpenEmrNotSupported, OpenEmrReadFailed */
export async function assertReadableOpenEmr(pool: Pool): Promise<void> {
  const missing = await findMissingColumns(pool);
  if (missing.length > 0) {
    throw new OpenEmrNotSupported(missing);
  }
}

/**
 * Columns of charts, `table.column`, that the session's database lacks or hides from its account; what its version of
 * OpenEMR is known to lack is not among them. @throws OpenEmrReadFailed
 */
export async function findMissingColumns(database: Pick<Pool, 'query'>): Promise<string[]> {
  const visible = await readVisibleColumns(database);
  const lacking = lackingBy(visible);
  return Object.entries(READER_COLUMNS).flatMap(([table, columns]) =>
    presentColumns(table, columns, lacking)
      .map((column) => `${table}.${column}`)
      .filter((name) => !visible.has(name.toLowerCase())),
  );
}

/** What the session's database is known to lack, by what its account can see. @throws OpenEmrReadFailed */
export async function findLacking(database: Pick<Pool, 'query'>): Promise<Lacking> {
  return lackingBy(await readVisibleColumns(database));
}

/** `information_schema` shows an account only the columns it has a right to. */
async function readVisibleColumns(pool: Pick<Pool, 'query'>): Promise<Set<string>> {
  try {
    const [rows] = await pool.query<RowDataPacket[]>(
      `SELECT LOWER(CONCAT(table_name, '.', column_name)) AS name
         FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name IN (?)`,
      [Object.keys(READER_COLUMNS)],
    );
    return new Set(ColumnRows.parse(rows).map((row) => row.name));
  } catch (failure) {
    throw new OpenEmrReadFailed('the list of columns', failure);
  }
}
