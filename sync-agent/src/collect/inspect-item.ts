import { SealBroken } from 'sync-contract/aead';
import { Envelope, EnvelopeHeader, openEnvelope } from 'sync-contract/envelope';
import type { LeaseAnswer } from 'sync-contract/gateway-wire';
import { LIMITS } from 'sync-contract/limits';
import { ACCEPTED_PROTOCOL_VERSIONS } from 'sync-contract/protocol';
import { SUBMISSION_PAYLOADS, SubmissionKind } from 'sync-contract/submission';
import type { QuarantineReason } from './quarantine-reason.js';

export type LeasedItem = LeaseAnswer['items'][number];

export interface InspectionKeys {
  site: string;
  /** raw X25519 private half, undefined when this agent has none of that name */
  sealingKey(kid: string): Uint8Array | undefined;
}

/** What an item is, as far as it says so itself under its seal. Whether the sender may is not decided here. */
export type Inspection =
  | { sound: true; kind: SubmissionKind; header: EnvelopeHeader; envelope: string }
  | { sound: false; reason: QuarantineReason; header: EnvelopeHeader | null; envelope: string };

/** Rubbish is kept for whoever looks into it, but not without end. */
const KEPT_RUBBISH_CHARACTERS = 64 * 1024;

/**
 * Checks one leased item by itself: nothing about it is trusted, and no item can make another one fail. Pure but for
 * the cryptography; the plain text is dropped here and opened again on delivery.
 */
export async function inspectItem(item: LeasedItem, keys: InspectionKeys): Promise<Inspection> {
  const text = JSON.stringify(item.envelope) ?? 'null';
  const parsed = Envelope.safeParse(item.envelope);
  if (!parsed.success) {
    return { sound: false, reason: 'not-an-envelope', header: null, envelope: text.slice(0, KEPT_RUBBISH_CHARACTERS) };
  }
  const { header } = parsed.data;
  const refuse = (reason: QuarantineReason): Inspection => ({ sound: false, reason, header, envelope: text });
  if (Buffer.byteLength(text) > LIMITS.envelopeBytes) {
    return { sound: false, reason: 'too-large', header, envelope: text.slice(0, KEPT_RUBBISH_CHARACTERS) };
  }
  if (!ACCEPTED_PROTOCOL_VERSIONS.includes(header.v)) {
    return refuse('protocol-version');
  }
  if (header.site !== keys.site) {
    return refuse('foreign-site');
  }
  if (
    header.submissionId !== item.submissionId ||
    header.stream !== item.stream ||
    header.streamSeq !== item.streamSeq
  ) {
    return refuse('row-differs');
  }
  const privateKey = keys.sealingKey(header.kid);
  if (privateKey === undefined) {
    return refuse('unknown-key');
  }
  return inspectContent(parsed.data, text, privateKey, keys.site);
}

async function inspectContent(
  envelope: Envelope,
  text: string,
  privateKey: Uint8Array,
  site: string,
): Promise<Inspection> {
  const { header } = envelope;
  const refuse = (reason: QuarantineReason): Inspection => ({ sound: false, reason, header, envelope: text });
  let content: unknown;
  try {
    content = await openEnvelope(envelope, site, privateKey);
  } catch (error: unknown) {
    return refuse(error instanceof SealBroken ? 'seal-broken' : 'wrong-content');
  }
  const kind = SubmissionKind.safeParse(header.kind);
  if (!kind.success) {
    return refuse('unknown-kind');
  }
  const named = namedByContent(kind.data, content);
  if (named === null || (kind.data === 'message') !== (header.patientRef !== null)) {
    return refuse('wrong-content');
  }
  const expected = kind.data === 'message' ? header.stream : header.accountRef;
  return named === expected ? { sound: true, kind: kind.data, header, envelope: text } : refuse('content-differs');
}

/** The thread or account that the content itself names; null when it is not what the kind carries. */
function namedByContent(kind: SubmissionKind, content: unknown): string | null {
  switch (kind) {
    case 'message':
      return SUBMISSION_PAYLOADS.message.safeParse(content).data?.threadId ?? null;
    case 'enrolment':
      return SUBMISSION_PAYLOADS.enrolment.safeParse(content).data?.accountRef ?? null;
  }
}
