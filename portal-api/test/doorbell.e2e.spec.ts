import { setTimeout as sleep } from 'node:timers/promises';
import { Logger } from '@nestjs/common';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Redis } from 'ioredis';
import { LeaseAnswer } from 'sync-contract/gateway-wire';
import { Doorbell } from '../src/doorbell/doorbell.js';
import { DoorbellListener } from '../src/doorbell/doorbell-listener.js';
import { queuePrefix } from '../src/doorbell/dmz-queues.js';
import { redisOptions } from '../src/redis/redis-connection.js';
import { GatewayUnderTest, redisOf } from './gateway-under-test.js';
import { RedisLine } from './redis-line.js';
import { SubmissionsUnderTest, buildMessage } from './submissions-under-test.js';

describe('the doorbell', () => {
  const line = new RedisLine();
  const databaseName = `portal_bell_${String(process.pid)}_${String(Date.now())}`;
  let bell: Doorbell;
  let listener: DoorbellListener;

  beforeAll(async () => {
    Logger.overrideLogger(false);
    await line.mend();
    await line.cut();
    // Both begin while Redis is away.
    bell = new Doorbell({ ...redisOf('portal_api'), port: line.port }, databaseName);
    listener = new DoorbellListener({ ...redisOf('sync_gateway'), port: line.port }, databaseName);
  });
  afterAll(async () => {
    await Promise.all([bell.onApplicationShutdown(), listener.onApplicationShutdown()]);
    await line.cut();
  });

  /** Rings again and again, as traffic would, until one ring is heard. */
  async function untilHeard(): Promise<void> {
    for (;;) {
      const ticket = listener.ticket();
      bell.ring();
      const heard = await Promise.race([ticket.then(() => true), sleep(250).then(() => false)]);
      if (heard) {
        return;
      }
    }
  }

  test('rings into the void without harm while Redis is away', async () => {
    const ticket = listener.ticket();
    const started = performance.now();
    bell.ring();
    await listener.rung(ticket, 300, new AbortController().signal);
    expect(performance.now() - started).toBeGreaterThan(290);
  });

  test('is heard when Redis is there, and again after every cut', async () => {
    for (let round = 0; round < 3; round += 1) {
      await line.mend();
      await untilHeard();
      await line.cut();
      await sleep(100);
    }
  });

  test('a ring between looking and waiting is not missed, and a caller who leaves stops waiting', async () => {
    const ticket = listener.ticket();
    listener.wake();
    // The test's own time-out is shorter than these waits.
    await listener.rung(ticket, 120_000, new AbortController().signal);
    const leaving = new AbortController();
    setTimeout(() => {
      leaving.abort();
    }, 50);
    await listener.rung(listener.ticket(), 120_000, leaving.signal);
  });
});

test('a gateway that starts while Redis is away works, and is woken and scheduled once Redis is there', async () => {
  const line = new RedisLine();
  await line.mend();
  await line.cut();
  await using gateway = await GatewayUnderTest.start('gateway_lonely', { ...redisOf('sync_gateway'), port: line.port });
  await gateway.handOverKeys();
  const terms = {
    site: gateway.site,
    rootPublicKey: gateway.keys.rootPublicKey,
    databaseName: gateway.databases.portal,
  };
  await using submissions = await SubmissionsUnderTest.start(terms);
  await submissions.service.submit(buildMessage());
  const lease = async (waitMs: number): Promise<LeaseAnswer> =>
    LeaseAnswer.parse((await gateway.call('lease', { limit: 10, waitMs })).body);
  expect((await lease(0)).items).toHaveLength(1);

  await line.mend();
  const redis = new Redis(redisOptions(redisOf('portal_api')));
  await redis.connect();
  const schedule = `${queuePrefix(gateway.databases.portal)}:housekeepings:repeat`;
  for (let tries = 0; tries < 50 && (await redis.zcard(schedule)) === 0; tries += 1) {
    await sleep(200);
  }
  expect(await redis.zcard(schedule)).toBe(1);
  redis.disconnect();
  const waiting = lease(20_000);
  const started = performance.now();
  await sleep(200);
  await submissions.service.submit(buildMessage());
  expect((await waiting).items).toHaveLength(1);
  // Without the ring the row is found when the wait is over.
  expect(performance.now() - started).toBeLessThan(19_000);
  await line.cut();
});
