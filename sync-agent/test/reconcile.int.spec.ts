import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { issueGrant } from 'sync-contract/grant';
import { newHpkeKeyPair } from 'sync-contract/hpke';
import { newRef } from 'sync-contract/identifiers';
import { PROTOCOL_VERSION } from 'sync-contract/protocol';
import { signStatement, type Signed } from 'sync-contract/signed';
import { EntityManager } from 'typeorm';
import { v7 as uuidv7 } from 'uuid';
import { z } from 'zod';
import { judgeEverybody } from '../src/enrol/judge-patient.js';
import { readDecided } from '../src/enrol/patients.command.js';
import { pushOwed } from '../src/enrol/push-owed.js';
import { GatewayClient } from '../src/gateway-client/gateway-client.js';
import { GatewayConnection } from '../src/gateway-client/gateway-connection.js';
import { createOpenEmrPool } from '../src/openemr/openemr-database.js';
import { QueuesService } from '../src/queues/queues.service.js';
import { complaintsAbout } from '../src/reconcile/complaints.js';
import { compareWithDmz, type DmzTally } from '../src/reconcile/compare-dmz.js';
import { readAllAgain, beginNightly } from '../src/reconcile/compare-openemr.js';
import { closeDay, EarlierStatement, keepComparison, type DailyStatement } from '../src/reconcile/daily-statement.js';
import { endContentDifferences, noteContent } from '../src/reconcile/note-differences.js';
import { Tally, type Found } from '../src/reconcile/difference.js';
import { findLost } from '../src/reconcile/find-lost.js';
import { readLastComparison, readStatements } from '../src/reconcile/read-statements.js';
import { confirmLosses, signOffDay } from '../src/reconcile/reconciliation.command.js';
import { noSuspects } from '../src/reconcile/superfluous.js';
import { readReleaseReport } from '../src/release/release-report.js';
import { FeedBehind, type FeedProgress } from '../src/replicate/await-feed.js';
import { compareContent } from '../src/replicate/compare-content.js';
import { readStatus } from '../src/replicate/read-status.js';
import { RecentChanges } from '../src/replicate/recent-changes.js';
import { ReplicateService } from '../src/replicate/replicate.service.js';
import { AgentUnderTest, STANDING_FEED, until } from './agent-under-test.js';

const PIDS = [5001, 5002, 5003];
const bytesOf = (id: string): Buffer => Buffer.from(id.replaceAll('-', ''), 'hex');
const FLIP = (column: string): string => `INSERT(${column}, 1, 1, CHAR(ASCII(${column}) ^ 1))`;

describe('reconciliation', () => {
  let under: AgentUnderTest;
  let gateway: GatewayClient;
  let replicate: ReplicateService;
  let queues: QueuesService;
  let refs: string[];
  let truth: Map<string, Map<string, unknown>>;

  beforeAll(async () => {
    under = await AgentUnderTest.start('reconcile');
    gateway = clientOf(under);
    refs = [];
    for (const pid of PIDS) {
      refs.push(await under.invite(pid));
    }
    const agent = await under.startAgent();
    replicate = agent.get(ReplicateService);
    queues = agent.get(QueuesService, { strict: false });
    await under.clean();
    await until('a heartbeat', async () => (await under.heartbeat()) !== null);
    truth = await charts();
  });

  afterAll(async () => {
    await gateway.close();
    await under[Symbol.asyncDispose]();
  });

  const wake = (patientRef: string): void => {
    queues.wake('replications', 'render-chart', patientRef);
  };
  const ref = (): string => refs[0] ?? '';
  const suspects = noSuspects();
  const compare = (asked = gateway): Promise<DmzTally> =>
    compareWithDmz({ ledger: under.ledger, gateway: asked, suspects, onOwed: wake }, new AbortController().signal);
  const left = async (table: 'chart' | 'section' | 'chart_grant', strangers: readonly Buffer[]): Promise<Buffer[]> => {
    const column = table === 'chart_grant' ? 'grant_id' : 'patient_ref';
    const rows = await under.portal.query<{ id: Buffer }[]>(
      `SELECT DISTINCT ${column} AS id FROM ${table} WHERE ${column} IN (?)`,
      [strangers],
    );
    return rows.map(({ id }) => id);
  };

  async function charts(): Promise<Map<string, Map<string, unknown>>> {
    const found = new Map<string, Map<string, unknown>>();
    for (const each of refs) {
      found.set(each, (await under.stored(each))?.sections ?? new Map<string, unknown>());
    }
    return found;
  }

  /** Until the normal path has repaired everything. */
  async function healed(): Promise<void> {
    await until('everything healed', async () => {
      await under.clean();
      await pushOwed({ gateway, ledger: under.ledger, onRefused: () => undefined });
      return (await compare()).differences === 0;
    });
    expect(await charts()).toEqual(truth);
    expect(await under.count('chart WHERE stopped_reason IS NOT NULL')).toBe(0);
    expect(await under.count('chart_section WHERE owed = 1')).toBe(0);
  }

  it('finds no difference where there is none, and makes nothing dirty', async () => {
    const tally = await compare();
    expect(tally).toMatchObject({ charts: refs.length, skipped: 0, found: {} });
    expect(tally.sections).toBe([...truth.values()].reduce((sum, sections) => sum + sections.size, 0));
    expect(await under.count('dirty')).toBe(0);
  });

  it.each<[string, string, Found]>([
    [
      'bytes of a section',
      `UPDATE section SET sealed = ${FLIP('sealed')} WHERE patient_ref = ? LIMIT 1`,
      { 'section-changed': 1 },
    ],
    [
      'the hash beside a section',
      `UPDATE section SET sha256 = ${FLIP('sha256')} WHERE patient_ref = ? LIMIT 1`,
      { 'section-changed': 1 },
    ],
    [
      'version and epoch of a section',
      'UPDATE section SET era = -1, seq = 7000, epoch = 3 WHERE patient_ref = ? LIMIT 1',
      { 'section-changed': 1 },
    ],
    ['a section that is gone', 'DELETE FROM section WHERE patient_ref = ? LIMIT 1', { 'section-missing': 1 }],
    [
      'a section under another id',
      `UPDATE section SET section_id = ${FLIP('section_id')} WHERE patient_ref = ? LIMIT 1`,
      { 'section-missing': 1, 'section-superfluous': 1 },
    ],
    ['a number that was never made', 'UPDATE chart SET seq = seq + 1000 WHERE patient_ref = ?', { 'chart-changed': 1 }],
    [
      'a signature',
      'UPDATE chart SET manifest = REPLACE(manifest, \'"signature":"\', \'"signature":"A\') WHERE patient_ref = ?',
      { 'chart-changed': 1 },
    ],
    ['no manifest at all', "UPDATE chart SET manifest = 'nothing' WHERE patient_ref = ?", { 'chart-changed': 1 }],
    [
      'the hash beside a manifest',
      `UPDATE chart SET manifest_hash = ${FLIP('manifest_hash')} WHERE patient_ref = ?`,
      { 'chart-changed': 1 },
    ],
    ['a chart that is gone, its sections left', 'DELETE FROM chart WHERE patient_ref = ?', { 'chart-missing': 1 }],
  ])('finds %s in the DMZ and lets the normal path repair it', async (_, sql, found) => {
    await under.portal.query(sql, [Buffer.from(ref(), 'hex')]);
    expect((await compare()).found).toEqual(found);
    await healed();
  });

  it('finds a chart that is gone whole, and one that belongs to nobody', async () => {
    const chart = Buffer.from(ref(), 'hex');
    await under.portal.query('DELETE FROM section WHERE patient_ref = ?', [chart]);
    await under.portal.query('DELETE FROM chart WHERE patient_ref = ?', [chart]);
    const stranger = randomBytes(16);
    await addStranger(stranger);
    expect((await compare()).found).toEqual({ 'chart-missing': 1, 'chart-superfluous': 1 });
    expect(await left('section', [stranger])).toEqual([stranger]);
    await healed();
    expect(await left('section', [stranger])).toEqual([]);
  });

  it('removes nothing that only one comparison found, nor two with a third between them', async () => {
    const [first, second] = [randomBytes(16), randomBytes(16)];
    await addStranger(first);
    expect((await compare()).found).toEqual({ 'chart-superfluous': 1 });
    await under.portal.query('DELETE FROM section WHERE patient_ref = ?', [first]);
    await addStranger(second);
    expect((await compare()).found).toEqual({ 'chart-superfluous': 1 });
    expect(await left('section', [second])).toEqual([second]);
    await addStranger(first);
    expect((await compare()).found).toEqual({ 'chart-superfluous': 2 });
    expect(await left('section', [first, second])).toEqual([first]);
    expect((await compare()).found).toEqual({ 'chart-superfluous': 1 });
    expect(await left('section', [first, second])).toEqual([]);
  });

  it('repairs leaves and numbers of the heartbeat with the next one, whatever the rows claim', async () => {
    const before = (await under.heartbeat())?.seq ?? 0;
    await under.portal.query("UPDATE heartbeat_bucket SET leaves = '[]'");
    await under.portal.query('UPDATE heartbeat SET seq = seq + 100000, bucket_roots = REPEAT(CHAR(0), 8192)');
    await until('the next heartbeat', async () => ((await under.heartbeat())?.seq ?? 0) > before);
    const rows: unknown = await under.portal.query("SELECT 1 FROM heartbeat_bucket WHERE leaves <> '[]'");
    expect(rows).toHaveLength(new Set(refs.map((each) => each.slice(0, 2))).size);
    const stopped: unknown = await under.ledger.query('SELECT stopped_reason FROM heartbeat_state');
    expect(stopped).toEqual([{ stopped_reason: null }]);
  });

  it('finds grants that are gone, changed or too many', async () => {
    const grants = [await grant(), await grant(), await grant()];
    await pushOwed({ gateway, ledger: under.ledger, onRefused: () => undefined });
    expect((await compare()).found).toEqual({});
    const [gone, moved, swapped] = grants.map(({ grantId }) => Buffer.from(grantId, 'hex'));
    await under.portal.query('DELETE FROM chart_grant WHERE grant_id = ?', [gone]);
    await under.portal.query('UPDATE chart_grant SET account_ref = ? WHERE grant_id = ?', [randomBytes(16), moved]);
    await under.portal.query(
      'UPDATE chart_grant a JOIN chart_grant b ON b.grant_id = ? SET a.signed = b.signed WHERE a.grant_id = ?',
      [moved, swapped],
    );
    const stranger = randomBytes(16);
    await under.portal.query(
      'INSERT INTO chart_grant SELECT ?, account_ref, patient_ref, signed, epoch, starts_at, ends_at FROM chart_grant WHERE grant_id = ?',
      [stranger, moved],
    );
    expect((await compare()).found).toEqual({ 'grant-missing': 1, 'grant-changed': 2, 'grant-superfluous': 1 });
    expect(await left('chart_grant', [stranger])).toEqual([stranger]);
    await healed();
    expect(await left('chart_grant', [stranger])).toEqual([]);
  });

  it('passes over a chart that is on its way, and keeps what belongs to nobody while an acceptance waits', async () => {
    await under.ledger.query('UPDATE chart SET attempted_seq = attempted_seq + 1 WHERE patient_ref = UNHEX(?)', [
      ref(),
    ]);
    await under.portal.query('UPDATE chart SET seq = seq + 1000 WHERE patient_ref = ?', [Buffer.from(ref(), 'hex')]);
    expect(await compare()).toMatchObject({ charts: refs.length - 1, skipped: 1, found: {} });
    await under.ledger.query('UPDATE chart SET attempted_seq = seq WHERE patient_ref = UNHEX(?)', [ref()]);
    await healed();

    const stranger = randomBytes(16);
    await under.portal.query(
      'INSERT INTO chart SELECT ?, era, seq, manifest, manifest_hash, updated_at FROM chart WHERE patient_ref = ?',
      [stranger, Buffer.from(ref(), 'hex')],
    );
    await under.ledger.query("INSERT INTO restore_step (step) VALUES ('reoffer')");
    expect((await compare()).found).toEqual({ 'chart-superfluous': 1 });
    expect((await compare()).found).toEqual({ 'chart-superfluous': 1 });
    await under.ledger.query("DELETE FROM restore_step WHERE step = 'reoffer'");
    // What it found while the ledger was learning is no suspicion.
    expect((await compare()).found).toEqual({ 'chart-superfluous': 1 });
    expect(await left('chart', [stranger])).toEqual([stranger]);
    await healed();
    expect(await left('chart', [stranger])).toEqual([]);
  });

  it('passes over a chart whose push was under way when the comparison began and is acknowledged meanwhile', async () => {
    const chart = 'UPDATE chart SET seq = ? WHERE patient_ref = UNHEX(?)';
    const [{ seq } = { seq: 0 }] = (await gateway.readHoldings({ after: null })).charts.flatMap(
      ({ patientRef, manifest }) => (patientRef === ref() && manifest !== null ? [manifest] : []),
    );
    await under.ledger.query(chart, [seq - 1, ref()]);
    const acknowledging = Object.assign(Object.create(gateway) as GatewayClient, {
      readHoldings: async (body: { after: string | null }) => {
        await under.portal.query(chart, [seq - 1, ref()]);
        const page = await gateway.readHoldings(body);
        await under.portal.query(chart, [seq, ref()]);
        await under.ledger.query(chart, [seq, ref()]);
        return page;
      },
    });
    const tally = await compare(acknowledging);
    expect([tally.charts, tally.skipped, tally.found]).toEqual([refs.length - 1, 1, {}]);
    await healed();
  });

  it('gives up a gateway whose pages are not in order, and changes nothing', async () => {
    const page = await gateway.readHoldings({ after: null });
    const forged = { charts: [...page.charts].reverse(), more: false };
    const hostile = (answer: typeof page) => ({
      offerStatements: () => Promise.resolve(),
      readGrantHoldings: () => Promise.resolve({ grants: [], more: false }),
      readBlobHoldings: () => Promise.resolve({ blobs: [], doubted: [], more: false }),
      sendBlobDrop: () => Promise.reject(new Error('nothing is to be deleted')),
      sendRevocations: () => Promise.reject(new Error('nothing is to be removed')),
      readHoldings: () => Promise.resolve(answer),
    });
    for (const answer of [forged, { ...page, more: true }, { charts: [], more: true }]) {
      await expect(
        compareWithDmz(
          { ledger: under.ledger, gateway: hostile(answer), suspects, onOwed: wake },
          new AbortController().signal,
        ),
      ).rejects.toMatchObject({ code: 'holdings-out-of-order' });
    }
    expect(await under.count('dirty')).toBe(0);
  });

  it('tells of submissions that the DMZ accepted and that nobody collected, until a person has confirmed it', async () => {
    const [gone, collected] = [uuidv7(), uuidv7()];
    const stream = newRef();
    for (const id of [gone, collected]) {
      await under.portal.query(
        `INSERT INTO receipt (submission_id, account_ref, kind, state, saved_at)
          VALUES (?, ?, 'message', 'saved', UTC_TIMESTAMP(3))`,
        [bytesOf(id), randomBytes(16)],
      );
    }
    await under.portal.query('INSERT INTO stream (stream, account_ref, next_seq) VALUES (?, ?, 4)', [
      Buffer.from(stream, 'hex'),
      randomBytes(16),
    ]);
    await under.ledger.query(
      `INSERT INTO submission (submission_id, account_ref, kind, stream, stream_seq, envelope, state, received_at)
        VALUES (?, ?, 'message', ?, 1, '{}', 'DONE', UTC_TIMESTAMP(3))`,
      [bytesOf(collected), randomBytes(16), randomBytes(16)],
    );
    const told: string[] = [];
    const find = async (): Promise<Found> => {
      const tally = new Tally();
      const onLost = (places: readonly string[]) => told.push(...places);
      await findLost({ ledger: under.ledger, gateway, onLost }, tally, new AbortController().signal);
      return tally.found;
    };
    expect(await find()).toEqual({ 'submission-lost': 1, 'stream-gap': 1 });
    expect(told).toEqual([`submission ${gone}`, `stream ${stream} 3`]);
    expect(await find()).toEqual({ 'submission-lost': 1, 'stream-gap': 1 });
    expect(told).toHaveLength(2);
    expect(await readStatus(under.ledger.manager)).toMatchObject({ submissionsLost: 2 });
    await confirmLosses(under.ledger);
    expect(await find()).toEqual({});
    expect(await readStatus(under.ledger.manager)).toMatchObject({ submissionsLost: 0 });
  });

  it('reads all of OpenEMR again, repairs what no feed has told, and signs what it found', async () => {
    const before = await compare();
    await keepComparison(under.ledger, new Date(), before);
    await unseen(`UPDATE patient_data SET city = 'Elsewhere' WHERE pid = ${String(PIDS[0])}`);
    await under.ledger.query('DELETE FROM release_time');
    const { tally, day } = await night('2026-11-22');
    expect(tally).toMatchObject({ charts: refs.length, skipped: 0, found: { 'content-changed': 1 } });
    expect(day).toMatchObject({
      charts: refs.length,
      withDmz: { comparisons: 1, differences: 0, left: 0 },
      withOpenEmr: { charts: refs.length, differences: 1 },
      previous: null,
      differing: [{ patientRef: ref(), recordClass: 'profile', difference: 'content-changed', healedAt: null }],
      more: 0,
    });
    await under.clean();
    // Marked at the night's position, but nobody knows how long the patient has not seen it.
    const { all, late } = await readReleaseReport(under.ledger.manager, 1);
    expect(all).toMatchObject({ changes: 1, unknown: 1, withinAim: 0 });
    expect(late[0]).toMatchObject({ patientRef: ref(), recordClass: 'profile', changedAt: null });
    const profile = JSON.stringify((await under.stored(ref()))?.sections.get('profile'));
    expect(profile).toContain('Elsewhere');
    truth = await charts();
    const second = await night('2026-11-23');
    expect(second.tally.found).toEqual({});
    const [change] = second.day.differing;
    expect(change).toMatchObject({
      recordClass: 'profile',
      difference: 'content-changed',
      foundAt: day.differing[0]?.foundAt,
    });
    expect(Date.parse(change?.healedAt ?? '')).toBeGreaterThan(Date.parse(change?.foundAt ?? ''));

    const kept = await readStatements(under.ledger.manager, under.keys, 7);
    expect(kept.map(({ statement, genuine }) => [statement.day, genuine])).toEqual([
      ['2026-11-23', true],
      ['2026-11-22', true],
    ]);
    await under.ledger.query(
      `UPDATE reconciliation_statement SET signed = REPLACE(signed, '\\\\"differences\\\\":1', '\\\\"differences\\\\":0')`,
    );
    expect((await readStatements(under.ledger.manager, under.keys, 7)).map(({ genuine }) => genuine)).toEqual([
      true,
      false,
    ]);
    expect(await readStatus(under.ledger.manager)).toMatchObject({ reconciliation: { differences: 0 } });
  });

  it('takes nothing for a change that no feed told of before the feed has read as far', async () => {
    const change = (city: string) => unseen(`UPDATE patient_data SET city = '${city}' WHERE pid = ${String(PIDS[0])}`);
    const { database, reader } = under.config;
    const pool = createOpenEmrPool({ ...database, database: database.openemrName, ...reader });
    const { ledger, keys, tables } = under;
    const compareBehind = (feed: FeedProgress) =>
      compareContent({ ledger, reader: pool, keys, tables, gateway, recent: new RecentChanges(), feed }, ref());
    try {
      await change('Nowhere');
      await expect(compareBehind({ ...STANDING_FEED, hasRecorded: () => false, stands: false })).rejects.toThrow(
        FeedBehind,
      );
      expect(await compareBehind(STANDING_FEED)).toMatchObject({ differing: 1, classes: ['profile'] });
    } finally {
      await change('Elsewhere');
      await pool.end();
    }
  });

  it('lists by chart and class what differed in the DMZ until it has healed, with both sides of every class', async () => {
    await keepComparison(under.ledger, new Date(), await compare());
    const { day: before } = await night('2026-12-01');
    expect(before.differing.filter(({ healedAt }) => healedAt === null)).toEqual([]);
    expect(before.compared).toMatchObject({ charts: refs.length, passedOver: 0, unplaced: 0 });
    expect(before.compared?.classes.map(({ recordClass, inside }) => ({ recordClass, ...inside }))).toEqual(
      before.classes,
    );
    expect(differingClasses(before)).toEqual([]);
    expect(before.classes.reduce((sum, { sections }) => sum + sections, 0)).toBe(before.sections);

    const [section] = await under.ledger.query<{ id: Buffer }[]>(
      "SELECT section_id AS id FROM chart_section WHERE patient_ref = UNHEX(?) AND name = 'allergies'",
      [ref()],
    );
    await under.portal.query(`UPDATE section SET sealed = ${FLIP('sealed')} WHERE section_id = ?`, [section?.id]);
    const stranger = randomBytes(16);
    await addStranger(stranger);
    await keepComparison(under.ledger, new Date(), await compare());
    const { day: broken } = await night('2026-12-02');
    expect(broken.compared?.unplaced).toBe(1);
    expect(differingClasses(broken)).toEqual(['allergies']);
    expect(broken.differing).toEqual([
      expect.objectContaining({
        patientRef: ref(),
        recordClass: 'allergies',
        difference: 'section-changed',
        healedAt: null,
      }),
      expect.objectContaining({
        patientRef: stranger.toString('hex'),
        recordClass: null,
        difference: 'chart-superfluous',
      }),
    ]);
    const first = (await readStatements(under.ledger.manager, under.keys, 2))[1];
    expect(broken.previous).toEqual({ day: '2026-12-01', hash: first?.hash });

    await healed();
    await keepComparison(under.ledger, new Date(), await compare());
    const { day: whole } = await night('2026-12-03');
    expect(differingClasses(whole)).toEqual([]);
    expect(whole.differing.map(({ difference, healedAt }) => [difference, healedAt !== null])).toEqual([
      ['section-changed', true],
      ['chart-superfluous', true],
    ]);
    expect((await night('2026-12-04')).day.differing).toEqual([]);
  });

  it('reads all of a statement at one moment, while pushes go on', async () => {
    const { day: before } = await night('2026-12-05');
    const grown = 'UPDATE chart_section SET size = size + ? WHERE patient_ref = UNHEX(?)';
    let pushes = 0;
    const reads = jest.spyOn(EntityManager.prototype, 'query').mockImplementation(async function (
      this: EntityManager,
      sql: string,
      values?: unknown,
    ): Promise<unknown> {
      const rows: unknown = await this.dataSource.query(
        sql,
        z.array(z.unknown()).optional().parse(values),
        this.queryRunner,
      );
      if (sql.includes('FROM chart_section) AS sections')) {
        pushes += 1;
        await under.ledger.query(grown, [1, ref()]);
      }
      return rows;
    });
    try {
      const { day } = await night('2026-12-06');
      expect([pushes, day.sections, day.root, day.classes]).toEqual([1, before.sections, before.root, before.classes]);
    } finally {
      reads.mockRestore();
      await under.ledger.query(grown, [-pushes, ref()]);
      await under.ledger.query("DELETE FROM reconciliation_statement WHERE day >= '2026-12-05'");
    }
  });

  it('notes what a chart shows otherwise once, beside what is open of other charts', async () => {
    const other = refs[1] ?? '';
    await noteContent(under.ledger.manager, other, ['allergies']);
    for (let turn = 0; turn < 2; turn += 1) {
      await noteContent(under.ledger.manager, ref(), ['allergies', 'problems']);
    }
    const open = "reconciliation_difference WHERE healed_at IS NULL AND difference = 'content-changed'";
    expect(await under.count(open)).toBe(3);
    expect(await endContentDifferences(under.ledger.manager, ref(), ['allergies', 'problems'])).toHaveLength(2);
    expect(await under.count(`${open} AND patient_ref = 0x${other}`)).toBe(1);
    await endContentDifferences(under.ledger.manager, other, ['allergies']);
    expect(await under.count(open)).toBe(0);
  });

  it('does not take a difference for healed in a chart that is passed over', async () => {
    await under.portal.query('UPDATE chart SET seq = seq + 1000 WHERE patient_ref = ?', [Buffer.from(ref(), 'hex')]);
    await keepComparison(under.ledger, new Date(), await compare());
    await until('it is owed no more', async () => (await under.count('dirty')) === 0);
    const open = "reconciliation_difference WHERE healed_at IS NULL AND difference = 'chart-changed'";
    await under.ledger.query('UPDATE chart SET attempted_seq = attempted_seq + 1 WHERE patient_ref = UNHEX(?)', [
      ref(),
    ]);
    await keepComparison(under.ledger, new Date(), await compare());
    expect(await under.count(open)).toBe(1);
    await under.ledger.query('UPDATE chart SET attempted_seq = seq WHERE patient_ref = UNHEX(?)', [ref()]);
    await healed();
    await keepComparison(under.ledger, new Date(), await compare());
    expect(await under.count(open)).toBe(0);
  });

  it('chains the statements: a night that is missing and one that was taken away are told, a person may sign one off', async () => {
    const complaints = async (): Promise<string[]> => {
      const { manager } = under.ledger;
      const statements = await readStatements(manager, under.keys, 3);
      const withDmz = { at: new Date().toISOString(), differences: 0, documentsCompared: true };
      const withOpenEmr = await readLastComparison(manager, 'openemr');
      const nothing = { vanishingStopped: false, heldCharts: [], lost: [] };
      return complaintsAbout({ withDmz, withOpenEmr, ...nothing, statements }, new Date(), 900);
    };
    await night('2026-12-06');
    expect(await complaints()).toEqual([
      expect.stringContaining('no statement of 2026-12-05; signing off the one of 2026-12-06'),
    ]);
    const desk = { ledger: under.ledger, keys: under.keys, tables: under.tables };
    for (const [wrong, says] of [
      [{ day: 'newest', by: 'nobody', note: 'x' }, '--by must be'],
      [{ day: '2026-12-05', by: 'admin', note: 'x' }, 'there is no statement of 2026-12-05'],
      [{ day: 'newest', by: 'admin', note: ' ' }, 'needs a note'],
    ] as const) {
      await expect(signOffDay(desk, wrong)).rejects.toThrow(says);
    }
    await signOffDay(desk, { day: 'newest', by: 'admin', note: 'The server was moved.' });
    expect(await complaints()).toEqual([]);
    const [kept] = await readStatements(under.ledger.manager, under.keys, 1);
    expect(kept?.signOffs).toMatchObject([
      { genuine: true, signOff: { by: 'admin', note: 'The server was moved.', statement: kept?.hash } },
    ]);

    await under.ledger.query("DELETE FROM reconciliation_statement WHERE day = '2026-12-04'");
    expect(await complaints()).toEqual(['the statement of 2026-12-06 names another one before it than is kept']);
    await under.ledger.query("DELETE FROM reconciliation_statement WHERE day = '2026-12-06'");
    expect(await complaints()).toContainEqual(
      expect.stringMatching(/^the statement of the night that ended at .* is gone$/),
    );

    await night('2026-12-07');
    await signOffDay(desk, { day: '2026-12-07', by: 'admin', note: 'Read.' });
    await under.ledger.query("UPDATE reconciliation_sign_off SET signed = REPLACE(signed, 'Read.', 'Fine.')");
    expect(await complaints()).toEqual([
      expect.stringContaining('no statement of 2026-12-04 to 2026-12-06'),
      'a sign-off of 2026-12-07 is NOT WHAT THE AGENT SIGNED',
    ]);
  });

  it('still reads statements that were signed before they were chained', async () => {
    const [kept] = await readStatements(under.ledger.manager, under.keys, 1);
    expect(kept?.statement).toHaveProperty('previous');
    const counts = Object.fromEntries(
      Object.entries(kept?.statement ?? {}).filter(([name]) => name in EarlierStatement.shape),
    );
    const earlier = EarlierStatement.parse({ ...counts, day: '2026-12-08' });
    await under.ledger.query(
      "INSERT INTO reconciliation_statement (day, signed, made_at) VALUES ('2026-12-08', ?, UTC_TIMESTAMP(3))",
      [JSON.stringify(signStatement('reconciliation', earlier, under.keys.signing))],
    );
    expect(await readStatements(under.ledger.manager, under.keys, 1)).toMatchObject([
      { genuine: true, chained: true, statement: { day: '2026-12-08' } },
    ]);
    const { day } = await night('2026-12-09');
    expect(day.previous?.day).toBe('2026-12-08');
    expect((await readStatements(under.ledger.manager, under.keys, 1))[0]?.chained).toBe(true);
  });

  it('finds at night, and every quarter of an hour, whom the clinic barred without the change feed having seen it', async () => {
    const barred: string[] = [];
    for (const pid of [5004, 5005]) {
      barred.push(await under.invite(pid));
    }
    await until('both are in the DMZ', async () =>
      (await Promise.all(barred.map((each) => under.stored(each)))).every((chart) => chart !== null),
    );
    await under.clean();
    await unseen("UPDATE patient_data SET allow_patient_portal = 'NO' WHERE pid = 5004");
    await night('2026-12-10');
    await unseen("UPDATE patient_data SET allow_patient_portal = 'NO' WHERE pid = 5005");
    const judging = { ledger: under.ledger, tables: under.tables, resourceIdKey: under.keys.resourceIdKey };
    expect(await judgeEverybody(judging, new AbortController().signal)).toBe(1);
    await until('both are shredded', async () =>
      (await Promise.all(barred.map((each) => under.stored(each)))).every((chart) => chart === null),
    );
    expect(await readDecided(under.ledger.manager)).toMatchObject([{ pid: 5004 }, { pid: 5005 }]);
    expect((await compare()).differences).toBe(0);
  });

  function differingClasses({ compared }: DailyStatement): string[] {
    return (compared?.classes ?? [])
      .filter(({ inside, dmz }) => inside.root !== dmz.root)
      .map(({ recordClass }) => recordClass);
  }

  async function night(name: string): Promise<{ tally: Tally; day: DailyStatement }> {
    await beginNightly(under.ledger, name);
    const compareOne = (patientRef: string) => replicate.compareContent(patientRef);
    const signal = new AbortController().signal;
    const tally = await readAllAgain({ ledger: under.ledger, compare: compareOne, pause: 0 }, signal);
    if (tally === null) {
      throw new Error('the night was not read to its end');
    }
    return { tally, day: await closeDay(under.ledger, under.keys, { day: name, beganAt: new Date(), tally }) };
  }

  /** A section of a chart that nobody has. */
  async function addStranger(patientRef: Buffer): Promise<void> {
    await under.portal.query(
      `INSERT INTO section SELECT ?, section_id, era, seq, epoch, sha256, sealed FROM section
        WHERE patient_ref = ? LIMIT 1`,
      [patientRef, Buffer.from(refs[1] ?? '', 'hex')],
    );
  }

  /** A change that the binlog does not carry. */
  async function unseen(sql: string): Promise<void> {
    const { openemr } = under.databases;
    await under.zones.inside.adminSql(
      `BEGIN NOT ATOMIC SET SESSION sql_log_bin = 0; ${sql.replace('patient_data', `${openemr}.patient_data`)}; SET SESSION sql_log_bin = 1; END`,
    );
  }

  async function grant(): Promise<{ grantId: string; signed: Signed }> {
    const grantId = newRef();
    const { publicKey } = await newHpkeKeyPair();
    const accountRef = newRef();
    const now = new Date().toISOString();
    const signed = await issueGrant(
      {
        v: PROTOCOL_VERSION,
        site: under.config.siteId,
        grantId,
        accountRef,
        patientRef: ref(),
        relation: 'self',
        scopes: ['message'],
        classes: 'all',
        epoch: 1,
        from: now,
        to: null,
        publicKey: publicKey.toString('base64url'),
        issuedAt: now,
      },
      randomBytes(32),
      under.keys.signing,
    );
    await under.ledger.query(
      `INSERT INTO account_grant (grant_id, account_ref, patient_ref, public_key, relation, scopes, epoch, signed, state)
        VALUES (UNHEX(?), UNHEX(?), UNHEX(?), ?, 'self', '["message"]', 1, ?, 'active')`,
      [grantId, accountRef, ref(), publicKey.toString('base64url'), JSON.stringify(signed)],
    );
    return { grantId, signed };
  }
});

function clientOf({ config, keys }: AgentUnderTest): GatewayClient {
  const connection = new GatewayConnection(config.gateway);
  return new GatewayClient(connection, config.siteId, keys.statements, () => undefined);
}
