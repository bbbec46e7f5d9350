import 'reflect-metadata';
import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Logger, Module, type DynamicModule, type INestApplicationContext, type LoggerService } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { createConnection, type Connection } from 'mysql2/promise';
import { DataSource } from 'typeorm';
import { z } from 'zod';
import { loadGoldenRows, type RecordedTimeZone } from 'infra/openemr-sim/load-golden';
import { createOpenEmrSchema } from 'infra/openemr-sim/schema';
import { applyGrants, type Zones } from 'infra/services/services';
import { createTestDatabases, testServices, type TestDatabases } from 'infra/services/test-services';
import { RecordClass } from 'sync-contract/classes';
import { Heartbeat } from 'sync-contract/heartbeat';
import { newRef } from 'sync-contract/identifiers';
import { Manifest } from 'sync-contract/manifest';
import { deriveClassKey, readSection, sectionId } from 'sync-contract/section';
import { Signed } from 'sync-contract/signed';
import { dataSourceOptions, type DatabaseConfig } from '../../portal-api/src/database/data-source.js';
import { migrate } from '../../portal-api/src/database/migrate.js';
import { GatewayConfig } from '../../portal-api/src/gateway-config.js';
import { createGateway } from '../../portal-api/src/gateway/gateway-app.js';
import { AgentConfigModule } from '../src/agent-config.module.js';
import type { Account, AgentConfig, FeedConfig } from '../src/config.js';
import { EnrolModule } from '../src/enrol/enrol.module.js';
import { FetchModule } from '../src/fetch/fetch.module.js';
import { initKeys } from '../src/keys/key-files.js';
import { KeyStore } from '../src/keys/key-store.js';
import { Chart } from '../src/ledger/chart.entity.js';
import { markAllDirty } from '../src/ledger/dirty.js';
import { createLedgerDataSource } from '../src/ledger/ledger-database.js';
import { Patient } from '../src/ledger/patient.entity.js';
import { identityOf, recordMac } from '../src/openemr/compare-patients.js';
import { readPortalPatient } from '../src/openemr/write-portal-access.js';
import { openEmrTables, type OpenEmrTables } from '../src/openemr/writer-tables.js';
import type { FeedProgress } from '../src/replicate/await-feed.js';
import { ReplicateModule } from '../src/replicate/replicate.module.js';

@Module({})
class ReplicationUnderTest {
  static of(config: AgentConfig): DynamicModule {
    return {
      module: ReplicationUnderTest,
      imports: [AgentConfigModule.of(config), EnrolModule, FetchModule, ReplicateModule],
    };
  }
}

/** What the agent said, one JSON text per entry; Nest's own lines about modules are left out. */
export class TestLog implements LoggerService {
  readonly lines: string[] = [];

  log(entry: unknown): void {
    this.keep(entry);
  }

  warn(entry: unknown): void {
    this.keep(entry);
  }

  error(entry: unknown): void {
    this.keep(entry);
  }

  says(part: string): boolean {
    return this.lines.some((line) => line.includes(part));
  }

  private keep(entry: unknown): void {
    if (typeof entry === 'object') {
      this.lines.push(JSON.stringify(entry));
    }
  }
}

export interface AgentUnderTestOptions {
  /** servers of the test's own, which it may stop; the run's shared ones otherwise */
  zones?: Zones;
  /** address of another gateway than the real one, which is not started then */
  gatewayUrl?: string;
  timeZone?: RecordedTimeZone;
  /** `binlog` unless given; polling is quick here: one chart at each look */
  feed?: FeedConfig['kind'];
}

/** A chart as the DMZ stores it, opened with the chart key. */
export interface StoredChart {
  manifest: Manifest;
  sections: Map<string, unknown>;
}

const Stored = z.array(z.object({ manifest: z.string() }));
const StoredSections = z.array(
  z.object({
    id: z.string(),
    era: z.number(),
    seq: z.coerce.number(),
    epoch: z.number(),
    sealed: z.instanceof(Buffer),
  }),
);

/**
 * The agent's replication, with the bytes of documents where `config.openemrApi` is set, on real MariaDB and Redis with an installation's accounts, grants and certificates, the golden
 * practice as OpenEMR's database, and the real gateway of the DMZ. Fake: nobody but the practice's people.
 */
export class AgentUnderTest implements AsyncDisposable {
  private app: INestApplicationContext | null = null;
  readonly log = new TestLog();

  private constructor(
    readonly zones: Zones,
    readonly databases: TestDatabases,
    readonly config: AgentConfig,
    readonly keys: KeyStore,
    /** signs in as OpenEMR itself */
    readonly clinic: Connection,
    /** as `agent_writer` */
    readonly ledger: DataSource,
    /** the DMZ's database with all rights on rows */
    readonly portal: DataSource,
    private gateway: NestFastifyApplication | null,
  ) {}

  static async start(label: string, options: AgentUnderTestOptions = {}): Promise<AgentUnderTest> {
    const zones = options.zones ?? testServices();
    const databases = options.zones === undefined ? await createTestDatabases(label) : ownDatabases(label);
    const site = randomUUID();
    const keyDir = mkdtempSync(join(tmpdir(), 'agent-keys-'));
    await initKeys(keyDir, site);
    const clinic = await openClinic(zones, databases.openemr);
    await createOpenEmrSchema(clinic);
    await loadGoldenRows(clinic, { timeZone: options.timeZone ?? 'America/New_York' });

    const config = agentConfig(zones, databases, site, keyDir, options.gatewayUrl ?? 'https://127.0.0.1:1');
    if (options.feed === 'polling') {
      config.feed = { kind: 'polling', passEvery: 500, lookEvery: 50 };
    }
    const owner = await createLedgerDataSource(config.database, account(zones, 'ledger_owner')).initialize();
    await owner.runMigrations();
    await owner.destroy();
    await applyGrants(zones, 'inside', { openemr: databases.openemr, ledger: databases.ledger });

    const portalOwner = portalDatabase(zones, 'migrate', databases.portal);
    await migrate(portalOwner);
    await applyGrants(zones, 'dmz', { portal: databases.portal });
    const gateway = options.gatewayUrl === undefined ? await startGateway(zones, databases, site, keyDir, 0) : null;
    if (gateway !== null) {
      config.gateway.url = `https://127.0.0.1:${String(portOf(gateway))}`;
    }
    return new AgentUnderTest(
      zones,
      databases,
      config,
      KeyStore.open(keyDir, site),
      clinic,
      await createLedgerDataSource(config.database, config.writer).initialize(),
      await new DataSource(dataSourceOptions(portalOwner)).initialize(),
      gateway,
    );
  }

  get tables(): OpenEmrTables {
    return openEmrTables(this.databases.openemr);
  }

  async startAgent(): Promise<INestApplicationContext> {
    this.app = await NestFactory.createApplicationContext(ReplicationUnderTest.of(this.config), {
      logger: this.log,
      abortOnError: false,
    });
    return this.app;
  }

  async stopAgent(): Promise<void> {
    await this.app?.close();
    this.app = null;
  }

  async stopGateway(): Promise<void> {
    await this.gateway?.close();
    this.gateway = null;
  }

  /** At the address it had. */
  async startGateway(): Promise<void> {
    const port = Number(new URL(this.config.gateway.url).port);
    this.gateway = await startGateway(this.zones, this.databases, this.config.siteId, this.config.keyDir, port);
    // Nest has one logger for a process; the gateway's start took it.
    Logger.overrideLogger(this.log);
  }

  /** An invited patient with a chart and its key, as the enrolment leaves them. */
  async invite(pid: number, portalUsername: string | null = null): Promise<string> {
    const patientRef = newRef();
    await this.ledger.transaction(async (manager) => {
      const record = await readPortalPatient(manager, openEmrTables(this.databases.openemr), pid);
      const { resourceIdKey } = this.keys;
      const known =
        record === null ? {} : { recordMac: recordMac(resourceIdKey, record), ...identityOf(resourceIdKey, record) };
      await manager.insert(Patient, {
        ...{ pid, patientRef, state: 'invited', portalUsername, ...known },
        createdAt: new Date(),
      });
      await manager.insert(Chart, {
        patientRef,
        pid,
        era: 1,
        seq: 0,
        attemptedSeq: 0,
        epoch: 1,
        chartKeyWrapped: this.keys.wrapChartKey(patientRef, 1, randomBytes(32)),
        manifest: null,
        manifestHash: null,
        failedT: null,
      });
      await markAllDirty(manager, pid);
    });
    return patientRef;
  }

  /** What the DMZ holds of a chart; null before its first push. @param only of a section, which is cheaper to wait for */
  async stored(patientRef: string, only?: string): Promise<StoredChart | null> {
    const { portal, ledger, keys, config } = this;
    return readStoredChart({ portal, ledger, keys, siteId: config.siteId }, patientRef, only);
  }

  async heartbeat(): Promise<Heartbeat | null> {
    return readHeartbeat(this.portal);
  }

  async count(sql: string, values: unknown[] = []): Promise<number> {
    const rows: unknown = await this.ledger.query(`SELECT COUNT(*) AS n FROM ${sql}`, values);
    return z.tuple([z.object({ n: z.coerce.number() })]).parse(rows)[0].n;
  }

  /** No change is left that the DMZ does not have. */
  async clean(): Promise<void> {
    await until('nothing is dirty', async () => (await this.count('dirty')) === 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stopAgent();
    await this.stopGateway();
    await Promise.all([this.ledger.destroy(), this.portal.destroy(), this.clinic.end()]);
    rmSync(this.config.keyDir, { recursive: true, force: true });
    await this.databases.drop();
  }
}

interface Holdings {
  /** the DMZ's database */
  portal: DataSource;
  ledger: DataSource;
  keys: KeyStore;
  siteId: string;
}

/**
 * What the DMZ holds of a chart, each section under the name it was made for; null before its first push.
 * @param only name of the one section that is wanted
 */
export async function readStoredChart(
  { portal, ledger, keys, siteId }: Holdings,
  patientRef: string,
  only?: string,
): Promise<StoredChart | null> {
  const [row] = Stored.parse(
    await portal.query('SELECT manifest FROM chart WHERE patient_ref = UNHEX(?)', [patientRef]),
  );
  if (row === undefined) {
    return null;
  }
  const manifest = Manifest.parse(JSON.parse(Signed.parse(JSON.parse(row.manifest)).body));
  const chart = await ledger.manager.findOneByOrFail(Chart, { patientRef });
  const chartKey = keys.unwrapChartKey(patientRef, chart.epoch, chart.chartKeyWrapped);
  const wanted = (await sectionNames(ledger, patientRef))
    .filter(({ name }) => only === undefined || name === only)
    .map(({ name, recordClass }) => {
      const classKey = deriveClassKey(chartKey, recordClass);
      return { name, classKey, id: sectionId(classKey, name) };
    });
  const rows = StoredSections.parse(
    await portal.query(
      `SELECT LOWER(HEX(section_id)) AS id, era, seq, epoch, sealed FROM section
        WHERE patient_ref = UNHEX(?) AND LOWER(HEX(section_id)) IN (?)`,
      [patientRef, ['', ...wanted.map(({ id }) => id)]],
    ),
  );
  const sections = new Map<string, unknown>();
  for (const { name, classKey, id } of wanted) {
    const section = rows.find((row) => row.id === id);
    if (section !== undefined) {
      const { era, seq, epoch, sealed } = section;
      const header = { site: siteId, patientRef, sectionId: id, version: { era, seq }, epoch };
      sections.set(name, readSection(classKey, header, sealed));
    }
  }
  return { manifest, sections };
}

async function sectionNames(
  ledger: DataSource,
  patientRef: string,
): Promise<{ name: string; recordClass: RecordClass }[]> {
  const rows: unknown = await ledger.query(
    'SELECT name, record_class AS recordClass FROM chart_section WHERE patient_ref = UNHEX(?)',
    [patientRef],
  );
  return z.array(z.object({ name: z.string(), recordClass: RecordClass })).parse(rows);
}

/** For renders by hand, beside which no row moves to another patient. */
export const STANDING_FEED: FeedProgress = { hasRecorded: () => true, stands: true, isOver: false };

/** The newest that the DMZ has. */
export async function readHeartbeat(portal: DataSource): Promise<Heartbeat | null> {
  const rows: unknown = await portal.query('SELECT signed FROM heartbeat WHERE id = 1');
  const [row] = z.array(z.object({ signed: z.string() })).parse(rows);
  return row === undefined ? null : Heartbeat.parse(JSON.parse(Signed.parse(JSON.parse(row.signed)).body));
}

/**
 * Waits for a fact; says which one did not come true. The patience guards against hanging and measures nothing: agent,
 * gateway and who waits share one process, which others may slow down.
 */
export async function until(fact: string, holds: () => Promise<boolean> | boolean, patience = 60_000): Promise<void> {
  const end = Date.now() + patience;
  for (let looks = 1; !(await holds()); looks += 1) {
    if (Date.now() > end) {
      throw new Error(`waited in vain: ${fact}`);
    }
    // Each look takes time from what is waited for.
    await pause(Math.min(100, 10 * looks));
  }
}

export function account(zones: Zones, user: string): Account {
  return { user, password: readFileSync(zones.inside.secretFile(user), 'utf8').trim() };
}

export async function openClinic(zones: Zones, database: string): Promise<Connection> {
  const { mariadb } = zones.inside;
  return createConnection({
    host: mariadb.host,
    port: mariadb.port,
    database,
    ...account(zones, 'openemr'),
    ssl: { ca: readFileSync(mariadb.caFile) },
    dateStrings: true,
  });
}

export function agentConfig(
  zones: Zones,
  databases: { openemr: string; ledger: string; insideQueuePrefix: string },
  siteId: string,
  keyDir: string,
  gatewayUrl: string,
): AgentConfig {
  const { inside } = zones;
  return {
    siteId,
    logLevel: 'fatal',
    keyDir,
    gateway: {
      url: gatewayUrl,
      caFile: join(inside.dir, 'tls/crossing-ca.crt'),
      name: 'sync-gateway.dmz',
      certFile: join(inside.dir, 'tls/agent.crt'),
      keyFile: join(inside.dir, 'tls/agent.key'),
    },
    database: {
      host: inside.mariadb.host,
      port: inside.mariadb.port,
      caFile: inside.mariadb.caFile,
      openemrName: databases.openemr,
      ledgerName: databases.ledger,
    },
    reader: account(zones, 'agent_reader'),
    writer: account(zones, 'agent_writer'),
    feed: { kind: 'binlog', account: account(zones, 'agent_feed') },
    redis: {
      host: inside.redis.host,
      port: inside.redis.port,
      caFile: inside.redis.caFile,
      ...account(zones, 'sync_agent'),
    },
    queuePrefix: databases.insideQueuePrefix,
    portalOrigin: 'https://portal.example.org',
    pools: { default: 'admin' },
    messagesPerDay: 200,
    reconciliation: { every: 900, hour: 2 },
  };
}

function ownDatabases(label: string): TestDatabases {
  const drop = (): Promise<void> => Promise.resolve();
  return {
    portal: 'portal',
    openemr: 'openemr',
    ledger: 'portal_ledger',
    dmzQueuePrefix: `bull-dmz-${label}`,
    insideQueuePrefix: `bull-inside-${label}`,
    drop,
    [Symbol.asyncDispose]: drop,
  };
}

function portalDatabase({ dmz }: Zones, user: string, name: string): DatabaseConfig {
  return {
    host: dmz.mariadb.host,
    port: dmz.mariadb.port,
    name,
    user,
    password: readFileSync(dmz.secretFile(user), 'utf8').trim(),
    ca: readFileSync(dmz.mariadb.caFile, 'utf8'),
  };
}

/** @param differs what is not as the installation made it */
export async function startGateway(
  zones: Zones,
  databases: { portal: string },
  siteId: string,
  keyDir: string,
  port: number,
  differs: Partial<GatewayConfig> = {},
): Promise<NestFastifyApplication> {
  const { dmz } = zones;
  const app = await createGateway(
    new GatewayConfig({
      siteId,
      logLevel: 'silent',
      database: portalDatabase(zones, 'sync_gateway', databases.portal),
      redis: {
        host: dmz.redis.host,
        port: dmz.redis.port,
        user: 'sync_gateway',
        password: readFileSync(dmz.secretFile('sync_gateway'), 'utf8').trim(),
        ca: readFileSync(dmz.redis.caFile, 'utf8'),
      },
      listen: { host: '127.0.0.1', port },
      tls: {
        certificate: readFileSync(join(dmz.dir, 'tls/gateway.crt'), 'utf8'),
        key: readFileSync(join(dmz.dir, 'tls/gateway.key'), 'utf8'),
        agentCa: readFileSync(join(dmz.dir, 'tls/crossing-ca.crt'), 'utf8'),
      },
      agentCommonName: 'sync-agent',
      rootPublicKey: Buffer.from(readFileSync(join(keyDir, 'root.pub'), 'utf8'), 'base64url'),
      ...differs,
    }),
  );
  await app.listen(port, '127.0.0.1');
  return app;
}

export function portOf(app: NestFastifyApplication): number {
  return (app.getHttpServer().address() as AddressInfo).port;
}
