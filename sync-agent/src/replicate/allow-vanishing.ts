import type { DataSource, EntityManager } from 'typeorm';
import { z } from 'zod';
import { crashPoint } from '../crash-point.js';

/** Hours in which a confirmed loss goes out. */
const ALLOWED = 4;
const ALLOW = 'allowed_at = UTC_TIMESTAMP(3)';
const Changed = z.object({ affectedRows: z.number() });
const Stopped = z.array(z.object({ stopped: z.coerce.boolean() }));
const Held = z.array(z.object({ patientRef: z.string() }));

/** The chart that is to be confirmed waits for nobody. */
export class NoHeldLoss extends Error {
  readonly code = 'no-held-loss';
  constructor() {
    super('no loss of this chart waits for a person; `sync-agent reconciliation` lists the charts that are held');
  }
}

/**
 * A person has looked: what waits goes out, and whatever else is lost in the same hours; when only charts wait that are
 * held alone, nothing else.
 * @param chart its patientRef: only what this chart waits for, once
 * @throws NoHeldLoss
 */
export async function allowVanishing(ledger: DataSource, chart?: string): Promise<void> {
  await ledger.transaction(async (manager) => {
    await (chart === undefined ? allowAll(manager) : allowHeldLoss(manager, chart));
    crashPoint('before-commit:vanishing-allowed');
  });
  crashPoint('after-commit:vanishing-allowed');
}

async function allowAll(manager: EntityManager): Promise<void> {
  const allowed: unknown = await manager.query(`UPDATE held_loss SET ${ALLOW} WHERE allowed_at IS NULL`);
  await manager.query(
    `UPDATE reconciliation_state SET vanishing_stopped_at = NULL,
        vanishing_allowed_until = DATE_ADD(UTC_TIMESTAMP(3), INTERVAL ? HOUR)
      WHERE id = 1 AND (vanishing_stopped_at IS NOT NULL OR ?)`,
    [ALLOWED, Changed.parse(allowed).affectedRows === 0],
  );
}

async function allowHeldLoss(manager: EntityManager, patientRef: string): Promise<void> {
  const allowed: unknown = await manager.query(
    `UPDATE held_loss SET ${ALLOW} WHERE patient_ref = UNHEX(?) AND allowed_at IS NULL`,
    [patientRef],
  );
  if (Changed.parse(allowed).affectedRows === 0) {
    throw new NoHeldLoss();
  }
}

export async function isVanishingStopped(ledger: DataSource): Promise<boolean> {
  const rows: unknown = await ledger.query(
    'SELECT vanishing_stopped_at IS NOT NULL AS stopped FROM reconciliation_state WHERE id = 1',
  );
  return Stopped.parse(rows)[0]?.stopped ?? false;
}

/** patientRefs of the charts that wait for a person, the first 1000. */
export async function readHeldCharts(ledger: DataSource): Promise<string[]> {
  const rows: unknown = await ledger.query(
    'SELECT LOWER(HEX(patient_ref)) AS patientRef FROM held_loss WHERE allowed_at IS NULL ORDER BY held_at LIMIT 1000',
  );
  return Held.parse(rows).map(({ patientRef }) => patientRef);
}
