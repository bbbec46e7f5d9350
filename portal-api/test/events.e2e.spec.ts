import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { get, type IncomingMessage } from 'node:http';
import { createHash } from 'node:crypto';
import { setTimeout as pause } from 'node:timers/promises';
import type { Redis } from 'ioredis';
import { withAdmin } from 'infra/services/mariadb-server';
import { TIMES } from 'sync-contract/limits';
import { REDIS } from '../src/redis/redis.module.js';
import { EventsService, STREAMS_PER_SESSION } from '../src/events/events.service.js';
import type { BrowserStandIn } from './browser-stand-in.js';
import { PortalUnderTest } from './portal-under-test.js';
import { RedisLine } from './redis-line.js';

let portal: PortalUnderTest;
let redis: Redis;
beforeAll(async () => {
  portal = await PortalUnderTest.start('events');
  redis = portal.app.get<Redis>(REDIS);
});
afterAll(async () => {
  await portal[Symbol.asyncDispose]();
});

interface OpenStream {
  response: IncomingMessage;
  text: () => string;
  ended: Promise<void>;
  until: (what: string) => Promise<void>;
}

async function open(browser: BrowserStandIn): Promise<OpenStream> {
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    get(`${browser.url}/api/events`, { headers: { cookie: browser.cookieHeader } }, resolve).on('error', reject);
  });
  let text = '';
  let heard = (): void => undefined;
  response.setEncoding('utf8');
  response.on('data', (part: string) => {
    text += part;
    heard();
  });
  const ended = new Promise<void>((resolve) => {
    response.on('close', () => {
      resolve();
    });
  });
  const until = (what: string): Promise<void> =>
    new Promise((resolve) => {
      heard = () => {
        if (text.includes(what)) {
          resolve();
        }
      };
      heard();
    });
  const stream = { response, text: () => text, ended, until };
  if (response.statusCode === 200) {
    await until('retry:');
  }
  return stream;
}

function recordKey(browser: BrowserStandIn): string {
  const id = Buffer.from(browser.cookies.get('__Host-session') ?? '', 'base64url').subarray(0, 16);
  return `session:${createHash('sha256').update(id).digest('hex')}`;
}

const publish = (event: object): Promise<number> => redis.publish('portal:events', JSON.stringify(event));

test('a stream tells its session of its own charts and account, and of nobody else', async () => {
  const [one, two] = [await portal.patient(), await portal.patient()];
  const stream = await open(one.browser);
  expect(stream.response.headers).toMatchObject({
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  });
  await publish({ patientRef: two.patientRef, kind: 'chart', seq: 7 });
  await publish({ accountRef: two.accountRef, kind: 'account', seq: 8 });
  await redis.publish('portal:events', 'rubbish');
  await publish({ patientRef: one.patientRef, kind: 'chart', seq: 9 });
  await publish({ accountRef: one.accountRef, kind: 'receipt', seq: 10 });
  await stream.until('"seq":10');
  expect(stream.text()).toBe(
    'retry: 2000\n\n' +
      `event: change\ndata: {"kind":"chart","ref":"${one.patientRef}","seq":9}\n\n` +
      `event: change\ndata: {"kind":"receipt","ref":"${one.accountRef}","seq":10}\n\n`,
  );
  stream.response.destroy();
});

/** What comes of opening a stream while its grants cannot be read for a second; `meanwhile` happens in that second. */
async function openWhileGrantsAreLocked(
  browser: BrowserStandIn,
  meanwhile?: () => Promise<unknown>,
): Promise<OpenStream> {
  return withAdmin(portal.dmz.mariadb.socket, async (admin) => {
    await admin.query('LOCK TABLES ??.chart_grant WRITE', [portal.databases.portal]);
    const opening = open(browser);
    const first = await Promise.race([opening.then(() => 'open'), pause(1_000, 'not yet')]);
    await meanwhile?.();
    await admin.query('UNLOCK TABLES');
    const stream = await opening;
    expect(first).toBe('not yet');
    return stream;
  });
}

test('a stream is open to the browser once it knows its charts, and misses nothing from then on', async () => {
  const { browser, patientRef } = await portal.patient();
  const stream = await openWhileGrantsAreLocked(browser);
  await publish({ patientRef, kind: 'chart', seq: 11 });
  await stream.until('"seq":11');
  stream.response.destroy();
});

test('a stream whose session ends before it is open does not open', async () => {
  const revoked = await portal.patient();
  const stream = await openWhileGrantsAreLocked(revoked.browser, async () =>
    portal.inside.sql("UPDATE {db}.account SET state = 'revoked' WHERE account_ref = ?", [
      Buffer.from(revoked.accountRef, 'hex'),
    ]),
  );
  expect(stream.response.statusCode).toBe(401);

  const left = await portal.patient();
  const late = await openWhileGrantsAreLocked(left.browser, () => redis.del(recordKey(left.browser)));
  expect(late.response.statusCode).toBe(401);
});

test('a stream ends with signing out, also with two of them', async () => {
  const { browser } = await portal.patient();
  const streams = [await open(browser), await open(browser)];
  await browser.post('/api/sign-out').expect(204);
  await Promise.all(streams.map((stream) => stream.ended));
});

test('a stream ends with the idle time and does not extend it', async () => {
  const { browser } = await portal.patient();
  const key = recordKey(browser);
  await redis.pexpire(key, 700);
  const stream = await open(browser);
  expect(await redis.pttl(key)).toBeLessThan(TIMES.sessionIdle / 2);
  await stream.ended;
  await browser.get('/api/session').expect(401);
});

test('a stream stops telling of a chart when the grant goes, and begins when one comes', async () => {
  const { browser, accountRef, patientRef } = await portal.patient();
  const stream = await open(browser);
  await portal.inside.sql('DELETE FROM {db}.chart_grant WHERE account_ref = ?', [Buffer.from(accountRef, 'hex')]);
  await publish({ accountRef, kind: 'account', seq: 1 });
  await stream.until('"seq":1');
  await new Promise((resolve) => setTimeout(resolve, 300));
  await publish({ patientRef, kind: 'chart', seq: 2 });
  await portal.inside.grant(accountRef, patientRef);
  await publish({ accountRef, kind: 'account', seq: 3 });
  await stream.until('"seq":3');
  // The grants are read after the account's event was sent on.
  while (!stream.text().includes('"seq":4')) {
    await publish({ patientRef, kind: 'chart', seq: 4 });
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  expect(stream.text()).not.toContain('"seq":2');
  stream.response.destroy();
});

test('a stream ends when the account is revoked', async () => {
  const { browser, accountRef } = await portal.patient();
  const stream = await open(browser);
  await portal.inside.sql("UPDATE {db}.account SET state = 'revoked' WHERE account_ref = ?", [
    Buffer.from(accountRef, 'hex'),
  ]);
  await publish({ accountRef, kind: 'account', seq: 1 });
  await stream.ended;
  // With the session its record goes, and the keys in it.
  while ((await redis.exists(recordKey(browser))) === 1) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
});

test('a session has a few streams and no more; a closed one makes room', async () => {
  const { browser } = await portal.patient();
  const streams: OpenStream[] = [];
  for (let i = 0; i < STREAMS_PER_SESSION; i += 1) {
    streams.push(await open(browser));
  }
  const refused = await open(browser);
  expect(refused.response.statusCode).toBe(503);
  streams[0]?.response.destroy();
  await streams[0]?.ended;
  let again = await open(browser);
  while (again.response.statusCode === 503) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    again = await open(browser);
  }
  expect(again.response.statusCode).toBe(200);
  for (const stream of [...streams, again]) {
    stream.response.destroy();
  }
});

test('nobody without a session hears anything', async () => {
  const stream = await open(portal.browser());
  expect(stream.response.statusCode).toBe(401);
});

test('a stream opens when Redis tells of events, and not before', async () => {
  const line = new RedisLine();
  await line.mend();
  const far = await PortalUnderTest.start('events_far', { REDIS_PORT: String(line.port) });
  try {
    const { browser, patientRef } = await far.patient();
    const before = await open(browser);
    line.hold();
    // The connection that only listens; sessions are on another, which goes on.
    far.app.get<{ subscriber: Redis }>(EventsService).subscriber.disconnect(true);
    await before.ended;
    const opening = open(browser);
    expect(await Promise.race([opening.then(() => 'open'), pause(1_000, 'not yet')])).toBe('not yet');
    line.release();
    const stream = await opening;
    expect(stream.response.statusCode).toBe(200);
    await far.app.get<Redis>(REDIS).publish('portal:events', JSON.stringify({ patientRef, kind: 'chart', seq: 12 }));
    await stream.until('"seq":12');
    stream.response.destroy();
  } finally {
    await far[Symbol.asyncDispose]();
    await line.cut();
  }
});
