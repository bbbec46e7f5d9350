import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { changeDemographics } from 'infra/openemr-sim/clinic-patients';
import { GatewayClient } from '../src/gateway-client/gateway-client.js';
import { GatewayConnection } from '../src/gateway-client/gateway-connection.js';
import { markDirty, RENDERED_CLASSES } from '../src/ledger/dirty.js';
import { oweEverything } from '../src/ledger/owe-everything.js';
import { OwnerFinder } from '../src/openemr/find-owner.js';
import { READABLE_CLASSES } from '../src/openemr/read-chart.js';
import { createOpenEmrPool } from '../src/openemr/openemr-database.js';
import { LedgerOfFeed } from '../src/replicate/feed-ledger.js';
import { RecentChanges } from '../src/replicate/recent-changes.js';
import { describeReport, readReleaseReport } from '../src/release/release-report.js';
import { replicateChart } from '../src/replicate/replicate-chart.js';
import { AgentUnderTest, STANDING_FEED } from './agent-under-test.js';

const PID = 5001;

/** Does something between the render and what the ledger keeps of it. */
class InterruptedGateway extends GatewayClient {
  before: (() => Promise<void>) | null = null;

  override async pushChart(
    ...args: Parameters<GatewayClient['pushChart']>
  ): Promise<Awaited<ReturnType<GatewayClient['pushChart']>>> {
    await this.before?.();
    this.before = null;
    return super.pushChart(...args);
  }
}

describe('a binlog that begins anew while a chart is rendered', () => {
  let under: AgentUnderTest;
  let pool: ReturnType<typeof createOpenEmrPool>;
  let gateway: InterruptedGateway;
  let patientRef: string;

  beforeAll(async () => {
    under = await AgentUnderTest.start('reset');
    const { database, reader } = under.config;
    pool = createOpenEmrPool({ ...database, database: database.openemrName, ...reader });
    const connection = new GatewayConnection(under.config.gateway);
    gateway = new InterruptedGateway(connection, under.config.siteId, under.keys.statements, () => undefined);
    patientRef = await under.invite(PID);
  });

  afterAll(async () => {
    await gateway.close();
    await pool.end();
    await under[Symbol.asyncDispose]();
  });

  it('leaves everything dirty: the old position says nothing about rows at new, smaller ones', async () => {
    const recent = new RecentChanges();
    const feed = new LedgerOfFeed(under.ledger, new OwnerFinder(pool), recent, () => undefined);
    const replication = {
      ledger: under.ledger,
      reader: pool,
      keys: under.keys,
      tables: under.tables,
      gateway,
      recent,
      feed: STANDING_FEED,
    };
    await feed.startOver({ file: 1, offset: 4 }, null, 1);
    expect(await replicateChart(replication, patientRef)).toBe('pushed');
    expect(await under.count('dirty')).toBe(0);

    await changeDemographics(under.clinic, { pid: PID, street: '1 Elm Court' });
    await markDirty(under.ledger.manager, PID, ['profile']);
    gateway.before = () => feed.startOver({ file: 1, offset: 5 }, null, 2);
    expect(await replicateChart(replication, patientRef)).toBe('pushed');
    expect(await under.count('dirty WHERE file_no = 1 AND file_offset = 5')).toBe(READABLE_CLASSES.length);

    expect(await replicateChart(replication, patientRef)).toBe('unchanged');
    expect(await under.count('dirty')).toBe(0);
  });

  it('counts what changed while the feed had lost its place by the time that the chart kept, never as in time', async () => {
    const recent = new RecentChanges();
    const feed = new LedgerOfFeed(under.ledger, new OwnerFinder(pool), recent, () => undefined);
    const replication = {
      ...{ ledger: under.ledger, reader: pool, keys: under.keys, tables: under.tables, gateway, recent },
      feed: STANDING_FEED,
    };
    const profile = async (): Promise<unknown> => {
      const { classes, late } = await readReleaseReport(under.ledger.manager, 30);
      const ofProfile = classes.find((each) => each.recordClass === 'profile');
      const { changes, unknown, withinAim } = ofProfile ?? { changes: 0, unknown: 0, withinAim: 0 };
      return { changes, unknown, withinAim, known: late.map(({ changedAt }) => changedAt !== null) };
    };
    const lose = async (street: string, offset: number): Promise<void> => {
      await changeDemographics(under.clinic, { pid: PID, street });
      await feed.startOver({ file: 1, offset }, null, offset);
      // The feed goes on at once: its new markers are behind what everything is marked with.
      await mark(offset + 1, 0);
    };
    const mark = (offset: number, ago: number): Promise<unknown> =>
      under.ledger.query(
        'INSERT INTO marker_seen (file_no, file_offset, at) VALUES (1, ?, UTC_TIMESTAMP(6) - INTERVAL ? SECOND)',
        [offset, ago],
      );
    for (const table of ['release_time', 'late_release', 'marker_seen']) {
      await under.ledger.query(`DELETE FROM ${table}`);
    }
    await under.ledger.query('UPDATE chart SET failed_t = NULL');

    // Read to the end an hour before it was lost.
    await mark(6, 3_600);
    await lose('11 Elm Court', 10);
    expect(await replicateChart(replication, patientRef)).toBe('pushed');
    expect(await profile()).toEqual({ changes: 1, unknown: 0, withinAim: 0, known: [true] });

    // Lost before it had read anything: nobody knows.
    await under.ledger.query('DELETE FROM marker_seen');
    await lose('12 Elm Court', 20);
    expect(await replicateChart(replication, patientRef)).toBe('pushed');
    expect(await profile()).toEqual({ changes: 2, unknown: 1, withinAim: 0, known: [false, true] });
    expect(describeReport(await readReleaseReport(under.ledger.manager, 30))).toMatch(
      /profile: 2 changes \(1 at a time that nobody knows, counted as late\), 0 % within the aim/,
    );

    // Lost while the push is on its way: the time of before still counts.
    await under.ledger.query('DELETE FROM marker_seen');
    await mark(21, 1_000);
    await under.ledger.query('UPDATE feed_position SET file_offset = 30');
    await changeDemographics(under.clinic, { pid: PID, street: '13 Elm Court' });
    await markDirty(under.ledger.manager, PID, ['profile']);
    gateway.before = async () => {
      await feed.startOver({ file: 1, offset: 5 }, null, 5);
      await mark(6, 0);
    };
    expect(await replicateChart(replication, patientRef)).toBe('pushed');
    expect(await profile()).toEqual({ changes: 3, unknown: 1, withinAim: 0, known: [true, false, true] });
    expect(await replicateChart(replication, patientRef)).toBe('unchanged');

    // Followed again, the next change is in time.
    await under.ledger.query('UPDATE feed_position SET file_offset = 40');
    await changeDemographics(under.clinic, { pid: PID, street: '14 Elm Court' });
    await markDirty(under.ledger.manager, PID, ['profile']);
    expect(await replicateChart(replication, patientRef)).toBe('pushed');
    expect(await profile()).toMatchObject({ changes: 4, unknown: 1, withinAim: 0.25 });
  });

  it('a refill while a chart is pushed leaves everything dirty too: no section goes missing from the manifest', async () => {
    const recent = new RecentChanges();
    const replication = {
      ledger: under.ledger,
      reader: pool,
      keys: under.keys,
      tables: under.tables,
      gateway,
      recent,
      feed: STANDING_FEED,
    };
    const names = async (): Promise<string[]> =>
      [...((await under.stored(patientRef))?.sections.keys() ?? [])].sort((a, b) => a.localeCompare(b));
    const whole = await names();
    await changeDemographics(under.clinic, { pid: PID, street: '2 Elm Court' });
    await markDirty(under.ledger.manager, PID, ['profile']);
    gateway.before = () => under.ledger.transaction((manager) => oweEverything(manager));
    expect(await replicateChart(replication, patientRef)).toBe('pushed');
    expect(await under.count('dirty')).toBe(RENDERED_CLASSES.length);

    expect(await replicateChart(replication, patientRef)).toBe('pushed');
    expect(await under.count('dirty')).toBe(0);
    expect(await names()).toEqual(whole);
    expect((await under.stored(patientRef))?.manifest.sections).toHaveLength(whole.length);
  });
});
