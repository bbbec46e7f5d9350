import { userInfo } from 'node:os';
import type { ReleaseWishPayload } from 'sync-contract/submission';
import type { EntityManager } from 'typeorm';
import { z } from 'zod';
import { markReleasedDirty } from '../ledger/dirty.js';
import type { ReleaseReason } from './release-reasons.js';

const OWN_REQUEST: ReleaseReason = '171.202(e)';
const Found = z.array(z.object({ id: z.number() }));

/**
 * Writes a patient's wish about new results into the release ledger, in the caller's transaction, and has the chart
 * rendered again in any case: a render under way does not know that it contains this wish. New are the reports that
 * the chart was not made of when the wish came: what the portal shows stays. The wish that is in force already changes
 * nothing; one to see a result lasts as long as the wish to wait that it is an exception of.
 * @param author who sent it, as the ledger names an account
 */
export async function keepWish(
  manager: EntityManager,
  pid: number,
  { wish, resultId }: Pick<ReleaseWishPayload, 'wish' | 'resultId'>,
  author: string,
): Promise<void> {
  const waits = Found.parse(
    await manager.query(
      "SELECT id FROM release_decision WHERE ended_at IS NULL AND pid = ? AND kind = 'wish' FOR UPDATE",
      [pid],
    ),
  );
  if (waits.length > 0 !== (wish === 'wait')) {
    await writeWish(manager, pid, { wish, resultId }, author);
  }
  await markReleasedDirty(manager, pid);
}

async function writeWish(
  manager: EntityManager,
  pid: number,
  { wish, resultId }: Pick<ReleaseWishPayload, 'wish' | 'resultId'>,
  author: string,
): Promise<void> {
  const operator = userInfo().username.slice(0, 64);
  switch (wish) {
    case 'wait':
      await manager.query(
        `INSERT INTO release_decision (kind, pid, reason, author, operator, made_at, after_report)
          SELECT 'wish', ?, ?, ?, ?, UTC_TIMESTAMP(3), COALESCE(MAX(CAST(row_key AS UNSIGNED)), 0)
            FROM source_row WHERE pid = ? AND table_name = 'procedure_report'`,
        [pid, OWN_REQUEST, author, operator, pid],
      );
      break;
    case 'at-once':
      await manager.query(
        `UPDATE release_decision SET ended_at = UTC_TIMESTAMP(3), ended_by = ?
          WHERE ended_at IS NULL AND pid = ? AND kind IN ('wish', 'show')`,
        [author, pid],
      );
      break;
    case 'show':
      await manager.query(
        `INSERT INTO release_decision (kind, pid, resource_id, record_class, reason, author, operator, made_at)
          SELECT 'show', ?, UNHEX(?), 'results', ?, ?, ?, UTC_TIMESTAMP(3) FROM DUAL
           WHERE NOT EXISTS (SELECT 1 FROM release_decision
                              WHERE ended_at IS NULL AND pid = ? AND kind = 'show' AND resource_id = UNHEX(?))`,
        [pid, resultId, OWN_REQUEST, author, operator, pid, resultId],
      );
  }
}
