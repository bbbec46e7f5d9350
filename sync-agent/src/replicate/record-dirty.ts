import type { EntityManager } from 'typeorm';
import { z } from 'zod';
import type { RecordClass } from 'sync-contract/classes';
import type { BinlogPosition } from '../openemr/snapshot.js';

/** Charts to render; `later` for those that only a row of the whole practice touched. */
export interface Awakened {
  now: ReadonlySet<string>;
  later: ReadonlySet<string>;
}

/** What became dirty in a batch; positions between the oldest and the newest say nothing more. */
interface Span {
  oldest: BinlogPosition;
  newest: BinlogPosition;
}

type DirtyRow = [pid: number, recordClass: string, file: number, offset: number];

const INSERT_ROWS = 500;
const Patients = z.array(z.object({ pid: z.coerce.number(), patientRef: z.string() }));
const Pids = z.array(z.object({ pid: z.coerce.number() }));
const Rows = z.array(
  z.object({ pid: z.coerce.number(), recordClass: z.string(), file: z.coerce.number(), offset: z.coerce.number() }),
);

/** The dirty charts of a batch of source transactions, which are added in the order of their positions. */
export class DirtyCharts {
  private readonly charts = new Map<number, { classes: Map<string, Span>; later: boolean }>();
  /** by class: a row of the whole practice that nobody is known to use */
  readonly everybody = new Map<string, Span>();

  /** @param later only a row of the whole practice changed */
  add(pid: number, recordClass: string, position: BinlogPosition, later: boolean): void {
    const chart = this.charts.get(pid) ?? { classes: new Map<string, Span>(), later };
    chart.later &&= later;
    widen(chart.classes, recordClass, position);
    this.charts.set(pid, chart);
  }

  addEverybody(classes: Iterable<RecordClass>, position: BinlogPosition): void {
    for (const recordClass of classes) {
      widen(this.everybody, recordClass, position);
    }
  }

  get pids(): number[] {
    return [...this.charts.keys()];
  }

  isUrgent(pid: number): boolean {
    return this.charts.get(pid)?.later === false;
  }

  rowsOf(pids: readonly number[]): DirtyRow[] {
    return pids.flatMap((pid) =>
      [...(this.charts.get(pid)?.classes ?? [])].flatMap(([recordClass, { oldest, newest }]) =>
        [oldest, newest].map(({ file, offset }): DirtyRow => [pid, recordClass, file, offset]),
      ),
    );
  }
}

function widen(spans: Map<string, Span>, recordClass: string, position: BinlogPosition): void {
  spans.set(recordClass, { oldest: spans.get(recordClass)?.oldest ?? position, newest: position });
}

/**
 * Writes a batch's dirty rows in the feed's transaction, under its lock. Of each chart and class the oldest and the
 * newest position stay and no more, so that any number of events leaves a bounded number of rows.
 */
export async function recordDirty(manager: EntityManager, dirty: DirtyCharts): Promise<Awakened> {
  const now = new Set<string>();
  const later = new Set<string>();
  for (const [recordClass, { oldest, newest }] of dirty.everybody) {
    await markEverybody(manager, recordClass, oldest);
    await markEverybody(manager, recordClass, newest);
  }
  const pids = [...new Set([...dirty.pids, ...(dirty.everybody.size > 0 ? await replicated(manager) : [])])];
  for (let i = 0; i < pids.length; i += INSERT_ROWS) {
    const part = pids.slice(i, i + INSERT_ROWS);
    const patients: unknown = await manager.query(
      `SELECT pid, LOWER(HEX(patient_ref)) AS patientRef FROM patient WHERE pid IN (?) AND state <> 'revoked'`,
      [part],
    );
    const known = Patients.parse(patients);
    for (const { pid, patientRef } of known) {
      (dirty.isUrgent(pid) ? now : later).add(patientRef);
    }
    await insertRows(manager, dirty.rowsOf(known.map(({ pid }) => pid)));
    await thinOut(manager, part);
  }
  return { now, later };
}

/** Every chart that is not revoked has a row of this class at this position. */
export async function markEverybody(
  manager: EntityManager,
  recordClass: string,
  { file, offset }: BinlogPosition,
): Promise<void> {
  await manager.query(
    `INSERT IGNORE INTO dirty (pid, record_class, file_no, file_offset)
      SELECT pid, ?, ?, ? FROM patient WHERE state <> 'revoked'`,
    [recordClass, file, offset],
  );
}

async function replicated(manager: EntityManager): Promise<number[]> {
  const patients: unknown = await manager.query("SELECT pid FROM patient WHERE state <> 'revoked'");
  return Pids.parse(patients).map(({ pid }) => pid);
}

async function insertRows(manager: EntityManager, rows: readonly DirtyRow[]): Promise<void> {
  for (let i = 0; i < rows.length; i += INSERT_ROWS) {
    const part = rows.slice(i, i + INSERT_ROWS);
    await manager.query(
      `INSERT IGNORE INTO dirty (pid, record_class, file_no, file_offset)
        VALUES ${part.map(() => '(?, ?, ?, ?)').join(', ')}`,
      part.flat(),
    );
  }
}

/**
 * Drops the rows between a class's oldest and newest. Found without locks and deleted by their keys: deliveries insert
 * rows of their own meanwhile. Receipts stay as they are, their rows count touches.
 */
async function thinOut(manager: EntityManager, pids: readonly number[]): Promise<void> {
  const found: unknown = await manager.query(
    `SELECT pid, recordClass, file, \`offset\` FROM (
        SELECT pid, record_class AS recordClass, file_no AS file, file_offset AS \`offset\`,
               ROW_NUMBER() OVER (PARTITION BY pid, record_class ORDER BY file_no, file_offset) AS place,
               COUNT(*) OVER (PARTITION BY pid, record_class) AS places
          FROM dirty WHERE pid IN (?) AND record_class <> 'receipts') AS placed
      WHERE place > 1 AND place < places`,
    [pids],
  );
  const between = Rows.parse(found);
  for (let i = 0; i < between.length; i += INSERT_ROWS) {
    const part = between.slice(i, i + INSERT_ROWS);
    await manager.query(
      `DELETE FROM dirty WHERE (pid, record_class, file_no, file_offset) IN
        (${part.map(() => '(?, ?, ?, ?)').join(', ')})`,
      part.flatMap(({ pid, recordClass, file, offset }) => [pid, recordClass, file, offset]),
    );
  }
}
