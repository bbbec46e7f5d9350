import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { gatewayEnvironment } from 'infra/services/process-environment';
import { testServices, type TestDatabases } from 'infra/services/test-services';
import { GATEWAY_ROUTES, LeaseAnswer } from 'sync-contract/gateway-wire';
import { PROTOCOL_VERSION } from 'sync-contract/protocol';
import type { DataSource } from 'typeorm';
import { freshPortalDatabase, newInsideKeys, type InsideKeys } from './gateway-under-test.js';
import { SubmissionsUnderTest, buildMessage } from './submissions-under-test.js';
import { TestAgent, type Answer } from './test-agent.js';

const PROGRAM = join(import.meta.dirname, '../dist/gateway.main.js');
const SITE = '5b2f6c1e-63a5-4d70-8f0d-3c2a76a0b8f4';

/** The compiled program as a process of its own. */
class GatewayProcess {
  output = '';
  readonly ended: Promise<unknown[]>;

  constructor(readonly child: ChildProcess) {
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => (this.output += text));
    }
    this.ended = once(child, 'exit');
  }

  static run(environment: Record<string, string>): GatewayProcess {
    return new GatewayProcess(
      spawn(process.execPath, [PROGRAM], { env: environment, stdio: ['ignore', 'pipe', 'pipe'] }),
    );
  }

  async listening(): Promise<void> {
    while (!this.output.includes('sync-gateway listens')) {
      if (this.child.exitCode !== null) {
        throw new Error(`the gateway ended: ${this.output}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

describe('the gateway as a process', () => {
  const folder = mkdtempSync(join(tmpdir(), 'gateway-process-'));
  const running: GatewayProcess[] = [];
  let port: number;
  let keys: InsideKeys;
  let databases: TestDatabases;
  let database: DataSource;
  let submissions: SubmissionsUnderTest;
  let environment: Record<string, string>;

  beforeAll(async () => {
    keys = await newInsideKeys(SITE);
    ({ databases, database } = await freshPortalDatabase('gateway_process'));
    submissions = await SubmissionsUnderTest.start({
      site: SITE,
      rootPublicKey: keys.rootPublicKey,
      databaseName: databases.portal,
    });
    const rootPublicKeyFile = join(folder, 'root.pub');
    writeFileSync(rootPublicKeyFile, keys.rootPublicKey.toString('base64url'));
    port = await freePort();
    environment = gatewayEnvironment(testServices(), {
      siteId: SITE,
      databases: { portal: databases.portal },
      publicOrigin: 'http://localhost:8080',
      portalPort: 8080,
      gatewayPort: port,
      webRoot: '/nonexistent',
      rootPublicKeyFile,
      practiceName: 'Practice',
      practiceTimeZone: 'UTC',
      pools: {},
    });
  });
  afterAll(async () => {
    for (const gateway of running) {
      gateway.child.kill('SIGKILL');
    }
    await submissions[Symbol.asyncDispose]();
    await database.destroy();
    await databases.drop();
    rmSync(folder, { recursive: true });
  });

  function run(changes: Record<string, string> = {}): GatewayProcess {
    const gateway = GatewayProcess.run({ ...environment, ...changes });
    running.push(gateway);
    return gateway;
  }

  async function call(route: keyof typeof GATEWAY_ROUTES, body: object): Promise<Answer> {
    using agent = new TestAgent(port);
    return await agent.post(GATEWAY_ROUTES[route], { v: PROTOCOL_VERSION, ...body });
  }

  async function lease(): Promise<LeaseAnswer['items']> {
    return LeaseAnswer.parse((await call('lease', { limit: 50, waitMs: 0 })).body).items;
  }

  test.each([
    ['a variable is missing', { AGENT_COMMON_NAME: '' }, /AGENT_COMMON_NAME/],
    ['a file is not there', { TLS_KEY_FILE: '/nonexistent' }, /TLS_KEY_FILE names a file that cannot be read/],
    ['the root key is none', { ROOT_PUBLIC_KEY_FILE: '/etc/hostname' }, /ROOT_PUBLIC_KEY_FILE/],
    ['the database refuses it', { DB_USER: 'portal_nobody' }, /cannot start/],
  ])('does not start when %s, and says so in one sentence', async (_what, change, sentence) => {
    const gateway = run(change);
    const [code] = await gateway.ended;
    expect(code).toBe(1);
    expect(gateway.output).toMatch(sentence);
    expect(gateway.output).not.toContain(readFileSync(testServices().dmz.secretFile('sync_gateway'), 'utf8').trim());
  });

  test('does not open the inspector when it is signalled', async () => {
    const gateway = run();
    await gateway.listening();
    gateway.child.kill('SIGUSR1');
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect((await call('keys', { statements: keys.statements })).status).toBe(200);
    expect(gateway.output).not.toContain('Debugger listening');
    gateway.child.kill('SIGTERM');
    expect(await gateway.ended).toEqual([0, null]);
  });

  test('killed around every commit of lease and acknowledgement, loses and doubles nothing', async () => {
    const log = join(folder, 'hits.log');
    let gateway = run();
    await gateway.listening();
    expect((await call('keys', { statements: keys.statements })).status).toBe(200);
    for (const point of [
      'before-commit:gateway-lease',
      'after-commit:gateway-lease',
      'before-commit:gateway-ack',
      'after-commit:gateway-ack',
    ]) {
      gateway.child.kill('SIGTERM');
      expect(await gateway.ended).toEqual([0, null]);
      const saved = await submissions.service.submit(buildMessage());
      gateway = run({ CRASH_POINT: point, CRASH_POINT_LOG: log });
      await gateway.listening();
      const leased = point.endsWith('ack') ? await lease() : [];
      await expect(
        point.endsWith('ack') ? call('ack', { submissionIds: [saved.submissionId] }) : lease(),
      ).rejects.toThrow();
      expect(await gateway.ended).toEqual([null, 'SIGKILL']);

      gateway = run();
      await gateway.listening();
      await database.query("UPDATE outbox SET leased_until = '2020-01-01' WHERE state = 'LEASED'");
      const again = await lease();
      const seen = [...leased, ...again].map((item) => item.submissionId);
      expect(seen).toContain(saved.submissionId);
      // Only an acknowledgement that was committed takes the row away.
      expect(again).toHaveLength(point === 'after-commit:gateway-ack' ? 0 : 1);
      expect((await call('ack', { submissionIds: [saved.submissionId] })).body).toEqual({ acked: 1 });
      expect(await lease()).toEqual([]);
    }
    expect(readFileSync(log, 'utf8').trim().split('\n')).toHaveLength(4);
    gateway.child.kill('SIGTERM');
    expect(await gateway.ended).toEqual([0, null]);
  }, 120_000);
});

async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}
