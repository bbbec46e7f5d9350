import type { DataSource } from 'typeorm';
import { z } from 'zod';
import { crashPoint } from '../crash-point.js';

/** What every sentence of a standstill ends with. */
export const BEGIN_AN_ERA =
  'Stop the agent and run `sync-agent restore`; until then nothing is sent, collected or delivered.';
export const RESTORE_UNFINISHED = `a backup of the ledger was read in and its new era has not begun. ${BEGIN_AN_ERA}`;

/** What charts wait for that lose entries while too much vanishes. */
export const VANISHING_SENTENCE =
  "too much vanished from OpenEMR within an hour: more than a hundredth of all entries, or all that several charts had of one class; charts that lose entries keep what they have in the portal. Look whether OpenEMR's tables are whole, then run `sync-agent reconciliation --confirm-vanished`";

/** What one chart waits for that would lose all that is clinical. */
export const HELD_LOSS_SENTENCE =
  'all clinical entries of a chart vanished from OpenEMR within an hour; the chart keeps what it has in the portal. Look whether it is meant to be empty, then run `sync-agent reconciliation --confirm-vanished --chart <reference>`';

const Reasons = z.array(z.object({ reason: z.string() }));

/** Why the agent does nothing until a new era begins; null when it works. */
export async function readStandStill(ledger: Pick<DataSource, 'query'>): Promise<string | null> {
  const rows: unknown = await ledger.query(
    `SELECT ? AS reason FROM restore_step WHERE step = 'era'
      UNION ALL SELECT stopped_reason FROM heartbeat_state WHERE stopped_reason IS NOT NULL`,
    [RESTORE_UNFINISHED],
  );
  return Reasons.parse(rows)[0]?.reason ?? null;
}

/** For good: no retry, restart or answer of the gateway undoes it, only `restore` does. */
export async function standStill(ledger: DataSource, reason: string): Promise<void> {
  crashPoint('before-commit:stand-still');
  await ledger.query(
    `INSERT INTO heartbeat_state (id, era, seq, stopped_reason) VALUES (1, 1, 0, ?)
      ON DUPLICATE KEY UPDATE stopped_reason = VALUES(stopped_reason)`,
    [reason],
  );
  crashPoint('after-commit:stand-still');
}
