import { Logger } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import { z } from 'zod';
import { crashPoint } from '../crash-point.js';
import { oweEverything } from '../ledger/owe-everything.js';
import { RestoreStep } from '../ledger/restore.entities.js';

/** A hostile gateway that forgets and forgets makes the agent render all charts once in this time, minutes. */
const AT_MOST_EVERY = 15;

const log = new Logger('restore');
const Taken = z.object({ affectedRows: z.number() });

/**
 * The DMZ was restored from a backup: it says so, or holds less than it once acknowledged. It gets everything again under
 * the same era, for this ledger's numbers go on. What the DMZ says decides only that, and rarely. How far the streams are
 * it is told at once, for it takes no submissions before.
 * @returns whether everything is sent now; `later` when that was done a short while ago, it is then written down as
 * owed; `under way` when the DMZ has not even been told of the streams since it was last begun
 */
export async function refillDmz(ledger: DataSource): Promise<'now' | 'later' | 'under way'> {
  const outcome = await ledger.transaction(async (manager) => {
    if (await manager.existsBy(RestoreStep, { step: 'streams' })) {
      return 'under way' as const;
    }
    await manager.insert(RestoreStep, { step: 'streams' });
    const result: unknown = await manager.query(
      `UPDATE heartbeat_state SET refilled_at = UTC_TIMESTAMP(3)
        WHERE id = 1 AND (refilled_at IS NULL OR refilled_at < DATE_SUB(UTC_TIMESTAMP(3), INTERVAL ? MINUTE))`,
      [AT_MOST_EVERY],
    );
    if (Taken.parse(result).affectedRows !== 1) {
      await manager.query("INSERT IGNORE INTO restore_step (step) VALUES ('refill')");
      return 'later' as const;
    }
    await oweEverything(manager);
    await manager.delete(RestoreStep, { step: 'refill' });
    crashPoint('before-commit:refill');
    return 'now' as const;
  });
  crashPoint('after-commit:refill');
  if (outcome !== 'under way') {
    log.warn({ msg: SENTENCES[outcome] });
  }
  return outcome;
}

const SENTENCES = {
  now: 'the database of the DMZ comes from a backup; everything is sent again',
  later:
    'the database of the DMZ comes from a backup once more; everything was sent a short while ago and is sent again later',
} as const;

/** Whether a refill that came too soon after another is owed, and its time has come. */
export async function isRefillDue(ledger: DataSource): Promise<boolean> {
  const rows: unknown = await ledger.query(
    `SELECT 1 FROM restore_step r JOIN heartbeat_state h ON h.id = 1
      WHERE r.step = 'refill'
        AND (h.refilled_at IS NULL OR h.refilled_at < DATE_SUB(UTC_TIMESTAMP(3), INTERVAL ? MINUTE))`,
    [AT_MOST_EVERY],
  );
  return z.array(z.unknown()).parse(rows).length > 0;
}
