import { userInfo } from 'node:os';
import type { DataSource, EntityManager } from 'typeorm';
import { z } from 'zod';
import { crashPoint } from '../crash-point.js';
import { markReleasedDirty } from '../ledger/dirty.js';
import { DECISION_KINDS, type DecisionKind } from '../ledger/release.entities.js';
import type { ReleaseReason } from './release-reasons.js';

/** What a person wants cannot be done; the message says why and what to do. */
export class ReleaseRefused extends Error {
  readonly code = 'release-refused';
  readonly logLevel = 'warn';
}

export interface NewDecision {
  kind: Exclude<DecisionKind, 'wish' | 'show'>;
  pid: number | null;
  resourceId: string | null;
  recordClass: string | null;
  codeSystem: string | null;
  code: string | null;
  sensitivity: string | null;
  reason: ReleaseReason;
  author: string;
  /** hours from now; null: until somebody lifts it */
  hours: number | null;
}

const Inserted = z.looseObject({ insertId: z.coerce.number() });
const Same = z.array(z.object({ id: z.number(), alike: z.coerce.boolean() }));
const Lifted = z.array(
  z.object({
    kind: z.enum(DECISION_KINDS),
    pid: z.coerce.number().nullable(),
    endedAt: z.string().nullable(),
    endedBy: z.string().nullable(),
  }),
);

/**
 * Commits a decision, and that the charts it concerns are to be rendered again. What was claimed for a push before is on
 * its way; nothing that is claimed afterwards carries what the decision keeps back. The same decision again is the one
 * that is in force. @returns its number
 * @throws ReleaseRefused when one in force differs from it in reason, author or end only
 */
export async function decide(ledger: DataSource, decision: NewDecision): Promise<number> {
  const id = await ledger.transaction(async (manager) => {
    const known = await inForce(manager, decision);
    if (known !== null) {
      return known;
    }
    const result: unknown = await manager.query(
      `INSERT INTO release_decision
          (kind, pid, resource_id, record_class, code_system, code, sensitivity, reason, author, operator, made_at, expires_at)
        VALUES (?, ?, UNHEX(?), ?, ?, ?, ?, ?, ?, ?, UTC_TIMESTAMP(3), UTC_TIMESTAMP(3) + INTERVAL ? HOUR)`,
      [...valuesOf(decision), decision.reason, decision.author, userInfo().username.slice(0, 64), decision.hours],
    );
    await markReleasedDirty(manager, decision.pid);
    crashPoint('before-commit:release-decided');
    return Inserted.parse(result).insertId;
  });
  crashPoint('after-commit:release-decided');
  return id;
}

const valuesOf = (decision: NewDecision): (string | number | null)[] => [
  ...[decision.kind, decision.pid, decision.resourceId, decision.recordClass, decision.codeSystem, decision.code],
  decision.sensitivity,
];

/** Number of the same decision in force; null when there is none. */
async function inForce(manager: EntityManager, decision: NewDecision): Promise<number | null> {
  const rows: unknown = await manager.query(
    `SELECT id, reason = ? AND author = ? AND TIMESTAMPDIFF(HOUR, made_at, expires_at) <=> ? AS alike
       FROM release_decision WHERE ended_at IS NULL AND kind = ? AND pid <=> ? AND resource_id <=> UNHEX(?)
        AND record_class <=> ? AND code_system <=> ? AND code <=> ? AND sensitivity <=> ? LIMIT 1`,
    [decision.reason, decision.author, decision.hours, ...valuesOf(decision)],
  );
  const [same] = Same.parse(rows);
  if (same?.alike === false) {
    throw new ReleaseRefused(
      `decision ${String(same.id)} is in force for the same with another reason, author or end: lift it first`,
    );
  }
  return same?.id ?? null;
}

/**
 * Ends a decision: what it alone kept back goes out with the next render. With a patient's wish go its exceptions. May be
 * repeated by the same person.
 * @throws ReleaseRefused
 */
export async function lift(ledger: DataSource, id: number, author: string): Promise<void> {
  await ledger.transaction(async (manager) => {
    const rows: unknown = await manager.query(
      'SELECT kind, pid, CAST(ended_at AS CHAR) AS endedAt, ended_by AS endedBy FROM release_decision WHERE id = ? FOR UPDATE',
      [id],
    );
    const [row] = Lifted.parse(rows);
    if (row === undefined) {
      throw new ReleaseRefused(`there is no decision ${String(id)}; \`release rules\` lists those in force`);
    }
    if (row.endedAt !== null && row.endedBy === author) {
      return;
    }
    if (row.endedAt !== null) {
      throw new ReleaseRefused(`decision ${String(id)} ended at ${row.endedAt.slice(0, 19)} UTC already`);
    }
    await manager.query('UPDATE release_decision SET ended_at = UTC_TIMESTAMP(3), ended_by = ? WHERE id = ?', [
      author,
      id,
    ]);
    if (row.kind === 'wish') {
      await manager.query(
        "UPDATE release_decision SET ended_at = UTC_TIMESTAMP(3), ended_by = ? WHERE ended_at IS NULL AND pid = ? AND kind = 'show'",
        [author, row.pid],
      );
    }
    await markReleasedDirty(manager, row.pid);
    crashPoint('before-commit:release-lifted');
  });
  crashPoint('after-commit:release-lifted');
}
