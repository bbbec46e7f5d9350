import { describe, expect, it } from '@jest/globals';
import { inviteProof, newInviteCode } from 'sync-contract/invite';
import { LATE_ARRIVAL_MS, decideEnrolment, type EnrolmentCase, type InviteFacts } from './decide-enrolment.js';

const SITE = '7b1d2b1e-7c1c-4c8e-9a62-0d3f8b1c2a10';
const code = newInviteCode();
const expiresAt = new Date('2026-11-25T10:00:00Z');

function buildCase(changes: {
  site?: string;
  invite?: Partial<InviteFacts>;
  accountRef?: string;
  publicKey?: string;
  secret?: Buffer;
  dateOfBirth?: string;
  onFile?: string | null;
  createdAt?: Date;
  now?: Date;
  portalNameShared?: boolean;
}): EnrolmentCase {
  const terms = {
    site: changes.site ?? SITE,
    inviteId: code.inviteId,
    accountRef: changes.accountRef ?? 'a'.repeat(32),
    publicKey: changes.publicKey ?? 'k'.repeat(43),
  };
  return {
    site: SITE,
    invite: { state: 'open', expiresAt, triesLeft: 5, secret: code.secret, first: null, ...changes.invite },
    payload: {
      inviteId: terms.inviteId,
      accountRef: terms.accountRef,
      publicKey: terms.publicKey,
      proof: inviteProof(changes.secret ?? code.secret, terms),
      dateOfBirth: changes.dateOfBirth ?? '1984-07-02',
    },
    createdAt: changes.createdAt ?? new Date('2026-11-23T10:00:00Z'),
    now: changes.now ?? new Date('2026-11-23T10:00:01Z'),
    dateOfBirth: changes.onFile === undefined ? '1984-07-02' : changes.onFile,
    portalNameShared: changes.portalNameShared ?? false,
  };
}
const first = { accountRef: 'a'.repeat(32), publicKey: 'k'.repeat(43) };

describe('an acceptance of an invite', () => {
  it('with the code, in time and with the date of birth on file opens the chart', () => {
    expect(decideEnrolment(buildCase({}))).toEqual({ outcome: 'accepted', again: false });
  });

  it('for a name in portal mail that is somebody else’s too is refused after all else holds, and the invite stays', () => {
    expect(decideEnrolment(buildCase({ portalNameShared: true }))).toEqual({
      outcome: 'void',
      refusal: 'portal-name-shared',
      inviteState: null,
    });
    const wrong = { portalNameShared: true, dateOfBirth: '1984-02-07' };
    expect(decideEnrolment(buildCase(wrong))).toEqual({ outcome: 'wrong-date', triesLeft: 4 });
  });

  it('with a wrong date costs one try, and the last try costs the invite', () => {
    const wrong = { dateOfBirth: '1984-02-07' };
    expect(decideEnrolment(buildCase(wrong))).toEqual({ outcome: 'wrong-date', triesLeft: 4 });
    expect(decideEnrolment(buildCase({ ...wrong, invite: { triesLeft: 2, first } }))).toEqual({
      outcome: 'wrong-date',
      triesLeft: 1,
    });
    expect(decideEnrolment(buildCase({ ...wrong, invite: { triesLeft: 1, first } }))).toEqual({
      outcome: 'void',
      refusal: 'no-tries-left',
      inviteState: 'void',
    });
  });

  it.each([
    ['made by somebody without the code', { secret: newInviteCode().secret }],
    ['made for another practice', { site: '00000000-0000-4000-8000-000000000001' }],
  ])('%s costs no try and changes nothing', (_, changes) => {
    expect(decideEnrolment(buildCase(changes))).toEqual({ outcome: 'void', refusal: 'wrong-proof', inviteState: null });
  });

  it.each([
    ['another account', { accountRef: 'b'.repeat(32) }],
    ['another key of the same account', { publicKey: 'z'.repeat(43) }],
  ])('by %s is refused once somebody answered, even with the right date', (_, changes) => {
    for (const state of ['open', 'accepted'] as const) {
      expect(decideEnrolment(buildCase({ ...changes, invite: { state, first } }))).toEqual({
        outcome: 'void',
        refusal: 'invite-used',
        inviteState: null,
      });
    }
  });

  it('that arrives again after it was accepted is accepted without a second effect', () => {
    expect(decideEnrolment(buildCase({ invite: { state: 'accepted', first } }))).toEqual({
      outcome: 'accepted',
      again: true,
    });
  });

  it('of a void or expired invite is refused', () => {
    expect(decideEnrolment(buildCase({ invite: { state: 'void' } }))).toMatchObject({ refusal: 'invite-void' });
    expect(decideEnrolment(buildCase({ invite: { state: 'expired' } }))).toMatchObject({ refusal: 'invite-expired' });
    expect(decideEnrolment(buildCase({ createdAt: expiresAt }))).toEqual({
      outcome: 'void',
      refusal: 'invite-expired',
      inviteState: 'expired',
    });
  });

  it('made in time counts when the agent was off meanwhile, but not for ever', () => {
    const now = (late: number): Date => new Date(expiresAt.getTime() + late);
    expect(decideEnrolment(buildCase({ now: now(24 * 3_600_000) }))).toMatchObject({ outcome: 'accepted' });
    expect(decideEnrolment(buildCase({ now: now(LATE_ARRIVAL_MS) }))).toMatchObject({ refusal: 'invite-expired' });
  });

  it('finds no patient when OpenEMR lost or barred the patient, whatever date is typed', () => {
    expect(decideEnrolment(buildCase({ onFile: null }))).toEqual({
      outcome: 'void',
      refusal: 'patient-missing',
      inviteState: null,
    });
  });
});
