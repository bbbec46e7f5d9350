import type { EntityManager } from 'typeorm';
import type { RecordClass } from 'sync-contract/classes';
import { z } from 'zod';
import type { WithheldItem } from '../chart/withhold.js';

const Open = z.array(
  z.object({ id: z.string(), resourceId: z.string(), decisionId: z.number(), recordClass: z.string() }),
);

const nameOf = ({ resourceId, decisionId }: Pick<WithheldItem, 'resourceId' | 'decisionId'>): string =>
  `${resourceId} ${String(decisionId)}`;

/**
 * In the transaction that settles a chart: which entries it was rendered without, and which of those that were kept out
 * are in the portal from now on. An entry of a class that was not rendered may be either: its row stays as it is. Writes
 * differences only, so a chart nobody decided about costs one look into an index.
 * @param classes that were rendered
 * @param isShown whether an entry stands in the sections that were acknowledged
 * @param seq number of the push; null when the sections were found unchanged
 */
export async function noteWithheld(
  manager: EntityManager,
  {
    pid,
    classes,
    withheld,
    isShown,
    seq,
  }: {
    pid: number;
    classes: readonly RecordClass[];
    withheld: readonly WithheldItem[];
    isShown: (resourceId: string) => boolean;
    seq: number | null;
  },
): Promise<void> {
  const rows: unknown = await manager.query(
    `SELECT CAST(id AS CHAR) AS id, LOWER(HEX(resource_id)) AS resourceId, decision_id AS decisionId,
            record_class AS recordClass
       FROM withheld_item WHERE pid = ? AND ended_at IS NULL`,
    [pid],
  );
  const over = new Map(Open.parse(rows).map((row) => [nameOf(row), row]));
  for (const item of withheld) {
    if (!over.delete(nameOf(item))) {
      await manager.query(
        `INSERT INTO withheld_item (pid, resource_id, resource_type, record_class, decision_id, since)
          VALUES (?, UNHEX(?), ?, ?, ?, COALESCE(CAST(? AS DATETIME(3)), UTC_TIMESTAMP(3)))`,
        [pid, item.resourceId, item.resourceType, item.recordClass, item.decisionId, item.since?.slice(0, 23) ?? null],
      );
    }
  }
  const still = new Set(withheld.map(({ resourceId }) => resourceId));
  const rendered = new Set<string>(classes);
  for (const { id, resourceId } of [...over.values()].filter(({ recordClass }) => rendered.has(recordClass))) {
    const released = !still.has(resourceId) && isShown(resourceId);
    await manager.query('UPDATE withheld_item SET ended_at = UTC_TIMESTAMP(3), released_seq = ? WHERE id = ?', [
      released ? seq : null,
      id,
    ]);
  }
}
