import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { openGrant, verifyGrant } from 'sync-contract/grant';
import { newHpkeKeyPair } from 'sync-contract/hpke';
import { newRef } from 'sync-contract/identifiers';
import { inviteLookup, newInviteCode, formatInviteCode, parseInviteCode } from 'sync-contract/invite';
import { TIMES } from 'sync-contract/limits';
import { verifyingKey } from 'sync-contract/signed';
import { Permanent, Transient } from '../src/gateway-client/gateway-failures.js';
import { judgeEverybody, judgePatient } from '../src/enrol/judge-patient.js';
import { endAccess, readDecided } from '../src/enrol/patients.command.js';
import { pushOwed } from '../src/enrol/push-owed.js';
import { InviteRefused, voidInvites } from '../src/enrol/issue-invite.js';
import { Chart } from '../src/ledger/chart.entity.js';
import { Dirty } from '../src/ledger/change-feed.entities.js';
import { AccountGrant, Invite, Outgoing } from '../src/ledger/enrolment.entities.js';
import { PatientDecision } from '../src/ledger/patient-decision.entity.js';
import { Patient } from '../src/ledger/patient.entity.js';
import { Submission } from '../src/ledger/submission.entities.js';
import { readStatus } from '../src/replicate/read-status.js';
import { confirmPatients } from '../src/restore/freeze-patients.js';
import { newSubmissionId, type OutboxItem } from './collect-test-dmz.js';
import { DeliverUnderTest, ORIGIN, SITE } from './deliver-under-test.js';
import { acceptedInvite } from './enrol-builders.js';

const PID = 5005;
const BORN = '1984-07-02';
const WRONG = '1984-02-07';
const REFUSED_REF = '0'.repeat(32);

let agent: DeliverUnderTest;
beforeAll(async () => {
  agent = await DeliverUnderTest.start('enrol');
});
beforeEach(async () => {
  await agent.reset();
});
afterAll(async () => {
  await agent[Symbol.asyncDispose]();
});

const inviteOf = (code: string): Promise<Invite> =>
  agent.ledger.manager.findOneByOrFail(Invite, { inviteId: parseInviteCode(code).inviteId });
const submissionOf = ({ submissionId }: OutboxItem): Promise<Submission> =>
  agent.ledger.manager.findOneByOrFail(Submission, { submissionId });

/** Sends an acceptance through collect and deliver; what the DMZ is told about it. */
async function accept(
  code: string,
  dateOfBirth: string,
  account: Parameters<typeof acceptedInvite>[3] = {},
  header: { createdAt?: string } = {},
): Promise<{
  outcome: string;
  triesLeft: number;
  item: OutboxItem;
  account: { accountRef: string; accountKeys: Awaited<ReturnType<typeof newHpkeKeyPair>> };
}> {
  const { payload, accountKeys } = await acceptedInvite(SITE, code, dateOfBirth, account);
  const item = await agent.dmz.submitEnrolment(payload, header);
  await agent.collectAndDeliver();
  await agent.pushOwed();
  const answer = agent.dmz.enrolments.findLast(({ submissionId }) => submissionId === item.submissionId);
  if (answer === undefined) {
    throw new Error('the acceptance was not answered');
  }
  expect(answer.accountRef).toBe(payload.accountRef);
  return {
    outcome: answer.outcome,
    triesLeft: answer.triesLeft,
    item,
    account: { accountRef: payload.accountRef, accountKeys },
  };
}

/** Sends an acceptance with the right date through collect and deliver; the DMZ is not told yet. */
async function accepted({ code }: { code: string }, pid: number): Promise<void> {
  const { payload } = await acceptedInvite(SITE, code, await agent.dateOfBirth(pid));
  await agent.dmz.submitEnrolment(payload);
  await agent.collectAndDeliver();
}

/** The DMZ, and what it was told in which order. */
function recorded(): { order: string[]; gateway: Parameters<typeof pushOwed>[0]['gateway'] } {
  const order: string[] = [];
  const { dmz } = agent;
  return {
    order,
    gateway: {
      sendRevocations: dmz.sendRevocations,
      sendInvites: dmz.sendInvites,
      sendEnrolments: (body) => {
        order.push('enrolments');
        return dmz.sendEnrolments(body);
      },
      sendGrants: (body) => {
        order.push('grants');
        return dmz.sendGrants(body);
      },
    },
  };
}

describe('an invite', () => {
  it('gives a code whose secret is nowhere in plain, and reaches the DMZ as a look-up only', async () => {
    const invite = await agent.invite(PID);
    const { inviteId, secret } = parseInviteCode(invite.code);
    expect(invite.link).toBe(`${ORIGIN}/#/join?code=${invite.code}`);
    expect(new URL(invite.link).pathname + new URL(invite.link).search).toBe('/');
    const row = await inviteOf(invite.code);
    expect(row).toMatchObject({ pid: PID, state: 'open', triesLeft: 5, accountRef: null });
    expect(row.secretWrapped.includes(secret)).toBe(false);
    await agent.pushOwed();
    expect(agent.dmz.invites).toEqual([
      { inviteId, lookup: inviteLookup(secret), expiresAt: invite.expiresAt, state: 'open' },
    ]);
    expect(Date.parse(invite.expiresAt) - Date.now()).toBeLessThanOrEqual(TIMES.invite);
    await agent.pushOwed();
    expect(agent.dmz.invites).toHaveLength(1);
  });

  it.each([
    ['OpenEMR does not know', 999_999, undefined, 'no patient with pid 999999'],
    ['may not use the portal', PID, "allow_patient_portal = 'NO'", 'Allow Patient Portal'],
    ['has no date of birth', PID, 'DOB = NULL', 'no date of birth'],
    ['has a zero date of birth', PID, "DOB = '0000-00-00'", 'no date of birth'],
  ])('is refused for a patient who %s, in words, and leaves nothing behind', async (_, pid, change, words) => {
    if (change !== undefined) {
      await agent.clinic.query(`UPDATE patient_data SET ${change} WHERE pid = ?`, [pid]);
    }
    const refusal = agent.invite(pid);
    await expect(refusal).rejects.toBeInstanceOf(InviteRefused);
    await expect(refusal).rejects.toThrow(words);
    expect(await agent.ledger.manager.count(Patient)).toBe(0);
    expect(await agent.ledger.manager.count(Chart)).toBe(0);
    expect(await agent.ledger.manager.count(Invite)).toBe(0);
  });

  it('given again voids the earlier code, in the DMZ too, and keeps patientRef and chart key', async () => {
    const first = await agent.invite(PID);
    await agent.pushOwed();
    const chart = await agent.ledger.manager.findOneByOrFail(Chart, { pid: PID });
    const second = await agent.invite(PID);
    expect(second).toMatchObject({ replaced: 1, furtherKey: false });
    await agent.pushOwed();
    expect(agent.dmz.invites.slice(1).map(({ inviteId, state }) => [inviteId, state])).toEqual(
      expect.arrayContaining([
        [first.inviteId, 'void'],
        [second.inviteId, 'open'],
      ]),
    );
    expect(await agent.ledger.manager.findOneByOrFail(Chart, { pid: PID })).toEqual(chart);
    expect(await accept(first.code, BORN)).toMatchObject({ outcome: 'void' });
    expect(await accept(second.code, BORN)).toMatchObject({ outcome: 'accepted' });
  });

  it('can be withdrawn', async () => {
    const invite = await agent.invite(PID);
    expect(await voidInvites(agent.ledger, PID)).toBe(1);
    expect(await accept(invite.code, BORN)).toMatchObject({ outcome: 'void' });
    expect(agent.dmz.invites).toMatchObject([{ inviteId: invite.inviteId, state: 'void' }]);
  });

  it('works with the gateway away, and is pushed when it is back', async () => {
    const invite = await agent.invite(PID);
    const away = () => Promise.reject(new Transient('gateway-unreachable', 'away'));
    const gateway = { sendInvites: away, sendEnrolments: away, sendGrants: away, sendRevocations: away };
    await expect(pushOwed({ gateway, ledger: agent.ledger, onRefused: () => undefined })).rejects.toThrow('away');
    expect((await inviteOf(invite.code)).pushedAt).toBeNull();
    await agent.pushOwed();
    expect(agent.dmz.invites).toHaveLength(1);
    expect((await inviteOf(invite.code)).pushedAt).not.toBeNull();
  });

  it('that the gateway refuses for good holds no other back', async () => {
    const bad = await agent.invite(PID);
    const good = await agent.invite(5006);
    const refused: string[] = [];
    await pushOwed({
      ledger: agent.ledger,
      onRefused: (_, id) => refused.push(id),
      gateway: {
        sendRevocations: agent.dmz.sendRevocations,
        sendInvites: (body) =>
          body.invites.some(({ inviteId }) => inviteId === bad.inviteId)
            ? Promise.reject(new Permanent('gateway-refused', 'no'))
            : agent.dmz.sendInvites(body),
        sendEnrolments: agent.dmz.sendEnrolments,
        sendGrants: agent.dmz.sendGrants,
      },
    });
    expect(refused).toEqual([bad.inviteId]);
    expect(agent.dmz.invites.map(({ inviteId }) => inviteId)).toEqual([good.inviteId]);
  });
});

describe('what the gateway refuses for good', () => {
  /** More than one push reads at a time. */
  const REFUSED = 120;

  it('hides nothing behind it, however much of it there is', async () => {
    const { manager } = agent.ledger;
    await accepted(await agent.invite(PID), PID);
    const sound = await agent.invite(5006);
    const grant = await manager.findOneByOrFail(AccountGrant, { state: 'active' });
    const invite = await inviteOf(sound.code);
    // Their numbers are lower than any that is drawn.
    const numbers = Array.from({ length: REFUSED }, (_, i) => i.toString(16).padStart(10, '0'));
    await manager.insert(
      Invite,
      numbers.map((inviteId) => Object.assign({}, invite, { inviteId, lookup: newRef() + newRef() })),
    );
    await manager.insert(
      AccountGrant,
      numbers.map((number) =>
        Object.assign({}, grant, {
          ...{ grantId: number.padStart(32, '0'), accountRef: REFUSED_REF },
          signed: { ...grant.signed, body: 'refused' },
        }),
      ),
    );
    const [answer] = await manager.findBy(Outgoing, { kind: 'enrolment' });
    await manager.delete(Outgoing, { kind: 'enrolment' });
    const body = { accountRef: REFUSED_REF, submissionId: newSubmissionId(), outcome: 'void', triesLeft: 0 };
    await manager.insert(
      Outgoing,
      [...numbers.map(() => body), answer?.body ?? {}].map((each) => ({
        kind: 'enrolment',
        body: each,
        pushedAt: null,
      })),
    );
    const refuseIf = (bad: boolean): Promise<void> =>
      bad ? Promise.reject(new Permanent('gateway-refused', 'no')) : Promise.resolve();
    const refused = new Map<string, number>();
    await pushOwed({
      ledger: agent.ledger,
      onRefused: (kind) => refused.set(kind, (refused.get(kind) ?? 0) + 1),
      gateway: {
        sendRevocations: agent.dmz.sendRevocations,
        sendInvites: async (sent) => {
          await refuseIf(sent.invites.some(({ inviteId }) => numbers.includes(inviteId)));
          return agent.dmz.sendInvites(sent);
        },
        sendGrants: async (sent) => {
          await refuseIf(sent.grants.some((signed) => signed.body === 'refused'));
          return agent.dmz.sendGrants(sent);
        },
        sendEnrolments: async (sent) => {
          await refuseIf(sent.enrolments.some(({ accountRef }) => accountRef === REFUSED_REF));
          return agent.dmz.sendEnrolments(sent);
        },
      },
    });
    expect(Object.fromEntries(refused)).toEqual({ invite: REFUSED, grant: REFUSED, enrolment: REFUSED });
    expect(agent.dmz.invites).toMatchObject([{ inviteId: sound.inviteId }]);
    expect(agent.dmz.grants).toEqual([grant.signed]);
    expect(agent.dmz.enrolments).toMatchObject([{ outcome: 'accepted' }]);
  });
});

describe('an accepted invite', () => {
  it('gives the account a signed grant that opens the chart, and only to that account', async () => {
    const invite = await agent.invite(PID);
    const { outcome, account, item } = await accept(invite.code, BORN);
    expect(outcome).toBe('accepted');
    expect(await submissionOf(item)).toMatchObject({ state: 'DONE', reason: null });
    const [signed] = agent.dmz.grants;
    const { kid, privateKey } = agent.keys.signing;
    expect(signed?.kid).toBe(kid);
    const statement = agent.keys.statements.map(({ body }) => JSON.parse(body) as { kid: string; publicKey: string });
    const publicKey = statement.find((each) => each.kid === kid)?.publicKey ?? '';
    expect(privateKey.type).toBe('private');
    const grant = verifyGrant(signed ?? { kid: '', body: '', signature: '' }, SITE, (name) =>
      name === kid ? verifyingKey(Buffer.from(publicKey, 'base64url')) : undefined,
    );
    const chart = await agent.ledger.manager.findOneByOrFail(Chart, { pid: PID });
    expect(grant.terms).toMatchObject({
      accountRef: account.accountRef,
      patientRef: chart.patientRef,
      relation: 'self',
      scopes: ['message'],
      classes: 'all',
      epoch: 1,
      to: null,
    });
    const chartKey = agent.keys.unwrapChartKey(chart.patientRef, 1, chart.chartKeyWrapped);
    expect(await openGrant(grant, account.accountKeys.privateKey)).toEqual(chartKey);
    await expect(openGrant(grant, (await newHpkeKeyPair()).privateKey)).rejects.toThrow();
  });

  it('is answered after its grant arrived, and both travel once', async () => {
    await accepted(await agent.invite(PID), PID);
    const { order, gateway } = recorded();
    const owed = { gateway, ledger: agent.ledger, onRefused: () => undefined };
    await pushOwed(owed);
    await pushOwed(owed);
    expect(order).toEqual(['grants', 'enrolments']);
  });

  it('that is decided while grants are on their way is answered with the next push, after its grant', async () => {
    await accepted(await agent.invite(PID), PID);
    const { order, gateway } = recorded();
    const meanwhile = {
      ...gateway,
      sendGrants: async (body: Parameters<typeof agent.dmz.sendGrants>[0]) => {
        const answer = await gateway.sendGrants(body);
        if (agent.dmz.grants.length === 1) {
          await accepted(await agent.invite(5006), 5006);
        }
        return answer;
      },
    };
    await pushOwed({ gateway: meanwhile, ledger: agent.ledger, onRefused: () => undefined });
    expect(order).toEqual(['grants', 'enrolments']);
    expect(agent.dmz.enrolments).toHaveLength(1);
    await agent.pushOwed();
    expect(agent.dmz.enrolments).toHaveLength(2);
    expect(agent.dmz.grants).toHaveLength(2);
  });

  it('is not answered while the gateway refuses its grant', async () => {
    await accepted(await agent.invite(PID), PID);
    const refused: string[] = [];
    const { gateway } = recorded();
    await pushOwed({
      gateway: { ...gateway, sendGrants: () => Promise.reject(new Permanent('gateway-refused', 'no')) },
      ledger: agent.ledger,
      onRefused: (kind) => refused.push(kind),
    });
    expect(refused).toEqual(['grant']);
    expect(agent.dmz.enrolments).toEqual([]);
    await agent.pushOwed();
    expect(agent.dmz.enrolments).toMatchObject([{ outcome: 'accepted' }]);
  });

  it('makes every class of the chart dirty and the patient enrolled', async () => {
    const invite = await agent.invite(PID);
    await accept(invite.code, BORN);
    const classes = (await agent.ledger.manager.findBy(Dirty, { pid: PID })).map(({ recordClass }) => recordClass);
    expect(classes).toEqual(expect.arrayContaining(['profile', 'medications', 'results', 'messages']));
    expect(await agent.ledger.manager.findOneByOrFail(Patient, { pid: PID })).toMatchObject({
      state: 'enrolled',
      portalUsername: 'Clemente5005',
    });
  });

  it('uses the mail identity that OpenEMR has, untouched', async () => {
    const [before] = await agent.rows('SELECT * FROM patient_access_onsite WHERE pid = ?', [PID]);
    const invite = await agent.invite(PID);
    await accept(invite.code, BORN);
    const after = await agent.rows('SELECT * FROM patient_access_onsite WHERE pid = ?', [PID]);
    expect(after).toEqual([before]);
  });

  it('makes a mail identity where OpenEMR has none: the name its portal would give, no usable password', async () => {
    await agent.clinic.query('DELETE FROM patient_access_onsite WHERE pid = ?', [PID]);
    const invite = await agent.invite(PID);
    await accept(invite.code, BORN);
    const [row, ...more] = await agent.rows('SELECT * FROM patient_access_onsite WHERE pid = ?', [PID]);
    expect(more).toEqual([]);
    expect(row).toMatchObject({ portal_username: 'Clemente5005', portal_pwd: '*', portal_onetime: null });
  });

  it('gives a name to a row of OpenEMR’s portal that has none, and changes nothing else of it', async () => {
    await agent.clinic.query(
      "UPDATE patient_access_onsite SET portal_username = '', portal_pwd = 'kept' WHERE pid = ?",
      [PID],
    );
    const [before] = await agent.rows('SELECT * FROM patient_access_onsite WHERE pid = ?', [PID]);
    const invite = await agent.invite(PID);
    await accept(invite.code, BORN);
    const after = await agent.rows('SELECT * FROM patient_access_onsite WHERE pid = ?', [PID]);
    expect(after).toEqual([{ ...before, portal_username: 'Clemente5005' }]);
  });

  it('never shares a mail identity: a name in use by another patient, a user or old mail is not taken', async () => {
    for (const [pid, taken] of [
      [5005, "UPDATE patient_access_onsite SET portal_username = 'CLEMENTE5005' WHERE pid = 5007"],
      [5006, "UPDATE users SET username = 'Gloria5006' WHERE id = 103"],
      [5008, "INSERT INTO onsite_mail (owner, message_status) VALUES ('Dirk5008', 'New')"],
    ] as const) {
      await agent.clinic.query('DELETE FROM patient_access_onsite WHERE pid = ?', [pid]);
      await agent.clinic.query(taken);
      const invite = await agent.invite(pid);
      await accept(invite.code, await agent.dateOfBirth(pid));
      const { portalUsername } = await agent.ledger.manager.findOneByOrFail(Patient, { pid });
      expect(portalUsername).toBe(`${String(pid)}-${String(pid)}-portal`);
    }
  });

  it.each([
    ['another patient', 'UPDATE patient_access_onsite SET portal_username = ? WHERE pid = 5007'],
    ['a member of staff', 'UPDATE users SET username = ? WHERE id = 103'],
  ])('is refused while OpenEMR has the mail identity for %s too; once mended the same code opens', async (_, take) => {
    await agent.clinic.query("UPDATE patient_access_onsite SET portal_username = 'Shared' WHERE pid = ?", [PID]);
    const invite = await agent.invite(PID);
    await agent.clinic.query(take, ['Shared']);
    const { outcome, item, account } = await accept(invite.code, BORN);
    expect(outcome).toBe('void');
    expect((await submissionOf(item)).reason).toMatch(/^portal-name-shared: /);
    expect(await agent.ledger.manager.count(AccountGrant)).toBe(0);
    expect((await inviteOf(invite.code)).state).toBe('open');
    await expect(agent.invite(PID)).rejects.toThrow(/also belongs to/);
    await agent.clinic.query(take, ['Mended']);
    expect(await accept(invite.code, BORN, account)).toMatchObject({ outcome: 'accepted' });
  });

  it('takes effect once when the same acceptance is sent again', async () => {
    const invite = await agent.invite(PID);
    const { account } = await accept(invite.code, BORN);
    expect(await accept(invite.code, BORN, account)).toMatchObject({ outcome: 'accepted' });
    expect(await agent.ledger.manager.count(AccountGrant)).toBe(1);
  });
});

describe('a wrong date of birth', () => {
  it('may be retried by the same account, five tries in all, then the invite is void inside and outside', async () => {
    const invite = await agent.invite(PID);
    const { account, ...first } = await accept(invite.code, WRONG);
    expect(first).toMatchObject({ outcome: 'wrong-date', triesLeft: 4 });
    for (const triesLeft of [3, 2, 1]) {
      expect(await accept(invite.code, WRONG, account)).toMatchObject({ outcome: 'wrong-date', triesLeft });
    }
    expect(await accept(invite.code, WRONG, account)).toMatchObject({ outcome: 'void', triesLeft: 0 });
    expect(await accept(invite.code, BORN, account)).toMatchObject({ outcome: 'void' });
    expect(await inviteOf(invite.code)).toMatchObject({ state: 'void', triesLeft: 0 });
    expect(agent.dmz.invites.at(-1)).toMatchObject({ inviteId: invite.inviteId, state: 'void' });
    expect(await agent.ledger.manager.count(AccountGrant)).toBe(0);
    expect(agent.dmz.grants).toEqual([]);
  });

  it('then the right one opens the chart', async () => {
    const invite = await agent.invite(PID);
    const { account } = await accept(invite.code, WRONG);
    expect(await accept(invite.code, BORN, account)).toMatchObject({ outcome: 'accepted' });
    expect(agent.dmz.grants).toHaveLength(1);
  });

  it('costs one try however often the DMZ repeats the same acceptance', async () => {
    const invite = await agent.invite(PID);
    const { item } = await accept(invite.code, WRONG);
    for (let i = 0; i < 6; i += 1) {
      agent.dmz.outbox.push(structuredClone(item));
      await agent.collectAndDeliver();
    }
    expect((await inviteOf(invite.code)).triesLeft).toBe(4);
  });

  it('leaves neither the typed nor the true date in the ledger', async () => {
    const invite = await agent.invite(PID);
    await accept(invite.code, WRONG);
    await accept(invite.code, BORN);
    const { manager } = agent.ledger;
    const rows = JSON.stringify([
      await manager.find(Submission),
      await manager.find(Outgoing),
      await manager.find(Invite),
    ]);
    expect(rows).not.toContain(WRONG);
    expect(rows).not.toContain(BORN);
  });
});

describe('an acceptance without right', () => {
  it('by a second account is refused though code and date are right: whoever proved the code first keeps the invite', async () => {
    const invite = await agent.invite(PID);
    const { account } = await accept(invite.code, WRONG);
    const stranger = await accept(invite.code, BORN);
    expect(stranger).toMatchObject({ outcome: 'void' });
    expect((await submissionOf(stranger.item)).reason).toMatch(/^invite-used: /);
    const otherKey = { accountRef: account.accountRef };
    expect(await accept(invite.code, BORN, otherKey)).toMatchObject({ outcome: 'void' });
    expect(await accept(invite.code, BORN, account)).toMatchObject({ outcome: 'accepted' });
    expect(await accept(invite.code, BORN)).toMatchObject({ outcome: 'void' });
    expect(await agent.ledger.manager.count(AccountGrant)).toBe(1);
  });

  it('of four accounts at once, taken by two agents, exactly one gets in', async () => {
    const invite = await agent.invite(PID);
    const second = await agent.secondAgent();
    try {
      for (const account of [newRef(), newRef(), newRef(), newRef()]) {
        const { payload } = await acceptedInvite(SITE, invite.code, BORN, { accountRef: account });
        await agent.dmz.submitEnrolment(payload);
      }
      await agent.collect();
      await Promise.all([agent.deliver(), agent.deliver({ ...agent.context, ledger: second })]);
      await agent.pushOwed();
      expect(agent.dmz.enrolments.map(({ outcome }) => outcome).sort()).toEqual(['accepted', 'void', 'void', 'void']);
      expect(agent.dmz.grants).toHaveLength(1);
    } finally {
      await second.destroy();
    }
  });

  it.each([
    ['a code nobody issued', formatInviteCode(newInviteCode()), SITE, 'unknown-invite'],
    ['a proof for another practice', null, '00000000-0000-4000-8000-000000000001', 'wrong-proof'],
  ])('with %s is refused and costs no try', async (_, foreignCode, site, reason) => {
    const invite = await agent.invite(PID);
    const { payload } = await acceptedInvite(site, foreignCode ?? invite.code, BORN);
    const item = await agent.dmz.submitEnrolment(payload);
    await agent.collectAndDeliver();
    const row = await submissionOf(item);
    expect(row).toMatchObject({ state: 'REFUSED' });
    expect(row.reason).toContain(`${reason}: `);
    expect(await inviteOf(invite.code)).toMatchObject({ state: 'open', triesLeft: 5, accountRef: null });
  });

  it('after the invite expired is refused; made in time and collected days later it counts', async () => {
    const long = Date.now() - TIMES.invite - 3_600_000;
    const invite = await agent.invite(PID, new Date(long));
    expect(await accept(invite.code, BORN)).toMatchObject({ outcome: 'void' });
    expect(await inviteOf(invite.code)).toMatchObject({ state: 'expired' });
    const inTime = await agent.invite(5006, new Date(long));
    expect(
      await accept(inTime.code, await agent.dateOfBirth(5006), {}, { createdAt: new Date(long + 1_000).toISOString() }),
    ).toMatchObject({ outcome: 'accepted' });
  });

  it('by a patient whom staff barred after the invite is refused', async () => {
    const invite = await agent.invite(PID);
    await agent.clinic.query("UPDATE patient_data SET allow_patient_portal = 'NO' WHERE pid = ?", [PID]);
    const { outcome, item } = await accept(invite.code, BORN);
    expect(outcome).toBe('void');
    expect((await submissionOf(item)).reason).toMatch(/^patient-missing: /);
  });
});

describe('the access of a patient', () => {
  const judge = (pid = PID) =>
    judgePatient({ ledger: agent.ledger, tables: agent.tables, resourceIdKey: agent.keys.resourceIdKey }, pid);
  const allow = (answer: string, pid = PID) =>
    agent.clinic.query('UPDATE patient_data SET allow_patient_portal = ? WHERE pid = ?', [answer, pid]);
  const patientOf = (pid = PID): Promise<Patient> => agent.ledger.manager.findOneByOrFail(Patient, { pid });
  const decisions = async (): Promise<object[]> =>
    (await agent.ledger.manager.find(PatientDecision, { order: { id: 'ASC' } })).map(
      ({ decision, cause, decidedBy, sectionsDeleted }) => ({ decision, cause, decidedBy, sectionsDeleted }),
    );

  it.each(['NO', ''])(
    'ends when OpenEMR says %p: invites void, grants revoked, the DMZ told once to shred',
    async (no) => {
      const { accountRef, patientRef } = await agent.joinedPatient(PID);
      const { inviteId } = parseInviteCode((await agent.invite(PID)).code);
      await agent.pushOwed();
      const grants = await agent.ledger.manager.findBy(AccountGrant, { patientRef });
      expect(await judge()).toBe('stays');
      await allow(no);
      expect([await judge(), await judge()]).toEqual(['revoked', 'stays']);
      expect(await patientOf()).toMatchObject({ state: 'revoked', portalUsername: null });
      expect(await agent.ledger.manager.countBy(AccountGrant, { patientRef, state: 'active' })).toBe(0);
      for (const table of ['chart_section', 'acked_class', 'dirty', 'source_row', 'document_blob']) {
        expect(await agent.ledger.query(`SELECT 1 FROM ${table}`)).toEqual([]);
      }
      expect(await readStatus(agent.ledger.manager)).toMatchObject({ patients: { revoked: 1, notShredded: 1 } });
      await agent.pushOwed();
      await agent.pushOwed();
      expect(agent.dmz.revocations).toEqual([
        { grantIds: grants.map(({ grantId }) => grantId), charts: [patientRef], accounts: [accountRef] },
      ]);
      expect(agent.dmz.invites.findLast((invite) => invite.inviteId === inviteId)?.state).toBe('void');
      expect(await decisions()).toEqual([
        { decision: 'revoked', cause: 'portal-not-allowed', decidedBy: 'agent', sectionsDeleted: 3 },
      ]);
      expect(await readStatus(agent.ledger.manager)).toMatchObject({ patients: { revoked: 1, notShredded: 0 } });
    },
  );

  it('comes back by a new invite only, with another chart key, and not before the DMZ has shredded', async () => {
    const { accountRef, patientRef } = await agent.joinedPatient(PID);
    const before = await agent.ledger.manager.findOneByOrFail(Chart, { pid: PID });
    const oldKey = agent.keys.unwrapChartKey(patientRef, before.epoch, before.chartKeyWrapped);
    await allow('NO');
    await judge();
    await expect(agent.invite(PID)).rejects.toThrow('Allow Patient Portal');
    await allow('YES');
    expect(await judge()).toBe('stays');
    await expect(agent.invite(PID)).rejects.toThrow('has not said yet that it has shredded');
    await agent.pushOwed();
    const again = await agent.joinedPatient(PID);
    expect(again.patientRef).toBe(patientRef);
    expect(again.accountRef).not.toBe(accountRef);
    const chart = await agent.ledger.manager.findOneByOrFail(Chart, { pid: PID });
    expect(chart).toMatchObject({ epoch: before.epoch + 1, attemptedSeq: before.attemptedSeq });
    expect(agent.keys.unwrapChartKey(patientRef, chart.epoch, chart.chartKeyWrapped).equals(oldKey)).toBe(false);
    expect(await patientOf()).toMatchObject({ state: 'enrolled' });
    // What was owed long ago and is sent again, as after a restore of the DMZ, shreds nothing of now.
    await agent.ledger.query("UPDATE outgoing SET pushed_at = NULL WHERE kind = 'revocation'");
    await agent.pushOwed();
    expect(agent.dmz.revocations.at(-1)).toMatchObject({ charts: [], accounts: [accountRef] });
    expect(await decisions()).toMatchObject([{ decision: 'revoked' }, { decision: 'returned', decidedBy: 'staff' }]);
  });

  it('ends on the command line, and an account that may read another chart stays', async () => {
    const { accountRef, patientRef } = await agent.joinedPatient(PID);
    const other = await agent.joinedPatient(5006);
    await agent.ledger.manager.update(AccountGrant, { patientRef: other.patientRef }, { accountRef });
    expect(await endAccess(agent.ledger, [PID, PID, 999_999])).toEqual([PID]);
    expect(await endAccess(agent.ledger, [PID])).toEqual([PID]);
    await agent.pushOwed();
    expect(agent.dmz.revocations).toMatchObject([{ charts: [patientRef], accounts: [] }]);
    expect(await readDecided(agent.ledger.manager)).toMatchObject([
      { pid: PID, state: 'revoked', why: 'staff decided it on the command line', shreddedAt: expect.any(String) },
    ]);
  });

  it.each([
    ['is gone', 'DELETE FROM patient_data WHERE pid = ?', 'record-missing'],
    ['is another row', 'UPDATE patient_data SET id = id + 100000 WHERE pid = ?', 'record-replaced'],
    [
      'has another name and date of birth',
      "UPDATE patient_data SET lname = 'Other', DOB = '1950-01-02' WHERE pid = ?",
      'record-replaced',
    ],
  ])('waits for a person when the record %s; the word of a person lets it go on', async (_, sql, cause) => {
    await agent.joinedPatient(PID);
    await agent.clinic.query(sql, [PID]);
    expect([await judge(), await judge()]).toEqual(['frozen', 'stays']);
    expect(await readDecided(agent.ledger.manager)).toMatchObject([{ pid: PID, state: 'frozen' }]);
    expect(await decisions()).toMatchObject([{ decision: 'frozen', cause }]);
    await expect(agent.invite(PID)).rejects.toThrow(cause === 'record-missing' ? 'no patient' : 'frozen');
    const comparing = { tables: agent.tables, resourceIdKey: agent.keys.resourceIdKey };
    const { confirmed, refused } = await confirmPatients(agent.ledger, comparing, [PID]);
    expect([confirmed, refused.map(({ pid }) => pid)]).toEqual(cause === 'record-missing' ? [[], [PID]] : [[PID], []]);
    expect((await patientOf()).state).toBe(cause === 'record-missing' ? 'frozen' : 'enrolled');
    expect(await judge()).toBe('stays');
    // Barred meanwhile: the stricter answer counts, for the frozen too.
    if (cause !== 'record-missing') {
      await agent.clinic.query("UPDATE patient_data SET DOB = '1949-01-02', fname = 'Yet' WHERE pid = ?", [PID]);
      expect(await judge()).toBe('frozen');
      await allow('NO');
      expect(await judge()).toBe('revoked');
    }
  });

  it.each([
    ['a new name', "lname = 'Married'"],
    ['a name in capitals', 'fname = UPPER(fname), lname = UPPER(lname)'],
    ['a corrected date of birth', "DOB = '1984-07-03'"],
  ])('goes on with %s', async (_, change) => {
    await agent.joinedPatient(PID);
    await agent.clinic.query(`UPDATE patient_data SET ${change} WHERE pid = ?`, [PID]);
    expect(await judge()).toBe('stays');
    expect(await decisions()).toEqual([]);
  });

  it('is not shredded when far too many would be at once: the rest wait for a person', async () => {
    await agent.joinedPatient(PID);
    await agent.ledger.manager.insert(
      PatientDecision,
      Array.from({ length: 20 }, () => ({
        ...({ decision: 'revoked', cause: 'portal-not-allowed', decidedBy: 'agent' } as const),
        ...{ patientRef: newRef(), at: new Date() },
      })),
    );
    await allow('NO');
    expect(await judge()).toBe('frozen');
    expect(await readDecided(agent.ledger.manager)).toMatchObject([{ why: expect.stringContaining('so many') }]);
    const { refused } = await confirmPatients(
      agent.ledger,
      { tables: agent.tables, resourceIdKey: agent.keys.resourceIdKey },
      [PID],
    );
    expect(refused).toMatchObject([{ pid: PID, reason: expect.stringContaining('does not allow') }]);
  });

  it('is looked at for everybody when the change feed missed it, and the ledger learns whom it did not know yet', async () => {
    await agent.joinedPatient(PID);
    await agent.joinedPatient(5006);
    await agent.ledger.manager.update(Patient, { pid: 5006 }, { recordId: null, nameMac: null, birthMac: null });
    await allow('NO');
    const judging = { ledger: agent.ledger, tables: agent.tables, resourceIdKey: agent.keys.resourceIdKey };
    expect(await judgeEverybody(judging, new AbortController().signal)).toBe(1);
    expect(await judgeEverybody(judging, new AbortController().signal)).toBe(0);
    expect((await patientOf()).state).toBe('revoked');
    expect((await patientOf(5006)).recordId).not.toBeNull();
  });
});
