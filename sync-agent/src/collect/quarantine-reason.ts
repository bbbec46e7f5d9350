/**
 * Why a collected item is set aside: one code per cause, with what a person inside can do about it. Nothing of the item
 * itself is in these sentences. Only the item's own stream waits; all others go on.
 */
export const QUARANTINE_REASONS = {
  /** The outbox row holds something that is no envelope. Never normal: portal-api writes only envelopes. */
  'not-an-envelope':
    'The outbox held something that is not a sealed submission. Have the DMZ checked; ask the sender to send it again.',
  /** An envelope larger than both sides agreed on. */
  'too-large': 'The sealed submission is larger than allowed. Have the DMZ checked; ask the sender to send it again.',
  /** Normal only while the two sides are updated one after the other by more than one version. */
  'protocol-version':
    'The portal speaks a version of the protocol that this agent does not. Update the older side; then release the item.',
  /** Sealed for another practice: the wrong site id in a configuration, or a mixed-up backup. */
  'foreign-site':
    'The submission is addressed to another practice. Compare SITE_ID of the portal with that of the agent.',
  /** The row's id, stream or number is not the one under the seal. Never normal. */
  'row-differs':
    'The outbox row names another submission than its seal does. Somebody altered the outbox: have the DMZ checked.',
  /** The private half was destroyed or never was on this agent. */
  'unknown-key':
    'The submission is sealed to a key this agent does not have. Restore that key file, or ask the sender to send it again.',
  /** Altered after sealing, or sealed to another key under this one's name. Never normal. */
  'seal-broken': 'The seal of the submission is broken. Have the DMZ checked; ask the sender to send it again.',
  /** Normal while the portal is newer than the agent. */
  'unknown-kind': 'The submission is of a kind this agent cannot deliver. Update the agent; then release the item.',
  /** What was sealed is not what its kind carries. */
  'wrong-content': 'The content of the submission is not what its kind carries. Ask the sender to send it again.',
  /** No grant, a revoked one, or one that does not allow this kind. Normal shortly after a revocation. */
  'no-grant':
    'The sender has no permission for this chart. Nothing is delivered; tell the sender if that is a mistake.',
  /** More messages, or more wishes about release, of one account within a day than MESSAGES_PER_DAY. */
  'daily-limit':
    'The account sent more in a day than MESSAGES_PER_DAY allows. Ask the sender; then release the item or have the DMZ checked.',
  /** The content names another thread or account than the clear fields. Never normal. */
  'content-differs':
    'The content names another thread or account than its envelope. Nothing is delivered; have the DMZ checked.',
  /** The thread belongs to another patient. Never normal. */
  'foreign-stream':
    'The submission is addressed to a thread of another patient. Nothing is delivered; have the DMZ checked.',
  /** Another submission was collected under the same number. Never normal, but after a restore of the DMZ. */
  'number-taken':
    'Another submission of this thread was collected with the same number. Compare the two; was the DMZ restored from a backup?',
} as const;

export type QuarantineReason = keyof typeof QUARANTINE_REASONS;

/** What the ledger keeps: code and sentence. */
export function quarantineText(reason: QuarantineReason): string {
  return `${reason}: ${QUARANTINE_REASONS[reason]}`;
}
