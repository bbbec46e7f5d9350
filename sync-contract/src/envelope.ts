import { z } from 'zod';
import { canonicalBytes } from './canonical-json.js';
import { hpkeOpen, hpkeSeal } from './hpke.js';
import { Base64Url, Instant, Kid, Ref, SiteId, SubmissionId } from './identifiers.js';
import { LIMITS } from './limits.js';
import { pad, unpad } from './padding.js';
import { PROTOCOL_VERSION, assertProtocolVersion } from './protocol.js';

/** Clear fields of an envelope; all of them are authenticated by the seal. */
export const EnvelopeHeader = z.strictObject({
  v: z.int(),
  site: SiteId,
  submissionId: SubmissionId,
  accountRef: Ref,
  /** absent until the account has a grant */
  patientRef: Ref.nullable(),
  /** an open set on the wire: what a reader does not know it quarantines */
  kind: z.string().regex(/^[a-z][a-z-]{0,31}$/),
  stream: Ref,
  streamSeq: z.int().min(1),
  createdAt: Instant,
  /** the agent's sealing key */
  kid: Kid,
});
export type EnvelopeHeader = z.infer<typeof EnvelopeHeader>;

/** A submission sealed (HPKE) to the inside. */
export const Envelope = z.strictObject({
  header: EnvelopeHeader,
  enc: Base64Url.length(43),
  ct: Base64Url.max(LIMITS.envelopeBytes),
});
export type Envelope = z.infer<typeof Envelope>;

/** @throws RangeError above `LIMITS.submissionBytes` */
export async function sealEnvelope(
  header: Omit<EnvelopeHeader, 'v' | 'kid'>,
  payload: unknown,
  recipient: { kid: string; publicKey: Uint8Array },
): Promise<Envelope> {
  const clear = EnvelopeHeader.parse({ ...header, v: PROTOCOL_VERSION, kid: recipient.kid });
  const plaintext = canonicalBytes(payload);
  if (plaintext.length > LIMITS.submissionBytes) {
    throw new RangeError('submission is larger than the limit');
  }
  const sealed = await hpkeSeal(
    recipient.publicKey,
    'envelope',
    clear.site,
    pad(plaintext),
    canonicalBytes(clear),
    clear.v,
  );
  return { header: clear, enc: sealed.enc.toString('base64url'), ct: sealed.ct.toString('base64url') };
}

/**
 * Opens with the private key that the header's `kid` names; `site` is the reader's own.
 * @returns the JSON that was sealed, not yet validated
 * @throws ProtocolVersionRefused, SealBroken, SyntaxError
 */
export async function openEnvelope(envelope: Envelope, site: string, privateKey: Uint8Array): Promise<unknown> {
  assertProtocolVersion(envelope.header.v);
  const plaintext = await hpkeOpen(
    privateKey,
    'envelope',
    site,
    { enc: Buffer.from(envelope.enc, 'base64url'), ct: Buffer.from(envelope.ct, 'base64url') },
    canonicalBytes(envelope.header),
    envelope.header.v,
  );
  return JSON.parse(unpad(plaintext).toString('utf8'));
}
