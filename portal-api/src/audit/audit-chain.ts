import { createHash } from 'node:crypto';
import { canonicalJson } from 'sync-contract/canonical-json';

/** Hash before the first entry. */
export const AUDIT_GENESIS = '0'.repeat(64);

export const AUDIT_ACTIONS = [
  'join',
  'join-check',
  'sign-in-password',
  'sign-in',
  'sign-out',
  'session-refused',
  'date-of-birth-retry',
  'grant-open',
  'chart-status',
  'chart-read',
  'chart-download',
  'document-view',
  'document-download',
  // stored bytes are not those that were sent: the next comparison looks at them first
  'document-broken',
  'own-copies-read',
  'receipts-read',
  'access-history',
  'events-open',
  'submission',
  'access-refused',
  // the gateway's acts
  'gateway-hello',
  'gateway-keys',
  'gateway-eras',
  'gateway-invites',
  'gateway-enrolments',
  'gateway-grants',
  'gateway-revocations',
  'gateway-lease',
  'gateway-ack',
  'gateway-reoffer',
  'gateway-streams',
  'gateway-chart-batch',
  'gateway-blob',
  'gateway-blobs-deleted',
  'gateway-cut',
] as const;
export type AuditAction = (typeof AUDIT_ACTIONS)[number];

/** What happened. Ids and codes only: no name, no text, no date of birth, no section name. */
export interface AuditFact {
  action: AuditAction;
  outcome: 'ok' | 'refused' | 'failed';
  /** accountRef, `agent`, or null while nobody is known */
  actor: string | null;
  /** patientRef acted for */
  onBehalfOf?: string | null;
  /** hash of the session id, never the id */
  session?: string | null;
  ip?: string | null;
  /** section id, submission id, grant id, thread id, document id, blob id; of a download form and days, `pdf 2026-01-01..` */
  object?: string | null;
  /** code of the problem when refused */
  reason?: string | null;
  requestId?: string | null;
}

export interface AuditLink {
  n: number;
  body: string;
  hash: string;
}

/** SHA-256(previous hash ‖ body), hex. The previous hash also stands inside the body. */
function linkHash(previous: string, body: string): string {
  return createHash('sha256').update(Buffer.from(previous, 'hex')).update(body, 'utf8').digest('hex');
}

export function nextLink(head: { n: number; hash: string }, fact: AuditFact, at: Date): AuditLink {
  const n = head.n + 1;
  const body = canonicalJson({
    n,
    at: at.toISOString(),
    action: fact.action,
    outcome: fact.outcome,
    actor: fact.actor,
    onBehalfOf: fact.onBehalfOf ?? null,
    session: fact.session ?? null,
    ip: fact.ip ?? null,
    object: fact.object ?? null,
    reason: fact.reason ?? null,
    requestId: fact.requestId ?? null,
    prev: head.hash,
  });
  return { n, body, hash: linkHash(head.hash, body) };
}

/**
 * Walks links in order of n, from the first or from a link known to be good.
 * @returns number of the first link that does not follow from the one before it, or null when all do
 */
export function firstBrokenLink(
  links: Iterable<AuditLink>,
  from: { n: number; hash: string } = { n: 0, hash: AUDIT_GENESIS },
): number | null {
  let { n, hash } = from;
  for (const link of links) {
    n += 1;
    if (link.n !== n || link.hash !== linkHash(hash, link.body)) {
      return n;
    }
    hash = link.hash;
  }
  return null;
}
