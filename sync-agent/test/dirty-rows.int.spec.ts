import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { EntityManager } from 'typeorm';
import { z } from 'zod';
import type { HeartbeatRequest } from 'sync-contract/gateway-wire';
import { Heartbeat } from 'sync-contract/heartbeat';
import { Chart } from '../src/ledger/chart.entity.js';
import { markDirty } from '../src/ledger/dirty.js';
import type { SourceTransaction } from '../src/openemr/binlog-stream.js';
import { OwnerFinder } from '../src/openemr/find-owner.js';
import { createOpenEmrPool } from '../src/openemr/openemr-database.js';
import { RowChanges } from '../src/openemr/row-changes.js';
import { dirtyCharts, readAckedSections, readChartToRender } from '../src/replicate/chart-row.js';
import { pruneMarkers, readCurrency } from '../src/replicate/currency.js';
import { LedgerOfFeed, type Seen } from '../src/replicate/feed-ledger.js';
import { HeartbeatSender } from '../src/replicate/heartbeat.js';
import { RecentChanges } from '../src/replicate/recent-changes.js';
import type { Rendering } from '../src/replicate/rendering.js';
import { settleChart } from '../src/replicate/settle-chart.js';
import { AgentUnderTest, until } from './agent-under-test.js';

const PIDS = [5001, 5002];
const NOON = Date.parse('2026-03-01T12:00:00Z');
const at = (offset: number): string => new Date(NOON + offset * 1_000).toISOString();

/** A row of the whole practice that no chart is known to use. */
function unknownRow(offset: number): SourceTransaction {
  const changes = new RowChanges();
  changes.keyed.set(`users ${String(offset)}`, {
    table: 'users',
    key: String(offset),
    classes: ['results'],
    shared: true,
    parents: [],
  });
  return { position: { file: 1, offset }, gtid: null, changes, everything: null, marker: null };
}

/** A clock marker that says its own position in seconds after noon, or what a clock says that is wrong. */
function marker(offset: number, clock = offset): SourceTransaction {
  return {
    position: { file: 1, offset },
    gtid: null,
    changes: new RowChanges(),
    everything: null,
    marker: `${at(clock).slice(0, 23).replace('T', ' ')}000`,
  };
}

/** The feed's positions are made up here; its ledger and what a render leaves in it are real. */
describe('dirty rows of one chart and class', () => {
  let under: AgentUnderTest;
  let pool: ReturnType<typeof createOpenEmrPool>;
  let feed: LedgerOfFeed;
  const refs: string[] = [];
  const seen: Seen[] = [];

  beforeAll(async () => {
    under = await AgentUnderTest.start('dirty', { gatewayUrl: 'https://127.0.0.1:1' });
    const { database, reader } = under.config;
    pool = createOpenEmrPool({ ...database, database: database.openemrName, ...reader });
    feed = new LedgerOfFeed(under.ledger, new OwnerFinder(pool), new RecentChanges(), (each) => seen.push(each));
    for (const pid of PIDS) {
      refs.push(await under.invite(pid));
    }
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

  const offsets = async (recordClass: string): Promise<string[]> => {
    const rows: unknown = await under.ledger.query(
      'SELECT pid, file_offset AS place FROM dirty WHERE record_class = ? ORDER BY pid, file_offset',
      [recordClass],
    );
    return z
      .array(z.object({ pid: z.coerce.number(), place: z.coerce.number() }))
      .parse(rows)
      .map(({ pid, place }) => `${String(pid)} ${String(place)}`);
  };

  /** Whether a transaction of this ledger waits for a lock. */
  const isAnyWaiting = async (): Promise<boolean> => {
    const waiting = await under.zones.inside.adminSql(
      `SELECT 1 FROM information_schema.innodb_trx t JOIN information_schema.processlist p ON p.id = t.trx_mysql_thread_id
        WHERE t.trx_state = 'LOCK WAIT' AND p.db = ?`,
      [under.databases.ledger],
    );
    return waiting.length > 0;
  };

  /** Of the charts in the order of their pids. */
  const ownTimes = async (): Promise<(string | null)[]> => {
    const charts = await under.ledger.manager.find(Chart, { order: { pid: 'ASC' } });
    return charts.map(({ failedT }) => failedT?.toISOString() ?? null);
  };

  const insertSection = (patientRef: string, asOf: string): Promise<unknown> =>
    under.ledger.query(
      `INSERT INTO chart_section
          (patient_ref, name, record_class, section_id, era, seq, epoch, content_hash, sha256, size, as_of, entries)
        VALUES (UNHEX(?), 'results', 'results', UNHEX(SHA2('1', 256)), 1, 1, 1, UNHEX(SHA2('2', 256)),
          UNHEX(SHA2('3', 256)), 1, ?, 0)`,
      [patientRef, asOf.replace('T', ' ').replace('Z', '')],
    );

  const settleAt = async (
    patientRef: string,
    offset: number,
    meanwhile: () => Promise<void> = () => Promise.resolve(),
    beforeCommit: () => Promise<void> = () => Promise.resolve(),
  ): Promise<void> => {
    const chart = await readChartToRender(under.ledger.manager, patientRef);
    if (chart === null) {
      throw new Error('the chart is gone');
    }
    await meanwhile();
    const rendering: Rendering = {
      chart,
      classes: ['results', 'documents'],
      sections: [],
      sources: [],
      position: { file: 1, offset },
      failure: null,
      large: [],
      withdrawn: [],
      files: null,
      offersCcd: false,
      contained: new Set(),
      decisions: [],
      withheld: null,
    };
    await under.ledger.transaction(async (manager) => {
      await settleChart(manager, new RecentChanges(), rendering, null);
      await beforeCommit();
    });
  };

  it('are the oldest and the newest and no more, however many rows of the whole practice change', async () => {
    for (let offset = 100; offset < 120; offset += 1) {
      await feed.record([unknownRow(offset)]);
    }
    await feed.record(Array.from({ length: 50 }, (_row, i) => unknownRow(200 + i)));
    expect(await offsets('results')).toEqual(PIDS.flatMap((pid) => [`${String(pid)} 100`, `${String(pid)} 249`]));
  });

  it('are rendered first of charts that somebody can open', async () => {
    const [first = '', second = ''] = refs;
    const order = async (): Promise<string[]> => {
      const found: string[] = [];
      for await (const page of dirtyCharts(under.ledger.manager)) {
        found.push(...page);
      }
      return found;
    };
    for (const pid of PIDS) {
      await markDirty(under.ledger.manager, pid, ['results']);
    }
    expect(await order()).toEqual([first, second]);
    await under.ledger.query("UPDATE patient SET state = 'enrolled' WHERE pid = ?", [PIDS[1]]);
    try {
      expect(await order()).toEqual([second, first]);
    } finally {
      await under.ledger.query("UPDATE patient SET state = 'invited' WHERE pid = ?", [PIDS[1]]);
    }
  });

  it('of receipts stay: each counts what touched it', async () => {
    for (const offset of [300, 400, 500]) {
      await feed.record([unknownRow(offset)]);
      await markDirty(under.ledger.manager, 5001, ['receipts']);
    }
    await feed.record([unknownRow(600)]);
    expect(await offsets('receipts')).toEqual(['5001 300', '5001 400', '5001 500']);
  });

  it('of documents stay when bytes come while the chart is rendered', async () => {
    const [patientRef = ''] = refs;
    const bytesCome = (): Promise<void> => markDirty(under.ledger.manager, 5001, ['documents']);
    await feed.record([unknownRow(100)]);
    await bytesCome();
    await settleAt(patientRef, 250);
    expect(await offsets('documents')).toEqual([]);
    await settleAt(patientRef, 250, bytesCome);
    expect(await offsets('documents')).toEqual(['5001 100']);
    await settleAt(patientRef, 250, bytesCome);
    expect(await offsets('documents')).toEqual(['5001 100']);
    await settleAt(patientRef, 250);
    expect(await offsets('documents')).toEqual([]);
  });

  it('let a chart claim no time later than a change that its last render lacks', async () => {
    const [patientRef = ''] = refs;
    // The render's snapshot stands at 250: it contains the first change and lacks the other two.
    for (const event of [marker(50), unknownRow(100), marker(200)]) {
      await feed.record([event]);
    }
    for (const event of [unknownRow(300), marker(400), unknownRow(500), marker(600)]) {
      await feed.record([event]);
    }
    const claimed = async (): Promise<string | undefined> => {
      const currency = await readCurrency(under.ledger.manager);
      return currency?.exceptions.get(patientRef) ?? currency?.practice;
    };
    expect(await claimed()).toBe(at(50));
    await settleAt(patientRef, 250);
    expect(await claimed()).toBe(at(200));
    await settleAt(patientRef, 650);
    expect(await claimed()).toBe(at(600));
    expect((await offsets('results')).filter((row) => row.startsWith('5001'))).toEqual([]);
  });

  it('let a chart claim nothing that was known before the clock was set back, until it is rendered', async () => {
    const [patientRef = '', other = ''] = refs;
    const claimed = async (ref: string): Promise<string | undefined> => {
      const currency = await readCurrency(under.ledger.manager);
      return currency?.exceptions.get(ref) ?? currency?.practice;
    };
    const none = new Date(0).toISOString();
    const HOUR = 3_600;
    for (const event of [marker(50), marker(100, 100 + HOUR), unknownRow(200), marker(300, 300 + HOUR)]) {
      await feed.record([event]);
    }
    await settleAt(other, 350);
    await insertSection(patientRef, at(200 + HOUR));
    expect(await claimed(patientRef)).toBe(at(100 + HOUR));
    // Of the render that is under way its dirty row stays.
    await settleAt(patientRef, 350, async () => feed.record([marker(400)]));
    expect([await claimed(patientRef), await claimed(other)]).toEqual([none, at(400)]);
    expect(seen.at(-1)?.clockSetBack).toBe(true);
    expect((await readAckedSections(under.ledger.manager, patientRef)).map(({ asOf }) => asOf)).toEqual([none]);

    await feed.record([marker(500)]);
    expect([await claimed(patientRef), seen.at(-1)?.clockSetBack]).toEqual([none, false]);
    await settleAt(patientRef, 550);
    expect(await claimed(patientRef)).toBe(at(500));
  });

  it('let a chart claim nothing of before when the feed began anew while the clock was ahead', async () => {
    const [patientRef = ''] = refs;
    await feed.record([marker(50, 3_650)]);
    await feed.startOver({ file: 1, offset: 60 }, null, 1);
    await feed.record([marker(100)]);
    const currency = await readCurrency(under.ledger.manager);
    expect([currency?.practice, currency?.exceptions.get(patientRef)]).toEqual([at(100), new Date(0).toISOString()]);
  });

  it('are not touched by markers that passed each other', async () => {
    const [patientRef = ''] = refs;
    for (const event of [marker(50, 52), unknownRow(60), marker(70, 51)]) {
      await feed.record([event]);
    }
    const currency = await readCurrency(under.ledger.manager);
    expect(currency?.exceptions.get(patientRef) ?? currency?.practice).toBe(at(51));
  });

  it('leave a chart that is settled while old markers are dropped no time that its next change alone would end', async () => {
    const [patientRef = '', other = ''] = refs;
    for (const event of [marker(50), unknownRow(100), marker(200)]) {
      await feed.record([event]);
    }
    let pruning: Promise<void> | undefined;
    await settleAt(patientRef, 250, undefined, async () => {
      pruning = under.ledger.transaction((manager) => pruneMarkers(manager));
      await until('the pruning waits for what was settled', isAnyWaiting);
    });
    await pruning;
    expect([...((await readCurrency(under.ledger.manager))?.exceptions ?? [])]).toEqual([[other, at(50)]]);
    expect(await ownTimes()).toEqual([null, at(50)]);
    expect(await under.count('marker_seen')).toBe(1);
  });

  it('that somebody adds or takes away are not waited for when old markers are dropped', async () => {
    for (const event of [marker(50), unknownRow(100), marker(200)]) {
      await feed.record([event]);
    }
    await under.ledger.transaction(async (manager) => {
      await markDirty(manager, 5001, ['documents']);
      await manager.query('DELETE FROM dirty WHERE pid = 5002');
      await under.ledger.transaction((other) => pruneMarkers(other));
    });
    expect(await ownTimes()).toEqual([at(50), at(50)]);
  });

  it('keep the time of a chart whose first push is acknowledged while a heartbeat is read', async () => {
    const [patientRef = '', other = ''] = refs;
    for (const event of [marker(50), unknownRow(100), marker(200)]) {
      await feed.record([event]);
    }
    await settleAt(other, 250);
    await under.ledger.query('UPDATE chart SET seq = 0, manifest_hash = NULL WHERE patient_ref = UNHEX(?)', [
      patientRef,
    ]);
    await under.ledger.query("UPDATE chart SET manifest_hash = UNHEX(SHA2('1', 256)) WHERE seq > 0");
    let acked = 0;
    const reads = jest.spyOn(EntityManager.prototype, 'query').mockImplementation(async function (
      this: EntityManager,
      sql: string,
      values?: unknown,
    ): Promise<unknown> {
      if (sql.includes('AS manifestHash')) {
        acked += 1;
        await under.ledger.query(
          "UPDATE chart SET seq = 1, manifest_hash = UNHEX(SHA2('1', 256)) WHERE patient_ref = UNHEX(?)",
          [patientRef],
        );
      }
      return this.dataSource.query(sql, z.array(z.unknown()).optional().parse(values), this.queryRunner);
    });
    try {
      // A gateway that takes everything; what it was told is looked at.
      const told: Omit<HeartbeatRequest, 'v'>[] = [];
      const handshake = { at: new Date(), skewMs: 0, skewAlarm: false, heartbeat: null, restored: false };
      const sender = new HeartbeatSender(under.ledger, under.keys, {
        handshake,
        hello: () => Promise.resolve(handshake),
        sendHeartbeat: (body) => {
          told.push(body);
          return Promise.resolve({});
        },
      });
      expect(await sender.send()).toBe(true);
      expect(await sender.send()).toBe(true);
      const claims = told.map(({ heartbeat, buckets }) => {
        const { t, exceptions } = Heartbeat.parse(JSON.parse(heartbeat.body));
        const leaves = buckets.flatMap((bucket) => bucket.leaves.map((leaf) => leaf.patientRef));
        return { t, own: exceptions, isNamed: leaves.includes(patientRef) };
      });
      expect(acked).toBe(2);
      expect(claims).toEqual([
        { t: at(200), own: [], isNamed: false },
        { t: at(200), own: [{ patientRef, t: at(50) }], isNamed: true },
      ]);
    } finally {
      reads.mockRestore();
    }
  });
});
