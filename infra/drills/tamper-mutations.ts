import { randomBytes } from 'node:crypto';
import type { RandomChoice } from './random-choice.js';
import { REPLICA_TABLES, type ReplicaTable, type ReplicaTables, type Row, type SqlValue } from './tamper-replica.js';

export const MUTATIONS = [
  'flip',
  'swap',
  'delete',
  'reorder',
  'duplicate',
  'roll back a row',
  'roll back a chart',
  'roll back grants',
  'roll back heartbeats',
  'roll back all',
] as const;
export type Mutation = (typeof MUTATIONS)[number];

/** What makes each of them more or less frequent; the first ones have the most places to be tried at. */
const WEIGHTS: Record<Mutation, number> = {
  flip: 40,
  swap: 16,
  delete: 8,
  reorder: 8,
  duplicate: 8,
  'roll back a row': 10,
  'roll back a chart': 5,
  'roll back grants': 1,
  'roll back heartbeats': 2,
  'roll back all': 2,
};
const WEIGHTED = MUTATIONS.flatMap((mutation) => Array.from({ length: WEIGHTS[mutation] }, () => mutation));
const TRIES = 40;

/** Somebody writes into the replica; each call does one thing that the server takes. */
export class Mutator {
  readonly done = new Map<Mutation, number>(MUTATIONS.map((mutation) => [mutation, 0]));

  constructor(
    private readonly tables: ReplicaTables,
    private readonly choice: RandomChoice,
    /** databases with earlier states of the replica */
    private readonly earlier: readonly string[],
  ) {}

  /** @throws when nothing could be changed at all */
  async mutate(): Promise<Mutation> {
    for (let attempt = 0; attempt < TRIES; attempt += 1) {
      const mutation = this.choice.of(WEIGHTED);
      if ((await this.apply(mutation)) > 0) {
        this.done.set(mutation, (this.done.get(mutation) ?? 0) + 1);
        return mutation;
      }
    }
    throw new Error('nothing is left in the replica that could be changed');
  }

  private async apply(mutation: Mutation): Promise<number> {
    switch (mutation) {
      case 'flip':
        return this.flip();
      case 'swap':
        return this.swap();
      case 'delete':
        return this.withRow((table, row) => this.tables.remove(table, row));
      case 'reorder':
        return this.reorder();
      case 'duplicate':
        return this.duplicate();
      case 'roll back a row':
        return this.rollBackRow();
      case 'roll back a chart':
        return this.rollBackChart();
      case 'roll back grants':
        await this.tables.putBack(this.choice.of(this.earlier), ['chart_grant']);
        return 1;
      case 'roll back heartbeats':
        await this.tables.putBack(this.choice.of(this.earlier), ['heartbeat', 'heartbeat_bucket']);
        return 1;
      case 'roll back all':
        await this.tables.putBack(this.choice.of(this.earlier));
        return 1;
    }
  }

  private async withRow(
    use: (table: ReplicaTable, row: Row) => Promise<number>,
    tables: readonly ReplicaTable[] = REPLICA_TABLES,
  ): Promise<number> {
    const table = this.choice.of(tables);
    const rows = await this.tables.rows(table);
    return rows.length === 0 ? 0 : use(table, this.choice.of(rows));
  }

  /** One bit of one column. */
  private async flip(): Promise<number> {
    return this.withRow(async (table, row) => {
      const column = this.choice.of(Object.keys(row));
      return this.tables.change(table, row, { [column]: this.flipped(row[column] ?? null) });
    });
  }

  private flipped(value: SqlValue): SqlValue {
    if (typeof value === 'number') {
      return value ^ (1 << this.choice.below(16));
    }
    if (value instanceof Date) {
      return new Date(value.getTime() ^ (1 << this.choice.below(30)));
    }
    if (value === null) {
      return new Date(1_000 * this.choice.below(2 ** 31));
    }
    const bytes = Buffer.from(value);
    if (bytes.length === 0) {
      return value;
    }
    const at = this.choice.below(bytes.length);
    // Of a text the low bits, so that it stays one.
    bytes[at] = (bytes[at] ?? 0) ^ (1 << this.choice.below(typeof value === 'string' ? 7 : 8));
    return typeof value === 'string' ? bytes.toString('utf8') : bytes;
  }

  /** Two rows of a table exchange one or all of their columns, the key apart. */
  private async swap(): Promise<number> {
    return this.withRow(async (table, row) => {
      const other = this.choice.of(await this.tables.rows(table));
      const key = await this.tables.keyOf(table);
      const contents = Object.keys(row).filter((column) => !key.includes(column));
      const columns = this.choice.below(2) === 0 ? contents : [this.choice.of(contents)];
      const of = (each: Row): Row => Object.fromEntries(columns.map((column) => [column, each[column] ?? null]));
      const changed = await this.tables.change(table, row, of(other));
      return changed + (await this.tables.change(table, other, of(row)));
    });
  }

  /** Two rows exchange their keys; or the parts of one signed or hashed list change their order. */
  private async reorder(): Promise<number> {
    if (this.choice.below(2) === 0) {
      return this.withRow(
        async (table, row) => {
          const column = table === 'chart' ? 'manifest' : 'leaves';
          const text = String(row[column]);
          const changed = this.choice.below(2) === 0 ? exchanged(text, '},{') : exchanged(text, '","');
          return this.tables.change(table, row, { [column]: changed });
        },
        ['chart', 'heartbeat_bucket'],
      );
    }
    return this.withRow(
      async (table, row) => {
        const other = this.choice.of(await this.tables.rows(table));
        const key = await this.tables.keyOf(table);
        const of = (each: Row): Row => Object.fromEntries(key.map((column) => [column, each[column] ?? null]));
        if ((await this.tables.remove(table, row)) === 0 || (await this.tables.remove(table, other)) === 0) {
          return (await this.tables.put(table, row)) - 1;
        }
        return (
          (await this.tables.insert(table, { ...row, ...of(other) })) +
          (await this.tables.insert(table, { ...other, ...of(row) }))
        );
      },
      ['chart', 'section', 'chart_grant', 'heartbeat_bucket', 'document_blob', 'document_chunk'],
    );
  }

  /** A row once more under another key. */
  private async duplicate(): Promise<number> {
    return this.withRow(async (table, row) => {
      const column = this.choice.of(await this.tables.keyOf(table));
      const value = row[column];
      const other: SqlValue = Buffer.isBuffer(value)
        ? randomBytes(value.length)
        : typeof value === 'number'
          ? this.choice.below(256)
          : randomBytes(8).toString('hex');
      return this.tables.insert(table, { ...row, [column]: other });
    });
  }

  private async rollBackRow(): Promise<number> {
    const table = this.choice.of(REPLICA_TABLES);
    const rows = await this.tables.rows(table, this.choice.of(this.earlier));
    return rows.length === 0 ? 0 : this.tables.put(table, this.choice.of(rows));
  }

  private async rollBackChart(): Promise<number> {
    const name = this.choice.of(this.earlier);
    const chart = this.choice.of(await this.tables.rows('chart', name));
    return Buffer.isBuffer(chart['patient_ref']) ? this.tables.putChartBack(name, chart['patient_ref']) : 0;
  }
}

/** The first two parts of a text change places. */
function exchanged(text: string, separator: string): string {
  const [first = '', second = '', ...rest] = text.split(separator);
  return [second, first, ...rest].join(separator);
}
