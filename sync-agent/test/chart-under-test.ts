import { jest } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createConnection, type Connection, type Pool } from 'mysql2/promise';
import type { RecordClass } from 'sync-contract/classes';
import { createOpenEmrSchema } from 'infra/openemr-sim/schema';
import { applyGrants } from 'infra/services/services';
import { createTestDatabases, testServices, type TestDatabases } from 'infra/services/test-services';
import { renderChart, type ChartContext, type RenderedSection } from '../src/chart/render-chart.js';
import { threadMapper } from '../src/openemr/mail-thread.js';
import { createOpenEmrPool } from '../src/openemr/openemr-database.js';
import { READABLE_CLASSES, readChart, type ChartRows } from '../src/openemr/read-chart.js';
import { openSnapshot, Snapshot } from '../src/openemr/snapshot.js';

/** OpenEMR's tables in a database of the suite's own, read as the agent reads them: account, grants and TLS are real. */
export class ChartUnderTest implements AsyncDisposable {
  readonly siteId = 'c0ffee00-0000-4000-8000-000000000001';
  readonly resourceIdKey = randomBytes(32);

  private constructor(
    private readonly databases: TestDatabases,
    /** signs in as OpenEMR itself: what the clinic does */
    readonly clinic: Connection,
    /** signs in as `agent_reader` */
    readonly reader: Pool,
  ) {}

  static async start(label: string): Promise<ChartUnderTest> {
    const databases = await createTestDatabases(label);
    const { inside } = testServices();
    const server = { host: inside.mariadb.host, port: inside.mariadb.port, database: databases.openemr };
    const password = (account: string): string => readFileSync(inside.secretFile(account), 'utf8').trim();
    const clinic = await createConnection({
      ...server,
      user: 'openemr',
      password: password('openemr'),
      ssl: { ca: readFileSync(inside.mariadb.caFile) },
    });
    await createOpenEmrSchema(clinic);
    await applyGrants(testServices(), 'inside', databases);
    const reader = createOpenEmrPool({
      ...server,
      user: 'agent_reader',
      password: password('agent_reader'),
      caFile: inside.mariadb.caFile,
    });
    return new ChartUnderTest(databases, clinic, reader);
  }

  /** A read in a snapshot of its own; a class that fails fails it. */
  async read(pid: number, classes: readonly RecordClass[] = READABLE_CLASSES): Promise<ChartRows> {
    await using snapshot = await openSnapshot(this.reader);
    const rows = await readChart(snapshot, pid, classes);
    for (const failure of rows.failures.values()) {
      throw failure;
    }
    return rows;
  }

  /** Statements of one full read, with their values in place. */
  async statementsOf(pid: number): Promise<{ name: string; sql: string }[]> {
    const ways = ['select', 'selectEntries', 'selectLookups'] as const;
    const spies = ways.map((way) => jest.spyOn(Snapshot.prototype, way));
    await this.read(pid);
    const asked = spies.flatMap((spy) => spy.mock.calls);
    spies.forEach((spy) => spy.mockRestore());
    return asked.map(([name, , sql, values]) => ({ name, sql: this.clinic.format(sql, values) }));
  }

  context(rows: ChartRows): ChartContext {
    return {
      siteId: this.siteId,
      resourceIdKey: this.resourceIdKey,
      timeZone: rows.timeZone,
      threadOf: threadMapper(this.resourceIdKey, rows.pid, { threads: [], mails: [] }),
    };
  }

  async render(pid: number): Promise<RenderedSection[]> {
    const rows = await this.read(pid);
    return renderChart(rows, this.context(rows));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.reader.end();
    await this.clinic.end();
    await this.databases.drop();
  }
}
