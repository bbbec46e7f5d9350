import { createHash } from 'node:crypto';
import { z } from 'zod';
import { canonicalBytes } from './canonical-json.js';
import { Base64Url, Digest, Instant, Ref, ResourceId } from './identifiers.js';
import { LIMITS } from './limits.js';
import { typedText } from './text.js';

/** What a patient chooses; the practice maps topics to pools. The words are OpenEMR's own portal subjects. */
export const TOPICS = ['General', 'Appointment', 'Medication', 'Results', 'Billing', 'Insurance', 'Other'] as const;
export const Topic = z.enum(TOPICS);
export type Topic = z.infer<typeof Topic>;

/** A message into a thread. `threadId` equals the envelope's stream; a new thread brings a new one. */
export const MessagePayload = z.strictObject({
  threadId: Ref,
  topic: Topic,
  subject: typedText({ min: 0, max: LIMITS.subjectCharacters, singleLine: true }),
  body: typedText({ min: 1, max: LIMITS.messageCharacters }),
  writtenAt: Instant,
});
export type MessagePayload = z.infer<typeof MessagePayload>;

/** Acceptance of an invite: the account's public key with the proof that its maker held the code. */
export const EnrolmentPayload = z.strictObject({
  inviteId: z.string().regex(/^[0-9a-f]{10}$/),
  accountRef: Ref,
  publicKey: Base64Url.length(43),
  proof: Digest,
  /** as typed; checked inside only */
  dateOfBirth: z.iso.date(),
});
export type EnrolmentPayload = z.infer<typeof EnrolmentPayload>;

/**
 * What a patient wishes of new results: that they wait until a clinician has seen them (`wait`), that they come at once, as
 * without a wish (`at-once`), or that one of those that wait comes now (`show`). Results that the portal shows stay.
 */
export const ReleaseWishPayload = z
  .strictObject({
    wish: z.enum(['wait', 'at-once', 'show']),
    /** of a result that waits, as section `results` names it; with `show` only */
    resultId: ResourceId.nullable(),
    wishedAt: Instant,
  })
  .refine(({ wish, resultId }) => (wish === 'show') === (resultId !== null), 'names a result, or must not');
export type ReleaseWishPayload = z.infer<typeof ReleaseWishPayload>;

/** What a file of the chart shall span: days YYYY-MM-DD in the clinic's time zone, both inclusive; null is open. */
export const AskedDays = z
  .strictObject({ from: z.iso.date().nullable(), to: z.iso.date().nullable() })
  .refine(({ from, to }) => from === null || to === null || from <= to, 'must not end before it begins');
export type AskedDays = z.infer<typeof AskedDays>;

/** That OpenEMR makes its own C-CDA of the chart. The newest request of a chart replaces the one before it. */
export const CcdRequestPayload = AskedDays.safeExtend({ requestedAt: Instant });
export type CcdRequestPayload = z.infer<typeof CcdRequestPayload>;

/** All wishes about a chart are one stream, whoever sends them, so that the last one holds. */
export const releaseWishStream = (patientRef: string): string => chartStream('release-wish', patientRef);

/** All requests for a chart's C-CDA are one stream, whoever sends them, so that the last one holds. */
export const ccdRequestStream = (patientRef: string): string => chartStream('ccd-request', patientRef);

function chartStream(use: SubmissionKind, patientRef: string): string {
  return createHash('sha256').update(canonicalBytes({ use, patientRef })).digest('hex').slice(0, 32);
}

/** Kinds this version delivers, with the schema of what is sealed. */
export const SUBMISSION_PAYLOADS = {
  message: MessagePayload,
  enrolment: EnrolmentPayload,
  'release-wish': ReleaseWishPayload,
  'ccd-request': CcdRequestPayload,
} as const;

export const SUBMISSION_KINDS = [
  'message',
  'enrolment',
  'release-wish',
  'ccd-request',
] as const satisfies (keyof typeof SUBMISSION_PAYLOADS)[];
export const SubmissionKind = z.enum(SUBMISSION_KINDS);
export type SubmissionKind = z.infer<typeof SubmissionKind>;

/** Kinds whose names are taken; they are refused until both sides know their payload. */
export const RESERVED_SUBMISSION_KINDS = [
  'refill-request',
  'appointment-request',
  'form',
  'profile-change',
  'payment',
  'upload',
  'amendment-request',
  'restriction-request',
] as const;

/** A kind that this version does not deliver. */
export class SubmissionKindNotSupported extends Error {
  readonly code = 'submission-kind-not-supported';
  constructor(kind: string) {
    super(
      (RESERVED_SUBMISSION_KINDS as readonly string[]).includes(kind)
        ? `submissions of kind ${kind} are not supported yet`
        : 'submissions of this kind are not known',
    );
  }
}

/** @throws SubmissionKindNotSupported */
export function assertSubmissionKind(kind: string): SubmissionKind {
  const parsed = SubmissionKind.safeParse(kind);
  if (!parsed.success) {
    throw new SubmissionKindNotSupported(kind);
  }
  return parsed.data;
}
