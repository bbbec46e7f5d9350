import { Logger } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import { z } from 'zod';
import { crashPoint } from '../crash-point.js';
import { oweEverything } from '../ledger/owe-everything.js';

/** A hostile gateway that forgets and forgets makes the agent render all charts once in this time, minutes. */
const AT_MOST_EVERY = 15;

const log = new Logger('restore');
const Taken = z.object({ affectedRows: z.number() });

/**
 * The gateway holds less than it once acknowledged: the DMZ was restored from a backup. It gets everything again under
 * the same era, for this ledger's numbers go on. What the DMZ says decides only that, and rarely.
 * @returns false when that was done a short while ago; it is then written down as owed
 */
export async function refillDmz(ledger: DataSource): Promise<boolean> {
  const refilled = await ledger.transaction(async (manager) => {
    const result: unknown = await manager.query(
      `UPDATE heartbeat_state SET refilled_at = UTC_TIMESTAMP(3)
        WHERE id = 1 AND (refilled_at IS NULL OR refilled_at < DATE_SUB(UTC_TIMESTAMP(3), INTERVAL ? MINUTE))`,
      [AT_MOST_EVERY],
    );
    if (Taken.parse(result).affectedRows !== 1) {
      await manager.query("INSERT IGNORE INTO restore_step (step) VALUES ('refill')");
      return false;
    }
    await oweEverything(manager);
    await manager.query("DELETE FROM restore_step WHERE step = 'refill'");
    await manager.query("INSERT IGNORE INTO restore_step (step) VALUES ('streams')");
    crashPoint('before-commit:refill');
    return true;
  });
  crashPoint('after-commit:refill');
  log.warn({
    msg: refilled
      ? 'the DMZ is behind the ledger, as after a restore of its database from a backup; everything is sent again'
      : 'the DMZ is behind the ledger again; everything was sent a short while ago and is sent again later',
  });
  return refilled;
}

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
