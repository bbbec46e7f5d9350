import { Ref } from 'sync-contract/identifiers';
import { hexBytes } from '../database/hex-column.js';
import type { AuditFact, AuditLink } from './audit-chain.js';

/** An entry with what finds it. */
export interface AuditRow extends AuditLink {
  fact: AuditFact;
}

/** Places of `n, body, hash, account_ref, patient_ref`. */
export const ROW = '(?, ?, ?, ?, ?)';

/** The same of a statement's first row; beside others that have this, and behind whoever holds the head's lock alone. */
export const TURN_AND_ROW = '((SELECT ? FROM audit_head WHERE id = 1 LOCK IN SHARE MODE), ?, ?, ?, ?)';

export function rowValues({ n, body, hash, fact: { actor, onBehalfOf } }: AuditRow): (string | Buffer | null)[] {
  const isAccount = Ref.safeParse(actor).success;
  return [
    String(n),
    body,
    hexBytes(hash),
    isAccount && actor !== null ? hexBytes(actor) : null,
    isAccount && typeof onBehalfOf === 'string' ? hexBytes(onBehalfOf) : null,
  ];
}
