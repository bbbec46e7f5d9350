import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createOpenEmrSchema } from 'infra/openemr-sim/schema';
import { agentEnvironment } from 'infra/services/process-environment';
import { applyGrants } from 'infra/services/services';
import { createTestDatabases, testServices, type TestDatabases } from 'infra/services/test-services';
import type { Standing } from '../src/doctor/status.command.js';
import { run, startProgram, type Ended } from './agent-program.js';
import { openClinic, until } from './agent-under-test.js';

const SITE = 'b3f7a9c2-6d1e-4f5a-8b0c-9d2e1f3a4b5c';

describe("the agent's command line", () => {
  let databases: TestDatabases;
  let environment: Record<string, string>;
  const keyDir = join(mkdtempSync(join(tmpdir(), 'agent-cli-')), 'keys');

  beforeAll(async () => {
    databases = await createTestDatabases('cli');
    environment = {
      ...agentEnvironment(testServices(), {
        siteId: SITE,
        databases,
        publicOrigin: 'https://portal.example.org',
        portalPort: 1,
        gatewayPort: 1,
        webRoot: '/nowhere',
        rootPublicKeyFile: join(keyDir, 'root.pub'),
        practiceName: 'Test',
        practiceTimeZone: 'UTC',
        pools: { default: 'admin' },
      }),
      KEY_DIR: keyDir,
      QUEUE_PREFIX: databases.insideQueuePrefix,
    };
    const clinic = await openClinic(testServices(), databases.openemr);
    await createOpenEmrSchema(clinic);
    await clinic.end();
  });

  afterAll(async () => {
    await databases.drop();
    rmSync(join(keyDir, '..'), { recursive: true, force: true });
  });

  it('makes keys that only their owner may read, once, and prints where the public root is', async () => {
    const first = await run(['keys', 'init'], environment);
    expect(first).toMatchObject({ code: 0, out: `${join(keyDir, 'root.pub')}\n`, err: '' });
    expect(statSync(keyDir).mode & 0o777).toBe(0o700);
    const files = readdirSync(keyDir);
    for (const file of files.filter((name) => name !== 'root.pub')) {
      expect({ file, mode: statSync(join(keyDir, file)).mode & 0o777 }).toEqual({ file, mode: 0o400 });
    }
    const contents = files.map((file) => readFileSync(join(keyDir, file), 'utf8'));
    await run(['keys', 'init'], environment);
    expect(readdirSync(keyDir)).toEqual(files);
    expect(files.map((file) => readFileSync(join(keyDir, file), 'utf8'))).toEqual(contents);
  });

  it("brings the ledger's tables up to date and may be repeated", async () => {
    expect(await run(['ledger', 'migrate'], environment)).toMatchObject({ code: 0, out: '20 migrations applied\n' });
    expect(await run(['ledger', 'migrate'], environment)).toMatchObject({ code: 0, out: '0 migrations applied\n' });
    await applyGrants(testServices(), 'inside', { openemr: databases.openemr, ledger: databases.ledger });
  });

  it('says how things stand, also before anything happened', async () => {
    const { code, out } = await run(['status', '--json'], environment);
    expect(code).toBe(0);
    expect(JSON.parse(out)).toMatchObject({ currentAsOf: null, charts: 0, dirtyRows: 0, feed: null });
    expect((await run(['status'], environment)).out).toContain('has not read a clock marker');
  });

  it('says in one sentence what is wrong with a decision about release, and reports when there is none', async () => {
    const clinic = await openClinic(testServices(), databases.openemr);
    await clinic.query("INSERT INTO users (id, username, active) VALUES (7, 'drgreene', 1), (8, 'gone', 0)");
    await clinic.end();
    const release = (...args: string[]): Promise<Ended> => run(['release', ...args], environment);
    const rule = ['--reason', '171.202(b)', '--for', '30d', '--by', 'drgreene'];
    const wrong: [args: string[], sentence: string][] = [
      [['rule', ...rule, '--class', 'dreams'], 'must be one of problems,'],
      [['rule', ...rule, '--class', 'notes', '--by', 'gone'], '--by must be the user name'],
      [['hold', ...rule, '--pid', '1', '--item', 'ab'.repeat(16), '--for', 'ever'], 'a hold has an end'],
      [['lift', '--decision', '3', '--by', 'drgreene'], 'there is no decision 3'],
    ];
    for (const [args, sentence] of wrong) {
      const { code, out, err } = await release(...args);
      expect({ args, code, out, lines: err.trim().split('\n').length }).toEqual({ args, code: 1, out: '', lines: 1 });
      expect(err).toContain(sentence);
    }
    const made = await release('rule', ...rule, '--for', 'ever', '--class', 'notes', '--code', 'loinc:11488-4');
    expect(made).toMatchObject({ code: 0, err: '', out: expect.stringContaining('all charts are rendered again') });
    const rules = await release('rules');
    expect(rules.out).toContain('of notes with code http://loinc.org|11488-4 for all patients; 171.202(b) privacy');
    expect(rules.out).toContain('until it is lifted');
    expect(rules.out).toContain('has matched nothing: is its code or class what OpenEMR has?');
    expect(await release('lift', '--decision', '1', '--by', 'drgreene')).toMatchObject({ code: 0, err: '' });
    const report = JSON.parse((await release('report', '--json')).out) as { all: unknown; decisions: unknown[] };
    expect(report).toMatchObject({ all: { changes: 0 }, decisions: [{ id: 1, endedBy: 'drgreene' }], late: [] });
  });

  it('says what waits and what stands still, and ends a check with 3 when that needs a person', async () => {
    const { adminSql } = testServices().inside;
    const insert = `INSERT INTO ??.submission
      (submission_id, account_ref, kind, stream, stream_seq, envelope, state, reason, received_at) VALUES
      (UNHEX(REPEAT(?, 16)), UNHEX(REPEAT('aa', 16)), 'message', UNHEX(REPEAT(?, 16)), 1, '{}', ?, ?, UTC_TIMESTAMP() - INTERVAL 90 SECOND)`;
    try {
      await adminSql(insert, [databases.ledger, '01', '01', 'RECEIVED', null]);
      const waiting = await run(['status', '--json', '--check'], environment);
      expect(waiting.code).toBe(0);
      const { backlog, needsPerson } = JSON.parse(waiting.out) as Standing;
      expect({ waiting: backlog.inwards.waiting, stopped: backlog.stopped, needsPerson }).toEqual({
        waiting: 1,
        stopped: [],
        needsPerson: false,
      });
      expect(backlog.inwards.oldestSeconds).toBeGreaterThanOrEqual(90);

      await adminSql(insert, [databases.ledger, '02', '02', 'QUARANTINED', 'it cannot be opened']);
      await adminSql(
        `INSERT INTO ??.stream (stream, kind, next_seq, stopped_reason)
         VALUES (UNHEX(REPEAT('02', 16)), 'message', 1, 'it cannot be opened')`,
        [databases.ledger],
      );
      const stopped = await run(['status', '--json', '--check'], environment);
      expect(stopped.code).toBe(3);
      expect(JSON.parse(stopped.out)).toMatchObject({
        needsPerson: true,
        backlog: {
          stopped: [
            { what: 'streams', reason: 'it cannot be opened', count: 1 },
            { what: 'submissions set aside', reason: 'it cannot be opened', count: 1 },
          ],
        },
      });
      await adminSql(
        'INSERT INTO ??.feed_position (id, file_no, file_offset, committed_at) VALUES (1, 1, 4, UTC_TIMESTAMP(3) - INTERVAL 400 SECOND)',
        [databases.ledger],
      );
      const { code, out } = await run(['status'], environment);
      expect(code).toBe(0);
      expect(out).toMatch(/^change feed: STANDS STILL for 4\d\d s; /m);
      expect(out).toMatch(/^to OpenEMR: 1 submissions, the oldest for \d+ s$/m);
      expect(out).toMatch(/^stopped: 1 streams: it cannot be opened$/m);
      expect(out).toMatch(/a person is needed\n$/);
    } finally {
      await adminSql('DELETE FROM ??.submission', [databases.ledger]);
      await adminSql('DELETE FROM ??.stream', [databases.ledger]);
      await adminSql('DELETE FROM ??.feed_position', [databases.ledger]);
    }
  });

  it('says what was never compared, ending with 3, and why a statement cannot be signed off', async () => {
    const { code, out } = await run(['reconciliation', '--json'], environment);
    expect({ code, report: JSON.parse(out) }).toMatchObject({
      code: 3,
      report: {
        complaints: ['never compared with the DMZ', 'never compared with OpenEMR'],
        withOpenEmr: null,
        statements: [],
      },
    });
    expect((await run(['reconciliation'], environment)).out).toMatch(/^needs a person: never compared with OpenEMR$/m);
    const signOff = (...args: string[]): Promise<Ended> =>
      run(['reconciliation', '--sign-off', 'newest', '--note', 'read', ...args], environment);
    expect(await signOff()).toMatchObject({ code: 1, out: '', err: expect.stringContaining('--by must be') });
    expect(await signOff('--by', 'drgreene')).toMatchObject({ code: 1, err: 'there is no statement of newest\n' });
  });

  it('names prerequisites that are not met, one line and one remedy each, with exit code 1, and needs no gateway for it', async () => {
    // Redis would note what doctor tries there, and the run ends with a look at those notes.
    const { code, out, err } = await run(['doctor'], { ...environment, REDIS_PORT: '1' });
    expect({ code, err }).toEqual({ code: 1, err: '' });
    expect(out).toMatch(/^error gateway-unreachable: [^\n]+; [^\n]+$/m);
    expect(out).toMatch(/^error redis-unreachable: [^\n]+; [^\n]+$/m);
    expect(out).toMatch(/^error pool-without-recipient: [^\n]+; [^\n]+$/m);
    expect(out).toMatch(/\d+ found\n$/);
    const json = await run(['doctor', '--json'], { ...environment, GATEWAY_NAME: 'changeme' });
    expect(json.code).toBe(1);
    expect(JSON.parse(json.out)).toMatchObject({
      healthy: false,
      findings: [
        { code: 'configuration-refused', severity: 'error', sentence: expect.stringContaining('GATEWAY_NAME') },
      ],
      notChecked: [expect.stringContaining('everything else')],
    });
  });

  it('names every variable that is missing or still a placeholder, and no value', async () => {
    const broken = { ...environment, POOLS: '{"General":"frontdesk7"}', GATEWAY_NAME: 'changeme' };
    Reflect.deleteProperty(broken, 'REDIS_HOST');
    const { code, err } = await run(['status'], broken);
    expect(code).toBe(1);
    expect(err).toContain('REDIS_HOST is not set');
    expect(err).toContain('GATEWAY_NAME still has a placeholder value');
    expect(err).toContain('POOLS must be JSON');
    expect(err).not.toContain('frontdesk7');
  });

  it.each(['main.ts', 'cli.main.ts'])(
    'switches no protection off for a variable alone: %s refuses to start outside a drill, or for an unknown fault',
    async (program) => {
      const started = async (fault: string): Promise<Ended> =>
        run(['status'], { ...environment, DRILL_FAULT: fault }, program);
      expect(await started('sealing-off')).toMatchObject({
        code: 1,
        err: expect.stringContaining('is for drills only'),
      });
      expect(await started('all-off')).toMatchObject({ code: 1, err: expect.stringContaining('DRILL_FAULT') });
    },
  );

  it('lets a drill, which says so in the key folder, switch one off', async () => {
    const file = join(keyDir, 'drill-only');
    writeFileSync(file, '');
    try {
      expect(await run(['status'], { ...environment, DRILL_FAULT: 'sealing-off' })).toMatchObject({ code: 0, err: '' });
    } finally {
      rmSync(file);
    }
  });

  it('starts the whole agent without its gateway, follows the binlog, and ends cleanly on SIGTERM', async () => {
    const agent = startProgram('main.ts', [], environment);
    let out = '';
    agent.stdout?.on('data', (chunk: Buffer) => (out += chunk.toString()));
    agent.stderr?.on('data', (chunk: Buffer) => (out += chunk.toString()));
    const ended = once(agent, 'close');
    await until(
      'the agent runs',
      () => ['the sync agent runs', "OpenEMR's binlog is followed"].every((line) => out.includes(line)),
      30_000,
    ).catch((failure: unknown) => {
      agent.kill('SIGKILL');
      throw new Error(out, { cause: failure });
    });
    agent.kill('SIGTERM');
    const [code, signal] = (await ended) as [number | null, string | null];
    expect({ code, signal }).toEqual({ code: 0, signal: null });
    const status = await run(['status', '--json'], environment);
    expect(JSON.parse(status.out)).toMatchObject({ chartsLagging: 0, dirtyRows: 0, feedState: { state: 'held' } });
    expect((JSON.parse(status.out) as { currentAsOf: string | null }).currentAsOf).not.toBeNull();
    expect(await run(['status', '--follow'], environment)).toMatchObject({ code: 0, out: 'load: no chart waits\n' });
  });
});
