import type { EntityManager } from 'typeorm';
import { z } from 'zod';
import type { RecordClass } from 'sync-contract/classes';
import { READABLE_CLASSES } from '../openemr/read-chart.js';

/** Classes of records that are rendered into sections: those of OpenEMR, and the ledger's receipts. */
export const RENDERED_CLASSES: readonly RecordClass[] = [...READABLE_CLASSES, 'receipts'];

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

/** A chart's whole content is to be rendered: at enrolment, in the transaction that makes the chart. */
export async function markAllDirty(manager: EntityManager, pid: number): Promise<void> {
  await markDirty(manager, pid, RENDERED_CLASSES);
}
