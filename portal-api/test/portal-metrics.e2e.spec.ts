import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { metricsNamed } from 'infra/prometheus/metric-names';
import { SUBMISSION_KINDS } from 'sync-contract/submission';
import { PortalMetrics } from '../src/health/portal-metrics.js';
import { LogUnderTest } from './log-under-test.js';
import { labelSets, sampleOf, valuesOf } from './metrics-under-test.js';
import { PASSWORD, PortalUnderTest, totpCode, type PatientWithChart } from './portal-under-test.js';
import { routeTable } from './route-table.js';

const CANARY = 'MetricsZebra';

let portal: PortalUnderTest;
let patient: PatientWithChart;
beforeAll(async () => {
  portal = await PortalUnderTest.start('portal_metrics', { METRICS_PORT: '0' });
  patient = await portal.patient();
});
afterAll(async () => portal[Symbol.asyncDispose]());

function address(): string {
  return `http://127.0.0.1:${String(portal.app.get(PortalMetrics).port)}`;
}

async function scrape(): Promise<string> {
  const answer = await fetch(`${address()}/metrics`);
  expect([answer.status, answer.headers.get('content-type')]).toEqual([200, expect.stringContaining('text/plain')]);
  return answer.text();
}

test('nothing but GET /metrics is there, and the public listener has none', async () => {
  for (const [method, path] of [
    ['POST', '/metrics'],
    ['HEAD', '/metrics'],
    ['GET', '/metrics?x=1'],
    ['GET', '/metrics/'],
    ['GET', '/'],
    ['GET', '/api/session'],
  ] as const) {
    expect([method, path, (await fetch(`${address()}${path}`, { method })).status]).toEqual([method, path, 404]);
  }
  for (const path of ['/metrics', '/api/metrics']) {
    await portal.browser().get(path).expect(404);
  }
});

test('the numbers follow what happens', async () => {
  const { browser, name, totpSecret, patientRef } = patient;
  // Suites share one Redis, and with it the sessions that earlier ones left open.
  const openBefore = sampleOf(await scrape(), 'portal_sessions_open') ?? Number.NaN;
  const signing = portal.browser();
  await signing.keep(signing.post('/api/sign-in', { name, password: 'not the password at all' }));
  await portal.inside.sql('DELETE FROM {db}.throttle');
  await signing.keep(signing.post('/api/sign-in', { name, password: PASSWORD }));
  await signing.keep(signing.post('/api/sign-in/totp', { code: totpCode(totpSecret) }));
  const message = { threadId: null, topic: 'General', subject: CANARY, body: CANARY };
  await browser
    .post(`/api/charts/${patientRef}/messages`, message)
    .set('idempotency-key', 'a-key-of-enough-letters')
    .expect(201);
  const text = await scrape();
  expect(sampleOf(text, 'portal_sign_ins_total', { step: 'password', outcome: 'sign-in-failed' })).toBe(1);
  expect(sampleOf(text, 'portal_sign_ins_total', { step: 'password', outcome: 'ok' })).toBe(1);
  expect(sampleOf(text, 'portal_sign_ins_total', { step: 'code', outcome: 'ok' })).toBe(1);
  expect(sampleOf(text, 'portal_sessions_open')).toBe(openBefore + 1);
  expect(sampleOf(text, 'portal_outbox_waiting', { kind: 'message' })).toBe(1);
  expect(sampleOf(text, 'portal_outbox_oldest_age_seconds', { kind: 'message' })).toBeGreaterThan(0);
  expect(sampleOf(text, 'portal_outbox_oldest_age_seconds', { kind: 'ccd-request' })).toBe(0);
  expect(valuesOf(text, 'portal_outbox_oldest_age_seconds', 'kind')).toEqual([...SUBMISSION_KINDS].sort());
  expect(sampleOf(text, 'portal_replica_age_seconds')).toBeGreaterThan(0);
  expect(sampleOf(text, 'portal_cut')).toBe(0);
  expect(
    sampleOf(text, 'portal_http_request_duration_seconds_count', {
      method: 'POST',
      route: '/api/charts/:patientRef/messages',
      status: '2xx',
    }),
  ).toBe(1);
});

test('labels are these and no other, and nothing of a client or a patient is among their values', async () => {
  const { browser, patientRef } = patient;
  for (const path of [
    `/api/${CANARY}`,
    `/${CANARY}`,
    `/api/charts/${CANARY}/status`,
    `/api/charts/${patientRef}/status`,
  ]) {
    await browser.get(`${path}?x=${CANARY}`).set('user-agent', CANARY);
  }
  await browser.post('/api/join/check', { code: CANARY });
  const text = await scrape();
  expect(labelSets(text, 'portal_')).toEqual({
    portal_sign_ins_total: ['outcome', 'step'],
    portal_sessions_open: [],
    portal_outbox_waiting: ['kind'],
    portal_outbox_oldest_age_seconds: ['kind'],
    portal_replica_age_seconds: [],
    portal_cut: [],
    portal_http_request_duration_seconds: ['method', 'route', 'status'],
    portal_http_requests_open: ['route'],
    portal_problems_total: ['code', 'route'],
  });
  const server = new Set([...routeTable(portal.app).map(({ path }) => path), 'none', '/*', '/']);
  for (const name of [
    'portal_http_request_duration_seconds_count',
    'portal_http_requests_open',
    'portal_problems_total',
  ]) {
    expect(valuesOf(text, name, 'route').filter((route) => !server.has(route))).toEqual([]);
  }
  expect(valuesOf(text, 'portal_problems_total', 'code').filter((code) => !/^[a-z]+(-[a-z]+)*$/.test(code))).toEqual(
    [],
  );
  const log = new LogUnderTest();
  log.write(text);
  expect(log.found([CANARY, patientRef, patient.accountRef, patient.name, '198.51.'])).toEqual([]);
});

test('every metric is on a dashboard, and every one that a dashboard or an alert names is there', async () => {
  const there = Object.keys(labelSets(await scrape(), 'portal_')).sort();
  expect(metricsNamed('portal', 'dashboards')).toEqual(there);
  expect(metricsNamed('portal', 'dashboards and rules')).toEqual(there);
});

test('are off unless a port is given', async () => {
  const quiet = await PortalUnderTest.start('portal_no_metrics');
  try {
    expect(quiet.app.get(PortalMetrics).port).toBeUndefined();
  } finally {
    await quiet[Symbol.asyncDispose]();
  }
});
