import type { EntityManager } from 'typeorm';
import { z } from 'zod';
import type { RecordClass } from 'sync-contract/classes';
import { isBehind, type BinlogPosition } from '../openemr/snapshot.js';
import { noteGone, noteReleased } from '../release/released-sections.js';
import { endHeldLoss, noteAckedClasses } from './acked-classes.js';
import { lockFeed } from './chart-row.js';
import { READABLE_CLASSES } from '../openemr/read-chart.js';
import type { RecentChanges } from './recent-changes.js';
import type { AckedPush, Rendering } from './rendering.js';
import { DirtyPlaces, settleDirty } from './settle-dirty.js';

const INSERT_ROWS = 300;
/** The time of a section of which none is known. */
const UNKNOWN = new Date(0).toISOString();
const SourceRows = z.array(z.object({ tableName: z.string(), rowKey: z.string(), recordClass: z.string() }));

/**
 * The ledger's last transaction of a render: what was acknowledged, which rows it was made of, and the dirty rows whose
 * changes it contains are gone. `push` is null when nothing had changed. Charts and
 * sections are written under the feed's lock, as by the feed itself.
 */
export async function settleChart(
  manager: EntityManager,
  recent: RecentChanges,
  rendering: Rendering,
  push: AckedPush | null,
): Promise<void> {
  const isLast = push === null || push.last;
  if (isLast && rendering.position !== null) {
    await writeSources(manager, rendering);
  }
  // From here to the commit the feed waits; what it records afterwards finds the rows written above.
  const { generation } = await lockFeed(manager);
  // The feed began anew meanwhile and marked everything dirty, at positions that this render's say nothing about; or the
  // clock was set back, and nobody knows when this render read.
  const isOfBefore = generation !== rendering.chart.generation;
  if (push !== null) {
    await writeAck(manager, rendering, push, isOfBefore ? UNKNOWN : null);
  }
  await noteAckedClasses(manager, rendering, push);
  if (isLast) {
    await endHeldLoss(manager, rendering);
  }
  if (!isLast || isOfBefore) {
    return;
  }
  await manager.query(
    'UPDATE chart SET rendered_at = UTC_TIMESTAMP(3), offers_ccd = IF(?, ?, offers_ccd) WHERE patient_ref = UNHEX(?)',
    [rendering.files !== null, rendering.offersCcd, rendering.chart.patientRef],
  );
  if (rendering.position !== null) {
    await markOvertaken(manager, recent, rendering, rendering.position);
    await deleteContained(manager, rendering, rendering.position);
  }
  await deleteRead(manager, rendering);
  await endFailure(manager, rendering);
}

/** The chart's own older time ends with the dirty rows that it was kept for; later ones have their markers. */
async function endFailure(manager: EntityManager, { chart }: Rendering): Promise<void> {
  const newest = chart.dirty
    .map(({ position }) => position)
    .sort(comparePositions)
    .at(-1) ?? { file: 0, offset: 0 };
  await manager.query(
    `UPDATE chart c SET c.failed_t = NULL WHERE c.patient_ref = UNHEX(?) AND c.failed_t IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM dirty d WHERE d.pid = c.pid
                          AND (d.file_no < ? OR (d.file_no = ? AND d.file_offset <= ?)))`,
    [chart.patientRef, newest.file, newest.file, newest.offset],
  );
}

function comparePositions(a: BinlogPosition, b: BinlogPosition): number {
  return a.file - b.file || a.offset - b.offset;
}

/** @param readAt instead of the sections' own; null: theirs */
async function writeAck(
  manager: EntityManager,
  { chart, sections }: Rendering,
  push: AckedPush,
  readAt: string | null,
): Promise<void> {
  const { patientRef, era } = chart;
  await manager.query(
    `UPDATE chart SET seq = ?, manifest = ?, manifest_hash = UNHEX(?), frozen_shown = ?
      WHERE patient_ref = UNHEX(?)`,
    [push.seq, JSON.stringify(push.manifest), push.hash, push.frozen ? 1 : 0, patientRef],
  );
  const version = { patientRef, era, seq: push.seq };
  const names = ['', ...push.sections.map(({ name }) => name)];
  await noteGone(manager, version, names);
  await manager.query('DELETE FROM chart_section WHERE patient_ref = UNHEX(?) AND name NOT IN (?)', [
    patientRef,
    names,
  ]);
  const fresh = push.sections.filter(({ seq }) => seq === push.seq);
  const pushed = new Set(fresh.map(({ name }) => name));
  await noteReleased(
    manager,
    version,
    sections.filter(({ name }) => pushed.has(name)),
  );
  for (let i = 0; i < fresh.length; i += INSERT_ROWS) {
    const part = fresh.slice(i, i + INSERT_ROWS);
    await manager.query(
      `REPLACE INTO chart_section
          (patient_ref, name, record_class, section_id, era, seq, epoch, content_hash, sha256, size, as_of, entries)
        VALUES ${part.map(() => '(UNHEX(?), ?, ?, UNHEX(?), ?, ?, ?, UNHEX(?), UNHEX(?), ?, ?, ?)').join(', ')}`,
      part.flatMap((section) => [
        patientRef,
        section.name,
        section.recordClass,
        section.sectionId,
        section.era,
        section.seq,
        section.epoch,
        section.contentHash,
        section.sha256,
        section.size,
        (readAt ?? section.asOf).replace('T', ' ').replace('Z', ''),
        section.entries,
      ]),
    );
  }
  if (push.settles.length > 0) {
    await manager.query('UPDATE submission SET settled_at = UTC_TIMESTAMP(3) WHERE submission_id IN (?)', [
      push.settles.map((id) => Buffer.from(id.replaceAll('-', ''), 'hex')),
    ]);
  }
}

/** Only the difference is written: most renders use the rows of the one before. */
async function writeSources(manager: EntityManager, rendering: Rendering): Promise<void> {
  const old = await addSources(manager, rendering);
  for (let i = 0; i < old.length; i += INSERT_ROWS) {
    const part = old.slice(i, i + INSERT_ROWS);
    await manager.query(
      `DELETE FROM source_row WHERE pid = ? AND (table_name, row_key, record_class) IN
        (${part.map(() => '(?, ?, ?)').join(', ')})`,
      [rendering.chart.pid, ...part.flatMap(({ tableName, rowKey, recordClass }) => [tableName, rowKey, recordClass])],
    );
  }
}

/** The rows that this render uses become known as the chart's. @returns those that it does not use any more */
export async function addSources(
  manager: EntityManager,
  { chart, classes, sources }: Rendering,
): Promise<z.infer<typeof SourceRows>> {
  const rows: unknown = await manager.query(
    `SELECT table_name AS tableName, row_key AS rowKey, record_class AS recordClass FROM source_row
      WHERE pid = ? AND record_class IN (?)`,
    [chart.pid, classes],
  );
  const gone = new Map(SourceRows.parse(rows).map((row) => [`${row.tableName} ${row.rowKey} ${row.recordClass}`, row]));
  const fresh: string[][] = [];
  for (const { table, key, classes: of } of sources) {
    for (const recordClass of of) {
      if (classes.includes(recordClass) && !gone.delete(`${table} ${key} ${recordClass}`)) {
        fresh.push([table, key, recordClass]);
      }
    }
  }
  for (let i = 0; i < fresh.length; i += INSERT_ROWS) {
    const part = fresh.slice(i, i + INSERT_ROWS);
    await manager.query(
      `INSERT IGNORE INTO source_row (table_name, row_key, pid, record_class)
        VALUES ${part.map(() => '(?, ?, ?, ?)').join(', ')}`,
      part.flatMap(([table, key, recordClass]) => [table, key, chart.pid, recordClass]),
    );
  }
  return [...gone.values()];
}

/** Rows of this render that changed behind its snapshot before anybody could know that it uses them. */
async function markOvertaken(
  manager: EntityManager,
  recent: RecentChanges,
  { chart, classes, sources }: Rendering,
  snapshot: BinlogPosition,
): Promise<void> {
  for (const { recordClass, position } of recent.behind(snapshot, sources, classes)) {
    await manager.query('INSERT IGNORE INTO dirty (pid, record_class, file_no, file_offset) VALUES (?, ?, ?, ?)', [
      chart.pid,
      recordClass,
      position.file,
      position.offset,
    ]);
  }
}

/**
 * The dirty rows whose changes the snapshot contains go. Under the feed's lock; what others add meanwhile stays, because
 * rows go by their keys.
 */
async function deleteContained(
  manager: EntityManager,
  { chart, classes }: Rendering,
  snapshot: BinlogPosition,
): Promise<void> {
  const rendered = READABLE_CLASSES.filter((recordClass) => classes.includes(recordClass));
  const rows: unknown = await manager.query(
    'SELECT record_class AS recordClass, file_no AS file, file_offset AS `offset` FROM dirty WHERE pid = ? AND record_class IN (?)',
    [chart.pid, rendered],
  );
  const { fresh, contained } = settleDirty(DirtyPlaces.parse(rows), snapshot);
  const going = contained.filter(({ recordClass }) => !OF_LEDGER.includes(recordClass));
  if (fresh.length > 0) {
    await manager.query(
      `INSERT IGNORE INTO dirty (pid, record_class, file_no, file_offset) VALUES ${fresh.map(() => '(?, ?, ?, ?)').join(', ')}`,
      fresh.flatMap(({ recordClass, file, offset }) => [chart.pid, recordClass, file, offset]),
    );
  }
  if (going.length > 0) {
    await manager.query(
      `DELETE FROM dirty WHERE pid = ? AND (record_class, file_no, file_offset) IN (${going.map(() => '(?, ?, ?)').join(', ')})`,
      [chart.pid, ...going.flatMap(({ recordClass, file, offset }) => [recordClass, file, offset])],
    );
  }
}

/** Of what these show the ledger knows a part, which changes at any time without a new position of the binlog. */
const OF_LEDGER: readonly string[] = ['documents', 'receipts'] satisfies RecordClass[];

/**
 * Rows of these classes go only when they stood before the render began and are unchanged since: no snapshot tells
 * whether the render has seen what the ledger learned meanwhile, as that the bytes of a document are in the DMZ.
 */
async function deleteRead(manager: EntityManager, { chart, classes, position: snapshot }: Rendering): Promise<void> {
  for (const { recordClass, position, touches } of chart.dirty) {
    const isContained = recordClass === 'receipts' || (snapshot !== null && !isBehind(position, snapshot));
    if (isContained && OF_LEDGER.includes(recordClass) && classes.some((each) => each === recordClass)) {
      await manager.query(
        'DELETE FROM dirty WHERE pid = ? AND record_class = ? AND file_no = ? AND file_offset = ? AND touches = ?',
        [chart.pid, recordClass, position.file, position.offset, touches],
      );
    }
  }
}
