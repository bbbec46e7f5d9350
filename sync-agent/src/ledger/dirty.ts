import type { EntityManager } from 'typeorm';
import { z } from 'zod';
import type { RecordClass } from 'sync-contract/classes';

/** Classes of records that are rendered into sections; a later section adds its class here. */
export const RENDERED_CLASSES = [
  'profile',
  'medications',
  'results',
  'messages',
  'receipts',
] as const satisfies readonly RecordClass[];

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

/** A chart's whole content is to be rendered: at enrolment, in the transaction that makes the chart. */
export async function markAllDirty(manager: EntityManager, pid: number): Promise<void> {
  await markDirty(manager, pid, RENDERED_CLASSES);
}
