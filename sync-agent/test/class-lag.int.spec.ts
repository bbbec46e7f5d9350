import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import type { RecordClass } from 'sync-contract/classes';
import { RENDERED_CLASSES } from '../src/ledger/dirty.js';
import type { SourceTransaction } from '../src/openemr/binlog-stream.js';
import { OwnerFinder } from '../src/openemr/find-owner.js';
import { createOpenEmrPool } from '../src/openemr/openemr-database.js';
import { RowChanges } from '../src/openemr/row-changes.js';
import { readChartToRender } from '../src/replicate/chart-row.js';
import { describeClassLags, readClassLags, type ClassLags } from '../src/replicate/class-lag.js';
import { pruneMarkers } from '../src/replicate/currency.js';
import { LedgerOfFeed } from '../src/replicate/feed-ledger.js';
import { RecentChanges } from '../src/replicate/recent-changes.js';
import { settleChart } from '../src/replicate/settle-chart.js';
import { AgentUnderTest } from './agent-under-test.js';

const PID = 5001;
const OTHER = 5002;
const NOON = Date.parse('2026-03-01T12:00:00Z');
const Counters = z.array(z.object({ Value: z.coerce.number() }));

/** Positions are seconds after noon. */
function change(offset: number, recordClass: RecordClass, pid = PID): SourceTransaction {
  const changes = new RowChanges();
  changes.pids.set(pid, new Set([recordClass]));
  return { position: { file: 1, offset }, gtid: null, changes, everything: null, marker: null };
}

function marker(offset: number): SourceTransaction {
  const at = new Date(NOON + offset * 1_000).toISOString();
  return {
    position: { file: 1, offset },
    gtid: null,
    changes: new RowChanges(),
    everything: null,
    marker: `${at.slice(0, 23).replace('T', ' ')}000`,
  };
}

/** The feed's positions and the time are made up here; its ledger and what a render leaves in it are real. */
describe('how far a class of records is behind', () => {
  let under: AgentUnderTest;
  let pool: ReturnType<typeof createOpenEmrPool>;
  let feed: LedgerOfFeed;
  let patientRef: string;

  beforeAll(async () => {
    under = await AgentUnderTest.start('class_lag', { gatewayUrl: 'https://127.0.0.1:1' });
    const { database, reader } = under.config;
    pool = createOpenEmrPool({ ...database, database: database.openemrName, ...reader });
    feed = new LedgerOfFeed(under.ledger, new OwnerFinder(pool), new RecentChanges(), () => undefined);
    patientRef = await under.invite(PID);
    await under.invite(OTHER);
  });
  afterAll(async () => {
    await pool.end();
    await under[Symbol.asyncDispose]();
  });
  beforeEach(async () => {
    await feed.startOver({ file: 1, offset: 0 }, null, 1);
    await under.ledger.query('DELETE FROM dirty');
    await under.ledger.query('DELETE FROM marker_seen');
    await under.ledger.query('UPDATE chart SET seq = 1, failed_t = NULL');
  });

  const record = async (...events: SourceTransaction[]): Promise<void> => {
    for (const event of events) {
      await feed.record([event]);
    }
  };
  const lagsAt = (seconds: number): Promise<ClassLags> => readClassLags(under.ledger.manager, NOON + seconds * 1_000);
  /** Of the classes that lag. */
  const behindAt = async (seconds: number): Promise<ClassLags> =>
    Object.fromEntries(Object.entries(await lagsAt(seconds)).filter(([, lag]) => lag !== 0));

  /** What an acknowledged push of these classes leaves, its snapshot at this place. */
  const acknowledge = async (offset: number, ...classes: RecordClass[]): Promise<void> => {
    const chart = await readChartToRender(under.ledger.manager, patientRef);
    if (chart === null) {
      throw new Error('the chart is gone');
    }
    const rendering = {
      ...{ chart, classes, position: { file: 1, offset } },
      ...{ sections: [], sources: [], failure: null, large: [], withdrawn: [], files: null, offersCcd: false },
      ...{ contained: new Set<string>(), decisions: [], withheld: null },
    };
    await under.ledger.transaction((manager) => settleChart(manager, new RecentChanges(), rendering, null));
  };

  it('is known of every class, and 0 where nothing waits', async () => {
    expect(await lagsAt(0)).toEqual(Object.fromEntries(RENDERED_CLASSES.map((name) => [name, 0])));
    await record(marker(50), change(100, 'results'));
    expect(Object.keys(await lagsAt(110)).sort()).toEqual([...RENDERED_CLASSES].sort());
  });

  it('counts from the marker before its own oldest change, and ends with the acknowledgement', async () => {
    await record(marker(50), change(52, 'notes'), marker(55), change(56, 'results'), change(58, 'notes', OTHER));
    await record(marker(60), change(62, 'results'));
    expect(await behindAt(100)).toEqual({ notes: 50, results: 45 });
    expect(describeClassLags(await lagsAt(100))).toBe('classes behind: notes 50 s, results 45 s');
    await acknowledge(61, 'results');
    expect(await behindAt(100)).toEqual({ notes: 50, results: 40 });
    await acknowledge(70, 'notes', 'results');
    expect(await behindAt(100)).toEqual({ notes: 45 });
  });

  it('is not made greater by another class of the chart that waits for longer than markers are kept', async () => {
    await record(marker(50), change(52, 'notes'), marker(600), marker(605), change(700, 'results'));
    await pruneMarkers(under.ledger.manager);
    expect(await under.count('marker_seen')).toBe(1);
    expect(await behindAt(1_000)).toEqual({ notes: 950, results: 395 });
  });

  it('is not known of changes that were there before the first marker', async () => {
    await record(change(10, 'results'), marker(50), change(52, 'notes'));
    expect(await behindAt(100)).toEqual({ results: null, notes: 50 });
    expect(describeClassLags(await lagsAt(100))).toBe('classes behind: results nobody knows how far, notes 50 s');
    expect(describeClassLags({ results: 0 })).toBeUndefined();
  });

  it('is never less than nothing', async () => {
    await record(marker(50), change(52, 'notes'));
    expect(await behindAt(40)).toEqual({});
  });

  it.each([
    ['is frozen', "UPDATE patient SET state = 'frozen' WHERE pid = ?", "UPDATE patient SET state = 'invited'"],
    [
      'is stopped',
      "UPDATE chart SET stopped_reason = 'until a new era' WHERE pid = ?",
      'UPDATE chart SET stopped_reason = NULL',
    ],
    [
      'would lose all',
      `INSERT INTO held_loss (patient_ref, held_at)
        SELECT patient_ref, UTC_TIMESTAMP(3) FROM chart WHERE pid = ?`,
      'UPDATE held_loss SET allowed_at = UTC_TIMESTAMP(3)',
    ],
    ['was never pushed', 'UPDATE chart SET seq = 0 WHERE pid = ?', 'UPDATE chart SET seq = 1'],
  ])('does not count a chart that %s, and hides no other behind it', async (_chart, leave, back) => {
    await record(marker(50), change(52, 'notes'), marker(55), change(56, 'notes', OTHER));
    expect(await behindAt(100)).toEqual({ notes: 50 });
    await under.ledger.query(leave, [PID]);
    expect(await behindAt(100)).toEqual({ notes: 45 });
    await under.ledger.query(back);
    expect(await behindAt(100)).toEqual({ notes: 50 });
  });

  it('is found without a look at charts that wait for nothing', async () => {
    await record(marker(50), change(52, 'notes'), change(56, 'results', OTHER));
    await under.ledger.query(
      `INSERT INTO patient (pid, patient_ref, state, created_at)
        SELECT 1000000 + seq, UNHEX(MD5(seq)), 'enrolled', UTC_TIMESTAMP(3) FROM seq_1_to_20000`,
    );
    await under.ledger.query(
      `INSERT INTO chart (patient_ref, pid, era, seq, attempted_seq, epoch, chart_key_wrapped)
        SELECT patient_ref, pid, 1, 1, 1, 1, '' FROM patient WHERE pid > 1000000`,
    );
    await using session = under.ledger.createQueryRunner();
    const rowsRead = async (): Promise<number> => {
      const counters: unknown = await session.query("SHOW SESSION STATUS LIKE 'Handler_read%'");
      return Counters.parse(counters).reduce((sum, { Value }) => sum + Value, 0);
    };
    const before = await rowsRead();
    expect(await readClassLags(session.manager, NOON + 100_000)).toMatchObject({ notes: 50, results: 50 });
    const read = (await rowsRead()) - before;
    expect(read).toBeGreaterThan(4);
    expect(read).toBeLessThan(500);
  });
});
