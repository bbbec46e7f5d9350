import type { DataSource } from 'typeorm';
import { z } from 'zod';
import { crashPoint } from '../crash-point.js';
import { markReleasedDirty } from '../ledger/dirty.js';

const DUE = 'ended_at IS NULL AND expires_at <= UTC_TIMESTAMP(3)';
const Due = z.array(z.object({ id: z.number(), pid: z.coerce.number().nullable() }));

/**
 * Ends the decisions whose time is over, by the ledger's clock, and has the charts they concern rendered again in the same
 * transaction. Whoever was down meanwhile finds them as they stand. @returns ids of the decisions that ended
 */
export async function expireDecisions(ledger: DataSource): Promise<number[]> {
  const due = Due.parse(await ledger.query(`SELECT id, pid FROM release_decision WHERE ${DUE}`));
  if (due.length === 0) {
    return [];
  }
  const ended = await ledger.transaction(async (manager) => {
    const rows = Due.parse(await manager.query(`SELECT id, pid FROM release_decision WHERE ${DUE} FOR UPDATE`));
    for (const { id } of rows) {
      await manager.query('UPDATE release_decision SET ended_at = UTC_TIMESTAMP(3) WHERE id = ?', [id]);
    }
    const pids = [...new Set(rows.map(({ pid }) => pid))];
    for (const pid of pids.includes(null) ? [null] : pids) {
      await markReleasedDirty(manager, pid);
    }
    crashPoint('before-commit:release-expired');
    return rows.map(({ id }) => id);
  });
  crashPoint('after-commit:release-expired');
  return ended;
}
