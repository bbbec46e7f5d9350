import { createHmac } from 'node:crypto';
import { canonicalBytes } from 'sync-contract/canonical-json';
import { issueGrant, type GrantTerms } from 'sync-contract/grant';
import { PROTOCOL_VERSION } from 'sync-contract/protocol';
import { EnrolmentPayload } from 'sync-contract/submission';
import { IsNull, type EntityManager } from 'typeorm';
import { z } from 'zod';
import type { KeyStore } from '../keys/key-store.js';
import { Chart } from '../ledger/chart.entity.js';
import { markAllDirty } from '../ledger/dirty.js';
import { AccountGrant, Invite, Outgoing } from '../ledger/enrolment.entities.js';
import { Patient } from '../ledger/patient.entity.js';
import { Submission } from '../ledger/submission.entities.js';
import {
  ensurePortalAccess,
  portalNameIsShared,
  readPortalPatient,
  type PortalPatient,
} from '../openemr/write-portal-access.js';
import type { OpenEmrTables } from '../openemr/writer-tables.js';
import { ENROLMENT_REFUSALS, decideEnrolment, type EnrolmentDecision, type InviteFacts } from './decide-enrolment.js';

export interface EnrolmentAcceptance {
  tables: OpenEmrTables;
  keys: KeyStore;
}

/** What an acceptance came to; `publicKey` is kept to know the invite's first key again. */
export interface EnrolmentResult {
  accepted: boolean;
  /** for whoever reads the ledger; holds no date and no name */
  reason: string | null;
  effect: {
    inviteId: string;
    publicKey: string;
    outcome: EnrolmentDecision['outcome'];
    triesLeft: number;
    first: boolean;
  };
}

/**
 * Decides an acceptance of an invite, all in the caller's transaction: invite, patient, grant, mail identity in
 * OpenEMR, dirty chart and the answer owed to the DMZ stand or fall together. The invite's row lock makes two
 * acceptances wait for each other, so that exactly one key is the first.
 */
export async function acceptEnrolment(
  manager: EntityManager,
  acceptance: EnrolmentAcceptance,
  submission: Submission,
  createdAt: Date,
  content: unknown,
): Promise<EnrolmentResult> {
  const payload = EnrolmentPayload.parse(content);
  const now = new Date();
  const invite = await manager.findOne(Invite, {
    where: { inviteId: payload.inviteId },
    lock: { mode: 'pessimistic_write' },
  });
  const patient = invite === null ? null : await readInvitedPatient(manager, acceptance.tables, invite.pid);
  const decision: EnrolmentDecision =
    invite === null
      ? { outcome: 'void', refusal: 'unknown-invite', inviteState: null }
      : decideEnrolment({
          site: acceptance.keys.siteId,
          invite: await factsOf(manager, acceptance.keys, invite),
          payload,
          createdAt,
          now,
          dateOfBirth: patient?.dateOfBirth ?? null,
          portalNameShared: await portalNameIsShared(manager, acceptance.tables, invite.pid),
        });
  if (invite !== null) {
    await applyToInvite(manager, invite, decision, payload.accountRef);
    if (decision.outcome === 'accepted' && !decision.again && patient !== null) {
      await enrol(manager, acceptance, invite.pid, patient, payload, now);
    }
  }
  const triesLeft = decision.outcome === 'wrong-date' ? decision.triesLeft : 0;
  await manager.insert(Outgoing, {
    kind: 'enrolment',
    body: {
      accountRef: payload.accountRef,
      submissionId: submission.submissionId,
      outcome: decision.outcome,
      triesLeft,
    },
    pushedAt: null,
  });
  return {
    accepted: decision.outcome === 'accepted',
    reason: reasonOf(decision),
    effect: {
      inviteId: payload.inviteId,
      publicKey: payload.publicKey,
      outcome: decision.outcome,
      triesLeft,
      first: invite !== null && binds(invite, decision),
    },
  };
}

/** Null when the patient is gone, barred from the portal since the invite, or waits for a decision about the chart. */
async function readInvitedPatient(
  manager: EntityManager,
  tables: OpenEmrTables,
  pid: number,
): Promise<PortalPatient | null> {
  const { state } = await manager.findOneByOrFail(Patient, { pid });
  const patient = await readPortalPatient(manager, tables, pid);
  return patient?.portalAllowed === true && (state === 'invited' || state === 'enrolled') ? patient : null;
}

function reasonOf(decision: EnrolmentDecision): string | null {
  switch (decision.outcome) {
    case 'accepted':
      return null;
    case 'wrong-date':
      return `wrong-date: the date of birth is not the one on file; ${String(decision.triesLeft)} tries left`;
    case 'void':
      return `${decision.refusal}: ${ENROLMENT_REFUSALS[decision.refusal]}`;
  }
}

async function factsOf(manager: EntityManager, keys: KeyStore, invite: Invite): Promise<InviteFacts> {
  const { inviteId, accountRef, state, expiresAt, triesLeft, secretWrapped } = invite;
  return {
    state,
    expiresAt,
    triesLeft,
    secret: keys.unwrap('invite-secret', inviteId, secretWrapped),
    first: accountRef === null ? null : { accountRef, publicKey: await firstKey(manager, inviteId, accountRef) },
  };
}

const FirstAnswer = z.looseObject({ inviteId: z.string(), publicKey: z.string(), first: z.literal(true) });

/** The public key that came first with a valid proof; it stands in the effect of its submission. */
async function firstKey(manager: EntityManager, inviteId: string, accountRef: string): Promise<string> {
  const answers = await manager.findBy(Submission, { patientRef: IsNull(), kind: 'enrolment', accountRef });
  const first = answers
    .map(({ effect }) => FirstAnswer.safeParse(effect).data)
    .find((answer) => answer?.inviteId === inviteId);
  return first?.publicKey ?? '';
}

/** Whether this answer is the one that binds the invite to its account key. */
function binds(invite: Invite, decision: EnrolmentDecision): boolean {
  const proved = decision.outcome !== 'void' || decision.refusal === 'no-tries-left';
  return invite.accountRef === null && proved;
}

async function applyToInvite(
  manager: EntityManager,
  invite: Invite,
  decision: EnrolmentDecision,
  accountRef: string,
): Promise<void> {
  const { inviteId } = invite;
  const bound = binds(invite, decision) ? { accountRef } : {};
  if (decision.outcome === 'accepted') {
    await manager.update(Invite, { inviteId }, { ...bound, state: 'accepted' });
  } else if (decision.outcome === 'wrong-date') {
    await manager.update(Invite, { inviteId }, { ...bound, triesLeft: decision.triesLeft });
  } else if (decision.inviteState !== null) {
    // The DMZ recognises the code until it is told not to.
    await manager.update(Invite, { inviteId }, { ...bound, state: decision.inviteState, triesLeft: 0, pushedAt: null });
  }
}

async function enrol(
  manager: EntityManager,
  { tables, keys }: EnrolmentAcceptance,
  pid: number,
  patient: PortalPatient,
  payload: EnrolmentPayload,
  now: Date,
): Promise<void> {
  const chart = await manager.findOneByOrFail(Chart, { pid });
  const { patientRef, epoch } = chart;
  const terms: GrantTerms = {
    v: PROTOCOL_VERSION,
    site: keys.siteId,
    grantId: grantIdOf(keys, payload),
    accountRef: payload.accountRef,
    patientRef,
    relation: 'self',
    scopes: ['message'],
    classes: 'all',
    epoch,
    from: now.toISOString(),
    to: null,
    publicKey: payload.publicKey,
    issuedAt: now.toISOString(),
  };
  const chartKey = keys.unwrapChartKey(patientRef, epoch, chart.chartKeyWrapped);
  const { grantId, accountRef, relation, scopes, publicKey } = terms;
  const signed = await issueGrant(terms, chartKey, keys.signing);
  await manager.insert(AccountGrant, {
    ...{ grantId, accountRef, patientRef, publicKey, relation, scopes, epoch },
    ...{ signed, state: 'active', pushedAt: null },
  });
  const portalUsername = await ensurePortalAccess(manager, tables, pid, patient);
  await manager.update(Patient, { pid }, { state: 'enrolled', portalUsername });
  await markAllDirty(manager, pid);
}

/** The same for the same acceptance: one that a restored ledger has forgotten replaces its grant instead of adding one. */
function grantIdOf(keys: KeyStore, { inviteId, accountRef, publicKey }: EnrolmentPayload): string {
  return createHmac('sha256', keys.resourceIdKey)
    .update(canonicalBytes(['grant', inviteId, accountRef, publicKey]))
    .digest('hex')
    .slice(0, 32);
}
