import { z } from 'zod';
import { canonicalBytes } from './canonical-json.js';
import { RecordClass } from './classes.js';
import { hpkeOpen, hpkeSeal } from './hpke.js';
import { Base64Url, Instant, Ref, SiteId } from './identifiers.js';
import { ProtocolVersion } from './protocol.js';
import {
  StatementRefused,
  signStatement,
  verifyStatement,
  type Signed,
  type SigningKey,
  type VerifyingKey,
} from './signed.js';

/** What a grant allows beside reading its classes of records. */
export const GRANT_SCOPES = ['message', 'book', 'refill', 'pay', 'sign'] as const;
export const GrantScope = z.enum(GRANT_SCOPES);

/** Everything about a grant but the sealed key. All of it is authenticated by the seal and by the signature. */
export const GrantTerms = z.strictObject({
  v: ProtocolVersion,
  site: SiteId,
  grantId: Ref,
  accountRef: Ref,
  patientRef: Ref,
  relation: z.enum(['self', 'proxy']),
  scopes: z.array(GrantScope),
  /** `all` seals the chart key; a list seals the class keys of these classes */
  classes: z.union([z.literal('all'), z.array(RecordClass).min(1)]),
  epoch: z.int().min(1),
  from: Instant,
  to: Instant.nullable(),
  /** the account's X25519 public key the grant is sealed to */
  publicKey: Base64Url.length(43),
  issuedAt: Instant,
});
export type GrantTerms = z.infer<typeof GrantTerms>;

export const Grant = z.strictObject({ terms: GrantTerms, enc: Base64Url, ct: Base64Url });
export type Grant = z.infer<typeof Grant>;

/** Grants to single classes keep their place in the format; this version issues and opens full grants only. */
export class ScopedGrantNotSupported extends Error {
  readonly code = 'scoped-grant-not-supported';
  constructor() {
    super('a grant limited to some classes of records is not supported yet: issue a full grant');
  }
}

/** Seals the chart key to the account and signs the whole. @throws ScopedGrantNotSupported */
export async function issueGrant(terms: GrantTerms, chartKey: Uint8Array, key: SigningKey): Promise<Signed> {
  const clear = GrantTerms.parse(terms);
  if (clear.classes !== 'all') {
    throw new ScopedGrantNotSupported();
  }
  const recipient = Buffer.from(clear.publicKey, 'base64url');
  const sealed = await hpkeSeal(recipient, 'grant', clear.site, chartKey, canonicalBytes(clear), clear.v);
  const grant: Grant = {
    terms: clear,
    enc: sealed.enc.toString('base64url'),
    ct: sealed.ct.toString('base64url'),
  };
  return signStatement('grant', grant, key);
}

/** @throws StatementRefused for a wrong signer or site */
export function verifyGrant(signed: Signed, site: string, keyFor: (kid: string) => VerifyingKey | undefined): Grant {
  const grant = verifyStatement('grant', signed, Grant, keyFor);
  if (grant.terms.site !== site) {
    throw new StatementRefused('it is of another site');
  }
  return grant;
}

/** Whether a grant is in force at `now`. */
export function grantInForce(terms: GrantTerms, now: Date = new Date()): boolean {
  const at = now.toISOString();
  return terms.from <= at && (terms.to === null || at < terms.to);
}

/** The chart key (32 bytes), opened with the account's private key. @throws SealBroken, ScopedGrantNotSupported */
export async function openGrant(grant: Grant, accountPrivateKey: Uint8Array): Promise<Buffer> {
  if (grant.terms.classes !== 'all') {
    throw new ScopedGrantNotSupported();
  }
  return hpkeOpen(
    accountPrivateKey,
    'grant',
    grant.terms.site,
    { enc: Buffer.from(grant.enc, 'base64url'), ct: Buffer.from(grant.ct, 'base64url') },
    canonicalBytes(grant.terms),
    grant.terms.v,
  );
}
