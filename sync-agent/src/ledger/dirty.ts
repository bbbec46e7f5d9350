import type { EntityManager } from 'typeorm';
import { z } from 'zod';
import type { RecordClass } from 'sync-contract/classes';
import { ALWAYS_RELEASED } from '../chart/kept-out.js';
import { READABLE_CLASSES } from '../openemr/read-chart.js';

/** Classes of records that are rendered into sections: those of OpenEMR, and the ledger's receipts. */
export const RENDERED_CLASSES: readonly RecordClass[] = [...READABLE_CLASSES, 'receipts'];

/** Classes that a decision can reach. */
export const RELEASED_CLASSES: readonly RecordClass[] = READABLE_CLASSES.filter(
  (recordClass) => !ALWAYS_RELEASED.has(recordClass),
);
/** Classes whose entries can be held. A statement of what is owed is left out with the visit or item that it names. */
export const HELD_CLASSES: readonly RecordClass[] = RELEASED_CLASSES.filter((recordClass) => recordClass !== 'billing');

const PositionRows = z.array(z.object({ fileNo: z.coerce.number(), fileOffset: z.coerce.number() }));

/**
 * Says that these classes of a chart have changes that no manifest contains, in the caller's transaction. The position
 * is the feed's own: any snapshot taken after the commit is at or behind it. Wake the render afterwards, or the sweeper
 * does within seconds.
 */
export async function markDirty(manager: EntityManager, pid: number, classes: readonly RecordClass[]): Promise<void> {
  const rows: unknown = await manager.query(
    'SELECT file_no AS fileNo, file_offset AS fileOffset FROM feed_position WHERE id = 1',
  );
  const position = PositionRows.parse(rows)[0] ?? { fileNo: 0, fileOffset: 0 };
  for (const recordClass of classes) {
    await manager.query(
      `INSERT INTO dirty (pid, record_class, file_no, file_offset) VALUES (?, ?, ?, ?)
        ON DUPLICATE KEY UPDATE touches = touches + 1`,
      [pid, recordClass, position.fileNo, position.fileOffset],
    );
  }
}

/**
 * Classes that this agent renders and the one before it did not know: every chart that was pushed lacks them until it is
 * rendered again.
 */
export async function markNewClassesDirty(manager: EntityManager): Promise<void> {
  for (const recordClass of READABLE_CLASSES) {
    await manager.query(
      `INSERT IGNORE INTO dirty (pid, record_class, file_no, file_offset)
        SELECT c.pid, ?, COALESCE(f.file_no, 0), COALESCE(f.file_offset, 0)
          FROM chart c LEFT JOIN feed_position f ON f.id = 1
         WHERE c.seq > 0
           AND NOT EXISTS (SELECT 1 FROM chart_section s WHERE s.patient_ref = c.patient_ref AND s.record_class = ?)
           AND NOT EXISTS (SELECT 1 FROM dirty d WHERE d.pid = c.pid AND d.record_class = ?)`,
      [recordClass, recordClass, recordClass],
    );
  }
}

/** The practice offers C-CDAs since this start, or no more: the lists of documents that say otherwise are rendered again. */
export async function markOfferDirty(manager: EntityManager, offersCcd: boolean): Promise<void> {
  await manager.query(
    `INSERT IGNORE INTO dirty (pid, record_class, file_no, file_offset)
      SELECT c.pid, 'documents', COALESCE(f.file_no, 0), COALESCE(f.file_offset, 0)
        FROM chart c LEFT JOIN feed_position f ON f.id = 1
       WHERE c.seq > 0 AND c.offers_ccd <> ?`,
    [offersCcd ? 1 : 0],
  );
}

/** A chart's whole content is to be rendered: at enrolment, in the transaction that makes the chart. */
export async function markAllDirty(manager: EntityManager, pid: number): Promise<void> {
  await markDirty(manager, pid, RENDERED_CLASSES);
}

/**
 * In the transaction of a decision that begins or ends: these charts are rendered again. One that is being rendered with
 * the decisions of before settles no dirty row. @param pid null: every chart
 */
export async function markReleasedDirty(manager: EntityManager, pid: number | null): Promise<void> {
  await manager.query('UPDATE feed_position SET generation = generation + 1 WHERE id = 1');
  await manager.query(
    `INSERT INTO dirty (pid, record_class, file_no, file_offset)
      SELECT c.pid, k.record_class, COALESCE(f.file_no, 0), COALESCE(f.file_offset, 0)
        FROM chart c JOIN patient p ON p.pid = c.pid AND p.state <> 'revoked'
        CROSS JOIN (${RELEASED_CLASSES.map((_, n) => (n === 0 ? 'SELECT ? AS record_class' : 'SELECT ?')).join(' UNION ALL ')}) k
        LEFT JOIN feed_position f ON f.id = 1
       WHERE ${pid === null ? 'TRUE' : 'c.pid = ?'}
      ON DUPLICATE KEY UPDATE touches = dirty.touches + 1`,
    [...RELEASED_CLASSES, ...(pid === null ? [] : [pid])],
  );
}
