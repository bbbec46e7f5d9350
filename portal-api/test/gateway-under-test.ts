import 'reflect-metadata';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { DestinationStream } from 'pino';
import { DataSource } from 'typeorm';
import { applyGrants } from 'infra/services/services';
import { createTestDatabases, testServices, type TestDatabases } from 'infra/services/test-services';
import { signEra } from 'sync-contract/era-statement';
import { GATEWAY_ROUTES, type GatewayRoute } from 'sync-contract/gateway-wire';
import { newHpkeKeyPair, type HpkeKeyPair } from 'sync-contract/hpke';
import type { KeyStatement } from 'sync-contract/key-statement';
import { PROTOCOL_VERSION } from 'sync-contract/protocol';
import { kidOf, newSigningPair, signStatement, signingKey, type Signed, type SigningKey } from 'sync-contract/signed';
import { dataSourceOptions, type DatabaseConfig } from '../src/database/data-source.js';
import { migrate } from '../src/database/migrate.js';
import { createGateway } from '../src/gateway/gateway-app.js';
import { GatewayConfig } from '../src/gateway-config.js';
import type { MetricsAddress } from '../src/metrics/metrics-environment.js';
import type { RedisConfig } from '../src/redis/redis-environment.js';
import { TestAgent, type Answer } from './test-agent.js';

const HOUR = 3_600_000;

/** The inside's keys, with their statements. */
export interface InsideKeys {
  root: SigningKey;
  rootPublicKey: Buffer;
  sign: SigningKey;
  seal: HpkeKeyPair;
  sealKid: string;
  statements: Signed[];
}

export async function newInsideKeys(site: string): Promise<InsideKeys> {
  const [rootPair, signPair, seal] = [newSigningPair(), newSigningPair(), await newHpkeKeyPair()];
  const root = signingKey(rootPair.privateKey);
  const statement = (use: KeyStatement['use'], publicKey: Buffer): Signed =>
    signStatement(
      'key-statement',
      {
        v: PROTOCOL_VERSION,
        site,
        kid: kidOf(publicKey),
        use,
        publicKey: publicKey.toString('base64url'),
        notBefore: new Date(Date.now() - HOUR).toISOString(),
        notAfter: new Date(Date.now() + 24 * HOUR).toISOString(),
      },
      root,
    );
  return {
    root,
    rootPublicKey: rootPair.publicKey,
    sign: signingKey(signPair.privateKey),
    seal,
    sealKid: kidOf(seal.publicKey),
    statements: [statement('sign', signPair.publicKey), statement('seal', seal.publicKey)],
  };
}

/** How a test reaches the DMZ's database and Redis as one of the accounts. */
export function databaseOf(account: string, name: string): DatabaseConfig {
  const { dmz } = testServices();
  return {
    host: dmz.mariadb.host,
    port: dmz.mariadb.port,
    name,
    user: account,
    password: readFileSync(dmz.secretFile(account), 'utf8').trim(),
    ca: readFileSync(dmz.mariadb.caFile, 'utf8'),
  };
}

export function redisOf(account: string): RedisConfig {
  const { dmz } = testServices();
  return {
    host: dmz.redis.host,
    port: dmz.redis.port,
    user: account,
    password: readFileSync(dmz.secretFile(account), 'utf8').trim(),
    ca: readFileSync(dmz.redis.caFile, 'utf8'),
  };
}

/** A migrated database of its own with the rights of an installation. `database` is a connection that may do all to rows. */
export async function freshPortalDatabase(label: string): Promise<{ databases: TestDatabases; database: DataSource }> {
  const databases = await createTestDatabases(label);
  const owner = databaseOf('migrate', databases.portal);
  await migrate(owner);
  await applyGrants(testServices(), 'dmz', { portal: databases.portal });
  return { databases, database: await new DataSource(dataSourceOptions(owner)).initialize() };
}

/**
 * The real gateway on real MariaDB and Redis, with an installation's accounts and certificates, and a client that holds
 * the agent's certificate and the inside's keys.
 */
export class GatewayUnderTest implements AsyncDisposable {
  private constructor(
    readonly app: NestFastifyApplication,
    readonly port: number,
    readonly config: GatewayConfig,
    readonly keys: InsideKeys,
    readonly agent: TestAgent,
    readonly databases: TestDatabases,
    readonly database: DataSource,
  ) {}

  static async start(
    label: string,
    redis: RedisConfig = redisOf('sync_gateway'),
    log?: DestinationStream,
    metrics?: MetricsAddress,
  ): Promise<GatewayUnderTest> {
    const site = randomUUID();
    const keys = await newInsideKeys(site);
    const { databases, database } = await freshPortalDatabase(label);
    const { dmz } = testServices();
    const config = new GatewayConfig({
      siteId: site,
      logLevel: log === undefined ? 'silent' : 'debug',
      database: databaseOf('sync_gateway', databases.portal),
      redis,
      listen: { host: '127.0.0.1', port: 0 },
      tls: {
        certificate: readFileSync(join(dmz.dir, 'tls/gateway.crt'), 'utf8'),
        key: readFileSync(join(dmz.dir, 'tls/gateway.key'), 'utf8'),
        agentCa: readFileSync(join(dmz.dir, 'tls/crossing-ca.crt'), 'utf8'),
      },
      agentCommonName: 'sync-agent',
      rootPublicKey: keys.rootPublicKey,
      metrics,
    });
    const app = await createGateway(config, log);
    await app.listen(0, '127.0.0.1');
    const { port } = app.getHttpServer().address() as AddressInfo;
    return new GatewayUnderTest(app, port, config, keys, new TestAgent(port), databases, database);
  }

  get site(): string {
    return this.config.siteId;
  }

  async call(route: GatewayRoute, body: object): Promise<Answer> {
    return this.agent.post(GATEWAY_ROUTES[route], { v: PROTOCOL_VERSION, ...body });
  }

  /** The root's word that an era begins. */
  async beginEra(era: number): Promise<void> {
    const { status } = await this.call('eras', { eras: [signEra(this.site, era, this.keys.root)] });
    if (status !== 200) {
      throw new Error(`the gateway refused the era: ${String(status)}`);
    }
  }

  /** As the agent does first. */
  async handOverKeys(): Promise<void> {
    const { status } = await this.call('keys', { statements: this.keys.statements });
    if (status !== 200) {
      throw new Error(`the gateway refused the inside's keys: ${String(status)}`);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.agent[Symbol.dispose]();
    await this.app.close();
    await this.database.destroy();
    await this.databases.drop();
  }
}
