import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { GATEWAY_ROUTES } from 'sync-contract/gateway-wire';
import { PROTOCOL_VERSION } from 'sync-contract/protocol';
import { codeOf } from '../../portal-api/test/browser-stand-in.js';
import { PASSWORD, totpCode, type PatientWithChart } from '../../portal-api/test/portal-under-test.js';
import { TestAgent, type ClientPair } from '../../portal-api/test/test-agent.js';
import { until } from './agent-under-test.js';
import { CutUnderTest } from './cut-under-test.js';

/** What a signed-in person may ask whatever the chart holds: this agent's ledger does not know the stand-in's chart. */
const SESSION = '/api/session';

interface Outcome {
  steps: { step: string; done: boolean; ms: number; sentence: string }[];
  ms: number;
}

/** One story, in order: each part begins where the one before it ended. */
describe('cut', () => {
  let system: CutUnderTest;
  let patient: PatientWithChart;
  let taken: ClientPair;

  beforeAll(async () => {
    system = await CutUnderTest.start('cut');
    patient = await system.portal.patient();
    await system.startAgent();
    taken = system.stealPair();
  });
  afterAll(async () => system[Symbol.asyncDispose]());

  const outcomeOf = (out: string): Outcome => JSON.parse(out) as Outcome;
  const chart = (): string => `/api/charts/${patient.patientRef}/sections/medications`;
  const records = (): Promise<Record<string, unknown>[]> =>
    system.portal.inside.sql('SELECT issued_at FROM {db}.cut_statement');

  async function hello(pair: ClientPair): Promise<{ status: number; body: unknown }> {
    using agent = new TestAgent(system.gatewayPort, pair);
    const body = { v: PROTOCOL_VERSION, site: system.portal.config.siteId, now: new Date().toISOString() };
    return await agent.post(GATEWAY_ROUTES.hello, body);
  }

  it('is refused its undo while nothing is cut', async () => {
    expect(await system.commandLine('cut', '--undo', '--dmz-is-trusted-again')).toMatchObject({
      code: 1,
      err: 'The DMZ is not cut off: there is nothing to lift.\n',
    });
  });

  it('without the gateway still stops the agent, says what was not possible, and exits with 1', async () => {
    await system.stopGateway();
    const { code, out } = await system.commandLine('cut', '--json');
    expect(code).toBe(1);
    const done = Object.fromEntries(outcomeOf(out).steps.map((step) => [step.step, step.done]));
    expect(done).toEqual({ ledger: true, gateway: false, certificate: false, agent: true });
    expect(out).toContain('block the DMZ at the firewall');
    expect(system.agentOutput).toContain('does nothing until');
    await system.startGateway();
    expect(await records()).toEqual([]);
    await patient.browser.get(SESSION).expect(200);
  });

  it('puts everybody out, stops the agent and makes its certificate nobody’s, each in a time that it prints', async () => {
    const stream = await system.openStream(system.portal.url, patient.browser.cookieHeader);
    const began = performance.now();
    const { code, out, err } = await system.commandLine('cut', '--json');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    const { steps, ms } = outcomeOf(out);
    expect(steps.map(({ step, done }) => [step, done])).toEqual([
      ['ledger', true],
      ['gateway', true],
      ['certificate', true],
      ['agent', true],
    ]);
    expect(steps.every((step) => step.ms >= 0 && step.ms <= ms)).toBe(true);
    const streamEnded = (await stream.ended) - began;
    const answer = await patient.browser.get(chart());
    expect([answer.status, codeOf(answer)]).toEqual([401, 'signed-out']);
    expect(await hello(taken)).toMatchObject({ status: 403, body: { code: 'agent-revoked' } });
    process.stdout.write(
      `cut: command ${String(ms)} ms (${steps.map((step) => `${step.step} ${String(step.ms)}`).join(', ')}), ` +
        `event stream ended ${String(Math.round(streamEnded))} ms after the command was started\n`,
    );
  });

  it('may be repeated, and prints sentences for people', async () => {
    const { code, out } = await system.commandLine('cut');
    expect(code).toBe(0);
    expect(out).toMatch(/^ledger +done +\d+ ms {2}the ledger says/);
    expect(out).toContain('the gateway was told before');
    expect(out).toMatch(/together +\d+ ms\n$/);
  });

  it('lets nobody sign in or join, with a sentence that says why, and still answers the proxy', async () => {
    const browser = system.portal.browser();
    for (const path of ['/api/sign-in', '/api/sign-in/totp', '/api/join', '/api/join/check', '/api/join/totp']) {
      const answer = await browser.post(path, { name: patient.name, password: PASSWORD });
      expect([path, answer.status, codeOf(answer)]).toEqual([path, 503, 'switched-off']);
      expect(answer.text).toContain('The clinic has switched the portal off.');
    }
    await browser.get('/api/health/ready').expect(200);
    await browser.get('/api/practice').expect(200);
  });

  it('holds when portal-api, the gateway and the agent are started again', async () => {
    await system.stopGateway();
    await system.startGateway();
    expect(await hello(taken)).toMatchObject({ status: 403, body: { code: 'agent-revoked' } });
    await system.stopAgent();
    await system.startAgent();
    expect(system.agentOutput).toContain('does nothing until');
    expect(system.agentOutput).not.toContain('the sync agent runs');
    const { status, code } = await system.askNewPortal(chart(), patient.browser.cookieHeader);
    expect([status, code]).toEqual([401, 'signed-out']);
  });

  it('is not lifted without the operator’s word, nor with the certificate that was revoked', async () => {
    expect(await system.commandLine('cut', '--undo')).toMatchObject({
      code: 1,
      err: expect.stringContaining('--dmz-is-trusted-again'),
    });
    expect(await system.commandLine('cut', '--undo', '--dmz-is-trusted-again')).toMatchObject({
      code: 1,
      err: expect.stringContaining('make a new key and certificate'),
    });
    expect((await system.commandLine('status', '--json')).out).toContain('"cut":"20');
  });

  it('is lifted with a new certificate: the agent works, patients sign in anew, the old session stays over', async () => {
    system.newCertificate();
    const { code, out } = await system.commandLine('cut', '--undo', '--dmz-is-trusted-again', '--json');
    expect({ code, done: outcomeOf(out).steps.map(({ step, done }) => [step, done]) }).toEqual({
      code: 0,
      done: [
        ['gateway', true],
        ['ledger', true],
      ],
    });
    await until('the agent works again', () => system.agentOutput.includes('the sync agent runs'));
    expect(await hello(taken)).toMatchObject({ status: 403 });
    const { browser, name, totpSecret } = patient;
    const old = await browser.get(chart());
    expect([old.status, codeOf(old)]).toEqual([401, 'signed-out']);
    const again = system.portal.browser();
    await until('sign-in is on', async () => {
      const answer = await again.keep(again.post('/api/sign-in', { name, password: PASSWORD }));
      return answer.status === 200;
    });
    const signedIn = await again.keep(again.post('/api/sign-in/totp', { code: totpCode(totpSecret) }));
    expect(signedIn.status).toBe(200);
    await again.get(SESSION).expect(200);
    browser.cookies.delete('__Host-session');
  });

  it('ends a session whose record somebody puts back into Redis', async () => {
    const other = await system.portal.patient();
    const { app } = system.portal;
    const { REDIS } = await import('../../portal-api/src/redis/redis.module.js');
    const redis = app.get<{
      getBuffer: (key: string) => Promise<Buffer | null>;
      set: (key: string, value: Buffer) => Promise<unknown>;
    }>(REDIS);
    const { parseHalfKey } = await import('../../portal-api/src/sessions/half-key-cookie.js');
    const half = parseHalfKey(other.browser.cookies.get('__Host-session'));
    const key = `session:${half?.idHash ?? ''}`;
    const record = await redis.getBuffer(key);
    expect(record).not.toBeNull();
    expect((await system.commandLine('cut', '--json')).code).toBe(0);
    await until('its keys are gone from Redis', async () => (await redis.getBuffer(key)) === null);
    await redis.set(key, record ?? Buffer.alloc(0));
    const answer = await other.browser.get('/api/session');
    expect([answer.status, codeOf(answer)]).toEqual([401, 'signed-out']);
  });
});
