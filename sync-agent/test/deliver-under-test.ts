import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createConnection, type Connection, type RowDataPacket } from 'mysql2/promise';
import { Keyring } from 'sync-contract/key-statement';
import { createOpenEmrSchema } from 'infra/openemr-sim/schema';
import { loadGoldenRows } from 'infra/openemr-sim/load-golden';
import { applyGrants, createDatabases, type Zones } from 'infra/services/services';
import { createTestDatabases, testServices } from 'infra/services/test-services';
import type { DataSource } from 'typeorm';
import { collectOutbox, type Collection } from '../src/collect/collect-outbox.js';
import type { LedgerAddress } from '../src/config.js';
import { deliverNext, dueStreams, type DeliveryContext } from '../src/deliver/deliver-next.js';
import { acceptedInvite } from './enrol-builders.js';
import { issueInvite, type IssuedInvite } from '../src/enrol/issue-invite.js';
import { pushOwed } from '../src/enrol/push-owed.js';
import { initKeys } from '../src/keys/key-files.js';
import { KeyStore } from '../src/keys/key-store.js';
import { createLedgerDataSource } from '../src/ledger/ledger-database.js';
import { Patient } from '../src/ledger/patient.entity.js';
import { openEmrTables } from '../src/openemr/writer-tables.js';
import { TestDmz, type JoinedPatient } from './collect-test-dmz.js';

export const SITE = '7b1d2b1e-7c1c-4c8e-9a62-0d3f8b1c2a10';
export const ORIGIN = 'https://portal.example.org';
export const TIME_ZONE = 'America/New_York';

const RESTORED_TABLES = ['patient_data', 'patient_access_onsite', 'users'] as const;

export type Pools = DeliveryContext['pools'];

interface Databases {
  openemr: string;
  ledger: string;
}

/**
 * The agent's collect, deliver and enrol on a real MariaDB with the agent's own account, grants and TLS, and OpenEMR's
 * tables with the golden practice. Fake: the DMZ (`dmz`), an outbox in memory behind the gateway client's interface.
 */
export class DeliverUnderTest implements AsyncDisposable {
  dmz: TestDmz;

  private constructor(
    readonly zones: Zones,
    readonly databases: Databases,
    /** signs in as OpenEMR itself: what the clinic does */
    readonly clinic: Connection,
    readonly ledger: DataSource,
    readonly keys: KeyStore,
    readonly pools: Pools,
    readonly keyDir: string,
    private readonly drop: () => Promise<void>,
  ) {
    this.dmz = this.emptyDmz();
  }

  private emptyDmz(): TestDmz {
    const ring = new Keyring(readRootPublicKey(this.keyDir), SITE);
    for (const statement of this.keys.statements) {
      ring.add(statement);
    }
    const recipient = ring.sealingKey();
    if (recipient === undefined) {
      throw new Error('no sealing key in force');
    }
    return new TestDmz(SITE, recipient);
  }

  static async start(label: string, pools: Pools = { default: 'admin' }): Promise<DeliverUnderTest> {
    const databases = await createTestDatabases(label);
    return DeliverUnderTest.startOn(testServices(), databases, pools, () => databases.drop());
  }

  /** On servers of the test's own, which it may kill. */
  static async startAlone(zones: Zones, pools: Pools = { default: 'admin' }): Promise<DeliverUnderTest> {
    const databases = { openemr: 'openemr', ledger: 'portal_ledger' };
    await createDatabases(zones.inside, databases);
    return DeliverUnderTest.startOn(zones, databases, pools, () => Promise.resolve());
  }

  private static async startOn(
    zones: Zones,
    databases: Databases,
    pools: Pools,
    drop: () => Promise<void>,
  ): Promise<DeliverUnderTest> {
    const { inside } = zones;
    const clinic = await createConnection({
      host: inside.mariadb.host,
      port: inside.mariadb.port,
      database: databases.openemr,
      user: 'openemr',
      password: password(zones, 'openemr'),
      ssl: { ca: readFileSync(inside.mariadb.caFile) },
      dateStrings: true,
    });
    await createOpenEmrSchema(clinic);
    await loadGoldenRows(clinic, { timeZone: TIME_ZONE });
    const owner = await createLedgerDataSource(
      addressOf(zones, databases),
      account(zones, 'ledger_owner'),
    ).initialize();
    await owner.runMigrations();
    await owner.destroy();
    await applyGrants(zones, 'inside', databases);
    const keyDir = mkdtempSync(join(tmpdir(), 'odp-keys-'));
    await initKeys(keyDir, SITE);
    const ledger = await createLedgerDataSource(
      addressOf(zones, databases),
      account(zones, 'agent_writer'),
    ).initialize();
    const agent = new DeliverUnderTest(
      zones,
      databases,
      clinic,
      ledger,
      KeyStore.open(keyDir, SITE),
      pools,
      keyDir,
      drop,
    );
    await agent.forgetMails();
    for (const table of RESTORED_TABLES) {
      await clinic.query(`CREATE TABLE saved_${table} AS SELECT * FROM ${table}`);
    }
    return agent;
  }

  get address(): LedgerAddress {
    return addressOf(this.zones, this.databases);
  }

  get tables(): DeliveryContext['tables'] {
    return openEmrTables(this.databases.openemr);
  }

  get context(): DeliveryContext {
    return { ledger: this.ledger, keys: this.keys, tables: this.tables, pools: this.pools, offersCcd: false };
  }

  collection(changes: Partial<Collection> = {}): Collection {
    return {
      gateway: this.dmz,
      ledger: this.ledger,
      keys: { site: SITE, sealingKey: (kid) => this.keys.sealingPrivateKey(kid) },
      messagesPerDay: 200,
      onReceived: () => undefined,
      onQuarantined: () => undefined,
      onKnown: () => undefined,
      ...changes,
    };
  }

  /** A second agent process: connections of its own, everything else the same. */
  async secondAgent(): Promise<DataSource> {
    return createLedgerDataSource(
      addressOf(this.zones, this.databases),
      account(this.zones, 'agent_writer'),
    ).initialize();
  }

  /** Empties the outbox, then delivers all that is due; what fails for now is left. */
  async collectAndDeliver(): Promise<void> {
    await this.collect();
    await this.deliver();
  }

  async collect(): Promise<void> {
    while ((await collectOutbox(this.collection(), 0)) > 0) {
      // until the outbox is empty
    }
  }

  async deliver(context: DeliveryContext = this.context): Promise<void> {
    for (const stream of await this.dueStreams(context.ledger)) {
      while ((await deliverNext(context, stream)) !== 'nothing') {
        // until the stream is drained
      }
    }
  }

  async dueStreams(ledger: DataSource = this.ledger): Promise<string[]> {
    const due: string[] = [];
    for await (const streams of dueStreams(ledger)) {
      due.push(...streams);
    }
    return due;
  }

  async pushOwed(): Promise<void> {
    await pushOwed({ gateway: this.dmz, ledger: this.ledger, onRefused: () => undefined });
  }

  async invite(pid: number, now?: Date): Promise<IssuedInvite> {
    return issueInvite(
      { ledger: this.ledger, keys: this.keys, tables: this.tables, portalOrigin: ORIGIN },
      pid,
      ...(now === undefined ? [] : [now]),
    );
  }

  /** Invited, accepted with the date of birth on file, granted. */
  async joinedPatient(pid: number): Promise<JoinedPatient> {
    const invite = await this.invite(pid);
    const acceptance = await acceptedInvite(SITE, invite.code, await this.dateOfBirth(pid));
    await this.dmz.submitEnrolment(acceptance.payload);
    await this.collectAndDeliver();
    const { patientRef } = await this.ledger.manager.findOneByOrFail(Patient, { pid });
    return { accountRef: acceptance.payload.accountRef, patientRef };
  }

  async dateOfBirth(pid: number): Promise<string> {
    const [row] = await this.rows('SELECT CAST(DOB AS CHAR) AS dob FROM patient_data WHERE pid = ?', [pid]);
    return String(row?.['dob']);
  }

  /** Ledger and DMZ empty, OpenEMR's patients, users and mails as they were. Cheaper than another database. */
  async reset(): Promise<void> {
    for (const { tableName } of this.ledger.entityMetadatas) {
      await this.ledger.query(`DELETE FROM \`${tableName}\``);
    }
    await this.clinic.query("SET SESSION sql_mode = ''");
    for (const table of RESTORED_TABLES) {
      await this.clinic.query(`DELETE FROM ${table}`);
      await this.clinic.query(`INSERT INTO ${table} SELECT * FROM saved_${table}`);
    }
    await this.forgetMails();
    this.dmz = this.emptyDmz();
  }

  /** In OpenEMR's database, as OpenEMR. */
  async rows(sql: string, values: (string | number)[] = []): Promise<RowDataPacket[]> {
    const [rows] = await this.clinic.query<RowDataPacket[]>(sql, values);
    return rows;
  }

  /** All but the one of `forgetMails`. */
  async mails(): Promise<RowDataPacket[]> {
    return this.rows("SELECT * FROM onsite_mail WHERE owner <> 'nobody' ORDER BY id");
  }

  /** Leaves one mail of nobody's: OpenEMR numbers a conversation by the highest id it sees plus one. */
  async forgetMails(): Promise<void> {
    await this.clinic.query('DELETE FROM onsite_mail');
    await this.clinic.query("INSERT INTO onsite_mail (owner, deleted) VALUES ('nobody', 1)");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.ledger.destroy();
    await this.clinic.end();
    await this.drop();
    rmSync(this.keyDir, { recursive: true, force: true });
  }
}

function readRootPublicKey(keyDir: string): Buffer {
  return Buffer.from(readFileSync(join(keyDir, 'root.pub'), 'utf8').trim(), 'base64url');
}

function password(zones: Zones, name: string): string {
  return readFileSync(zones.inside.secretFile(name), 'utf8').trim();
}

function account(zones: Zones, user: string): { user: string; password: string } {
  return { user, password: password(zones, user) };
}

function addressOf({ inside }: Zones, { openemr, ledger }: Databases): LedgerAddress {
  const { host, port, caFile } = inside.mariadb;
  return { host, port, caFile, openemrName: openemr, ledgerName: ledger };
}
