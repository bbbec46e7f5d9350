import type { Connection } from 'mysql2/promise';
import { z } from 'zod';
import { readSimJson } from './sim-data.js';

/**
 * One column as a running OpenEMR's information_schema told it. `default` is the text MariaDB keeps (`'NO'`,
 * `current_timestamp()`, `0`); without it a nullable column defaults to NULL and any other has no default.
 */
const Column = z.strictObject({
  name: z.string(),
  type: z.string(),
  notNull: z.literal(true).optional(),
  default: z.string().optional(),
  key: z.enum(['PRI', 'UNI', 'MUL']).optional(),
  extra: z.enum(['auto_increment', 'on update current_timestamp()']).optional(),
  comment: z.string().optional(),
  charset: z.string().optional(),
  collation: z.string().optional(),
});
const Index = z.strictObject({ name: z.string(), unique: z.boolean(), columns: z.array(z.string()).min(1) });
const Table = z.strictObject({ collation: z.string(), columns: z.array(Column).min(1), indexes: z.array(Index) });
export const OpenEmrTables = z.strictObject({
  openemr: z.string(),
  engine: z.literal('InnoDB'),
  tables: z.record(z.string(), Table),
});
export type OpenEmrColumn = z.infer<typeof Column>;
export type OpenEmrIndex = z.infer<typeof Index>;
export type OpenEmrTable = z.infer<typeof Table>;
export type OpenEmrTables = z.infer<typeof OpenEmrTables>;

let parsed: OpenEmrTables | undefined;

export function readOpenEmrTables(): OpenEmrTables {
  parsed ??= OpenEmrTables.parse(readSimJson('columns.json'));
  return parsed;
}

const quoteName = (name: string): string => `\`${name.replaceAll('`', '``')}\``;
const quoteText = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "''")}'`;

function columnClause(column: OpenEmrColumn): string {
  const words = [quoteName(column.name), column.type];
  if (column.charset !== undefined && column.collation !== undefined) {
    words.push('CHARACTER SET', column.charset, 'COLLATE', column.collation);
  }
  words.push(column.notNull ? 'NOT NULL' : 'NULL');
  if (column.default !== undefined) {
    words.push('DEFAULT', column.default);
  }
  if (column.extra !== undefined) {
    words.push(column.extra);
  }
  if (column.comment !== undefined) {
    words.push('COMMENT', quoteText(column.comment));
  }
  return words.join(' ');
}

/** `event_url(255)` in the record is a key on the first 255 characters. */
function indexedColumn(recorded: string): string {
  const prefixed = /^(.*)(\(\d+\))$/.exec(recorded);
  return prefixed ? `${quoteName(prefixed[1] ?? '')}${prefixed[2] ?? ''}` : quoteName(recorded);
}

function indexClause(index: OpenEmrIndex): string {
  const columns = `(${index.columns.map(indexedColumn).join(', ')})`;
  if (index.name === 'PRIMARY') {
    return `PRIMARY KEY ${columns}`;
  }
  return `${index.unique ? 'UNIQUE KEY' : 'KEY'} ${quoteName(index.name)} ${columns}`;
}

export function createTableStatement(name: string, table: OpenEmrTable, engine: string): string {
  const clauses = [...table.columns.map(columnClause), ...table.indexes.map(indexClause)];
  const charset = table.collation.split('_', 1)[0] ?? '';
  return [
    `CREATE TABLE ${quoteName(name)} (`,
    clauses.map((clause) => `  ${clause}`).join(',\n'),
    `) ENGINE=${engine} DEFAULT CHARSET=${charset} COLLATE=${table.collation}`,
  ].join('\n');
}

/**
 * Creates every recorded OpenEMR table in the connection's database, which must hold none of them. The session is
 * left in OpenEMR's own sql_mode (empty). `explicit_defaults_for_timestamp` keeps MariaDB from giving a TIMESTAMP
 * column a default that OpenEMR's has not.
 */
export async function createOpenEmrSchema(connection: Connection): Promise<void> {
  await connection.query("SET SESSION sql_mode = '', SESSION explicit_defaults_for_timestamp = ON");
  const recorded = readOpenEmrTables();
  for (const [name, table] of Object.entries(recorded.tables)) {
    await connection.query(createTableStatement(name, table, recorded.engine));
  }
}
