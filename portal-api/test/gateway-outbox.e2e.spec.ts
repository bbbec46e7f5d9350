import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import { Envelope, openEnvelope } from 'sync-contract/envelope';
import { GATEWAY_ROUTES, LeaseAnswer } from 'sync-contract/gateway-wire';
import { newRef } from 'sync-contract/identifiers';
import { LIMITS } from 'sync-contract/limits';
import { PROTOCOL_VERSION } from 'sync-contract/protocol';
import { v7 as uuidv7 } from 'uuid';
import { uuidBytes } from '../src/database/hex-column.js';
import { PORTAL_EVENTS_CHANNEL } from '../src/events/portal-event.js';
import { Housekeeping } from '../src/gateway/housekeeping.js';
import { redisOptions } from '../src/redis/redis-connection.js';
import { GatewayUnderTest, redisOf } from './gateway-under-test.js';
import { SubmissionsUnderTest, buildMessage } from './submissions-under-test.js';
import { TestAgent } from './test-agent.js';

describe('the outbox at the gateway', () => {
  let gateway: GatewayUnderTest;
  let submissions: SubmissionsUnderTest;

  beforeAll(async () => {
    gateway = await GatewayUnderTest.start('gateway_outbox');
    await gateway.handOverKeys();
    submissions = await SubmissionsUnderTest.start({
      site: gateway.site,
      rootPublicKey: gateway.keys.rootPublicKey,
      databaseName: gateway.databases.portal,
    });
  });
  afterAll(async () => {
    await submissions[Symbol.asyncDispose]();
    await gateway[Symbol.asyncDispose]();
  });
  beforeEach(async () => {
    await gateway.database.query('DELETE FROM outbox');
  });

  async function lease(waitMs = 0, limit: number = LIMITS.leaseItems): Promise<LeaseAnswer> {
    const answer = await gateway.call('lease', { limit, waitMs });
    expect(answer.status).toBe(200);
    return LeaseAnswer.parse(answer.body);
  }

  async function expire(): Promise<void> {
    await gateway.database.query("UPDATE outbox SET leased_until = '2020-01-01' WHERE state = 'LEASED'");
  }

  async function states(): Promise<Record<string, number>> {
    const rows = await gateway.database.query<{ state: string; n: string }[]>(
      'SELECT state, COUNT(*) AS n FROM outbox GROUP BY state',
    );
    return Object.fromEntries(rows.map((row) => [row.state, Number(row.n)]));
  }

  test('a saved message reaches a waiting agent at once, and only the inside can read it', async () => {
    const waiting = lease(20_000);
    const started = performance.now();
    await sleep(300);
    const saved = await submissions.service.submit(buildMessage({ text: 'Is my potassium fine?' }));
    const { items } = await waiting;
    // Nobody looks again before the wait is over: it was the ring.
    expect(performance.now() - started).toBeLessThan(19_000);
    expect(items).toEqual([
      { submissionId: saved.submissionId, stream: saved.stream, streamSeq: 1, envelope: expect.anything() },
    ]);
    const envelope = Envelope.parse(items[0]?.envelope);
    const opened = await openEnvelope(envelope, gateway.site, gateway.keys.seal.privateKey);
    expect(opened).toMatchObject({ threadId: saved.stream, body: 'Is my potassium fine?' });
  });

  test('an empty outbox answers empty when the wait is over', async () => {
    const started = performance.now();
    expect(await lease(400)).toEqual({ lease: null, items: [] });
    expect(performance.now() - started).toBeGreaterThan(380);
  });

  test('without Redis’s ring the row is found by the next lease', async () => {
    await submissions.service.submit(buildMessage());
    expect((await lease()).items).toHaveLength(1);
  });

  test('concurrent leases share the rows: each row in exactly one, in order', async () => {
    const sent: string[] = [];
    for (let number = 0; number < 60; number += 1) {
      sent.push((await submissions.service.submit(buildMessage())).submissionId);
    }
    const answers = await Promise.all(Array.from({ length: 10 }, async () => lease(0, 10)));
    const rest = await lease();
    const taken = [...answers, rest].flatMap((answer) => answer.items.map((item) => item.submissionId));
    expect([...taken].sort()).toEqual([...sent].sort());
    for (const { items } of answers) {
      const positions = items.map((item) => sent.indexOf(item.submissionId));
      expect(positions).toEqual([...positions].sort((a, b) => a - b));
    }
    expect(await lease()).toEqual({ lease: null, items: [] });
  });

  test('a lease whose time is over frees its rows, in their old order before newer ones', async () => {
    const accountRef = newRef();
    const ids: string[] = [];
    for (let number = 0; number < 3; number += 1) {
      ids.push((await submissions.service.submit(buildMessage({ accountRef }))).submissionId);
    }
    const first = await lease(0, 2);
    expect(first.items.map((item) => item.submissionId)).toEqual(ids.slice(0, 2));
    await expire();
    const again = await lease();
    expect(again.items.map((item) => item.submissionId)).toEqual(ids);
    expect(again.lease).not.toBe(first.lease);
  });

  test('an acknowledged row is never handed out again, and acknowledging twice or the unknown changes nothing', async () => {
    const saved = await submissions.service.submit(buildMessage());
    await lease();
    const ids = [saved.submissionId, uuidv7()];
    const answers = await Promise.all([1, 2, 3].map(async () => gateway.call('ack', { submissionIds: ids })));
    expect(answers.map((answer) => answer.body)).toEqual([{ acked: 1 }, { acked: 1 }, { acked: 1 }]);
    await expire();
    expect((await lease()).items).toEqual([]);
    const [receipt] = await gateway.database.query<{ state: string; collected_at: Date | null }[]>(
      'SELECT state, collected_at FROM receipt WHERE submission_id = ?',
      [uuidBytes(saved.submissionId)],
    );
    expect(receipt).toMatchObject({ state: 'collected', collected_at: expect.any(Date) });
    const [audited] = await gateway.database.query<{ entries: string }[]>(
      "SELECT COUNT(*) AS entries FROM audit_entry WHERE JSON_VALUE(body, '$.object') = ? AND JSON_VALUE(body, '$.action') = 'gateway-ack'",
      [saved.submissionId],
    );
    expect(Number(audited?.entries)).toBe(1);
  });

  test('an agent that begins anew is handed at once what it held before, in the old order', async () => {
    const saved = [];
    for (const text of ['one', 'two', 'three']) {
      saved.push((await submissions.service.submit(buildMessage({ text }))).submissionId);
    }
    expect((await lease(0, 2)).items).toHaveLength(2);
    expect((await gateway.call('hello', { site: gateway.site, now: new Date().toISOString() })).status).toBe(200);
    expect((await lease()).items.map((item) => item.submissionId)).toEqual(saved);
  });

  test('an agent of another site frees nothing', async () => {
    await submissions.service.submit(buildMessage({ text: 'held' }));
    await lease();
    await gateway.call('hello', { site: '00000000-0000-4000-8000-000000000000', now: new Date().toISOString() });
    expect((await lease()).items).toEqual([]);
  });

  test('somebody who only compares, beside the running agent, frees nothing', async () => {
    await submissions.service.submit(buildMessage({ text: 'held' }));
    await lease();
    const look = { site: gateway.site, now: new Date().toISOString(), look: true };
    expect((await gateway.call('hello', look)).status).toBe(200);
    expect((await lease()).items).toEqual([]);
  });

  test('an acknowledgement after the lease ran out still counts', async () => {
    const saved = await submissions.service.submit(buildMessage());
    await lease();
    await expire();
    await lease();
    expect((await gateway.call('ack', { submissionIds: [saved.submissionId] })).body).toEqual({ acked: 1 });
    expect(await states()).toEqual({ ACKED: 1 });
  });

  test('an agent that vanishes while it waits takes nothing with it', async () => {
    const vanishing = new TestAgent(gateway.port);
    const call = vanishing.post(GATEWAY_ROUTES.lease, { v: PROTOCOL_VERSION, limit: 10, waitMs: 25_000 });
    const cut = expect(call).rejects.toThrow();
    await sleep(300);
    vanishing[Symbol.dispose]();
    await cut;
    await sleep(200);
    await submissions.service.submit(buildMessage());
    await sleep(300);
    expect(await states()).toEqual({ NEW: 1 });
    expect((await lease()).items).toHaveLength(1);
  });

  test('a row with a damaged envelope travels as it is, beside the good ones', async () => {
    const [bad, good] = [
      await submissions.service.submit(buildMessage()),
      await submissions.service.submit(buildMessage()),
    ];
    await gateway.database.query('UPDATE outbox SET envelope = \'{"header": tru\' WHERE submission_id = ?', [
      uuidBytes(bad.submissionId),
    ]);
    const { items } = await lease();
    expect(items.map((item) => item.envelope)).toEqual([
      '{"header": tru',
      expect.objectContaining({ ct: expect.any(String) }),
    ]);
    expect(items[1]?.submissionId).toBe(good.submissionId);
  });

  test('the sender’s page hears of the collection, by ids only', async () => {
    const redis = new Redis(redisOptions(redisOf('portal_api')));
    await redis.connect();
    const heard: string[] = [];
    redis.on('message', (_channel, message: string) => heard.push(message));
    await redis.subscribe(PORTAL_EVENTS_CHANNEL);
    const message = buildMessage();
    const saved = await submissions.service.submit(message);
    await lease();
    await gateway.call('ack', { submissionIds: [saved.submissionId] });
    while (heard.length === 0) {
      await sleep(20);
    }
    redis.disconnect();
    expect(heard.map((event) => JSON.parse(event) as unknown)).toEqual([
      { accountRef: message.accountRef, kind: 'receipt', seq: expect.any(Number) },
    ]);
  });

  test('housekeeping drops what was acknowledged 30 days ago, and nothing that still waits', async () => {
    const [old, fresh, waiting] = [
      await submissions.service.submit(buildMessage()),
      await submissions.service.submit(buildMessage()),
      await submissions.service.submit(buildMessage()),
    ];
    await gateway.call('ack', { submissionIds: [old.submissionId, fresh.submissionId] });
    await gateway.database.query(
      'UPDATE outbox SET acked_at = DATE_SUB(UTC_TIMESTAMP(3), INTERVAL 31 DAY) WHERE submission_id = ?',
      [uuidBytes(old.submissionId)],
    );
    await gateway.database.query("UPDATE outbox SET created_at = '2020-01-01' WHERE submission_id = ?", [
      uuidBytes(waiting.submissionId),
    ]);
    expect(await gateway.app.get(Housekeeping).sweep()).toMatchObject({ envelopes: 1 });
    expect(await states()).toEqual({ ACKED: 1, NEW: 1 });
  });
});

test('the gateway stops although a lease waits, and answers it empty', async () => {
  await using gateway = await GatewayUnderTest.start('gateway_stop');
  const waiting = gateway.call('lease', { limit: 1, waitMs: 25_000 });
  const started = performance.now();
  await sleep(300);
  await gateway.app.close();
  expect(performance.now() - started).toBeLessThan(24_000);
  expect((await waiting).body).toEqual({ lease: null, items: [] });
});
