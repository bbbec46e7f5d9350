import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { newRef } from 'sync-contract/identifiers';
import { ccdRequestStream, releaseWishStream } from 'sync-contract/submission';
import type {
  CcdRequestSentView,
  MessageSentView,
  OwnCopiesView,
  ReceiptsView,
  ReleaseWishSentView,
} from '../src/http.js';
import { PortalUnderTest, type PatientWithChart } from './portal-under-test.js';

const MESSAGE = { threadId: null, topic: 'Results', subject: 'My potassium', body: 'Is it fine?' };

describe('messages over HTTP', () => {
  let portal: PortalUnderTest;
  let patient: PatientWithChart;

  beforeAll(async () => {
    portal = await PortalUnderTest.start('submissions_http');
    patient = await portal.patient();
  });
  afterAll(async () => portal[Symbol.asyncDispose]());

  function send(
    body: object,
    key: string = randomUUID(),
    sender: PatientWithChart = patient,
  ): ReturnType<typeof patient.browser.post> {
    return sender.browser.post(`/api/charts/${sender.patientRef}/messages`, body).set('idempotency-key', key);
  }

  async function copies(query = ''): Promise<OwnCopiesView['copies']> {
    const { body } = await patient.browser.get(`/api/charts/${patient.patientRef}/own-copies${query}`).expect(200);
    return (body as OwnCopiesView).copies;
  }

  test('201 means sealed to the inside, readable by the sender, and counted once however often it is sent', async () => {
    const key = randomUUID();
    const first = (await send(MESSAGE, key).expect(201)).body as MessageSentView;
    const again = (await send(MESSAGE, key).expect(201)).body as MessageSentView;
    expect(again).toEqual(first);
    const payload = { ...MESSAGE, threadId: first.threadId, writtenAt: first.savedAt };
    expect(await portal.inside.newestPayload(patient.accountRef)).toEqual(payload);
    expect(await copies(`?stream=${first.threadId}`)).toEqual([
      {
        submissionId: first.submissionId,
        kind: 'message',
        stream: first.threadId,
        createdAt: first.savedAt,
        state: 'saved',
        payload,
      },
    ]);
    const receipts = (await patient.browser.get(`/api/charts/${patient.patientRef}/receipts`).expect(200))
      .body as ReceiptsView;
    expect(receipts.receipts).toContainEqual({
      submissionId: first.submissionId,
      kind: 'message',
      state: 'saved',
      at: first.savedAt,
    });
    const conflict = await send({ ...MESSAGE, body: 'Something else' }, key).expect(422);
    expect(conflict.body).toMatchObject({ code: 'idempotency-conflict' });
  });

  test('a reply goes into its thread, also when the clinic began it, and into no other', async () => {
    const { threadId } = (await send(MESSAGE).expect(201)).body as MessageSentView;
    const reply = (await send({ ...MESSAGE, threadId, body: 'And my sodium?' }).expect(201)).body as MessageSentView;
    expect(reply.threadId).toBe(threadId);
    expect((await copies(`?stream=${threadId}`)).map((copy) => copy.payload.body)).toEqual([
      'Is it fine?',
      'And my sodium?',
    ]);

    const other = await portal.patient();
    expect((await send({ ...MESSAGE, threadId }, randomUUID(), other).expect(404)).body).toMatchObject({
      code: 'thread-not-found',
    });
    const begun = newRef();
    const thread = {
      threadId: begun,
      topic: 'General',
      subject: 'Please call us',
      messages: 1,
      unread: 1,
      lastAt: new Date().toISOString(),
      lastFrom: 'practice',
      excerpt: 'Please call us',
    };
    expect((await send({ ...MESSAGE, threadId: begun }).expect(404)).body).toMatchObject({ code: 'thread-not-found' });
    await portal.inside.publish(patient.patientRef, { messages: { threads: [thread] } }, { seq: 2 });
    await portal.inside.beat();
    expect((await send({ ...MESSAGE, threadId: begun }).expect(201)).body).toMatchObject({ threadId: begun });
    await send({ ...MESSAGE, threadId: begun }, randomUUID(), other).expect(404);
  });

  test('another patient’s chart does not exist, for writing as for reading', async () => {
    const other = await portal.patient();
    for (const request of [
      patient.browser.post(`/api/charts/${other.patientRef}/messages`, MESSAGE).set('idempotency-key', randomUUID()),
      patient.browser.get(`/api/charts/${other.patientRef}/own-copies`),
      patient.browser.get(`/api/charts/${other.patientRef}/receipts`),
    ]) {
      expect((await request.expect(404)).body).toMatchObject({ code: 'not-found' });
    }
  });

  test.each([
    ['no text', { ...MESSAGE, body: '' }],
    ['100,000 characters', { ...MESSAGE, body: 'canary '.repeat(14_286) }],
    ['a bidirectional override', { ...MESSAGE, body: 'canary \u202e' }],
    ['a control character', { ...MESSAGE, subject: 'canary \u0007' }],
    ['an unknown topic', { ...MESSAGE, topic: 'canary' }],
    ['a field more', { ...MESSAGE, canary: 'canary' }],
    ['mistyped fields', { threadId: 1, topic: null, subject: ['canary'], body: { canary: 1 } }],
    ['a list', ['canary']],
  ])('%s is refused by field, without repeating it, and leaves nothing', async (_what, body) => {
    const before = (await copies()).length;
    const response = await send(body);
    expect(response.status).toBe(422);
    expect(response.body).toMatchObject({ code: 'body-refused', errors: expect.any(Array) });
    expect(response.text).not.toContain('canary');
    expect(await copies()).toHaveLength(before);
  });

  test.each(['', 'short', 'with space in the middle', 'x'.repeat(65), 'schlüssel-schlüssel'])(
    'the key “%s” is none',
    async (key) => {
      const request = patient.browser.post(`/api/charts/${patient.patientRef}/messages`, MESSAGE);
      const response = await (key === ''
        ? request
        : request.set('idempotency-key', encodeURI(key) === key ? key : 'ä'.repeat(20)));
      expect(response.status).toBe(400);
      expect(response.body).toMatchObject({ code: 'idempotency-key-missing' });
    },
  );

  test('a wish about new results is sealed, shown as on its way to its sender alone, and takes no message in its stream', async () => {
    const wish = (body: object, key: string = randomUUID()): ReturnType<typeof patient.browser.post> =>
      patient.browser.post(`/api/charts/${patient.patientRef}/release-wishes`, body).set('idempotency-key', key);
    const key = randomUUID();
    const wait = { wish: 'wait', resultId: null };
    const sent = (await wish(wait, key).expect(201)).body as ReleaseWishSentView;
    expect((await wish(wait, key).expect(201)).body).toEqual(sent);
    const payload = { ...wait, wishedAt: sent.savedAt };
    expect(await portal.inside.newestPayload(patient.accountRef)).toEqual(payload);
    const show = { wish: 'show', resultId: 'ab'.repeat(16) };
    const second = (await wish(show).expect(201)).body as ReleaseWishSentView;
    const own = (await patient.browser.get(`/api/charts/${patient.patientRef}/own-copies`).expect(200))
      .body as OwnCopiesView;
    expect(own.wishes).toEqual([
      { submissionId: sent.submissionId, createdAt: sent.savedAt, state: 'saved', payload },
      {
        ...{ submissionId: second.submissionId, createdAt: second.savedAt, state: 'saved' },
        payload: { ...show, wishedAt: second.savedAt },
      },
    ]);
    expect(own.copies.map(({ submissionId }) => submissionId)).not.toContain(sent.submissionId);
    const threadId = releaseWishStream(patient.patientRef);
    expect((await send({ ...MESSAGE, threadId }).expect(404)).body).toMatchObject({ code: 'thread-not-found' });
    for (const body of [
      {},
      { wish: 'show', resultId: null },
      { ...wait, resultId: 'ab'.repeat(16) },
      { wish: 'ever' },
    ]) {
      expect((await wish(body).expect(422)).body).toMatchObject({ code: 'body-refused' });
    }
    const none = patient.browser.post(`/api/charts/${patient.patientRef}/release-wishes`, wait);
    expect((await none.expect(400)).body).toMatchObject({ code: 'idempotency-key-missing' });
  });

  test('a request for a C-CDA is sealed, shown as on its way to its sender alone, counts once, and takes no message in its stream', async () => {
    const ask = (body: object, key: string = randomUUID()): ReturnType<typeof patient.browser.post> =>
      patient.browser.post(`/api/charts/${patient.patientRef}/ccd-requests`, body).set('idempotency-key', key);
    const key = randomUUID();
    const range = { from: '2025-01-01', to: null };
    const sent = (await ask(range, key).expect(201)).body as CcdRequestSentView;
    expect((await ask(range, key).expect(201)).body).toEqual(sent);
    expect(await portal.inside.newestPayload(patient.accountRef)).toEqual({ ...range, requestedAt: sent.savedAt });
    const { receipts } = (await patient.browser.get(`/api/charts/${patient.patientRef}/receipts`).expect(200))
      .body as ReceiptsView;
    expect(receipts.filter(({ kind }) => kind === 'ccd-request')).toEqual([
      { submissionId: sent.submissionId, kind: 'ccd-request', state: 'saved', at: sent.savedAt },
    ]);
    const second = (await ask({ from: null, to: null }).expect(201)).body as CcdRequestSentView;
    const own = (await patient.browser.get(`/api/charts/${patient.patientRef}/own-copies`).expect(200))
      .body as OwnCopiesView;
    expect(own.ccdRequests).toEqual([
      {
        ...{ submissionId: sent.submissionId, createdAt: sent.savedAt, state: 'saved' },
        payload: { ...range, requestedAt: sent.savedAt },
      },
      {
        ...{ submissionId: second.submissionId, createdAt: second.savedAt, state: 'saved' },
        payload: { from: null, to: null, requestedAt: second.savedAt },
      },
    ]);
    expect([...own.copies, ...own.wishes].map(({ submissionId }) => submissionId)).not.toContain(sent.submissionId);
    const relative = await portal.join();
    await portal.inside.grant(relative.accountRef, patient.patientRef);
    const theirs = await relative.browser.get(`/api/charts/${patient.patientRef}/own-copies`).expect(200);
    expect(theirs.body).toEqual({ copies: [], wishes: [], ccdRequests: [] });
    expect((await ask({ ...range, to: '2026-01-01' }, key).expect(422)).body).toMatchObject({
      code: 'idempotency-conflict',
    });
    const threadId = ccdRequestStream(patient.patientRef);
    expect((await send({ ...MESSAGE, threadId }).expect(404)).body).toMatchObject({ code: 'thread-not-found' });
    for (const body of [
      {},
      { from: '2025-01-02', to: '2025-01-01' },
      { from: '2025-02-30', to: null },
      { from: '2025-01-01T00:00:00Z', to: null },
      { ...range, type: 'ccd' },
    ]) {
      expect((await ask(body).expect(422)).body).toMatchObject({ code: 'body-refused' });
    }
    const none = patient.browser.post(`/api/charts/${patient.patientRef}/ccd-requests`, range);
    expect((await none.expect(400)).body).toMatchObject({ code: 'idempotency-key-missing' });
  });

  test('markup is text, and comes back as it was written', async () => {
    const body = '<img src=x onerror=alert(1)> & "quotes"';
    const { submissionId } = (await send({ ...MESSAGE, body }).expect(201)).body as MessageSentView;
    expect((await copies()).find((copy) => copy.submissionId === submissionId)?.payload.body).toBe(body);
  });
});
