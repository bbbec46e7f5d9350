import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { newResult } from 'infra/openemr-sim/clinic-labs';
import { addMedication } from 'infra/openemr-sim/clinic-medications';
import { GatewayClient } from '../src/gateway-client/gateway-client.js';
import { GatewayConnection } from '../src/gateway-client/gateway-connection.js';
import { ChangeFeed, type FeedLog } from '../src/openemr/change-feed.js';
import { OwnerFinder } from '../src/openemr/find-owner.js';
import { createOpenEmrPool } from '../src/openemr/openemr-database.js';
import { PollingFeed } from '../src/openemr/polling-feed.js';
import { READABLE_CLASSES } from '../src/openemr/read-chart.js';
import { WATCHED_TABLES, type WatchedTable } from '../src/openemr/watched-tables.js';
import { readCurrency } from '../src/replicate/currency.js';
import { LedgerOfFeed } from '../src/replicate/feed-ledger.js';
import { RecentChanges } from '../src/replicate/recent-changes.js';
import { replicateChart, type Replication } from '../src/replicate/replicate-chart.js';
import { account, AgentUnderTest, STANDING_FEED, TestLog, until } from './agent-under-test.js';

const FIRST = 5001;
const SECOND = 5002;
const STRANGER = 5003;
const TABLES: readonly WatchedTable[] = WATCHED_TABLES;

/** Looks and renders happen when the test says so: nothing runs by itself. */
describe('polling', () => {
  let under: AgentUnderTest;
  let pool: ReturnType<typeof createOpenEmrPool>;
  let gateway: GatewayClient;
  let replication: Replication;
  let ledger: LedgerOfFeed;
  let feed: PollingFeed;
  const log = new TestLog();
  const refs = new Map<number, string>();

  beforeAll(async () => {
    under = await AgentUnderTest.start('polling');
    const { database, reader } = under.config;
    pool = createOpenEmrPool({ ...database, database: database.openemrName, ...reader });
    gateway = new GatewayClient(
      new GatewayConnection(under.config.gateway),
      under.config.siteId,
      under.keys.statements,
      () => undefined,
    );
    const recent = new RecentChanges();
    const { tables, keys } = under;
    replication = { ledger: under.ledger, reader: pool, keys, tables, gateway, recent, feed: STANDING_FEED };
    ledger = new LedgerOfFeed(under.ledger, new OwnerFinder(pool), recent, () => undefined);
    for (const pid of [FIRST, SECOND]) {
      refs.set(pid, await under.invite(pid));
    }
  });

  afterAll(async () => {
    await gateway.close();
    await pool.end();
    await under[Symbol.asyncDispose]();
  });

  /** After a first, complete pass; from here on a new one begins with each look that finds none under way. */
  beforeEach(async () => {
    await under.ledger.query('DELETE FROM feed_position');
    feed = poller(0);
    await feed.look();
    await render(FIRST, SECOND);
  });

  const listener: FeedLog = {
    info: (entry) => {
      log.log(entry);
    },
    warn: (entry) => {
      log.warn(entry);
    },
    error: (entry) => {
      log.error(entry);
    },
  };
  /** Marks one chart at each look. */
  const poller = (passEvery: number): PollingFeed =>
    new PollingFeed(pool, ledger, { passEvery, lookEvery: 100 }, listener);
  const render = async (...pids: number[]): Promise<void> => {
    for (const pid of pids) {
      await replicateChart(replication, refs.get(pid) ?? '');
    }
  };
  const claimed = async (pid: number): Promise<string> => {
    const currency = await readCurrency(under.ledger.manager);
    return currency?.exceptions.get(refs.get(pid) ?? '') ?? currency?.practice ?? '';
  };
  const profile = async (pid: number): Promise<string> =>
    JSON.stringify((await under.stored(refs.get(pid) ?? '', 'profile'))?.sections.get('profile'));
  const dirty = async (): Promise<string[]> => {
    const rows: unknown = await under.ledger.query(
      'SELECT DISTINCT pid, record_class AS recordClass FROM dirty ORDER BY pid, record_class',
    );
    return z
      .array(z.object({ pid: z.coerce.number(), recordClass: z.string() }))
      .parse(rows)
      .map(({ pid, recordClass }) => `${String(pid)} ${recordClass}`);
  };
  const whole = (pid: number): string[] =>
    [...READABLE_CLASSES].sort().map((recordClass) => `${String(pid)} ${recordClass}`);
  const clock = async (): Promise<string> => {
    const [rows] = await under.clinic.query("SELECT DATE_FORMAT(UTC_TIMESTAMP(6), '%Y-%m-%dT%H:%i:%s.%f') AS at");
    const [{ at }] = z.tuple([z.object({ at: z.string() })]).parse(rows);
    return `${at.slice(0, 23)}Z`;
  };
  /** Commits a change that no quick look sees; in a millisecond of its own. */
  const move = async (pid: number, street: string): Promise<{ before: string; after: string }> => {
    const before = await clock();
    await until('the clock moves', async () => (await clock()) > before);
    await under.clinic.query('UPDATE patient_data SET street = ? WHERE pid = ?', [street, pid]);
    const after = await clock();
    await until('the clock moves', async () => (await clock()) > after);
    return { before, after };
  };

  it('claims a time only when a full pass is complete, and then its beginning', async () => {
    const first = await claimed(FIRST);
    const committed = await move(FIRST, '1 Early Street');
    await feed.look();
    await render(FIRST);
    expect(await profile(FIRST)).toContain('1 Early Street');
    await feed.look();
    await render(SECOND);
    expect([await claimed(FIRST), await claimed(SECOND)]).toEqual([first, first]);
    const end = await clock();
    await feed.look();
    expect(await claimed(FIRST)).toBe(await claimed(SECOND));
    expect((await claimed(FIRST)) > committed.after).toBe(true);
    expect((await claimed(FIRST)) < end).toBe(true);
  });

  it('forgets every time when the clock was set back between two looks, and begins the pass anew', async () => {
    const known = async (): Promise<number> => under.count("chart_section WHERE as_of > '1970-01-02'");
    const waited = poller(3_600_000);
    await feed.look();
    await render(FIRST);
    // The look before was recorded by a clock that was an hour ahead, as was the beginning of its pass.
    await under.ledger.query('UPDATE feed_position SET committed_at = UTC_TIMESTAMP(3) + INTERVAL 1 HOUR');
    await under.ledger.query('UPDATE polling SET pass_began = pass_began - INTERVAL 1 MINUTE');
    expect(await known()).toBeGreaterThan(0);
    const before = await clock();
    await waited.look();
    expect([await known(), await claimed(FIRST)]).toEqual([0, '']);
    await render(FIRST);
    await waited.look();
    await render(SECOND);
    await waited.look();
    expect((await claimed(FIRST)) > before).toBe(true);
    expect(await claimed(SECOND)).toBe(await claimed(FIRST));
  });

  it('claims nothing that was committed during a pass, behind its back', async () => {
    await feed.look();
    await render(FIRST);
    const committed = await move(FIRST, '2 Late Street');
    await feed.look();
    await render(SECOND);
    await feed.look();
    expect(await profile(FIRST)).not.toContain('2 Late Street');
    expect((await claimed(FIRST)) <= committed.before).toBe(true);
    for (const pid of [FIRST, SECOND]) {
      await feed.look();
      await render(pid);
    }
    await feed.look();
    expect(await profile(FIRST)).toContain('2 Late Street');
    expect((await claimed(FIRST)) > committed.after).toBe(true);
  });

  it('lets a chart that the pass marked and nobody rendered keep its older time, and no other', async () => {
    const before = await claimed(SECOND);
    await feed.look();
    await render(FIRST);
    await feed.look();
    await feed.look();
    expect(await claimed(SECOND)).toBe(before);
    expect((await claimed(FIRST)) > before).toBe(true);
  });

  it('goes on where a pass was cut short, with its own beginning', async () => {
    await feed.look();
    expect(await dirty()).toEqual(whole(FIRST));
    await render(FIRST);
    const committed = await move(FIRST, '3 Between Street');
    // Another process of the agent; it would begin no pass of its own.
    const next = poller(3_600_000);
    await next.look();
    expect(await dirty()).toEqual(whole(SECOND));
    await render(SECOND);
    await next.look();
    expect(await dirty()).toEqual([]);
    expect((await claimed(FIRST)) <= committed.before).toBe(true);
    await next.look();
    expect(await dirty()).toEqual([]);
  });

  it('begins a pass when the clock was set back, also in the middle of one, and claims no time that lies ahead', async () => {
    feed = poller(3_600_000);
    const setBack = (passedPid: number | null): Promise<unknown> =>
      under.ledger.query('UPDATE polling SET pass_began = UTC_TIMESTAMP(6) + INTERVAL 2 HOUR, passed_pid = ?', [
        passedPid,
      ]);
    for (const passedPid of [null, FIRST]) {
      await setBack(passedPid);
      const began = await clock();
      await feed.look();
      expect(await dirty()).toEqual(whole(FIRST));
      await render(FIRST);
      await feed.look();
      expect(await dirty()).toEqual(whole(SECOND));
      await render(SECOND);
      await feed.look();
      for (const pid of [FIRST, SECOND]) {
        expect((await claimed(pid)) >= began).toBe(true);
        expect((await claimed(pid)) < (await clock())).toBe(true);
      }
    }
  });

  it('takes nothing from a pass for charts that fail: each look marks as many others as ever', async () => {
    const marked = async (hasFailed: (patientRef: string) => boolean): Promise<string[]> => {
      await under.ledger.query('DELETE FROM dirty');
      await under.ledger.query("INSERT INTO dirty VALUES (?, 'profile', 0, 1, 1)", [FIRST]);
      const failing = new LedgerOfFeed(
        under.ledger,
        new OwnerFinder(pool),
        new RecentChanges(),
        () => undefined,
        hasFailed,
      );
      // Two charts at each look.
      await new PollingFeed(pool, failing, { passEvery: 0, lookEvery: 200 }, listener).look();
      const found = await dirty();
      await render(FIRST, SECOND);
      return found;
    };
    expect(await marked((patientRef) => patientRef === refs.get(FIRST))).toEqual([...whole(FIRST), ...whole(SECOND)]);
    await feed.look();
    await render(FIRST, SECOND);
    // A chart that only waits is work that OpenEMR has before it.
    expect(await marked(() => false)).toEqual(whole(FIRST));
  });

  it('sees a row from the future when its time has come, and not at every look until then', async () => {
    feed = poller(3_600_000);
    await under.clinic.query("INSERT INTO lists SET id = 990002, pid = ?, type = 'allergy', title = 'X'", [SECOND]);
    await feed.look();
    await render(SECOND);
    const dated = 'UPDATE lists SET title = ?, modifydate = NOW() + INTERVAL ? SECOND WHERE id = 990002';
    await under.clinic.query(dated, ['of tomorrow', 86_400]);
    await feed.look();
    await feed.look();
    expect(await dirty()).toEqual([]);
    await under.clinic.query(dated, ['of now', 0]);
    await feed.look();
    expect((await dirty()).length).toBeGreaterThan(0);
    await under.clinic.query('DELETE FROM lists WHERE id = 990002');
  });

  it('sees at a quick look new rows, and rows that keep the time of their change, without claiming more', async () => {
    feed = poller(3_600_000);
    const before = await claimed(FIRST);
    await newResult(under.clinic, { pid: STRANGER, loinc: '2345-7', name: 'Glucose', value: '88', units: 'mg/dL' });
    await feed.look();
    await under.ledger.query('DELETE FROM dirty');
    await newResult(under.clinic, { pid: FIRST, loinc: '2345-7', name: 'Glucose', value: '89', units: 'mg/dL' });
    await feed.look();
    expect(await dirty()).toEqual(['5001 procedures', '5001 results']);
    await under.ledger.query('DELETE FROM dirty');
    await under.clinic.query("INSERT INTO lists SET id = 990001, pid = ?, type = 'allergy', title = 'X'", [SECOND]);
    await feed.look();
    const ofLists = ['allergies', 'devices', 'encounters', 'medications', 'problems', 'procedures'].map(
      (name) => `5002 ${name}`,
    );
    expect(await dirty()).toEqual(ofLists);
    await under.ledger.query('DELETE FROM dirty');
    await under.clinic.query("UPDATE lists SET title = 'Y' WHERE id = 990001");
    await feed.look();
    expect(await dirty()).toEqual(ofLists);
    expect(await claimed(FIRST)).toBe(before);
    await render(FIRST, SECOND);
    expect(await claimed(FIRST)).toBe(before);
    await under.clinic.query('DELETE FROM lists WHERE id = 990001');
  });

  it('sees after a pause of the agent what came meanwhile, and takes no more rows at once than it can bear', async () => {
    feed = poller(3_600_000);
    await feed.look();
    await under.ledger.query('DELETE FROM dirty');
    const rows = Array.from({ length: 1_500 }, () => [STRANGER, 'allergy', 'many']);
    await under.clinic.query('INSERT INTO lists (pid, type, title) VALUES ?', [rows]);
    await under.clinic.query(
      "INSERT INTO lists SET pid = ?, type = 'allergy', title = 'behind them', modifydate = '2020-01-01'",
      [SECOND],
    );
    feed = poller(3_600_000);
    await feed.look();
    expect(await dirty()).toEqual([]);
    await feed.look();
    expect((await dirty()).length).toBeGreaterThan(0);
    await under.clinic.query("DELETE FROM lists WHERE title IN ('many', 'behind them')");
  });

  it('reads everything again, and claims no later time, when it takes the place of the binlog, and the other way round', async () => {
    const follow = async (): Promise<void> => {
      const binlog = new ChangeFeed(under.config.database, account(under.zones, 'agent_feed'), ledger, listener);
      binlog.start();
      await until('the binlog is followed', async () => !(await isPolling()));
      await binlog.stop();
    };
    const isPolling = async (): Promise<boolean> => (await ledger.position())?.position.file === 0;
    const before = await claimed(FIRST);
    await follow();
    expect(await dirty()).toEqual([...whole(FIRST), ...whole(SECOND)]);
    expect(log.says('its changes were polled before')).toBe(true);
    await feed.look();
    expect(await isPolling()).toBe(true);
    expect(await dirty()).toEqual([...whole(FIRST), ...whole(SECOND)]);
    expect(await claimed(FIRST)).toBe(before);
    await render(FIRST);
    expect((await claimed(FIRST)) > before).toBe(true);
    expect(await claimed(SECOND)).toBe(before);
  });

  it('reads OpenEMR by indexes only', async () => {
    const [indexed] = await under.clinic.query(
      `SELECT CONCAT(table_name, '.', column_name) AS name FROM information_schema.statistics
        WHERE table_schema = DATABASE() AND seq_in_index = 1`,
    );
    const names = new Set(
      z
        .array(z.object({ name: z.string() }))
        .parse(indexed)
        .map(({ name }) => name),
    );
    const used = TABLES.flatMap(({ table, primaryKey: [key = '', ...more], keyWithoutIndex, pid, moves }) => [
      ...(more.length > 0 || keyWithoutIndex ? [] : [`${table}.${key}`]),
      ...(moves === undefined ? [] : [`${table}.${pid ?? ''}`]),
    ]);
    expect(used.length).toBeGreaterThan(30);
    expect(used.filter((name) => !names.has(name))).toEqual([]);
  });

  it('cannot tell that a row was another patient’s before: it is in the one chart and no more in the other', async () => {
    const medications = async (pid: number): Promise<string> =>
      JSON.stringify((await under.stored(refs.get(pid) ?? '', 'medications'))?.sections.get('medications'));
    const { prescriptionId } = await addMedication(under.clinic, {
      pid: FIRST,
      drug: 'Wanderol 10 MG Oral Tablet',
      onList: false,
    });
    await feed.look();
    await render(FIRST);
    expect(await medications(FIRST)).toContain('Wanderol');
    await under.clinic.query('UPDATE prescriptions SET patient_id = ? WHERE id = ?', [SECOND, prescriptionId]);
    await feed.look();
    await feed.look();
    await feed.look();
    await feed.look();
    await render(FIRST, SECOND);
    expect(await medications(FIRST)).not.toContain('Wanderol');
    expect(await medications(SECOND)).toContain('Wanderol');
  });
});
