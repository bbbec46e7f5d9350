import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Module, type INestApplicationContext, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { inviteLookup, parseInviteCode } from 'sync-contract/invite';
import { readSecret } from 'infra/services/data-folder';
import { createTestDatabases, testServices, type TestDatabases } from 'infra/services/test-services';
import { DataSource } from 'typeorm';
import { GatewayConfig } from 'portal-api/src/gateway-config';
import { dataSourceOptions } from 'portal-api/src/database/data-source';
import { Doorbell } from 'portal-api/src/doorbell/doorbell';
import { createGateway } from 'portal-api/src/gateway/gateway-app';
import { databaseOf, freshPortalDatabase, redisOf } from '../../portal-api/test/gateway-under-test.js';
import { NO_ORIGIN, SubmissionsUnderTest } from '../../portal-api/test/submissions-under-test.js';
import { AgentConfigModule } from '../src/agent-config.module.js';
import { CollectModule } from '../src/collect/collect.module.js';
import type { AgentConfig } from '../src/config.js';
import { DeliverModule } from '../src/deliver/deliver.module.js';
import { EnrolModule } from '../src/enrol/enrol.module.js';
import { GatewayClientModule } from '../src/gateway-client/gateway-client.module.js';
import type { JoinedPatient } from './collect-test-dmz.js';
import { DeliverUnderTest, ORIGIN, SITE } from './deliver-under-test.js';
import { acceptedInvite } from './enrol-builders.js';

/**
 * From the portal's saving transaction to OpenEMR's rows: the DMZ's database, the real gateway over mTLS, and the
 * agent's modules. Fake: the person who joins, whose account is written by hand.
 */
export class CrossingUnderTest implements AsyncDisposable {
  private agent: INestApplicationContext | null = null;
  private gateway: NestFastifyApplication | null = null;
  private gatewayPort = 0;

  private constructor(
    readonly inside: DeliverUnderTest,
    private readonly queues: TestDatabases,
    private readonly databases: TestDatabases,
    /** the DMZ's database with all rights on rows */
    readonly dmz: DataSource,
    private readonly writer: DataSource,
    readonly portal: SubmissionsUnderTest,
    readonly doorbell: Doorbell,
    private readonly more: readonly Type[],
    private readonly opened: AsyncDisposableStack,
  ) {}

  /** @param more modules of the agent beside collecting, delivering and enrolling */
  static async start(label: string, ...more: Type[]): Promise<CrossingUnderTest> {
    const opened = new AsyncDisposableStack();
    const inside = opened.use(await DeliverUnderTest.start(`${label}_inside`));
    const queues = opened.use(await createTestDatabases(`${label}_queues`));
    const { databases, database } = await freshPortalDatabase(`${label}_dmz`);
    opened.use(databases);
    opened.defer(() => database.destroy());
    const writer = await new DataSource(dataSourceOptions(databaseOf('portal_api', databases.portal))).initialize();
    opened.defer(() => writer.destroy());
    const portal = opened.use(
      await SubmissionsUnderTest.start({
        site: SITE,
        rootPublicKey: rootPublicKey(inside),
        databaseName: databases.portal,
      }),
    );
    const doorbell = new Doorbell(redisOf('portal_api'), databases.portal);
    opened.defer(() => doorbell.onApplicationShutdown());
    const crossing = new CrossingUnderTest(inside, queues, databases, database, writer, portal, doorbell, more, opened);
    await crossing.startGateway();
    await crossing.startAgent();
    return crossing;
  }

  /** At the address it had. */
  async startGateway(): Promise<void> {
    const { dmz: zone } = testServices();
    this.gateway = await createGateway(
      new GatewayConfig({
        siteId: SITE,
        logLevel: 'silent',
        database: databaseOf('sync_gateway', this.databases.portal),
        redis: redisOf('sync_gateway'),
        listen: { host: '127.0.0.1', port: this.gatewayPort },
        tls: {
          certificate: readFileSync(join(zone.dir, 'tls/gateway.crt'), 'utf8'),
          key: readFileSync(join(zone.dir, 'tls/gateway.key'), 'utf8'),
          agentCa: readFileSync(join(zone.dir, 'tls/crossing-ca.crt'), 'utf8'),
        },
        agentCommonName: 'sync-agent',
        rootPublicKey: rootPublicKey(this.inside),
      }),
    );
    await this.gateway.listen(this.gatewayPort, '127.0.0.1');
    this.gatewayPort = (this.gateway.getHttpServer().address() as AddressInfo).port;
  }

  async stopGateway(): Promise<void> {
    await this.gateway?.close();
    this.gateway = null;
  }

  async startAgent(): Promise<void> {
    @Module({})
    class CrossingModule {}
    const own = [GatewayClientModule, CollectModule, DeliverModule, EnrolModule];
    this.agent = await NestFactory.createApplicationContext(
      { module: CrossingModule, imports: [AgentConfigModule.of(this.agentConfig()), ...own, ...this.more] },
      { logger: false, abortOnError: false },
    );
  }

  async stopAgent(): Promise<void> {
    await this.agent?.close();
    this.agent = null;
  }

  async invite(pid: number): Promise<string> {
    const { code } = await this.inside.invite(pid);
    const { secret } = parseInviteCode(code);
    const lookup = Buffer.from(inviteLookup(secret), 'hex');
    await until(
      'the invite',
      async () => (await this.count('SELECT COUNT(*) AS n FROM invite WHERE lookup = ?', [lookup])) === 1,
    );
    return code;
  }

  /** What the portal does when a person joins; resolves when it is saved. @returns accountRef */
  async accept(pid: number, code: string): Promise<string> {
    const { payload } = await acceptedInvite(SITE, code, await this.inside.dateOfBirth(pid));
    const { accountRef } = payload;
    await this.dmz.query(
      `INSERT INTO account (account_ref, name_index, salt, verifier, public_key, private_key_wrapped, totp_wrapped, state, created_at)
       VALUES (?, ?, ?, ?, ?, ?, ?, 'joining', UTC_TIMESTAMP(3))`,
      [
        Buffer.from(accountRef, 'hex'),
        ...[16, 16, 32].map((size) => randomBytes(size)),
        Buffer.from(payload.publicKey, 'base64url'),
        randomBytes(60),
        randomBytes(48),
      ],
    );
    await this.writer.transaction((manager) =>
      this.portal.service.submitEnrolment(manager, {
        accountRef,
        accountKey: randomBytes(32),
        payload,
        origin: NO_ORIGIN,
      }),
    );
    this.doorbell.ring();
    return accountRef;
  }

  /** Invited, accepted and granted. */
  async join(pid: number): Promise<JoinedPatient> {
    const accountRef = await this.accept(pid, await this.invite(pid));
    const account = Buffer.from(accountRef, 'hex');
    await until(
      'the active account',
      async () =>
        (await this.count("SELECT COUNT(*) AS n FROM account WHERE account_ref = ? AND state = 'active'", [
          account,
        ])) === 1,
    );
    await until(
      'the grant',
      async () => (await this.count('SELECT COUNT(*) AS n FROM chart_grant WHERE account_ref = ?', [account])) === 1,
    );
    const [grant] = await this.dmz.query<{ patient_ref: Buffer }[]>(
      'SELECT patient_ref FROM chart_grant WHERE account_ref = ?',
      [account],
    );
    return { accountRef, patientRef: grant?.patient_ref.toString('hex') ?? '' };
  }

  /** In the DMZ's database. @param sql selects `n` */
  async count(sql: string, values: unknown[]): Promise<number> {
    const [row] = await this.dmz.query<{ n: string }[]>(sql, values);
    return Number(row?.n);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stopAgent();
    await this.stopGateway();
    await this.opened.disposeAsync();
  }

  private agentConfig(): AgentConfig {
    const { inside: zone } = testServices();
    const account = (user: string) => ({ user, password: readSecret(zone.secretFile(user)) });
    const tls = join(zone.dir, 'tls');
    return {
      siteId: SITE,
      logLevel: 'fatal',
      keyDir: this.inside.keyDir,
      gateway: {
        url: `https://127.0.0.1:${String(this.gatewayPort)}`,
        caFile: join(tls, 'crossing-ca.crt'),
        name: 'sync-gateway.dmz',
        certFile: join(tls, 'agent.crt'),
        keyFile: join(tls, 'agent.key'),
      },
      database: this.inside.address,
      reader: account('agent_reader'),
      writer: account('agent_writer'),
      feed: { kind: 'binlog', account: account('agent_feed') },
      redis: { ...zone.redis, ...account('sync_agent') },
      queuePrefix: this.queues.insideQueuePrefix,
      portalOrigin: ORIGIN,
      pools: { default: 'admin' },
      messagesPerDay: 200,
      reconciliation: { every: 900, hour: 2 },
    };
  }
}

function rootPublicKey(inside: DeliverUnderTest): Buffer {
  return Buffer.from(readFileSync(join(inside.keyDir, 'root.pub'), 'utf8').trim(), 'base64url');
}

/** Looks again until it holds; the limit guards against hanging. @returns milliseconds waited */
export async function until(what: string, holds: () => Promise<boolean>, limit = 60_000): Promise<number> {
  const start = performance.now();
  while (!(await holds())) {
    if (performance.now() - start > limit) {
      throw new Error(`waited for ${what}`);
    }
    await delay(10);
  }
  return performance.now() - start;
}
