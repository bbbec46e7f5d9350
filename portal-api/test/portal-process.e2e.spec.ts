import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { get, type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { BrowserStandIn, codeOf } from './browser-stand-in.js';
import { PASSWORD, PortalUnderTest, type PatientWithChart } from './portal-under-test.js';

const PROGRAM = join(import.meta.dirname, '../dist/main.js');

/** The compiled program as a process of its own. */
class PortalProcess {
  output = '';
  readonly ended: Promise<unknown[]>;

  constructor(readonly child: ChildProcess) {
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => (this.output += text));
    }
    this.ended = once(child, 'exit');
  }

  async url(): Promise<string> {
    for (;;) {
      const [, url] = /"address":"([^"]+)"/.exec(this.output) ?? [];
      if (url !== undefined) {
        return url;
      }
      if (this.child.exitCode !== null) {
        throw new Error(`portal-api ended: ${this.output}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

describe('portal-api as a process', () => {
  const folder = mkdtempSync(join(tmpdir(), 'portal-process-'));
  const running: PortalProcess[] = [];
  let portal: PortalUnderTest;
  let patient: PatientWithChart;

  beforeAll(async () => {
    portal = await PortalUnderTest.start('process');
    patient = await portal.patient();
  });
  afterAll(async () => {
    for (const { child } of running) {
      child.kill('SIGKILL');
    }
    await portal[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true });
  });

  function run(changes: Record<string, string> = {}): PortalProcess {
    const env = { ...portal.environment, LOG_LEVEL: 'info', ...changes };
    const started = new PortalProcess(spawn(process.execPath, [PROGRAM], { env, stdio: ['ignore', 'pipe', 'pipe'] }));
    running.push(started);
    return started;
  }

  test.each([
    ['a variable is missing', { PUBLIC_ORIGIN: '' }, /PUBLIC_ORIGIN/],
    ['an origin has a path', { PUBLIC_ORIGIN: 'https://portal.example/x' }, /PUBLIC_ORIGIN/],
    ['a proxy is not named', { PUBLIC_ORIGIN: 'https://portal.example', TRUST_PROXY: '' }, /TRUST_PROXY must name/],
    ['a secret is not there', { PEPPER_FILE: '/nonexistent' }, /PEPPER_FILE names a file that cannot be read/],
    ['a secret is none', { PEPPER_FILE: '/etc/hostname' }, /PEPPER_FILE/],
    ['the web app is not built', { WEB_ROOT: '/nonexistent' }, /WEB_ROOT/],
    ['a protection is to be off outside a drill', { DRILL_FAULT: 'verification-off' }, /is for drills only/],
    ['a fault is unknown', { DRILL_FAULT: 'all-off' }, /DRILL_FAULT/],
    ['the database refuses it', { DB_USER: 'portal_nobody' }, /does not start/],
  ])('does not start when %s, and says so without a secret', async (_what, change, sentence) => {
    const started = run(change);
    const [code] = await started.ended;
    expect(code).toBe(1);
    expect(started.output).toMatch(sentence);
    expect(started.output).not.toContain(readFileSync(portal.dmz.secretFile('portal_api'), 'utf8').trim());
  });

  test('goes on with the sessions of the process before it, and stops at once with streams open', async () => {
    const first = run();
    const browser = new BrowserStandIn(await first.url(), portal.config.publicOrigin);
    browser.cookies.set('__Host-session', patient.browser.cookies.get('__Host-session') ?? '');
    await browser.get(`/api/charts/${patient.patientRef}/sections/medications`).expect(200);

    const stream = await new Promise<IncomingMessage>((resolve, reject) => {
      get(`${browser.url}/api/events`, { headers: { cookie: browser.cookieHeader } }, resolve).on('error', reject);
    });
    expect(stream.statusCode).toBe(200);
    const closed = once(stream.resume(), 'close');
    const started = Date.now();
    first.child.kill('SIGTERM');
    await Promise.all([closed, first.ended]);
    expect(Date.now() - started).toBeLessThan(5_000);

    const second = run();
    const again = new BrowserStandIn(await second.url(), portal.config.publicOrigin);
    again.cookies.set('__Host-session', patient.browser.cookies.get('__Host-session') ?? '');
    await again.get('/api/session').expect(200);
    second.child.kill('SIGTERM');
    await second.ended;
  });

  test('starts while Redis is away: says busy where a session is needed, and signs nobody out', async () => {
    const started = run({ REDIS_PORT: '1' });
    const browser = new BrowserStandIn(await started.url(), portal.config.publicOrigin);
    await browser.get('/api/practice').expect(200);
    await browser.get('/api/health/live').expect(200);
    await browser.get('/api/health/ready').expect(503, { status: 'not-ready' });
    const signIn = await browser.post('/api/sign-in', { name: patient.name, password: PASSWORD });
    expect([signIn.status, codeOf(signIn)]).toEqual([503, 'busy']);
    browser.cookies.set('__Host-session', patient.browser.cookies.get('__Host-session') ?? '');
    const session = await browser.get('/api/session');
    expect([session.status, codeOf(session), session.headers['set-cookie']]).toEqual([503, 'busy', undefined]);
    started.child.kill('SIGTERM');
    await started.ended;
  });

  test('does not open the inspector when it is signalled', async () => {
    const started = run();
    const url = await started.url();
    started.child.kill('SIGUSR1');
    await new Promise((resolve) => setTimeout(resolve, 300));
    await new BrowserStandIn(url, portal.config.publicOrigin).get('/api/health/live').expect(200);
    expect(started.output).not.toContain('Debugger listening');
    started.child.kill('SIGTERM');
    await started.ended;
  });
});
