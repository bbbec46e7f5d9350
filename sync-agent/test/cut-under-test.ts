import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { get, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { createOpenEmrSchema } from 'infra/openemr-sim/schema';
import { agentEnvironment } from 'infra/services/process-environment';
import { applyGrants } from 'infra/services/services';
import { createTestDatabases, testServices, type TestDatabases } from 'infra/services/test-services';
import { createGateway } from 'portal-api/src/gateway/gateway-app';
import { GatewayConfig } from 'portal-api/src/gateway-config';
import { databaseOf, redisOf } from '../../portal-api/test/gateway-under-test.js';
import { PortalUnderTest } from '../../portal-api/test/portal-under-test.js';
import { strangerPair } from '../../portal-api/test/test-agent.js';
import { initKeys } from '../src/keys/key-files.js';
import { createLedgerDataSource } from '../src/ledger/ledger-database.js';
import { account, agentConfig, openClinic, until } from './agent-under-test.js';

const ROOT = resolve(import.meta.dirname, '../..');

export interface Ended {
  code: number | null;
  out: string;
  err: string;
}

/**
 * The whole system: portal-api and the gateway on one database of the DMZ, the agent and its command line as processes
 * with a key pair of their own. Charts are a stand-in's, see `InsideStandIn`; what is cut is real.
 */
export class CutUnderTest implements AsyncDisposable {
  private agent: ChildProcess | null = null;
  agentOutput = '';

  private constructor(
    readonly databases: TestDatabases,
    readonly portal: PortalUnderTest,
    private gateway: NestFastifyApplication | null,
    readonly environment: Record<string, string>,
    private readonly folder: string,
  ) {}

  static async start(label: string): Promise<CutUnderTest> {
    const zones = testServices();
    const databases = await createTestDatabases(label);
    const portal = await PortalUnderTest.on(zones, databases);
    const folder = mkdtempSync(join(tmpdir(), 'cut-under-test-'));
    const keyDir = join(folder, 'keys');
    mkdirSync(keyDir, { mode: 0o700 });
    writeFileSync(join(keyDir, 'root.key'), portal.inside.root.privateKey.toString('base64url'), { mode: 0o400 });
    writeFileSync(join(keyDir, 'root.pub'), portal.inside.root.publicKey.toString('base64url'), { mode: 0o444 });
    await initKeys(keyDir, portal.config.siteId);
    const gateway = await startGateway(portal, databases, 0);
    const { port } = gateway.getHttpServer().address() as AddressInfo;

    const clinic = await openClinic(zones, databases.openemr);
    await createOpenEmrSchema(clinic);
    await clinic.end();
    const { database } = agentConfig(zones, databases, portal.config.siteId, keyDir, 'https://127.0.0.1:1');
    const owner = await createLedgerDataSource(database, account(zones, 'ledger_owner')).initialize();
    await owner.runMigrations();
    await owner.destroy();
    await applyGrants(zones, 'inside', { openemr: databases.openemr, ledger: databases.ledger });

    const environment = {
      ...agentEnvironment(zones, {
        siteId: portal.config.siteId,
        databases,
        publicOrigin: 'https://portal.example.org',
        portalPort: 1,
        gatewayPort: port,
        webRoot: '/nowhere',
        rootPublicKeyFile: join(keyDir, 'root.pub'),
        practiceName: 'Test',
        practiceTimeZone: 'UTC',
        pools: { default: 'admin' },
      }),
      KEY_DIR: keyDir,
      QUEUE_PREFIX: databases.insideQueuePrefix,
      AGENT_CERT_FILE: join(folder, 'agent.crt'),
      AGENT_KEY_FILE: join(folder, 'agent.key'),
    };
    const system = new CutUnderTest(databases, portal, gateway, environment, folder);
    system.newCertificate();
    return system;
  }

  /** A new pair of the crossing's CA in the place of the agent's. */
  newCertificate(): void {
    const { cert, key } = strangerPair({});
    for (const [name, text] of [
      ['agent.crt', cert],
      ['agent.key', key],
    ] as const) {
      rmSync(join(this.folder, name), { force: true });
      writeFileSync(join(this.folder, name), text, { mode: 0o400 });
    }
  }

  /** The pair as it is now, for whoever steals it. */
  stealPair(): { cert: string; key: string } {
    return {
      cert: readFileSync(join(this.folder, 'agent.crt'), 'utf8'),
      key: readFileSync(join(this.folder, 'agent.key'), 'utf8'),
    };
  }

  get gatewayPort(): number {
    return Number(new URL(this.environment['GATEWAY_URL'] ?? '').port);
  }

  async stopGateway(): Promise<void> {
    await this.gateway?.close();
    this.gateway = null;
  }

  async startGateway(): Promise<void> {
    this.gateway = await startGateway(this.portal, this.databases, this.gatewayPort);
  }

  async startAgent(): Promise<void> {
    this.agentOutput = '';
    const agent = this.program('main.ts', []);
    for (const stream of [agent.stdout, agent.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => (this.agentOutput += text));
    }
    this.agent = agent;
    await until(
      'the agent runs or rests',
      () => /the sync agent runs|does nothing until/.test(this.agentOutput),
      40_000,
    ).catch((failure: unknown) => {
      throw new Error(this.agentOutput, { cause: failure });
    });
  }

  async stopAgent(): Promise<void> {
    if (this.agent !== null && this.agent.exitCode === null) {
      this.agent.kill('SIGTERM');
      await once(this.agent, 'close');
    }
    this.agent = null;
  }

  async commandLine(...args: string[]): Promise<Ended> {
    const child = this.program('cli.main.ts', args);
    let [out, err] = ['', ''];
    child.stdout?.on('data', (chunk: Buffer) => (out += chunk.toString()));
    child.stderr?.on('data', (chunk: Buffer) => (err += chunk.toString()));
    const [code] = (await once(child, 'close')) as [number | null];
    return { code, out, err };
  }

  /** What a portal-api answers that has just been started, as a process of its own, and knows nothing yet. */
  async askNewPortal(path: string, cookie: string): Promise<{ status: number; code: unknown }> {
    const env = { ...this.portal.environment, LOG_LEVEL: 'info' };
    const portal = spawn(process.execPath, [join(ROOT, 'portal-api/dist/main.js')], { env });
    let output = '';
    for (const stream of [portal.stdout, portal.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => (output += text));
    }
    try {
      await until('a new portal-api listens', () => output.includes('"address"'));
      const [, url = ''] = /"address":"([^"]+)"/.exec(output) ?? [];
      const answer = await fetch(`${url}${path}`, { headers: { cookie } });
      const { code } = (await answer.json()) as { code?: unknown };
      return { status: answer.status, code };
    } finally {
      portal.kill('SIGKILL');
      await once(portal, 'close');
    }
  }

  /** An open event stream of a signed-in browser; resolves with the moment of its end. */
  async openStream(url: string, cookie: string): Promise<{ ended: Promise<number> }> {
    const stream = await new Promise<IncomingMessage>((done, failed) => {
      get(`${url}/api/events`, { headers: { cookie } }, done).on('error', failed);
    });
    if (stream.statusCode !== 200) {
      throw new Error(`the stream answered ${String(stream.statusCode)}`);
    }
    stream.on('error', () => undefined);
    return { ended: once(stream.resume(), 'close').then(() => performance.now()) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stopAgent();
    await this.stopGateway();
    await this.portal[Symbol.asyncDispose]();
    rmSync(this.folder, { recursive: true, force: true });
  }

  private program(file: string, args: string[]): ChildProcess {
    const hooks = join(ROOT, 'sync-agent/test/run-typescript.mjs');
    return spawn(process.execPath, ['--import', hooks, join(ROOT, 'sync-agent/src', file), ...args], {
      env: this.environment,
      cwd: ROOT,
    });
  }
}

async function startGateway(
  portal: PortalUnderTest,
  databases: TestDatabases,
  port: number,
): Promise<NestFastifyApplication> {
  const tls = join(testServices().dmz.dir, 'tls');
  const app = await createGateway(
    new GatewayConfig({
      siteId: portal.config.siteId,
      logLevel: 'silent',
      database: databaseOf('sync_gateway', databases.portal),
      redis: redisOf('sync_gateway'),
      listen: { host: '127.0.0.1', port },
      tls: {
        certificate: readFileSync(join(tls, 'gateway.crt'), 'utf8'),
        key: readFileSync(join(tls, 'gateway.key'), 'utf8'),
        agentCa: readFileSync(join(tls, 'crossing-ca.crt'), 'utf8'),
      },
      agentCommonName: 'sync-agent',
      rootPublicKey: portal.inside.root.publicKey,
    }),
  );
  await app.listen(port, '127.0.0.1');
  return app;
}
