import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { Writable } from 'node:stream';
import { newRef } from 'sync-contract/identifiers';
import { codeOf } from './browser-stand-in.js';
import { DATE_OF_BIRTH, PASSWORD, PortalUnderTest, totpCode } from './portal-under-test.js';

let portal: PortalUnderTest;
let log = '';
beforeAll(async () => {
  const listener = new Writable({
    write(chunk: Buffer, _encoding, done): void {
      log += chunk.toString('utf8');
      done();
    },
  });
  portal = await PortalUnderTest.start('security', { LOG_LEVEL: 'debug' }, listener);
});
afterAll(async () => {
  await portal[Symbol.asyncDispose]();
});

describe('every answer', () => {
  const HEADERS = {
    'content-security-policy': [
      "default-src 'none'",
      "script-src 'self'",
      "style-src 'self'",
      "img-src 'self' data:",
      "font-src 'self'",
      "connect-src 'self'",
      "manifest-src 'self'",
      "form-action 'self'",
      "base-uri 'none'",
      "frame-ancestors 'none'",
      "require-trusted-types-for 'script'",
      'trusted-types svelte-trusted-html',
    ].join(';'),
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
    'referrer-policy': 'no-referrer',
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
  };

  test.each([
    '/',
    '/assets/app-1a2b3c.js',
    '/api/practice',
    '/api/session',
    '/api/nothing',
    '/nothing',
    '/assets/none.js',
  ])('carries the security headers: %s', async (path) => {
    const response = await portal.browser().get(path);
    expect(response.headers).toMatchObject(HEADERS);
    expect(response.headers['x-powered-by']).toBeUndefined();
    expect(response.headers['server']).toBeUndefined();
    expect(response.headers['access-control-allow-origin']).toBeUndefined();
  });

  test('is kept by nobody when it comes from the API', async () => {
    for (const path of ['/api/practice', '/api/session', '/api/nothing']) {
      expect((await portal.browser().get(path)).headers['cache-control']).toBe('no-store');
    }
  });
});

test.each([
  '/%61pi/practice',
  '/api%2fpractice',
  '/%61%70%69/session',
  '/%61pi/nothing',
  'http://localhost/api/practice',
])('the API is the API however its path is written: %s', async (path) => {
  const head = `GET ${path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n`;
  expect(await raw(`${head}\r\n`)).toMatch(/\r\ncache-control: no-store\r\n/i);
  expect(await raw(`${head}sec-fetch-site: cross-site\r\n\r\n`)).toMatch(/^HTTP\/1.1 403 /);
});

describe('the web app', () => {
  test('is served with its page fresh and its assets for ever', async () => {
    const page = await portal.browser().get('/').expect(200);
    expect([page.headers['cache-control'], page.text]).toEqual(['no-cache', '<!doctype html><title>portal</title>']);
    const asset = await portal.browser().get('/assets/app-1a2b3c.js').expect(200);
    expect(asset.headers['cache-control']).toBe('public, max-age=31536000, immutable');
  });

  test.each([
    '/../pepper.key',
    '/..%2fpepper.key',
    '/%2e%2e/pepper.key',
    '/assets/../../pepper.key',
    '/..%5cpepper.key',
    '/.git/config',
    '//etc/passwd',
  ])('gives no other file away: %s', async (path) => {
    const answer = await raw(`GET ${path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n`);
    expect(answer).toMatch(/^HTTP\/1.1 40[04] /);
    expect(answer).not.toContain(portal.config.pepper.toString('base64url'));
  });
});

test('the API is not read by foreign pages', async () => {
  for (const site of ['cross-site', 'same-site']) {
    const response = await portal.browser().get('/api/practice').set('sec-fetch-site', site);
    expect([response.status, codeOf(response)]).toEqual([403, 'request-refused']);
  }
  await portal.browser().get('/api/practice').set('sec-fetch-site', 'same-origin').expect(200);
  await portal.browser().get('/').set('sec-fetch-site', 'cross-site').expect(200);
});

test('health says whether, never why', async () => {
  expect((await portal.browser().get('/api/health/live').expect(200)).text).toBe('{"status":"ok"}');
  expect((await portal.browser().get('/api/health/ready').expect(200)).text).toBe('{"status":"ok"}');
});

test('malformed HTTP gets a short answer', async () => {
  const answer = await raw('GET / HTTP/1.1\r\nbad header\r\n\r\n');
  expect(answer).toMatch(/^HTTP\/1.1 400 /);
  expect(answer.length).toBeLessThan(500);
});

test('the log knows no person, no secret, no address that was asked for', async () => {
  const name = `canary.name.${randomBytes(4).toString('hex')}@example.org`;
  const patient = await portal.patient({ 'results/2026': { resources: [{ note: 'canary-in-the-chart' }] } });
  const { browser, patientRef } = patient;
  const invite = await portal.inside.invite();
  const joining = portal.browser();
  const { form, secret } = await portal.joinForm(joining, name, invite);
  await joining.keep(joining.post('/api/join', form)).then((response) => {
    expect(response.status).toBe(201);
  });
  await joining.post('/api/join', form);
  await joining.post('/api/join/check', { code: 'canary-code' });
  const signing = portal.browser();
  await signing.keep(signing.post('/api/sign-in', { name, password: 'canary of a wrong password' }));
  await portal.inside.sql('DELETE FROM {db}.throttle');
  await signing.keep(signing.post('/api/sign-in', { name, password: PASSWORD }));
  const code = totpCode(secret);
  await signing.keep(signing.post('/api/sign-in/totp', { code }));
  await browser
    .get(`/api/charts/${patientRef}/sections/results/2026?canary=query`)
    .set('authorization', 'Bearer canary')
    .expect(200);
  await browser
    .post(`/api/charts/${patientRef}/messages`, {
      threadId: null,
      topic: 'General',
      subject: 'canary-subject',
      body: 'canary-body',
    })
    .set('idempotency-key', 'a-key-of-enough-letters')
    .expect(201);
  await browser.get('/api/canary-path');
  await browser.post('/api/join/check', '{"canary-json').type('application/json');
  const stranger = newRef();
  await browser.get(`/api/charts/${stranger}/status`).expect(404);
  // A failure of the database, whose message quotes the row.
  await portal.inside.sql('RENAME TABLE {db}.throttle TO {db}.throttle_away');
  await signing.post('/api/sign-in', { name, password: 'canary of a wrong password' }).expect(500);
  await portal.inside.sql('RENAME TABLE {db}.throttle_away TO {db}.throttle');

  const canaries = [
    'canary',
    name,
    PASSWORD,
    DATE_OF_BIRTH,
    invite,
    invite.replaceAll('-', ''),
    secret,
    patientRef,
    stranger,
    '198.51.',
    ...[browser, joining, signing].flatMap((each) => [...each.cookies.values(), each.csrf ?? 'none']),
  ];
  for (const canary of canaries) {
    expect([canary, log.includes(canary)]).toEqual([canary, false]);
  }
  expect(log).toContain('"route":"/api/charts/:patientRef/sections/:recordClass/:part"');
  expect(log).toContain('"code":"unexpected"');
  expect(log).toContain('ER_NO_SUCH_TABLE');
});

async function raw(request: string): Promise<string> {
  const { hostname, port } = new URL(portal.url);
  return new Promise((resolve, reject) => {
    let answer = '';
    const socket = connect(Number(port), hostname, () => socket.write(request));
    socket.on('data', (part) => (answer += part.toString()));
    socket.on('close', () => {
      resolve(answer);
    });
    socket.on('error', reject);
  });
}
