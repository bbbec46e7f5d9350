import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { processLogger } from '../src/log/process-log.js';
import { INJECTIONS, LogUnderTest } from './log-under-test.js';
import { PortalUnderTest, type PatientWithChart } from './portal-under-test.js';
import { requestOf, sendRaw, type Asked } from './request-canaries.js';
import { routeTable, type Route } from './route-table.js';

describe('the log of portal-api', () => {
  const log = new LogUnderTest();
  let portal: PortalUnderTest;
  let patient: PatientWithChart;
  let routes: Route[];

  beforeAll(async () => {
    portal = await PortalUnderTest.start('log', { LOG_LEVEL: 'debug' }, log);
    patient = await portal.patient();
    routes = routeTable(portal.app).filter(({ path }) => path !== '/api/sign-out' && path !== '/api/events');
  });
  afterAll(async () => portal[Symbol.asyncDispose]());

  async function ask(head: string[], body: string): Promise<Asked> {
    const { hostname, port } = new URL(portal.url);
    return sendRaw(connect(Number(port), hostname), head, body);
  }

  test.each(Object.entries(INJECTIONS))(
    'is one well-formed line for each answer of every route, whatever a client sends: %s',
    async (what, injection) => {
      const canary = `Canary${String(Object.keys(INJECTIONS).indexOf(what))}Zebra`;
      await portal.inside.sql('DELETE FROM {db}.throttle');
      for (const signedIn of [true, false]) {
        for (const route of routes) {
          const before = log.entries('portal-api').filter(({ msg }) => msg === 'answered').length;
          const [head, body] = requestOf(
            route,
            canary,
            injection,
            signedIn ? patient.browser.cookieHeader : `__Host-session=${canary}`,
            signedIn ? (patient.browser.csrf ?? '') : canary,
          );
          const { status } = await ask(head, body);
          expect([route.path, status >= 200 && status < 600]).toEqual([route.path, true]);
          const answered = log.entries('portal-api').filter(({ msg }) => msg === 'answered');
          expect([route.path, answered.length]).toEqual([route.path, before + 1]);
          expect(answered.at(-1)).toMatchObject({ method: route.method, status, requestId: expect.any(String) });
        }
      }
      await ask([`GET /${canary}${encodeURIComponent(injection)} HTTP/1.1`, 'host: x'], '');
      await ask([`GET /api/%zz${canary} HTTP/1.1`, 'host: x'], '');
      expect(log.found([canary, 'forged'])).toEqual([]);
      for (const { requestId } of log.entries('portal-api').filter(({ msg }) => msg === 'answered')) {
        expect(requestId).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f-]{17}$/);
      }
      const secrets = [...patient.browser.cookies.values(), patient.browser.csrf ?? 'none', patient.patientRef];
      expect(log.found(secrets)).toEqual([]);
    },
  );

  test('names every route by its pattern, with the code of its problem', () => {
    const answered = log.entries('portal-api').filter(({ msg }) => msg === 'answered');
    for (const { method, path } of routes) {
      expect(answered).toContainEqual(expect.objectContaining({ method, route: path }));
    }
    expect(answered).toContainEqual(expect.objectContaining({ route: 'none', status: 404, code: 'not-found' }));
    expect(answered).toContainEqual(expect.objectContaining({ status: 401, code: 'signed-out' }));
  });

  test('has no line for what is no HTTP: headers without end, controls in them', async () => {
    const before = log.entries('portal-api').length;
    for (const header of [`x-canary: HeaderZebra${'x'.repeat(100_000)}`, 'x-canary: HeaderZebra\u001b[2J\u0000']) {
      const { status } = await ask(['GET /api/practice HTTP/1.1', 'host: x', header], '');
      expect([400, 431]).toContain(status);
    }
    expect(log.entries('portal-api')).toHaveLength(before);
    expect(log.found(['HeaderZebra'])).toEqual([]);
  });

  test('control: the hunt finds what is planted, and sees a line that is broken', () => {
    const planted = new LogUnderTest();
    processLogger('portal-api', 'info', planted).info({ note: 'PlantedZebra' }, 'hello');
    expect(planted.found(['PlantedZebra', 'other'])).toEqual(['PlantedZebra']);
    expect(planted.entries('portal-api')).toHaveLength(1);
    planted.write('{"msg":"two"}\n{"msg":"lines"}\n');
    expect(() => planted.entries('portal-api')).toThrow();
  });

  test.each(Object.entries(INJECTIONS))('keeps a value of ours on its line: %s', (_what, injection) => {
    const own = new LogUnderTest();
    const logger = processLogger('portal-api', 'info', own);
    logger.info({ value: injection, [injection]: 1 }, injection);
    const [entry] = own.entries('portal-api');
    expect(entry).toMatchObject({ value: injection, msg: injection });
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });

  test('says of an error what it is and where, never what it quotes, and censors secrets by name', () => {
    const own = new LogUnderTest();
    const logger = processLogger('portal-api', 'info', own);
    logger.error({ err: Object.assign(new Error('PlantedZebra'), { code: 'ER_DUP_ENTRY', sql: 'PlantedZebra' }) }, 'x');
    logger.info({ cookie: 'PlantedZebra', request: { headers: 'PlantedZebra', body: 'PlantedZebra' } });
    expect(own.found(['PlantedZebra'])).toEqual([]);
    expect(own.entries('portal-api')[0]).toMatchObject({ err: { kind: 'Error', code: 'ER_DUP_ENTRY' } });
  });
});
