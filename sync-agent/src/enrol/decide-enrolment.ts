import { timingSafeEqual } from 'node:crypto';
import { inviteProofHolds } from 'sync-contract/invite';
import type { EnrolmentPayload } from 'sync-contract/submission';

/** How long an acceptance that was made in time may take to arrive, for the days when the agent is off. */
export const LATE_ARRIVAL_MS = 7 * 24 * 3_600_000;

/** Why an acceptance is refused for good: one code per cause, as it stands in the ledger. */
export const ENROLMENT_REFUSALS = {
  /** A code this practice never issued. */
  'unknown-invite': 'there is no such invite',
  /** The acceptance was not made by somebody who held the code. */
  'wrong-proof': 'the sender did not hold the invite code',
  /** Withdrawn, replaced by a new code, or used up by wrong dates. */
  'invite-void': 'the invite is no longer valid',
  'invite-expired': 'the invite has expired',
  /** Somebody else answered first with the same code: a person must find out who the patient is. */
  'invite-used': 'the invite belongs to another account key; a further key needs approval inside',
  'no-tries-left': 'the date of birth was wrong too often; the invite is void',
  'patient-missing': 'OpenEMR no longer has the patient, or the portal is not allowed for the patient',
  /** Found only after proof and date; the invite stays open, so that the patient may try again when it is mended. */
  'portal-name-shared':
    "the patient's portal user name in OpenEMR also belongs to another patient or a member of staff; give each a name of their own there",
} as const;
export type EnrolmentRefusal = keyof typeof ENROLMENT_REFUSALS;

export interface InviteFacts {
  state: 'open' | 'accepted' | 'void' | 'expired';
  expiresAt: Date;
  triesLeft: number;
  secret: Uint8Array;
  /** who answered first with a valid proof, whatever the date of birth was */
  first: { accountRef: string; publicKey: string } | null;
}

export type EnrolmentDecision =
  | { outcome: 'accepted'; again: boolean }
  | { outcome: 'wrong-date'; triesLeft: number }
  /** `inviteState` is what the invite becomes; null leaves it as it is */
  | { outcome: 'void'; refusal: EnrolmentRefusal; inviteState: 'void' | 'expired' | null };

export interface EnrolmentCase {
  site: string;
  invite: InviteFacts;
  payload: EnrolmentPayload;
  /** when the acceptance was made, by the DMZ's word */
  createdAt: Date;
  now: Date;
  /** as OpenEMR has it; null when the patient is gone, not allowed on the portal, or without one */
  dateOfBirth: string | null;
  /** OpenEMR has the patient's name in portal mail for somebody else too */
  portalNameShared: boolean;
}

/**
 * Whether an acceptance opens the chart. The first account key that proves possession of the code keeps the invite:
 * only it may try dates, and no later key gets in, or a hostile DMZ could re-key a patient with a code it has seen.
 */
export function decideEnrolment({
  site,
  invite,
  payload,
  createdAt,
  now,
  dateOfBirth,
  portalNameShared,
}: EnrolmentCase): EnrolmentDecision {
  const { inviteId, accountRef, publicKey } = payload;
  const refuse = (refusal: EnrolmentRefusal, inviteState: 'void' | 'expired' | null = null): EnrolmentDecision => ({
    outcome: 'void',
    refusal,
    inviteState,
  });
  if (!inviteProofHolds(invite.secret, { site, inviteId, accountRef, publicKey }, payload.proof)) {
    return refuse('wrong-proof');
  }
  if (invite.first !== null && (invite.first.accountRef !== accountRef || invite.first.publicKey !== publicKey)) {
    return refuse('invite-used');
  }
  if (invite.state === 'accepted') {
    return invite.first === null ? refuse('invite-used') : { outcome: 'accepted', again: true };
  }
  if (invite.state === 'void') {
    return refuse('invite-void');
  }
  // A hostile DMZ may date an acceptance back, but only for somebody who holds the code, and only for some days.
  const late = createdAt >= invite.expiresAt || now.getTime() >= invite.expiresAt.getTime() + LATE_ARRIVAL_MS;
  if (invite.state === 'expired' || late) {
    return refuse('invite-expired', 'expired');
  }
  if (dateOfBirth === null) {
    return refuse('patient-missing');
  }
  if (!timingSafeEqual(Buffer.from(dateOfBirth), Buffer.from(payload.dateOfBirth))) {
    const triesLeft = invite.triesLeft - 1;
    return triesLeft > 0 ? { outcome: 'wrong-date', triesLeft } : refuse('no-tries-left', 'void');
  }
  return portalNameShared ? refuse('portal-name-shared') : { outcome: 'accepted', again: false };
}
