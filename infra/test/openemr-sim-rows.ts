import type { Connection, RowDataPacket } from 'mysql2/promise';
import { readOpenEmrTables } from '../openemr-sim/schema.js';
import type { RecordedRow, RecordedSet } from '../openemr-sim/sim-data.js';

const INTEGER_TYPES = ['TINY', 'SHORT', 'INT24', 'LONG', 'LONGLONG'];
/** The screens' rows were recorded with decimals as numbers and bare hex, the golden rows otherwise. */
const NUMBER_TYPES = {
  golden: new Set(INTEGER_TYPES),
  screens: new Set([...INTEGER_TYPES, 'NEWDECIMAL']),
} satisfies Record<RecordedSet, Set<string>>;
const HEX_PREFIX = { golden: 'hex:', screens: '' } satisfies Record<RecordedSet, string>;

/** Reads a table's columns (default: all) in the form of the recording: binary as hex, dates as MariaDB prints them. */
export async function readAsRecorded(
  connection: Connection,
  set: RecordedSet,
  table: string,
  columns = readOpenEmrTables().tables[table]?.columns.map(({ name }) => name) ?? [],
): Promise<RecordedRow[]> {
  const [found] = await connection.query<RowDataPacket[]>({
    sql: `SELECT ${columns.map((column) => `\`${column}\``).join(', ')} FROM \`${table}\``,
    typeCast: (field) => {
      if (field.type === 'STRING' && field.length === 16) {
        const bytes = field.buffer();
        return bytes === null ? null : `${HEX_PREFIX[set]}${bytes.toString('hex')}`;
      }
      const text = field.string();
      return text !== null && NUMBER_TYPES[set].has(field.type) ? Number(text) : text;
    },
  });
  return found.map((row) => ({ ...row }));
}

const KINDS: readonly (readonly [RegExp, string])[] = [
  [/^$/, 'empty'],
  [/^-?0+(\.0+)?$/, 'zero'],
  [/^-?\d+$/, 'integer'],
  [/^-?\d+\.\d+$/, 'decimal'],
  [/^0000-00-00/, 'zero date'],
  [/^\d{4}-\d\d-\d\d$/, 'date'],
  [/^\d{4}-\d\d-\d\d 00:00:00$/, 'date at midnight'],
  [/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/, 'date and time'],
  [/^hex:[0-9a-f]{32}$/, 'uuid'],
  [/^[A-Z][A-Z0-9-]+:\S+$/, 'code'],
  [/^<p>.*<\/p>$/s, 'html'],
];

/** What a column's value looks like: NULL, empty, zero, or the format of what is set. */
export function kindOf(value: string | number | null): string {
  return value === null ? 'NULL' : (KINDS.find(([pattern]) => pattern.test(String(value)))?.[1] ?? 'text');
}

/** All kinds seen in a column, as `table.column: kind` lines. */
export function kindLines(table: string, rows: readonly RecordedRow[]): Set<string> {
  return new Set(
    rows.flatMap((row) => Object.entries(row).map(([column, value]) => `${table}.${column}: ${kindOf(value)}`)),
  );
}
