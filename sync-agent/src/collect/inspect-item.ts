import { createHash } from 'node:crypto';
import { SealBroken } from 'sync-contract/aead';
import { Envelope, openEnvelope, type EnvelopeHeader } from 'sync-contract/envelope';
import type { LeaseAnswer } from 'sync-contract/gateway-wire';
import { LIMITS } from 'sync-contract/limits';
import { ACCEPTED_PROTOCOL_VERSIONS } from 'sync-contract/protocol';
import { ccdRequestStream, releaseWishStream, SUBMISSION_PAYLOADS, SubmissionKind } from 'sync-contract/submission';
import type { QuarantineReason } from './quarantine-reason.js';

export type LeasedItem = LeaseAnswer['items'][number];

export interface InspectionKeys {
  site: string;
  /** raw X25519 private half, undefined when this agent has none of that name */
  sealingKey(kid: string): Uint8Array | undefined;
}

/**
 * What an item is, as far as it says so itself under its seal. Whether the sender may is not decided here. `envelope` is
 * the JSON text to keep.
 */
export type Inspection =
  | { sound: true; kind: SubmissionKind; header: EnvelopeHeader; envelope: string }
  | { sound: false; reason: QuarantineReason; header: EnvelopeHeader | null; envelope: string };

const KEPT_BYTES = 1024;

/** What is kept of something that is not kept whole: enough to know it again and to see what it is. */
export function cutEnvelope(text: string): string {
  const bytes = Buffer.from(text);
  return JSON.stringify({
    cut: { bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') },
    begins: bytes.subarray(0, KEPT_BYTES).toString('latin1'),
  });
}

/**
 * Checks one leased item by itself: nothing about it is trusted, and no item can make another one fail. Pure but for
 * the cryptography; the plain text is dropped here and opened again on delivery.
 */
export async function inspectItem(item: LeasedItem, keys: InspectionKeys): Promise<Inspection> {
  const text = jsonText(item.envelope);
  const parsed = Envelope.safeParse(item.envelope);
  if (!parsed.success) {
    return { sound: false, reason: 'not-an-envelope', header: null, envelope: cutEnvelope(text) };
  }
  const { header } = parsed.data;
  if (Buffer.byteLength(text) > LIMITS.envelopeBytes) {
    return { sound: false, reason: 'too-large', header, envelope: cutEnvelope(text) };
  }
  const privateKey = keys.sealingKey(header.kid);
  const reason =
    refusalOfHeader(header, item, keys.site) ??
    (privateKey === undefined ? 'unknown-key' : await refusalOfContent(parsed.data, privateKey, keys.site));
  const kind = SubmissionKind.safeParse(header.kind);
  return reason === null && kind.success
    ? { sound: true, kind: kind.data, header, envelope: text }
    : { sound: false, reason: reason ?? 'unknown-kind', header, envelope: text };
}

function refusalOfHeader(header: EnvelopeHeader, item: LeasedItem, site: string): QuarantineReason | null {
  if (!ACCEPTED_PROTOCOL_VERSIONS.includes(header.v)) {
    return 'protocol-version';
  }
  if (header.site !== site) {
    return 'foreign-site';
  }
  const sameRow =
    header.submissionId === item.submissionId && header.stream === item.stream && header.streamSeq === item.streamSeq;
  return sameRow ? null : 'row-differs';
}

async function refusalOfContent(
  envelope: Envelope,
  privateKey: Uint8Array,
  site: string,
): Promise<QuarantineReason | null> {
  const { header } = envelope;
  let content: unknown;
  try {
    content = await openEnvelope(envelope, site, privateKey);
  } catch (error: unknown) {
    return error instanceof SealBroken ? 'seal-broken' : 'wrong-content';
  }
  switch (header.kind) {
    case 'message': {
      const message = SUBMISSION_PAYLOADS.message.safeParse(content);
      if (!message.success || header.patientRef === null) {
        return 'wrong-content';
      }
      return message.data.threadId === header.stream ? null : 'content-differs';
    }
    case 'enrolment': {
      const acceptance = SUBMISSION_PAYLOADS.enrolment.safeParse(content);
      if (!acceptance.success || header.patientRef !== null) {
        return 'wrong-content';
      }
      // All acceptances of an account are one stream, named like the account.
      return [header.accountRef, header.stream].every((ref) => ref === acceptance.data.accountRef)
        ? null
        : 'content-differs';
    }
    case 'release-wish': {
      const wish = SUBMISSION_PAYLOADS['release-wish'].safeParse(content);
      if (!wish.success || header.patientRef === null) {
        return 'wrong-content';
      }
      return header.stream === releaseWishStream(header.patientRef) ? null : 'content-differs';
    }
    case 'ccd-request': {
      const request = SUBMISSION_PAYLOADS['ccd-request'].safeParse(content);
      if (!request.success || header.patientRef === null) {
        return 'wrong-content';
      }
      return header.stream === ccdRequestStream(header.patientRef) ? null : 'content-differs';
    }
    default:
      return 'unknown-kind';
  }
}

/** Nested too deep to be written is written as nothing: the item is refused either way. */
function jsonText(value: unknown): string {
  try {
    return JSON.stringify(value ?? null);
  } catch {
    return '';
  }
}
