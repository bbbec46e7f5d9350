import { randomBytes } from 'node:crypto';
import { newRef } from 'sync-contract/identifiers';
import { formatInviteCode, inviteLookup, newInviteCode } from 'sync-contract/invite';
import { TIMES } from 'sync-contract/limits';
import { IsNull, type DataSource, type EntityManager } from 'typeorm';
import { crashPoint } from '../crash-point.js';
import type { KeyStore } from '../keys/key-store.js';
import { Chart } from '../ledger/chart.entity.js';
import { currentEra } from '../ledger/current-era.js';
import { AccountGrant, Invite, Outgoing } from '../ledger/enrolment.entities.js';
import { PatientDecision } from '../ledger/patient-decision.entity.js';
import { Patient } from '../ledger/patient.entity.js';
import { identityOf, recordMac } from '../openemr/compare-patients.js';
import { portalNameIsShared, readPortalPatient, type PortalPatient } from '../openemr/write-portal-access.js';
import type { OpenEmrTables } from '../openemr/writer-tables.js';
import { Revocation } from './revoke-patient.js';

/** The patient cannot be invited; the message says why and what to change. Never names the patient. */
export class InviteRefused extends Error {
  readonly code = 'invite-refused';
  readonly logLevel = 'warn';
}

export interface InviteIssuer {
  ledger: DataSource;
  keys: KeyStore;
  tables: OpenEmrTables;
  /** where patients reach the portal, e.g. `https://portal.example.org` */
  portalOrigin: string;
}

export interface IssuedInvite {
  inviteId: string;
  /** one-time code for the patient; it exists in this answer and, wrapped, in the ledger, nowhere else */
  code: string;
  /** the code is in the fragment, which browsers send to nobody */
  link: string;
  expiresAt: string;
  /** open invites of the patient that this one replaced */
  replaced: number;
  /** the patient has an account already: whoever issued this approves a further key */
  furtherKey: boolean;
  /** the patient's access had ended; from here on it begins anew */
  returned: boolean;
}

const FIRST_EPOCH = 1;
const TRIES = 5;

/**
 * Issues a one-time code for a patient, in one transaction with all it needs: the patient's random reference and the
 * chart's key, made at the first invite and kept. Open invites of the patient are void from then on. Works with the
 * gateway away: the running agent tells the DMZ when it can.
 * @throws InviteRefused
 */
export async function issueInvite(issuer: InviteIssuer, pid: number, now: Date = new Date()): Promise<IssuedInvite> {
  const code = newInviteCode();
  const expiresAt = new Date(now.getTime() + TIMES.invite);
  const { replaced, furtherKey, returned } = await issuer.ledger.transaction(async (manager) => {
    const patient = await readInvitable(manager, issuer.tables, pid);
    const { patientRef, comesBack } = await ensureChart(manager, issuer.keys, pid, now);
    const { resourceIdKey } = issuer.keys;
    const identity = identityOf(resourceIdKey, patient);
    await manager.update(Patient, { pid }, { recordMac: recordMac(resourceIdKey, patient), ...identity });
    const voided = await manager.update(Invite, { pid, state: 'open' }, { state: 'void', pushedAt: null });
    await manager.insert(Invite, {
      inviteId: code.inviteId,
      pid,
      secretWrapped: issuer.keys.wrap('invite-secret', code.inviteId, code.secret),
      lookup: inviteLookup(code.secret),
      expiresAt,
      triesLeft: TRIES,
      state: 'open',
      accountRef: null,
      pushedAt: null,
    });
    const known = await manager.existsBy(AccountGrant, { patientRef, state: 'active' });
    crashPoint('before-commit:invite');
    return { replaced: voided.affected ?? 0, furtherKey: known, returned: comesBack };
  });
  crashPoint('after-commit:invite');
  const text = formatInviteCode(code);
  return {
    inviteId: code.inviteId,
    code: text,
    link: `${issuer.portalOrigin}/#/join?code=${text}`,
    expiresAt: expiresAt.toISOString(),
    replaced,
    furtherKey,
    returned,
  };
}

/** Withdraws every open invite of a patient. @returns how many there were */
export async function voidInvites(ledger: DataSource, pid: number): Promise<number> {
  crashPoint('before-commit:void-invites');
  const result = await ledger.manager.update(Invite, { pid, state: 'open' }, { state: 'void', pushedAt: null });
  crashPoint('after-commit:void-invites');
  return result.affected ?? 0;
}

/** @throws InviteRefused */
async function readInvitable(manager: EntityManager, tables: OpenEmrTables, pid: number): Promise<PortalPatient> {
  const patient = await readPortalPatient(manager, tables, pid);
  if (patient === null) {
    throw new InviteRefused(`OpenEMR has no patient with pid ${String(pid)}.`);
  }
  if (!patient.portalAllowed) {
    throw new InviteRefused(
      'The patient may not use the portal: in OpenEMR set Demographics, Choices, "Allow Patient Portal" to YES.',
    );
  }
  if (patient.dateOfBirth === null) {
    throw new InviteRefused(
      'OpenEMR has no date of birth for the patient, which joining asks for: enter it under Demographics.',
    );
  }
  if (await portalNameIsShared(manager, tables, pid)) {
    throw new InviteRefused(
      "The patient's portal user name in OpenEMR also belongs to another patient or a member of staff: give each a name of their own there.",
    );
  }
  return patient;
}

/** The patient's row and chart, made when missing; two invites at once make one. */
async function ensureChart(
  manager: EntityManager,
  keys: KeyStore,
  pid: number,
  now: Date,
): Promise<{ patientRef: string; comesBack: boolean }> {
  await manager
    .createQueryBuilder()
    .insert()
    .into(Patient)
    .values({ pid, patientRef: newRef(), state: 'invited', portalUsername: null, createdAt: now })
    .orIgnore()
    .execute();
  const { patientRef, state } = await manager.findOneOrFail(Patient, {
    where: { pid },
    lock: { mode: 'pessimistic_write' },
  });
  if (state === 'frozen') {
    throw new InviteRefused(
      "The patient's access to the portal is frozen, because OpenEMR's record may be another person's: `sync-agent patients` says why; that has to be settled first.",
    );
  }
  if (state === 'revoked') {
    await beginAnew(manager, keys, { pid, patientRef }, now);
    return { patientRef, comesBack: true };
  }
  const { era } = await currentEra(manager);
  await manager
    .createQueryBuilder()
    .insert()
    .into(Chart)
    .values({
      ...{ patientRef, pid, era, seq: 0, attemptedSeq: 0, epoch: FIRST_EPOCH },
      chartKeyWrapped: keys.wrapChartKey(patientRef, FIRST_EPOCH, randomBytes(32)),
    })
    .orIgnore()
    .execute();
  return { patientRef, comesBack: false };
}

/**
 * Whose access had ended may come back: under a new chart key, so that nothing that was sealed before opens what comes
 * now, and with a new account, because the old one's keys are gone. Not before the DMZ has shredded what was there.
 */
async function beginAnew(
  manager: EntityManager,
  keys: KeyStore,
  { pid, patientRef }: Pick<Patient, 'pid' | 'patientRef'>,
  now: Date,
): Promise<void> {
  const owed = await manager.findBy(Outgoing, { kind: 'revocation', pushedAt: IsNull() });
  if (owed.some(({ body }) => Revocation.parse(body).patientRef === patientRef)) {
    throw new InviteRefused(
      "The patient's access has ended, and the DMZ has not said yet that it has shredded the chart: try again when the gateway is reached.",
    );
  }
  const { epoch } = await manager.findOneByOrFail(Chart, { patientRef });
  const next = epoch + 1;
  const chartKeyWrapped = keys.wrapChartKey(patientRef, next, randomBytes(32));
  await manager.update(Chart, { patientRef }, { epoch: next, chartKeyWrapped });
  await manager.update(Patient, { pid }, { state: 'invited' });
  const decision = { patientRef, decision: 'returned', cause: 'invited', decidedBy: 'staff', at: now } as const;
  await manager.insert(PatientDecision, decision);
}
