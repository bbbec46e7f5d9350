import { randomBytes } from 'node:crypto';
import { newRef } from 'sync-contract/identifiers';
import { formatInviteCode, inviteLookup, newInviteCode } from 'sync-contract/invite';
import { TIMES } from 'sync-contract/limits';
import type { DataSource, EntityManager } from 'typeorm';
import { crashPoint } from '../crash-point.js';
import type { KeyStore } from '../keys/key-store.js';
import { Chart } from '../ledger/chart.entity.js';
import { currentEra } from '../ledger/current-era.js';
import { AccountGrant, Invite } from '../ledger/enrolment.entities.js';
import { Patient } from '../ledger/patient.entity.js';
import { recordMac } from '../openemr/compare-patients.js';
import { portalNameIsShared, readPortalPatient, type PortalPatient } from '../openemr/write-portal-access.js';
import type { OpenEmrTables } from '../openemr/writer-tables.js';

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
  const { replaced, furtherKey } = await issuer.ledger.transaction(async (manager) => {
    const patient = await readInvitable(manager, issuer.tables, pid);
    const patientRef = await ensureChart(manager, issuer.keys, pid, now);
    await manager.update(Patient, { pid }, { recordMac: recordMac(issuer.keys.resourceIdKey, patient) });
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
    return { replaced: voided.affected ?? 0, furtherKey: known };
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
async function ensureChart(manager: EntityManager, keys: KeyStore, pid: number, now: Date): Promise<string> {
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
  if (state === 'frozen' || state === 'revoked') {
    throw new InviteRefused(`The patient's access to the portal is ${state}; that has to be settled first.`);
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
  return patientRef;
}
