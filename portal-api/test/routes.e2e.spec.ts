import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { newRef } from 'sync-contract/identifiers';
import { codeOf } from './browser-stand-in.js';
import { PortalUnderTest, type PatientWithChart } from './portal-under-test.js';
import { routeTable, type Route } from './route-table.js';

let portal: PortalUnderTest;
let routes: Route[];
let patient: PatientWithChart;
beforeAll(async () => {
  portal = await PortalUnderTest.start('routes');
  routes = routeTable(portal.app);
  patient = await portal.patient();
});
afterAll(async () => {
  await portal[Symbol.asyncDispose]();
});

function address(route: Route, patientRef: string): string {
  return route.path
    .replace(':patientRef', patientRef)
    .replace(':recordClass', 'medications')
    .replace(':part', '2026')
    .replace(':documentId', 'd'.repeat(32));
}

async function ask(
  route: Route,
  patientRef: string,
  browser = portal.browser(),
): Promise<{ status: number; body: { code?: string } }> {
  const path = address(route, patientRef);
  const response = route.method === 'GET' ? await browser.get(path) : await browser.post(path, {});
  return { status: response.status, body: response.body as { code?: string } };
}

const key = (route: Route): string => `${route.method} ${route.path}`;

describe('the route table', () => {
  test('is the one that is documented, and every route of it exists', () => {
    expect(routes.map(key).sort()).toEqual([
      'GET /api/access-history',
      'GET /api/charts/:patientRef/documents/:documentId',
      'GET /api/charts/:patientRef/own-copies',
      'GET /api/charts/:patientRef/receipts',
      'GET /api/charts/:patientRef/sections/:recordClass',
      'GET /api/charts/:patientRef/sections/:recordClass/:part',
      'GET /api/charts/:patientRef/status',
      'GET /api/events',
      'GET /api/health/live',
      'GET /api/health/ready',
      'GET /api/practice',
      'GET /api/session',
      'POST /api/charts/:patientRef/ccd-requests',
      'POST /api/charts/:patientRef/downloads',
      'POST /api/charts/:patientRef/messages',
      'POST /api/charts/:patientRef/release-wishes',
      'POST /api/join',
      'POST /api/join/check',
      'POST /api/join/date-of-birth',
      'POST /api/join/totp',
      'POST /api/session/extend',
      'POST /api/sign-in',
      'POST /api/sign-in/totp',
      'POST /api/sign-out',
    ]);
    const server = portal.app.getHttpAdapter().getInstance();
    for (const { method, path } of routes) {
      expect([path, server.hasRoute({ method, url: path })]).toEqual([path, true]);
    }
  });

  test('opens these to people without a session, and no other', () => {
    expect(
      routes
        .filter((route) => route.isPublic)
        .map(key)
        .sort(),
    ).toEqual([
      'GET /api/health/live',
      'GET /api/health/ready',
      'GET /api/practice',
      'POST /api/join',
      'POST /api/join/check',
      'POST /api/join/totp',
      'POST /api/sign-in',
      'POST /api/sign-in/totp',
    ]);
  });

  test('answers 401 without a session, whatever else is wrong with the request', async () => {
    for (const route of routes.filter((each) => !each.isPublic)) {
      for (const ref of [patient.patientRef, newRef(), 'nonsense']) {
        const { status, body } = await ask(route, ref);
        expect([key(route), status, body.code]).toEqual([key(route), 401, 'signed-out']);
      }
    }
  });

  test("answers 404 for somebody else's chart, as for one that does not exist", async () => {
    const other = await portal.patient();
    const ofCharts = routes.filter((route) => route.path.includes(':patientRef'));
    expect(ofCharts.length).toBeGreaterThan(4);
    for (const route of ofCharts) {
      for (const ref of [other.patientRef, newRef(), 'nonsense', `${patient.patientRef}0`]) {
        const { status, body } = await ask(route, ref, patient.browser);
        expect([key(route), status, body.code]).toEqual([key(route), 404, 'not-found']);
      }
    }
  });

  test('refuses every change without the token of the session, or with the token of another', async () => {
    const other = await portal.join();
    for (const route of routes.filter((each) => each.method === 'POST' && !each.isPublic)) {
      for (const csrf of ['', 'guessed', other.session.csrf]) {
        const response = await patient.browser.post(address(route, patient.patientRef), {}).set('x-csrf', csrf);
        expect([key(route), response.status, codeOf(response)]).toEqual([key(route), 403, 'request-refused']);
      }
    }
    await patient.browser.get('/api/session').expect(200);
  });

  test('refuses every change that a foreign page could send', async () => {
    for (const route of routes.filter((each) => each.method === 'POST')) {
      const browser = route.isPublic ? portal.browser() : patient.browser;
      const send = (): ReturnType<typeof browser.post> => browser.post(address(route, patient.patientRef), {});
      const foreign = [
        send().set('origin', 'https://evil.example'),
        send().set('origin', 'null'),
        send().set('origin', `${portal.config.publicOrigin}.evil.example`),
        send().unset('origin'),
        send().set('sec-fetch-site', 'cross-site'),
        send().set('sec-fetch-site', 'same-site'),
        browser.post(address(route, patient.patientRef), 'a=1').type('form'),
        browser.post(address(route, patient.patientRef), '{}').type('text/plain'),
        browser.post(address(route, patient.patientRef), '{}').type('application/json; charset=utf-16'),
        ...(route.isPublic ? [send().unset('x-requested-with')] : []),
      ];
      for (const [i, request] of foreign.entries()) {
        const response = await request;
        expect([key(route), i, response.status, codeOf(response)]).toEqual([key(route), i, 403, 'request-refused']);
      }
    }
    await patient.browser.get('/api/session').expect(200);
  });

  test('answers rubbish with a problem that repeats none of it', async () => {
    const canary = 'CanaryInTheBody';
    const bodies: string[] = [
      '',
      '[]',
      'null',
      '1',
      `"${canary}"`,
      `{"${canary}": 1}`,
      `{"code": "${canary}", "name": ["${canary}"], "password": {"${canary}": 1}}`,
      `{"code": 5, "name": null, "body": "${canary}", "threadId": "${canary}", "topic": "${canary}", "dateOfBirth": "${canary}"}`,
      `{"${canary}`,
      `{"__proto__": {"admin": "${canary}"}}`,
      `{"constructor": {"prototype": {"admin": "${canary}"}}}`,
      '['.repeat(40) + `"${canary}"` + ']'.repeat(40),
      `{"code": "${canary}${'x'.repeat(200_000)}"}`,
      JSON.stringify({ name: canary.repeat(5_000), password: canary.repeat(2_000) }),
    ];
    const statuses = new Set<number>();
    for (const route of routes.filter((each) => each.method === 'POST')) {
      if (route.path === '/api/sign-out' || route.path === '/api/session/extend') {
        continue;
      }
      for (const body of bodies) {
        await portal.inside.sql('DELETE FROM {db}.throttle');
        const browser = route.isPublic ? portal.browser() : patient.browser;
        const response = await browser
          .post(address(route, patient.patientRef), body)
          .type('application/json')
          .set('idempotency-key', 'a-key-of-enough-letters');
        expect([key(route), body.slice(0, 40), Math.floor(response.status / 100)]).toEqual([
          key(route),
          body.slice(0, 40),
          4,
        ]);
        expect(response.headers['content-type']).toContain('application/problem+json');
        expect(response.text).not.toContain(canary);
        expect(response.text).not.toContain('admin');
        statuses.add(response.status);
      }
    }
    expect([...statuses].sort()).toEqual(expect.arrayContaining([400, 413, 422]));
    expect(({} as { admin?: string }).admin).toBeUndefined();
  });

  test('knows no other address or method', async () => {
    const { browser } = patient;
    for (const path of [
      '/api',
      '/api/',
      '/api/nothing',
      '/api/session/',
      '/API/session',
      '/api/%2e%2e/session',
      '/api/%zz',
    ]) {
      const response = await browser.get(path);
      expect([path, response.status, codeOf(response)]).toEqual([path, 404, 'not-found']);
    }
    const { default: supertest } = await import('supertest');
    for (const method of ['put', 'patch', 'delete', 'options', 'head'] as const) {
      const response = await supertest(portal.url)[method]('/api/session').set('origin', portal.config.publicOrigin);
      expect([method, response.status]).toEqual([method, 404]);
    }
  });
});
