import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { randomInt } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { newRef } from 'sync-contract/identifiers';
import { deliverNext } from '../src/deliver/deliver-next.js';
import { Stream, Submission, Thread, ThreadMail } from '../src/ledger/submission.entities.js';
import type { JoinedPatient } from './collect-test-dmz.js';
import { DeliverUnderTest } from './deliver-under-test.js';

let agent: DeliverUnderTest;
let patients: JoinedPatient[];

beforeAll(async () => {
  agent = await DeliverUnderTest.start('deliver_streams');
  patients = [await agent.joinedPatient(5005), await agent.joinedPatient(5006), await agent.joinedPatient(5008)];
});
afterAll(async () => {
  await agent[Symbol.asyncDispose]();
});
beforeEach(async () => {
  await agent.forgetMails();
});

/** Bodies as staff see them, by the patient's chain, in the order of their ids. */
async function threadsOfStaff(): Promise<string[][]> {
  const chains = new Map<number, string[]>();
  for (const mail of (await agent.mails()).filter(({ owner }) => owner === 'admin')) {
    const chain = Number(mail['mail_chain']);
    chains.set(chain, [...(chains.get(chain) ?? []), String(mail['body']).replace(/<\/?p>/g, '')]);
  }
  return [...chains.values()];
}

/** Messages in several threads of several patients; returns what every thread must hold. */
async function sendMany(threads: number, each: number): Promise<string[][]> {
  const expected: string[][] = [];
  const ids = Array.from({ length: threads }, () => newRef());
  for (let n = 0; n < each; n += 1) {
    for (const [at, threadId] of ids.entries()) {
      const patient = patients[at % patients.length];
      const body = `thread ${String(at)} message ${String(n)}`;
      if (patient !== undefined) {
        await agent.dmz.submitMessage(patient, { threadId, body });
      }
      (expected[at] ??= []).push(body);
    }
  }
  return expected;
}

const sorted = (threads: string[][]): string[][] => [...threads].sort((a, b) => (a[0] ?? '').localeCompare(b[0] ?? ''));

async function expectExactly(expected: string[][]): Promise<void> {
  expect(sorted(await threadsOfStaff())).toEqual(sorted(expected));
  const count = expected.flat().length;
  expect(await agent.mails()).toHaveLength(2 * count);
  expect(await agent.dueStreams()).toEqual([]);
}

describe('streams', () => {
  it('are drained by two agents with four workers each without a loss, a double or a change of order', async () => {
    const expected = await sendMany(6, 5);
    await agent.collect();
    const second = await agent.secondAgent();
    try {
      const workers = [agent.ledger, second].flatMap((ledger) =>
        Array.from({ length: 4 }, () => ({ ...agent.context, ledger })),
      );
      await Promise.all(workers.map((context) => agent.deliver(context)));
    } finally {
      await second.destroy();
    }
    await expectExactly(expected);
  });

  it('survive connections that are cut at random moments', async () => {
    const seed = randomInt(2 ** 31);
    const expected = await sendMany(4, 6);
    await agent.collect();
    let cuts = 0;
    let state = seed;
    const random = (): number => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
      return state / 0x7fffffff;
    };
    const over = new AbortController();
    const saboteur = (async () => {
      while (!over.signal.aborted) {
        await delay(random() * 25);
        const victims = await agent.zones.inside.adminSql(
          "SELECT id FROM information_schema.processlist WHERE user = 'agent_writer' AND db = ?",
          [agent.databases.ledger],
        );
        const victim = victims[Math.floor(random() * victims.length)];
        if (victim !== undefined) {
          await agent.zones.inside.adminSql('KILL CONNECTION ?', [Number(victim['id'])]).catch(() => undefined);
          cuts += 1;
        }
      }
    })();
    let failures = 0;
    try {
      for (const limit = Date.now() + 40_000; Date.now() < limit;) {
        try {
          await agent.deliver();
          if (cuts >= 15) {
            break;
          }
          await sendOneMore(expected);
        } catch {
          failures += 1;
        }
      }
    } finally {
      over.abort();
      await saboteur;
    }
    await retry(() => agent.collectAndDeliver());
    process.stdout.write(`cut connections: seed ${String(seed)}, ${String(cuts)} cuts, ${String(failures)} failures\n`);
    expect(cuts).toBeGreaterThanOrEqual(15);
    expect(failures).toBeGreaterThan(0);
    await expectExactly(expected);
  });

  it('wait for a poisoned one not at all', async () => {
    const [first, second] = patients;
    const threadId = newRef();
    const poison = await agent.dmz.submitMessage(first ?? { accountRef: '', patientRef: '' }, { threadId });
    await agent.collect();
    const { submissionId } = poison.item;
    // The key that opens it is destroyed between collection and delivery.
    const envelope = (await agent.ledger.manager.findOneByOrFail(Submission, { submissionId })).envelope;
    const kid = agent.dmz.recipient.kid;
    await agent.ledger.manager.update(
      Submission,
      { submissionId },
      { envelope: envelope.replace(kid, '0'.repeat(16)) },
    );
    await agent.dmz.submitMessage(first ?? { accountRef: '', patientRef: '' }, { threadId, body: 'behind the poison' });
    await agent.dmz.submitMessage(first ?? { accountRef: '', patientRef: '' }, { body: 'another thread' });
    await agent.dmz.submitMessage(second ?? { accountRef: '', patientRef: '' }, { body: 'another patient' });
    await agent.collectAndDeliver();
    expect((await threadsOfStaff()).flat().sort()).toEqual(['another patient', 'another thread']);
    const aside = await agent.ledger.manager.findOneByOrFail(Submission, { submissionId });
    expect(aside).toMatchObject({ state: 'QUARANTINED', reason: expect.stringContaining('restore its file') });
    expect(await agent.ledger.manager.findOneByOrFail(Stream, { stream: threadId })).toMatchObject({
      nextSeq: 1,
      stoppedReason: aside.reason,
    });
    expect(await deliverNext(agent.context, threadId)).toBe('nothing');
  });

  it.each([
    ['no longer opens', (text: string) => text.replace(/"ct":"./, (at) => `"ct":"${at.endsWith('A') ? 'B' : 'A'}`)],
    ['is no envelope any more', () => '{"rubbish":true}'],
    ['is not even JSON', () => '{'],
  ])('stop, and are not tried for ever, when what the ledger holds %s', async (_, damage) => {
    const { item, threadId } = await agent.dmz.submitMessage(patients[0] ?? { accountRef: '', patientRef: '' });
    await agent.collect();
    const { submissionId } = item;
    const { manager } = agent.ledger;
    const { envelope } = await manager.findOneByOrFail(Submission, { submissionId });
    await manager.update(Submission, { submissionId }, { envelope: damage(envelope) });
    expect(await deliverNext(agent.context, threadId)).toBe('nothing');
    const aside = await manager.findOneByOrFail(Submission, { submissionId });
    expect(aside).toMatchObject({ state: 'QUARANTINED', reason: expect.stringMatching(/submission/) });
    expect((await manager.findOneByOrFail(Stream, { stream: threadId })).stoppedReason).toBe(aside.reason);
    expect(await agent.dueStreams()).not.toContain(threadId);
  });

  it('are not stopped at the next one when another agent delivered meanwhile what this one could not', async () => {
    const patient = patients[0] ?? { accountRef: '', patientRef: '' };
    const { item, threadId } = await agent.dmz.submitMessage(patient, { body: 'one agent lacks the key' });
    await agent.dmz.submitMessage(patient, { threadId, body: 'right behind' });
    await agent.collect();
    const { submissionId } = item;
    const { manager } = agent.ledger;
    const { envelope } = await manager.findOneByOrFail(Submission, { submissionId });
    await manager.update(
      Submission,
      { submissionId },
      { envelope: envelope.replace(agent.dmz.recipient.kid, '0'.repeat(16)) },
    );
    // Between the failure and the stop the other agent, which can open it, is done with it.
    let transactions = 0;
    const ledger = new Proxy(agent.ledger, {
      get: (target, name) =>
        name !== 'transaction'
          ? (Reflect.get(target, name, target) as unknown)
          : async (work: (inside: typeof manager) => Promise<unknown>) => {
              transactions += 1;
              if (transactions === 2) {
                await manager.update(Submission, { submissionId }, { envelope });
                expect(await deliverNext(agent.context, threadId)).toMatchObject({ kind: 'message' });
              }
              return target.transaction(work);
            },
    });
    expect(await deliverNext({ ...agent.context, ledger }, threadId)).toBe('nothing');
    expect(transactions).toBe(2);
    expect(await manager.findOneByOrFail(Stream, { stream: threadId })).toMatchObject({
      nextSeq: 2,
      stoppedReason: null,
    });
    expect(await deliverNext(agent.context, threadId)).toMatchObject({ kind: 'message' });
    expect((await threadsOfStaff()).flat()).toEqual(['one agent lacks the key', 'right behind']);
  });

  it('whose rows in OpenEMR are locked by somebody else wait and then count once', async () => {
    const patient = patients[0] ?? { accountRef: '', patientRef: '' };
    const { threadId } = await agent.dmz.submitMessage(patient);
    await agent.collect();
    await agent.clinic.query('LOCK TABLES onsite_mail WRITE, patient_data WRITE');
    const delivery = agent.deliver();
    await delay(1_500);
    const waiting = await agent.ledger.manager.findOneByOrFail(Stream, { stream: threadId });
    await agent.clinic.query('UNLOCK TABLES');
    await delivery;
    expect(waiting.nextSeq).toBe(1);
    expect(await agent.mails()).toHaveLength(2);
  });
});

describe('what is written', () => {
  it('stands or falls together: without the ledger’s rows there are no rows in OpenEMR', async () => {
    const patient = patients[0] ?? { accountRef: '', patientRef: '' };
    const { item, threadId } = await agent.dmz.submitMessage(patient);
    await agent.collect();
    // The last statement of the transaction cannot be carried out.
    await agent.zones.inside.adminSql(
      `CREATE TRIGGER \`${agent.databases.ledger}\`.refuse BEFORE UPDATE ON \`${agent.databases.ledger}\`.stream
         FOR EACH ROW SIGNAL SQLSTATE '45000'`,
    );
    try {
      await expect(agent.deliver()).rejects.toThrow();
    } finally {
      await agent.zones.inside.adminSql(`DROP TRIGGER \`${agent.databases.ledger}\`.refuse`);
    }
    expect(await agent.mails()).toEqual([]);
    expect(await agent.ledger.manager.countBy(ThreadMail, { threadId })).toBe(0);
    expect(await agent.ledger.manager.existsBy(Thread, { threadId })).toBe(false);
    const { submissionId } = item;
    expect(await agent.ledger.manager.findOneByOrFail(Submission, { submissionId })).toMatchObject({
      state: 'RECEIVED',
    });
    await agent.deliver();
    expect(await agent.mails()).toHaveLength(2);
  });
});

async function sendOneMore(expected: string[][]): Promise<void> {
  const body = `alone ${String(expected.length)}`;
  const patient = patients[expected.length % patients.length];
  if (patient !== undefined) {
    await agent.dmz.submitMessage(patient, { body });
    expected.push([body]);
  }
  await agent.collect();
}

/** A pool may still hold connections that were cut. */
async function retry(work: () => Promise<void>): Promise<void> {
  for (let left = 20; ; left -= 1) {
    try {
      await work();
      return;
    } catch (error: unknown) {
      if (left === 0) {
        throw error;
      }
      await delay(50);
    }
  }
}
