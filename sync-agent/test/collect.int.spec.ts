import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { openEnvelope, sealEnvelope, type Envelope } from 'sync-contract/envelope';
import { newHpkeKeyPair } from 'sync-contract/hpke';
import { newRef } from 'sync-contract/identifiers';
import { ccdRequestStream, releaseWishStream } from 'sync-contract/submission';
import { kidOf } from 'sync-contract/signed';
import { collectOutbox } from '../src/collect/collect-outbox.js';
import { QUARANTINE_REASONS, type QuarantineReason } from '../src/collect/quarantine-reason.js';
import { CcdRequest } from '../src/ledger/ccd-request.entity.js';
import { AccountGrant } from '../src/ledger/enrolment.entities.js';
import { Patient } from '../src/ledger/patient.entity.js';
import { ReleaseDecisionRow } from '../src/ledger/release.entities.js';
import { Stream, Submission } from '../src/ledger/submission.entities.js';
import { newSubmissionId, type JoinedPatient, type OutboxItem } from './collect-test-dmz.js';
import { DeliverUnderTest, SITE } from './deliver-under-test.js';

let agent: DeliverUnderTest;
let patient: JoinedPatient;
let other: JoinedPatient;

beforeAll(async () => {
  agent = await DeliverUnderTest.start('collect');
  patient = await agent.joinedPatient(5005);
  other = await agent.joinedPatient(5006);
});
afterAll(async () => {
  await agent[Symbol.asyncDispose]();
});

const found = (submissionId: string): Promise<Submission | null> =>
  agent.ledger.manager.findOneBy(Submission, { submissionId });
const stream = (name: string): Promise<Stream | null> => agent.ledger.manager.findOneBy(Stream, { stream: name });
const payload = (threadId: string, body = 'Please call me'): object => ({
  threadId,
  topic: 'General',
  subject: '',
  body,
  writtenAt: new Date().toISOString(),
});

/** The item as the outbox would hold it with another envelope than the one that was sealed. */
function altered(item: OutboxItem, change: (envelope: Envelope) => unknown): OutboxItem {
  const copy = structuredClone(item);
  copy.envelope = change(structuredClone(copy.envelope) as Envelope);
  agent.dmz.outbox = agent.dmz.outbox.map((each) => (each.submissionId === item.submissionId ? copy : each));
  return copy;
}

/** For each cause: something a hostile or broken DMZ could put into the outbox. */
const CAUSES: Record<QuarantineReason, () => Promise<OutboxItem>> = {
  'not-an-envelope': async () => altered((await agent.dmz.submitMessage(patient)).item, () => ({ hello: ['world'] })),
  'too-large': async () =>
    altered((await agent.dmz.submitMessage(patient)).item, (envelope) => ({ ...envelope, ct: 'A'.repeat(262_144) })),
  'protocol-version': async () =>
    altered((await agent.dmz.submitMessage(patient)).item, (envelope) => ({
      ...envelope,
      header: { ...envelope.header, v: 9 },
    })),
  'foreign-site': async () =>
    (await agent.dmz.submitMessage(patient, {}, { site: '00000000-0000-4000-8000-000000000001' })).item,
  'row-differs': async () => {
    const { item } = await agent.dmz.submitMessage(patient);
    return altered({ ...item }, (envelope) => ({ ...envelope, header: { ...envelope.header, streamSeq: 2 } }));
  },
  'unknown-key': async () => {
    const { publicKey } = await newHpkeKeyPair();
    const threadId = newRef();
    const header = agent.dmz.header(threadId, patient);
    return agent.dmz.put(await sealEnvelope(header, payload(threadId), { kid: kidOf(publicKey), publicKey }));
  },
  'seal-broken': async () =>
    altered((await agent.dmz.submitMessage(patient)).item, (envelope) => ({
      ...envelope,
      header: { ...envelope.header, createdAt: '2020-01-01T00:00:00.000Z' },
    })),
  'unknown-kind': async () => agent.dmz.submit(newRef(), { ...patient, kind: 'refill-request' }, { drug: 'x' }),
  'wrong-content': async () => {
    const threadId = newRef();
    return agent.dmz.submit(threadId, patient, { ...payload(threadId), pid: 5006 });
  },
  'no-grant': async () =>
    (await agent.dmz.submitMessage({ accountRef: other.accountRef, patientRef: patient.patientRef })).item,
  'content-differs': async () => agent.dmz.submit(newRef(), patient, payload(newRef())),
  'foreign-stream': async () => {
    const { threadId } = await agent.dmz.submitMessage(patient);
    await agent.collectAndDeliver();
    return (await agent.dmz.submitMessage(other, { threadId })).item;
  },
  'daily-limit': async () => {
    const eager = await agent.joinedPatient(5008);
    for (let n = 0; n < 200; n += 1) {
      await agent.ledger.manager.insert(Submission, {
        ...eager,
        ...{ submissionId: newSubmissionId(), kind: 'message', stream: newRef(), streamSeq: 1, envelope: '' },
        ...{ state: 'DONE', receivedAt: new Date(), reason: null, doneAt: null, settledAt: null, effect: null },
      });
    }
    return (await agent.dmz.submitMessage(eager)).item;
  },
  'number-taken': async () => {
    const { threadId } = await agent.dmz.submitMessage(patient);
    await agent.collectAndDeliver();
    return (await agent.dmz.submitMessage(patient, { threadId }, { streamSeq: 1 })).item;
  },
};

describe('an item that is set aside', () => {
  it.each(Object.keys(QUARANTINE_REASONS) as QuarantineReason[])(
    'because of %s says so, takes no effect, is acknowledged, and holds nobody else back',
    async (reason) => {
      await agent.collectAndDeliver();
      await agent.forgetMails();
      const item = await CAUSES[reason]();
      const before = (await agent.mails()).length;
      const bystander = await agent.dmz.submitMessage(other);
      await agent.collectAndDeliver();

      const row = await found(item.submissionId);
      expect(row).toMatchObject({ state: 'QUARANTINED', reason: `${reason}: ${QUARANTINE_REASONS[reason]}` });
      expect(row?.reason?.length).toBeLessThanOrEqual(500);
      expect(agent.dmz.outbox).toEqual([]);
      expect(agent.dmz.acked).toContain(item.submissionId);
      expect(await found(bystander.item.submissionId)).toMatchObject({ state: 'DONE' });
      expect(await agent.mails()).toHaveLength(before + 2);
    },
  );

  it('is also a wish in another stream than its chart’s, or one without its result; the chart’s own goes on', async () => {
    const { patientRef } = patient;
    const wished = (wish: string, resultId: string | null = null): object => ({
      ...{ wish, resultId, wishedAt: new Date().toISOString() },
    });
    const kind = { ...patient, kind: 'release-wish' };
    const elsewhere = await agent.dmz.submit(newRef(), kind, wished('wait'));
    const foreign = await agent.dmz.submit(releaseWishStream(other.patientRef), kind, wished('wait'));
    const own = await agent.dmz.submit(releaseWishStream(patientRef), kind, wished('wait'));
    await agent.collectAndDeliver();
    const nothing = await agent.dmz.submit(releaseWishStream(patientRef), kind, wished('show'));
    await agent.collectAndDeliver();
    const reasons = await Promise.all(
      [elsewhere, foreign, own, nothing].map(async ({ submissionId }) => (await found(submissionId))?.reason ?? null),
    );
    expect(reasons.map((reason) => reason?.split(':')[0])).toEqual([
      ...['content-differs', 'content-differs', undefined, 'wrong-content'],
    ]);
    expect(await found(own.submissionId)).toMatchObject({ state: 'DONE', effect: { wish: 'wait' } });
    const [decision] = await agent.ledger.manager.find(ReleaseDecisionRow);
    expect(decision).toMatchObject({ kind: 'wish', author: `account ${patient.accountRef}`, endedAt: null });
  });

  it('is also a request for a C-CDA in another stream than its chart’s; one that is not offered is refused', async () => {
    const { patientRef } = patient;
    const range = { from: '2026-01-01', to: null, requestedAt: new Date().toISOString() };
    const kind = { ...patient, kind: 'ccd-request' };
    const elsewhere = await agent.dmz.submit(releaseWishStream(other.patientRef), kind, range);
    const foreign = await agent.dmz.submit(ccdRequestStream(other.patientRef), kind, range);
    const own = await agent.dmz.submit(ccdRequestStream(patientRef), kind, range);
    await agent.collectAndDeliver();
    for (const { submissionId } of [elsewhere, foreign]) {
      expect((await found(submissionId))?.reason).toMatch(/^content-differs: /);
    }
    expect(await found(own.submissionId)).toMatchObject({ state: 'REFUSED', reason: 'ccd-not-offered' });
    expect(await agent.ledger.manager.count(CcdRequest)).toBe(0);
  });

  it('stops its own stream: what follows in it waits, in order', async () => {
    const { item, threadId } = await agent.dmz.submitMessage(patient);
    altered(item, (envelope) => ({ ...envelope, ct: envelope.ct.replace(/^./, (sign) => (sign === 'A' ? 'B' : 'A')) }));
    const next = await agent.dmz.submitMessage(patient, { threadId });
    await agent.collectAndDeliver();
    expect(await stream(threadId)).toMatchObject({
      nextSeq: 1,
      stoppedReason: expect.stringMatching(/^seal-broken: /),
    });
    expect(await found(next.item.submissionId)).toMatchObject({ state: 'RECEIVED' });
  });

  it('cannot stop or take the place of what belongs to another patient’s thread', async () => {
    const { threadId } = await agent.dmz.submitMessage(patient);
    await agent.collectAndDeliver();
    const forged = await agent.dmz.submitMessage(other, { threadId }, { streamSeq: 2 });
    await agent.collectAndDeliver();
    const genuine = await agent.dmz.submitMessage(patient, { threadId }, { streamSeq: 2 });
    await agent.collectAndDeliver();
    expect(await found(forged.item.submissionId)).toMatchObject({ state: 'QUARANTINED' });
    expect(await found(genuine.item.submissionId)).toMatchObject({ state: 'DONE' });
    expect(await stream(threadId)).toMatchObject({ nextSeq: 3, stoppedReason: null });
  });

  it('under a number that is taken lies beside the thread, which goes on', async () => {
    const { threadId } = await agent.dmz.submitMessage(patient);
    await agent.collectAndDeliver();
    const forged = await agent.dmz.submitMessage(patient, { threadId }, { streamSeq: 1 });
    const genuine = await agent.dmz.submitMessage(patient, { threadId }, { streamSeq: 2 });
    await agent.collectAndDeliver();
    expect((await found(forged.item.submissionId))?.reason).toMatch(/^number-taken: /);
    expect(await found(genuine.item.submissionId)).toMatchObject({ state: 'DONE' });
    expect(await stream(threadId)).toMatchObject({ nextSeq: 3, stoppedReason: null });
  });

  it('first of all does not make the thread its own: genuine items that follow belong to it', async () => {
    const { item, threadId } = await agent.dmz.submitMessage(patient, {}, { streamSeq: 7 });
    altered(item, () => 'rubbish');
    const foreign = await agent.dmz.submitMessage(
      { ...patient, patientRef: other.patientRef },
      { threadId },
      { streamSeq: 8 },
    );
    const genuine = await agent.dmz.submitMessage(patient, { threadId }, { streamSeq: 1 });
    await agent.collect();
    expect((await found(foreign.item.submissionId))?.reason).toMatch(/^no-grant: /);
    expect(await found(genuine.item.submissionId)).toMatchObject({ state: 'RECEIVED', stream: threadId });
    expect(await stream(threadId)).toMatchObject({ kind: 'message', patientRef: patient.patientRef });
  });

  it('and is no envelope is kept as hash and first KiB only', async () => {
    const { item } = await agent.dmz.submitMessage(patient);
    altered(item, () => ({ rubbish: 'x'.repeat(200_000) }));
    await agent.collect();
    const kept = (await found(item.submissionId))?.envelope ?? '';
    expect(kept.length).toBeLessThan(2_048);
    expect(JSON.parse(kept)).toMatchObject({
      cut: { bytes: 200_014, sha256: expect.stringMatching(/^[0-9a-f]{64}$/) },
    });
  });

  it('with a number beyond all counting is set aside like any other', async () => {
    const { item, threadId } = await agent.dmz.submitMessage(patient, {}, { streamSeq: Number.MAX_SAFE_INTEGER });
    await agent.collectAndDeliver();
    expect(await found(item.submissionId)).toMatchObject({ state: 'QUARANTINED' });
    expect((await stream(threadId))?.stoppedReason).toMatch(/^not-an-envelope/);
  });
});

describe('a grant', () => {
  it.each([
    [
      'is revoked',
      async () => agent.ledger.manager.update(AccountGrant, { accountRef: other.accountRef }, { state: 'revoked' }),
    ],
    [
      'is of a patient who left',
      async () => agent.ledger.manager.update(Patient, { patientRef: other.patientRef }, { state: 'revoked' }),
    ],
  ])('that %s opens no way in', async (_, revoke) => {
    await revoke();
    try {
      const { item } = await agent.dmz.submitMessage(other);
      await agent.collectAndDeliver();
      expect((await found(item.submissionId))?.reason).toMatch(/^no-grant: /);
    } finally {
      await agent.ledger.manager.update(AccountGrant, { accountRef: other.accountRef }, { state: 'active' });
      await agent.ledger.manager.update(Patient, { patientRef: other.patientRef }, { state: 'enrolled' });
    }
  });
});

describe('a gateway that does not keep its word', () => {
  it('repeats: a submission counts once, in whatever form it comes again', async () => {
    await agent.forgetMails();
    const { item } = await agent.dmz.submitMessage(patient);
    agent.dmz.outbox.push(structuredClone(item));
    await agent.collectAndDeliver();
    agent.dmz.outbox.push(structuredClone(item), { ...item, stream: newRef() }, { ...item, envelope: 'rubbish' });
    await agent.collectAndDeliver();
    expect(await found(item.submissionId)).toMatchObject({ state: 'DONE', streamSeq: 1 });
    expect(await agent.mails()).toHaveLength(2);
    expect(agent.dmz.outbox).toEqual([]);
  });

  it('reorders and withholds: what is there waits for what is missing, then all is delivered in order', async () => {
    await agent.forgetMails();
    const threadId = newRef();
    for (const body of ['one', 'two', 'three']) {
      await agent.dmz.submitMessage(patient, { threadId, body });
    }
    const [first, second, third] = agent.dmz.outbox;
    agent.dmz.outbox = [third, second].filter((item) => item !== undefined);
    await agent.collectAndDeliver();
    expect(await agent.mails()).toEqual([]);
    agent.dmz.outbox = [first].filter((item) => item !== undefined);
    await agent.collectAndDeliver();
    const bodies = (await agent.mails()).filter(({ owner }) => owner === 'admin').map(({ body }) => String(body));
    expect(bodies).toEqual(['<p>one</p>', '<p>two</p>', '<p>three</p>']);
  });

  it('is acknowledged only what is committed: another connection sees the row when the acknowledgement leaves', async () => {
    const observer = await agent.secondAgent();
    const seen: boolean[] = [];
    agent.dmz.onAck = async (ids) => {
      for (const submissionId of ids) {
        seen.push(await observer.manager.existsBy(Submission, { submissionId }));
      }
    };
    try {
      await agent.dmz.submitMessage(patient);
      await agent.dmz.submitMessage(other);
      await agent.collectAndDeliver();
      expect(seen).toEqual([true, true]);
    } finally {
      agent.dmz.onAck = () => Promise.resolve();
      await observer.destroy();
    }
  });

  it('offers all of it again, as after a restore: what is known is not opened, and acknowledged with what is new', async () => {
    await agent.forgetMails();
    const known: OutboxItem[] = [];
    for (let n = 0; n < 8; n += 1) {
      known.push((await agent.dmz.submitMessage(n % 2 === 0 ? patient : other)).item);
    }
    await agent.collectAndDeliver();
    const mails = await agent.mails();
    const rows = await agent.ledger.manager.find(Submission);
    agent.dmz.outbox.push(...known);
    const { item: fresh } = await agent.dmz.submitMessage(patient);
    const acked: (readonly string[])[] = [];
    agent.dmz.onAck = (ids) => {
      acked.push(ids);
      return Promise.resolve();
    };
    let opened = 0;
    let repeated = 0;
    const { keys } = agent.collection();
    const sealingKey = (kid: string): Uint8Array | undefined => {
      opened += 1;
      return keys.sealingKey(kid);
    };
    const onKnown = (items: number): void => {
      repeated += items;
    };
    try {
      await collectOutbox(agent.collection({ keys: { ...keys, sealingKey }, onKnown }), 0);
    } finally {
      agent.dmz.onAck = () => Promise.resolve();
    }
    expect({ opened, repeated }).toEqual({ opened: 1, repeated: known.length });
    expect(acked.map((ids) => [...ids].sort())).toEqual([
      [...known, fresh].map(({ submissionId }) => submissionId).sort(),
    ]);
    expect(await agent.mails()).toEqual(mails);
    const before = new Set(rows.map(({ submissionId }) => submissionId));
    const after = await agent.ledger.manager.find(Submission);
    expect(after.filter(({ submissionId }) => before.has(submissionId))).toEqual(rows);
    expect(after).toHaveLength(rows.length + 1);
    await agent.deliver();
    expect(await agent.mails()).toHaveLength(mails.length + 2);
  });

  it('loses acknowledgements: what it hands out again is known, and acknowledged again', async () => {
    await agent.forgetMails();
    const { item } = await agent.dmz.submitMessage(patient);
    const lost = { lease: agent.dmz.lease, ack: () => Promise.reject(new Error('lost')) };
    await expect(collectOutbox(agent.collection({ gateway: lost }), 0)).rejects.toThrow('lost');
    expect(agent.dmz.outbox).toHaveLength(1);
    await agent.collectAndDeliver();
    await agent.collectAndDeliver();
    expect(agent.dmz.acked.filter((id) => id === item.submissionId)).toHaveLength(1);
    expect(await agent.mails()).toHaveLength(2);
  });
});

describe('two agents at once', () => {
  it('collect the same items into one row each', async () => {
    await agent.forgetMails();
    const second = await agent.secondAgent();
    try {
      const items = [];
      for (let i = 0; i < 12; i += 1) {
        items.push((await agent.dmz.submitMessage(i % 2 === 0 ? patient : other)).item);
      }
      await Promise.all([collectOutbox(agent.collection(), 0), collectOutbox(agent.collection({ ledger: second }), 0)]);
      for (const { submissionId } of items) {
        expect(await found(submissionId)).toMatchObject({ state: 'RECEIVED' });
      }
      await agent.deliver();
      expect(await agent.mails()).toHaveLength(24);
    } finally {
      await second.destroy();
    }
  });
});

describe('the ledger', () => {
  it('holds no plain text of a message, delivered or set aside', async () => {
    const canary = `canary-${randomBytes(8).toString('hex')}`;
    const { item } = await agent.dmz.submitMessage(patient, { subject: canary.slice(0, 20), body: canary });
    const threadId = newRef();
    await agent.dmz.submit(threadId, patient, { ...payload(threadId, canary), more: canary });
    await agent.collectAndDeliver();
    const sealed = JSON.parse((await found(item.submissionId))?.envelope ?? '') as Envelope;
    const key = agent.keys.sealingPrivateKey(sealed.header.kid);
    expect(await openEnvelope(sealed, SITE, key ?? Buffer.alloc(0))).toMatchObject({ body: canary });
    const rows = await agent.ledger.manager.find(Submission);
    expect(JSON.stringify(rows)).not.toContain(canary);
  });

  it('keeps set-aside submissions whole up to a number, of any flood beyond it only what shows that they came', async () => {
    const forge = async (): Promise<Envelope | { cut: { bytes: number; sha256: string } }> => {
      const { item } = await agent.dmz.submitMessage(patient);
      altered(item, (envelope) => ({ ...envelope, ct: `AAAA${envelope.ct}` }));
      await agent.collect();
      const row = await found(item.submissionId);
      expect(row).toMatchObject({ state: 'QUARANTINED', reason: expect.stringMatching(/^seal-broken: /) });
      return JSON.parse(row?.envelope ?? '') as Envelope | { cut: { bytes: number; sha256: string } };
    };
    const aside = await agent.ledger.manager.countBy(Submission, { state: 'QUARANTINED' });
    await agent.ledger.manager.insert(
      Submission,
      Array.from({ length: 1_000 - aside }, () => ({
        submissionId: newSubmissionId(),
        accountRef: patient.accountRef,
        patientRef: null,
        kind: 'unknown',
        stream: newRef(),
        streamSeq: 1,
        envelope: '{}',
        state: 'QUARANTINED' as const,
        reason: null,
        receivedAt: new Date(),
        doneAt: null,
        settledAt: null,
      })),
    );
    expect(await forge()).toMatchObject({ header: { patientRef: patient.patientRef } });
    const cut = await forge();
    expect(cut).toMatchObject({ cut: { bytes: expect.any(Number), sha256: expect.stringMatching(/^[0-9a-f]{64}$/) } });
    // What counts of a flood is the id, kept for ever: the stream of each stands still, everybody else's goes on.
    const { item, threadId } = await agent.dmz.submitMessage(other);
    await agent.collectAndDeliver();
    expect(await found(item.submissionId)).toMatchObject({ state: 'DONE', stream: threadId });
  });

  it('takes an id only once, also after thousands of others', async () => {
    const submissionId = newSubmissionId();
    await agent.dmz.submitMessage(patient, {}, { submissionId });
    await agent.collectAndDeliver();
    const again = await agent.dmz.submitMessage(other, {}, { submissionId });
    await agent.collectAndDeliver();
    expect(await found(submissionId)).toMatchObject({ accountRef: patient.accountRef });
    expect(await stream(again.threadId)).toBeNull();
  });
});
