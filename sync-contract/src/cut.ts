import { z } from 'zod';
import { Digest, Instant, SiteId } from './identifiers.js';
import { ProtocolVersion } from './protocol.js';
import {
  StatementRefused,
  signStatement,
  verifyStatement,
  type Signed,
  type SigningKey,
  type VerifyingKey,
} from './signed.js';

/**
 * The inside's word that the DMZ is believed taken (`cut`), or trusted again (`lifted`). The newest one counts. While cut
 * nobody is signed in and nobody signs in; a session that began before the newest one is over whatever it says.
 */
export const Cut = z.strictObject({
  v: ProtocolVersion,
  site: SiteId,
  state: z.enum(['cut', 'lifted']),
  issuedAt: Instant,
  /** SHA-256 of certificates (DER) with which nobody is the agent any more; a later statement never takes one back */
  revoked: z.array(Digest).max(64),
});
export type Cut = z.infer<typeof Cut>;

export function signCut(cut: Cut, key: SigningKey): Signed {
  return signStatement('cut', Cut.parse(cut), key);
}

/** @throws StatementRefused for a wrong signature, signer or site */
export function verifyCut(signed: Signed, site: string, keyFor: (kid: string) => VerifyingKey | undefined): Cut {
  const cut = verifyStatement('cut', signed, Cut, keyFor);
  if (cut.site !== site) {
    throw new StatementRefused('it is of another site');
  }
  return cut;
}

/** @param newest null while nothing was ever cut */
export function sessionEndedBy(newest: Cut | null, startedAt: Date): boolean {
  return newest !== null && (newest.state === 'cut' || startedAt.toISOString() < newest.issuedAt);
}
