import { afterAll, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { createHash, hkdfSync, randomBytes } from 'node:crypto';
import type { Redis } from 'ioredis';
import { SealBroken, openAead, sealAead } from 'sync-contract/aead';
import { canonicalBytes } from 'sync-contract/canonical-json';
import { TIMES } from 'sync-contract/limits';
import { DataSource } from 'typeorm';
import { derivePasswordKeys, unwrap, verifierMatches } from '../src/credentials/account-secrets.js';
import { PasswordHasher } from '../src/credentials/password-hasher.js';
import { REDIS } from '../src/redis/redis.module.js';
import { SESSIONS_PER_ACCOUNT, SessionStore } from '../src/sessions/session.store.js';
import { ThrottleService } from '../src/throttle/throttle.service.js';
import { codeOf, type BrowserStandIn } from './browser-stand-in.js';
import { PASSWORD, PortalUnderTest, roomInTotpPeriod, totpCode, type JoinedPerson } from './portal-under-test.js';

let portal: PortalUnderTest;
let redis: Redis;
beforeAll(async () => {
  portal = await PortalUnderTest.start('auth');
  redis = portal.app.get<Redis>(REDIS);
});
afterAll(async () => {
  await portal[Symbol.asyncDispose]();
});

const hex = (text: string): Buffer => Buffer.from(text, 'hex');
const BY_CLOCK = /FROM (cut_statement|heartbeat)\b/;
const SESSION = '__Host-session';
const PENDING = '__Host-pending';

async function passwordStep(
  browser: BrowserStandIn,
  name: string,
  password = PASSWORD,
): Promise<{ status: number; body: unknown }> {
  return browser.keep(browser.post('/api/sign-in', { name, password }));
}

async function signIn(person: JoinedPerson, code = totpCode(person.totpSecret)): Promise<BrowserStandIn> {
  const browser = portal.browser();
  await passwordStep(browser, person.name);
  const response = await browser.keep(browser.post('/api/sign-in/totp', { code }));
  expect(response.status).toBe(200);
  return browser;
}

function recordKey(browser: BrowserStandIn): string {
  const id = Buffer.from(browser.cookies.get(SESSION) ?? '', 'base64url').subarray(0, 16);
  return `session:${createHash('sha256').update(id).digest('hex')}`;
}

/** As if that many seconds had gone by for a bucket. */
async function passTime(bucket: Buffer, seconds: number): Promise<void> {
  await portal.inside.sql(
    `UPDATE {db}.throttle SET updated_at = updated_at - INTERVAL ? SECOND, retry_at = retry_at - INTERVAL ? SECOND
     WHERE bucket = ?`,
    [seconds, seconds, bucket],
  );
}

describe('signing in', () => {
  test('takes name, password and code, and starts a session under a cookie no script can read', async () => {
    const person = await portal.join();
    const browser = portal.browser();
    const first = await browser.post('/api/sign-in', { name: person.name.toUpperCase(), password: PASSWORD });
    expect([first.status, first.body]).toEqual([200, { next: 'totp' }]);
    expect(String(first.headers['set-cookie'])).toMatch(
      /^__Host-pending=[\w-]{64}; Max-Age=300; Path=\/; HttpOnly; Secure; SameSite=Strict$/,
    );
    await passwordStep(browser, person.name);
    const second = await browser.keep(browser.post('/api/sign-in/totp', { code: totpCode(person.totpSecret) }));
    expect(second.status).toBe(200);
    expect((second.headers['set-cookie'] as unknown as string[]).join('\n')).toMatch(
      /__Host-session=[\w-]{64}; Path=\/; HttpOnly; Secure; SameSite=Strict/,
    );
    expect(browser.cookies.has(PENDING)).toBe(false);
    const session = await browser.get('/api/session').expect(200);
    expect(session.body).toMatchObject({ accountRef: person.accountRef });
  });

  test('does not tell an unknown name from a wrong password, neither in words nor in work', async () => {
    const person = await portal.join();
    const password = 'not the right password';
    // From here on this process knows the end of the audit log; who wrote there last is no matter of the name.
    await portal.browser().post('/api/sign-in', { name: 'somebody else', password });
    // Spies only count: the real hasher and the real database do the work.
    const hashes = jest.spyOn(portal.app.get(PasswordHasher), 'hash');
    const statements = jest.spyOn(portal.app.get(DataSource).logger, 'logQuery');
    const seen: Record<string, { answers: unknown; hashed: unknown; statements: unknown }> = {};
    for (const [kind, name] of [
      ['known', person.name],
      ['unknown', `nobody-${randomBytes(6).toString('hex')}`],
    ] as const) {
      await portal.inside.sql('DELETE FROM {db}.throttle');
      hashes.mockClear();
      statements.mockClear();
      const response = await portal.browser().post('/api/sign-in', { name, password });
      seen[kind] = {
        answers: [response.status, response.body, Object.keys(response.headers).sort()],
        hashed: hashes.mock.calls.map(([password, salt]) => [password, salt.length]),
        // What the portal looks up by the clock belongs to no request.
        statements: statements.mock.calls
          .map(([statement]) => statement)
          .filter((statement) => !BY_CLOCK.test(statement)),
      };
    }
    hashes.mockRestore();
    statements.mockRestore();
    expect(seen['known']).toMatchObject({
      answers: [401, { code: 'sign-in-failed' }, expect.anything()],
      // One argon2id run over what was typed, whose cost stands in the hasher alone.
      hashed: [[password, 16]],
      statements: expect.arrayContaining([expect.stringContaining('FROM `account`')]),
    });
    expect(seen['unknown']).toEqual(seen['known']);
  });

  test('verifies a password in whatever Unicode form it is typed', async () => {
    const browser = portal.browser();
    const { form, secret } = await portal.joinForm(browser, 'unicode.person', await portal.inside.invite());
    await browser.post('/api/join', { ...form, password: 'caf\u00e9 behind the mill' }).expect(201);
    expect((await passwordStep(portal.browser(), 'unicode.person', 'cafe\u0301 behind the mill')).status).toBe(200);
    await portal.inside.sql('DELETE FROM {db}.throttle');
    expect((await passwordStep(portal.browser(), 'unicode.person', 'cafe behind the mill')).status).toBe(401);
    expect(secret).toBeTruthy();
  });

  test('needs the password step first, and its cookie whole', async () => {
    const person = await portal.join();
    const stranger = portal.browser();
    const none = await stranger.post('/api/sign-in/totp', { code: totpCode(person.totpSecret) });
    expect([none.status, codeOf(none)]).toEqual([401, 'sign-in-expired']);

    const browser = portal.browser();
    await passwordStep(browser, person.name);
    const half = Buffer.from(browser.cookies.get(PENDING) ?? '', 'base64url');
    half.writeUInt8(half.readUInt8(47) ^ 1, 47);
    browser.cookies.set(PENDING, half.toString('base64url'));
    await browser.post('/api/sign-in/totp', { code: totpCode(person.totpSecret) }).expect(401);
  });
});

describe('a code of the authenticator', () => {
  beforeEach(() => roomInTotpPeriod(5_000));

  test.each([
    ['of two steps ago', -2],
    ['of the next step', 1],
    ['of another day', 2_880],
  ])('%s is refused', async (_which, steps) => {
    const person = await portal.join();
    const browser = portal.browser();
    await passwordStep(browser, person.name);
    const response = await browser.post('/api/sign-in/totp', { code: totpCode(person.totpSecret, steps) });
    expect([response.status, codeOf(response)]).toEqual([401, 'code-refused']);
  });

  test('counts once, also when joining has used it', async () => {
    const person = await portal.join();
    const used = totpCode(person.totpSecret);
    await signIn(person, used);
    for (const code of [used, totpCode(person.totpSecret, -1)]) {
      await portal.inside.sql('DELETE FROM {db}.throttle');
      const browser = portal.browser();
      await passwordStep(browser, person.name);
      const response = await browser.post('/api/sign-in/totp', { code });
      expect([response.status, codeOf(response)]).toEqual([401, 'code-refused']);
    }
  });

  test('of the step before is good once when nothing later was used', async () => {
    const person = await portal.join();
    await portal.inside.sql('UPDATE {db}.account SET totp_last_step = NULL WHERE account_ref = ?', [
      hex(person.accountRef),
    ]);
    await signIn(person, totpCode(person.totpSecret, -1));
  });

  test('sent many times at once starts one session', async () => {
    const person = await portal.join();
    const ready: BrowserStandIn[] = [];
    for (let i = 0; i < 4; i += 1) {
      const browser = portal.browser();
      await passwordStep(browser, person.name);
      ready.push(browser);
    }
    const code = totpCode(person.totpSecret);
    const answers = await Promise.all(ready.map((browser) => browser.post('/api/sign-in/totp', { code })));
    expect(answers.filter((answer) => answer.status === 200)).toHaveLength(1);
  });

  test('can be tried five times after one password step', async () => {
    const person = await portal.join();
    const browser = portal.browser();
    await passwordStep(browser, person.name);
    for (let i = 0; i < 5; i += 1) {
      await portal.inside.sql('DELETE FROM {db}.throttle');
      await browser.post('/api/sign-in/totp', { code: '000000' }).expect(401);
    }
    await portal.inside.sql('DELETE FROM {db}.throttle');
    const response = await browser.post('/api/sign-in/totp', { code: totpCode(person.totpSecret) });
    expect([response.status, codeOf(response)]).toEqual([401, 'sign-in-expired']);
  });
});

describe('throttling', () => {
  test.each(['known', 'unknown'])('makes a %s name wait, from every address, longer each time', async (kind) => {
    const name = kind === 'known' ? (await portal.join()).name : `nobody-${randomBytes(6).toString('hex')}`;
    const wrong = { name, password: 'not the right password' };
    await portal.browser().post('/api/sign-in', wrong).expect(401);
    const second = await portal.browser().post('/api/sign-in', wrong);
    expect([second.status, codeOf(second), second.headers['retry-after']]).toEqual([429, 'too-many-tries', '1']);
    await new Promise((resolve) => setTimeout(resolve, 1_050));
    await portal.browser().post('/api/sign-in', wrong).expect(401);
    const fourth = await portal.browser().post('/api/sign-in', wrong);
    expect([fourth.status, fourth.headers['retry-after']]).toEqual([429, '2']);
  });

  test('counts tries before they are made, so that many at once are no more than one', async () => {
    const { name } = await portal.join();
    const wrong = { name, password: 'not the right password' };
    const answers = await Promise.all(Array.from({ length: 8 }, () => portal.browser().post('/api/sign-in', wrong)));
    expect(answers.map((answer) => answer.status).sort()).toEqual([401, 429, 429, 429, 429, 429, 429, 429]);
  });

  test('is over with the right password', async () => {
    const { name } = await portal.join();
    await portal.browser().post('/api/sign-in', { name, password: 'not the right password' }).expect(401);
    await new Promise((resolve) => setTimeout(resolve, 1_050));
    await portal.browser().post('/api/sign-in', { name, password: PASSWORD }).expect(200);
    await portal.browser().post('/api/sign-in', { name, password: PASSWORD }).expect(200);
  });

  test('of wrong codes follows the account, not the browser', async () => {
    const person = await portal.join();
    const [one, two] = [portal.browser(), portal.browser()];
    await passwordStep(one, person.name);
    await passwordStep(two, person.name);
    await one.post('/api/sign-in/totp', { code: '000000' }).expect(401);
    await two.post('/api/sign-in/totp', { code: totpCode(person.totpSecret) }).expect(429);
  });

  test('of an address leaks away: days of typos among good sign-ins never close a clinic’s network', async () => {
    const throttle = portal.app.get(ThrottleService);
    const address = throttle.bucket('address', '192.0.2.7');
    const typo = async (): Promise<void> => {
      await throttle.failed(await throttle.reserve(address));
    };
    const good = async (): Promise<void> => {
      await throttle.succeeded(await throttle.reserve(address));
    };
    // Ten typos an hour among as many good tries, for four days: many times the failures that are free.
    for (let halfHour = 0; halfHour < 4 * 48; halfHour += 1) {
      for (let i = 0; i < 5; i += 1) {
        await typo();
        await good();
      }
      await passTime(address.key, 30 * 60);
    }
    await throttle.reserve(address);
  });

  test('of an address that fails without end waits, and good tries neither renew nor end that', async () => {
    const throttle = portal.app.get(ThrottleService);
    const address = throttle.bucket('address', '192.0.2.8');
    await Promise.all(
      Array.from({ length: 80 }, async () => {
        await throttle.failed({ counted: [], free: [address] });
      }),
    );
    await expect(throttle.reserve(address)).rejects.toMatchObject({ code: 'too-many-tries', retryAfter: 900 });
    await passTime(address.key, 16 * 60);
    await throttle.succeeded(await throttle.reserve(address));
    const [row] = await portal.inside.sql('SELECT failures FROM {db}.throttle WHERE bucket = ?', [address.key]);
    expect(row).toEqual({ failures: 68 });
    // An hour with a good try every four minutes: failures leak as if nobody had come.
    for (let i = 0; i < 15; i += 1) {
      await passTime(address.key, 4 * 60);
      await throttle.succeeded(await throttle.reserve(address));
    }
    const free = await Promise.all(Array.from({ length: 5 }, () => throttle.reserve(address)));
    expect(free.map(({ counted }) => counted)).toEqual([[], [], [], [], []]);
  });

  test('of an address counts no try that is under way', async () => {
    const throttle = portal.app.get(ThrottleService);
    const address = throttle.bucket('address', '192.0.2.9');
    const running = await Promise.all(Array.from({ length: 100 }, () => throttle.reserve(address)));
    await throttle.failed(await throttle.reserve(address));
    await throttle.reserve(address);
    for (const each of running) {
      await throttle.succeeded(each);
    }
  });

  test('of a code uses up none of the pending sign-in’s tries', async () => {
    const person = await portal.join();
    const browser = portal.browser();
    await passwordStep(browser, person.name);
    await browser.post('/api/sign-in/totp', { code: '000000' }).expect(401);
    for (let i = 0; i < 6; i += 1) {
      await browser.post('/api/sign-in/totp', { code: totpCode(person.totpSecret) }).expect(429);
    }
    await portal.inside.sql('DELETE FROM {db}.throttle');
    await browser.post('/api/sign-in/totp', { code: totpCode(person.totpSecret) }).expect(200);
  });

  test('refuses what does not fit the queue of password checks, before any work', async () => {
    const hasher = new PasswordHasher();
    const results = await Promise.allSettled(
      Array.from({ length: 60 }, () => hasher.hash('a password to check', Buffer.alloc(16))),
    );
    const refused = results.filter((result) => result.status === 'rejected');
    expect(refused.length).toBeGreaterThan(0);
    expect(results.length - refused.length).toBeGreaterThanOrEqual(51);
    expect(refused).toEqual(
      refused.map(() => expect.objectContaining({ reason: expect.objectContaining({ code: 'busy' }) })),
    );
  });
});

describe('the database without the pepper file', () => {
  test('is no oracle: the right password neither matches nor opens anything', async () => {
    const { accountRef } = await portal.join();
    const [row] = await portal.inside.sql('SELECT * FROM {db}.account WHERE account_ref = ?', [hex(accountRef)]);
    const account = row as Record<'salt' | 'verifier' | 'private_key_wrapped' | 'totp_wrapped', Buffer>;
    const hasher = new PasswordHasher();

    const right = await derivePasswordKeys(hasher, PASSWORD, account.salt, portal.config.pepper);
    expect(verifierMatches(right, account.verifier)).toBe(true);
    expect(unwrap(right.wrapKey, accountRef, 'private-key', account.private_key_wrapped)).toHaveLength(32);

    const a = await hasher.hash(PASSWORD, account.salt);
    const guesses = await Promise.all(
      [Buffer.alloc(0), Buffer.alloc(32), randomBytes(32), a].map((pepper) =>
        derivePasswordKeys(hasher, PASSWORD, account.salt, pepper),
      ),
    );
    const withoutPepper = ['password', 'verifier', 'wrap', 'totp'].map((use) =>
      Buffer.from(hkdfSync('sha256', a, Buffer.alloc(0), `oe-portal|account|${use}`, 32)),
    );
    const keys = [a, ...withoutPepper, ...guesses.flatMap((guess) => [guess.verifier, guess.wrapKey, guess.totpKey])];
    for (const key of keys) {
      expect(key.equals(account.verifier)).toBe(false);
      expect(() => unwrap(key, accountRef, 'private-key', account.private_key_wrapped)).toThrow(SealBroken);
      expect(() => unwrap(key, accountRef, 'totp-secret', account.totp_wrapped)).toThrow(SealBroken);
    }
  });

  test('does not let wrapped keys be moved to another account', async () => {
    const [one, two] = [await portal.join(), await portal.join()];
    await portal.inside.sql(
      `UPDATE {db}.account a JOIN {db}.account b ON b.account_ref = ?
       SET a.private_key_wrapped = b.private_key_wrapped, a.salt = b.salt, a.verifier = b.verifier,
         a.totp_wrapped = b.totp_wrapped WHERE a.account_ref = ?`,
      [hex(two.accountRef), hex(one.accountRef)],
    );
    const response = await portal.browser().post('/api/sign-in', { name: one.name, password: PASSWORD });
    expect(response.status).toBe(500);
    expect(response.body).toMatchObject({ code: 'unexpected' });
  });
});

describe('a session', () => {
  test('opens with both halves of its cookie and with nothing less', async () => {
    const { browser } = await portal.join();
    const other = (await portal.join()).browser;
    const own = Buffer.from(browser.cookies.get(SESSION) ?? '', 'base64url');
    const foreign = Buffer.from(other.cookies.get(SESSION) ?? '', 'base64url');
    const cookies = [
      Buffer.concat([own.subarray(0, 16), foreign.subarray(16)]),
      Buffer.concat([foreign.subarray(0, 16), own.subarray(16)]),
      Buffer.concat([own.subarray(0, 16), Buffer.alloc(32)]),
      Buffer.concat([randomBytes(16), own.subarray(16)]),
      own.subarray(0, 40),
      Buffer.concat([own, own]),
    ].map((half) => half.toString('base64url'));
    for (const cookie of [...cookies, '', 'null', `${browser.cookies.get(SESSION) ?? ''}=`]) {
      const stranger = portal.browser();
      stranger.cookies.set(SESSION, cookie);
      const response = await stranger.get('/api/session');
      expect([response.status, codeOf(response)]).toEqual([401, 'signed-out']);
    }
    await browser.get('/api/session').expect(200);
  });

  test('is worth nothing in Redis alone', async () => {
    const { browser } = await portal.join();
    const sealed = await redis.getBuffer(recordKey(browser));
    const idHash = recordKey(browser).slice('session:'.length);
    const aad = canonicalBytes({ use: 'session', idHash });
    const cookie = Buffer.from(browser.cookies.get(SESSION) ?? '', 'base64url');
    expect(openAead(cookie.subarray(16), sealed ?? Buffer.alloc(0), aad).toString()).toContain('accountPrivateKey');
    for (const key of [hex(idHash), portal.config.pepper, portal.config.blindIndexKey, cookie.subarray(0, 32)]) {
      expect(() => openAead(key, sealed ?? Buffer.alloc(0), aad)).toThrow(SealBroken);
    }
    expect(idHash).not.toContain(cookie.subarray(0, 16).toString('hex'));
  });

  test('ends after fifteen minutes without an act of the person; only such acts extend it', async () => {
    const { browser } = await portal.join();
    const key = recordKey(browser);
    expect(await redis.pttl(key)).toBeGreaterThan(TIMES.sessionIdle - 10_000);
    await redis.pexpire(key, 60_000);
    await browser.get('/api/session').expect(200);
    await browser.post('/api/session/extend').expect(200);
    expect(await redis.pttl(key)).toBeLessThanOrEqual(60_000);
    await browser.get('/api/session').set('x-user-act', 'yes').expect(200);
    expect(await redis.pttl(key)).toBeLessThanOrEqual(60_000);
    await browser.post('/api/session/extend').set('x-user-act', '1').expect(200);
    expect(await redis.pttl(key)).toBeGreaterThan(TIMES.sessionIdle - 10_000);
    await redis.pexpire(key, 1);
    await new Promise((resolve) => setTimeout(resolve, 20));
    await browser.get('/api/session').set('x-user-act', '1').expect(401);
  });

  test('ends after twelve hours, whatever the person does', async () => {
    const { browser, session } = await portal.join();
    expect(Date.parse(session.expiresAt) - Date.now()).toBeLessThanOrEqual(TIMES.sessionAbsolute);
    expect(Date.parse(session.expiresAt) - Date.now()).toBeGreaterThan(TIMES.sessionAbsolute - 60_000);
    const key = recordKey(browser);
    const aad = canonicalBytes({ use: 'session', idHash: key.slice('session:'.length) });
    const cookieKey = Buffer.from(browser.cookies.get(SESSION) ?? '', 'base64url').subarray(16);
    const record = JSON.parse(
      openAead(cookieKey, (await redis.getBuffer(key)) ?? Buffer.alloc(0), aad).toString(),
    ) as object;
    const past = JSON.stringify({ ...record, endsAt: new Date(Date.now() - 1).toISOString() });
    await redis.set(key, sealAead(cookieKey, Buffer.from(past), aad), 'KEEPTTL');
    await browser.get('/api/session').set('x-user-act', '1').expect(401);
  });

  test.each([
    ['lacks what today’s has', ({ endsAt: _endsAt, ...rest }: Record<string, unknown>) => rest],
    ['has what today’s has not', (record: Record<string, unknown>) => ({ ...record, remembered: true })],
  ])('whose record %s, as another version left it, signs the person out and is gone', async (_name, change) => {
    const { browser } = await portal.join();
    const key = recordKey(browser);
    const aad = canonicalBytes({ use: 'session', idHash: key.slice('session:'.length) });
    const cookieKey = Buffer.from(browser.cookies.get(SESSION) ?? '', 'base64url').subarray(16);
    const sealed = (await redis.getBuffer(key)) ?? Buffer.alloc(0);
    const record = JSON.parse(openAead(cookieKey, sealed, aad).toString()) as Record<string, unknown>;
    await redis.set(key, sealAead(cookieKey, Buffer.from(JSON.stringify(change(record))), aad), 'KEEPTTL');
    await browser.get('/api/session').expect(401);
    expect(await redis.exists(key)).toBe(0);
  });

  test('is new with every sign-in, and the sixth ends the oldest', async () => {
    const { browser, accountRef } = await portal.join();
    const store = portal.app.get(SessionStore);
    const cookies = new Set([browser.cookies.get(SESSION)]);
    for (let i = 1; i < SESSIONS_PER_ACCOUNT; i += 1) {
      cookies.add((await store.create({ accountRef, privateKey: randomBytes(32), grants: [] })).cookie);
    }
    expect(cookies.size).toBe(SESSIONS_PER_ACCOUNT);
    await browser.get('/api/session').expect(200);
    const { cookie } = await store.create({ accountRef, privateKey: randomBytes(32), grants: [] });
    await browser.get('/api/session').expect(401);
    const newest = portal.browser();
    newest.cookies.set(SESSION, cookie);
    await newest.get('/api/session').expect(200);
  });

  test('ends with signing out, everywhere and at once', async () => {
    const { browser } = await portal.join();
    const copy = portal.browser();
    copy.cookies.set(SESSION, browser.cookies.get(SESSION) ?? '');
    await copy.get('/api/session').expect(200);
    const response = await browser.keep(browser.post('/api/sign-out').expect(204));
    expect(response.headers['clear-site-data']).toBe('"cache", "cookies", "storage"');
    expect(browser.cookies.has(SESSION)).toBe(false);
    await copy.get('/api/session').expect(401);
    expect(await redis.exists(recordKey(copy))).toBe(0);
  });

  test('of a revoked account cannot begin: only who knows the password hears why', async () => {
    const { name, accountRef } = await portal.join();
    await portal.inside.sql(
      "UPDATE {db}.account SET state = 'revoked', private_key_wrapped = '' WHERE account_ref = ?",
      [hex(accountRef)],
    );
    const stranger = portal.browser();
    const { body } = await stranger.post('/api/sign-in', { name, password: PASSWORD }).expect(403);
    expect(body).toMatchObject({ code: 'access-ended' });
    const wrong = await portal
      .browser()
      .post('/api/sign-in', { name, password: `${PASSWORD}x` })
      .expect(401);
    expect(wrong.body).toMatchObject({ code: 'sign-in-failed' });
  });

  test('of a revoked account ends with its next request', async () => {
    const { browser, accountRef } = await portal.join();
    await portal.inside.sql("UPDATE {db}.account SET state = 'revoked' WHERE account_ref = ?", [hex(accountRef)]);
    await browser.get('/api/session').expect(401);
    expect(await redis.exists(recordKey(browser))).toBe(0);
  });
});
