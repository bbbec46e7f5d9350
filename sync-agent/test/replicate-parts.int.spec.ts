import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { newResult, signReport } from 'infra/openemr-sim/clinic-labs';
import { changeDemographics } from 'infra/openemr-sim/clinic-patients';
import type { ResultSetHeader } from 'mysql2/promise';
import { ResourcesContent, ResultYearsContent } from 'sync-contract/section-content';
import { z } from 'zod';
import { GatewayClient } from '../src/gateway-client/gateway-client.js';
import { GatewayConnection } from '../src/gateway-client/gateway-connection.js';
import { markDirty, markNewClassesDirty, RELEASED_CLASSES } from '../src/ledger/dirty.js';
import { createOpenEmrPool } from '../src/openemr/openemr-database.js';
import { decide, lift, ReleaseRefused, type NewDecision } from '../src/release/decide.js';
import { expireDecisions } from '../src/release/expire-decisions.js';
import { keepWish } from '../src/release/keep-wish.js';
import { readDecisions } from '../src/release/read-decisions.js';
import { readItems, type ChartItem } from '../src/release/read-items.js';
import { describeRules, readRules } from '../src/release/read-rules.js';
import { describeReport, readReleaseReport } from '../src/release/release-report.js';
import { reasonOf } from '../src/replicate/describe-failure.js';
import { RecentChanges } from '../src/replicate/recent-changes.js';
import { replicateChart, type Outcome } from '../src/replicate/replicate-chart.js';
import { AgentUnderTest, STANDING_FEED } from './agent-under-test.js';

const PID = 5001;

describe('a chart of which a class', () => {
  let under: AgentUnderTest;
  let pool: ReturnType<typeof createOpenEmrPool>;
  let gateway: GatewayClient;
  let patientRef: string;

  beforeAll(async () => {
    under = await AgentUnderTest.start('parts');
    const { database, reader } = under.config;
    pool = createOpenEmrPool({ ...database, database: database.openemrName, ...reader });
    const connection = new GatewayConnection(under.config.gateway);
    gateway = new GatewayClient(connection, under.config.siteId, under.keys.statements, () => undefined);
    patientRef = await under.invite(PID);
    expect(await replicate()).toBe('pushed');
  });

  afterAll(async () => {
    await gateway.close();
    await pool.end();
    await under[Symbol.asyncDispose]();
  });

  const replicate = (): Promise<Outcome> =>
    replicateChart(
      {
        ledger: under.ledger,
        reader: pool,
        keys: under.keys,
        tables: under.tables,
        gateway,
        recent: new RecentChanges(),
        feed: STANDING_FEED,
      },
      patientRef,
    );
  const dirtyClasses = async (): Promise<string[]> => {
    const rows: unknown = await under.ledger.query('SELECT record_class AS name FROM dirty ORDER BY record_class');
    return z
      .array(z.object({ name: z.string() }))
      .parse(rows)
      .map(({ name }) => name);
  };
  const hashes = async (): Promise<Map<string, string>> => {
    const rows: unknown = await under.ledger.query(
      'SELECT name, LOWER(HEX(content_hash)) AS hash FROM chart_section ORDER BY name',
    );
    return new Map(
      z
        .array(z.object({ name: z.string(), hash: z.string() }))
        .parse(rows)
        .map(({ name, hash }) => [name, hash]),
    );
  };

  it('cannot be read gets the others pushed, keeps that class as it was, and tries it again', async () => {
    const before = await hashes();
    const name = `SELECT portal_username FROM patient_access_onsite WHERE pid = ${String(PID)}`;
    await under.clinic.query(`UPDATE users SET username = (${name}) WHERE id = 103`);
    await changeDemographics(under.clinic, { pid: PID, street: '1 Elm Court' });
    await markDirty(under.ledger.manager, PID, ['profile', 'messages']);

    await expect(replicate()).rejects.toMatchObject({ code: 'portal-name-shared' });
    const partly = await hashes();
    expect(partly.get('profile')).not.toBe(before.get('profile'));
    expect([...partly.keys()]).toEqual([...before.keys()]);
    expect(partly.get('messages')).toBe(before.get('messages'));
    expect(await dirtyClasses()).toEqual(['messages']);
    await expect(replicate()).rejects.toMatchObject({ code: 'portal-name-shared' });

    await under.clinic.query("UPDATE users SET username = 'somebody' WHERE id = 103");
    expect(await replicate()).toBe('unchanged');
    expect(await dirtyClasses()).toEqual([]);
  });

  it('is new to this version of the agent gets it, and only it, rendered', async () => {
    await under.ledger.query("DELETE FROM chart_section WHERE record_class = 'medications'");
    await markNewClassesDirty(under.ledger.manager);
    await markNewClassesDirty(under.ledger.manager);
    expect(await dirtyClasses()).toEqual(['medications']);
    expect(await replicate()).toBe('pushed');
    expect((await hashes()).has('medications')).toBe(true);
    await markNewClassesDirty(under.ledger.manager);
    expect(await dirtyClasses()).toEqual([]);
  });

  const nobody = { pid: PID, resourceId: null, recordClass: null, codeSystem: null, code: null, sensitivity: null };
  const decision = (differs: Partial<NewDecision>): NewDecision => ({
    ...{ ...nobody, kind: 'hold', reason: '171.202(e)', author: 'admin', hours: 24 },
    ...differs,
  });
  const items = async (): Promise<ChartItem[]> =>
    readItems(pool, under.keys, PID, await readDecisions(under.ledger.manager, PID));
  const itemOf = async (resourceType: string): Promise<ChartItem> => {
    const found = (await items()).find((item) => item.resourceType === resourceType);
    if (found === undefined) {
      throw new Error(`the golden chart has no ${resourceType}`);
    }
    return found;
  };
  /** Every section of the DMZ as text, and the resources of one. */
  const inDmz = async (): Promise<string> =>
    JSON.stringify([...((await under.stored(patientRef))?.sections ?? new Map<string, unknown>())]);
  const resourcesOf = async (name: string): Promise<{ id: string }[]> => {
    const content = (await under.stored(patientRef))?.sections.get(name);
    return ResourcesContent.pick({ resources: true }).loose().parse(content).resources;
  };
  const withheld = async (): Promise<unknown> =>
    under.ledger.query(
      `SELECT LOWER(HEX(resource_id)) AS id, decision_id AS decision, ended_at IS NOT NULL AS ended,
              released_seq AS seq FROM withheld_item ORDER BY id`,
    );

  let lost = 0;
  it('is held shows nothing of it, and all of it again when the time is over, also after a restart', async () => {
    // The user whose name was changed above was the author of notes.
    await markDirty(under.ledger.manager, PID, RELEASED_CLASSES);
    expect(await replicate()).toBe('pushed');
    lost = await under.count('vanished');
    const report = await itemOf('DiagnosticReport');
    expect(await inDmz()).toContain(report.id);
    const id = await decide(under.ledger, decision({ resourceId: report.id, recordClass: report.recordClass }));
    const again = decision({ resourceId: report.id, recordClass: report.recordClass });
    expect(await decide(under.ledger, again)).toBe(id);
    await expect(decide(under.ledger, { ...again, hours: 48 })).rejects.toThrow(ReleaseRefused);
    expect(await replicate()).toBe('pushed');
    expect(await inDmz()).not.toContain(report.id);
    expect(await dirtyClasses()).toEqual([]);
    expect((await items()).find((item) => item.id === report.id)?.decisionId).toBe(id);
    expect(await withheld()).toContainEqual({ id: report.id, decision: id, ended: 0, seq: null });
    expect(describeRules(await readRules(under.ledger.manager, false))).toContain('171.202(e)');

    expect(await expireDecisions(under.ledger)).toEqual([]);
    await under.ledger.query('UPDATE release_decision SET expires_at = UTC_TIMESTAMP(3) WHERE id = ?', [id]);
    expect(await expireDecisions(under.ledger)).toEqual([id]);
    expect(await replicate()).toBe('pushed');
    expect(await inDmz()).toContain(report.id);
    const { manifest } = (await under.stored(patientRef)) ?? {};
    expect(await withheld()).toContainEqual({ id: report.id, decision: id, ended: 1, seq: manifest?.seq });
  });

  it('is recalled leaves a notice in its place and, of a document, no bytes; what is corrected comes back', async () => {
    const document = (await items()).find((item) => item.recordClass === 'documents');
    const { id: resourceId = '', recordClass = null } = document ?? {};
    const blobs = (): Promise<number> => under.count("document_blob WHERE state <> 'gone'");
    const [before, order] = [await blobs(), (await resourcesOf('documents')).map(({ id }) => id)];
    const recall = await decide(under.ledger, decision({ kind: 'recall', resourceId, recordClass, hours: null }));
    expect(await replicate()).toBe('pushed');
    expect((await resourcesOf('documents')).map(({ id }) => id)).toEqual(expect.arrayContaining([resourceId]));
    expect((await resourcesOf('documents')).findIndex(({ id }) => id === resourceId)).toBe(order.indexOf(resourceId));
    expect((await resourcesOf('documents')).find(({ id }) => id === resourceId)).toEqual({
      ...{ resourceType: 'DocumentReference', id: resourceId },
      meta: { security: [expect.objectContaining({ code: 'REDACTED' })] },
    });
    expect(JSON.stringify((await under.stored(patientRef))?.sections.get('documents'))).not.toContain(
      `"documentId":"${resourceId}"`,
    );
    expect(await blobs()).toBe(before - 1);
    await lift(under.ledger, recall, 'admin');
    await lift(under.ledger, recall, 'admin');
    await expect(lift(under.ledger, recall, 'drgreene')).rejects.toThrow('ended at');
    expect(await replicate()).toBe('pushed');
    expect((await resourcesOf('documents')).map(({ id }) => id)).toEqual(order);
    expect(await blobs()).toBe(before);
  });

  it('is decided about while it is being rendered does not leave with what was decided before', async () => {
    const { id: resourceId, recordClass } = await itemOf('Condition');
    const first = await decide(under.ledger, decision({ resourceId, recordClass }));
    expect(await replicate()).toBe('pushed');
    await lift(under.ledger, first, 'admin');
    const rule = decision({ kind: 'rule', recordClass });
    let decided = 0;
    let pushes = 0;
    const reader = new Proxy(pool, {
      get: (target, name) =>
        name === 'getConnection'
          ? async () => {
              decided ||= await decide(under.ledger, rule);
              return target.getConnection();
            }
          : (Reflect.get(target, name) as unknown),
    });
    const counting = new Proxy(gateway, {
      get: (target, name) =>
        name === 'pushChart'
          ? async (...push: Parameters<GatewayClient['pushChart']>) => {
              pushes += 1;
              expect(await inDmz()).not.toContain(resourceId);
              return target.pushChart(...push);
            }
          : (Reflect.get(target, name) as unknown),
    });
    const { ledger, keys, tables } = under;
    await replicateChart(
      { ledger, reader, keys, tables, gateway: counting, recent: new RecentChanges(), feed: STANDING_FEED },
      patientRef,
    );
    expect(pushes).toBe(1);
    expect(await inDmz()).not.toContain(resourceId);
    expect(await resourcesOf('problems')).toEqual([]);
    // What is kept out has not vanished.
    expect(await under.count('vanished')).toBe(lost);

    // A class that may say something about what is held is not shown without the others.
    await under.clinic.query('RENAME TABLE immunizations TO immunizations_away');
    await markDirty(under.ledger.manager, PID, ['results', 'profile']);
    await changeDemographics(under.clinic, { pid: PID, street: '2 Elm Court' });
    const before = await hashes();
    await expect(replicate()).rejects.toMatchObject({ code: 'openemr-read-failed' });
    expect((await hashes()).get('profile')).not.toBe(before.get('profile'));
    expect(await dirtyClasses()).toEqual(['results']);
    await under.clinic.query('RENAME TABLE immunizations_away TO immunizations');
    expect(await replicate()).toBe('unchanged');
    expect(await dirtyClasses()).toEqual([]);
    await lift(under.ledger, decided, 'admin');
    expect(await replicate()).toBe('pushed');
    expect(await inDmz()).toContain(resourceId);
  });

  it('has an entry that cannot be read goes out without it, but keeps its last state while a decision may concern it', async () => {
    const { id: resourceId, recordClass } = await itemOf('Condition');
    const held = await decide(under.ledger, decision({ resourceId, recordClass }));
    expect(await replicate()).toBe('pushed');
    const before = await hashes();
    const [inserted] = await under.clinic.query<ResultSetHeader>(
      "INSERT INTO immunizations SET patient_id = ?, cvx_code = '08', administered_by_id = 1152921504606846976",
      [PID],
    );
    await markDirty(under.ledger.manager, PID, ['immunizations']);
    await expect(replicate()).rejects.toMatchObject({ code: 'openemr-read-failed' });
    expect(await hashes()).toEqual(before);
    await lift(under.ledger, held, 'admin');
    expect(await replicate()).toBe('pushed');
    const skipped = async (): Promise<unknown> =>
      ResourcesContent.parse((await under.stored(patientRef))?.sections.get('immunizations')).skipped;
    expect(await skipped()).toBe(1);
    await under.clinic.query('DELETE FROM immunizations WHERE id = ?', [inserted.insertId]);
    await markDirty(under.ledger.manager, PID, ['immunizations']);
    expect(await replicate()).toBe('pushed');
    expect(await skipped()).toBeUndefined();
  });

  /** Texts of a megabyte that do not compress to much less: a dozen of them are more than a section may hold. */
  const writeMuch = async (): Promise<void> => {
    for (let entry = 0; entry < 14; entry += 1) {
      await under.clinic.query(
        "INSERT INTO lists SET pid = ?, type = 'medical_problem', title = 'too much', activity = 1, date = NOW(), comments = ?",
        [PID, randomBytes(768 * 1024).toString('base64')],
      );
    }
  };
  const writeLess = async (): Promise<void> => {
    await under.clinic.query("DELETE FROM lists WHERE pid = ? AND title = 'too much'", [PID]);
  };

  it('is too large for a section gets the others pushed, keeps that class as it was, and goes out when there is less of it', async () => {
    const before = await hashes();
    const problem = await itemOf('Condition');
    await writeMuch();
    await changeDemographics(under.clinic, { pid: PID, street: '5 Elm Court' });
    await markDirty(under.ledger.manager, PID, ['problems', 'allergies', 'profile']);
    const failure: unknown = await replicate().catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'section-too-large', logLevel: 'error' });
    expect(reasonOf(failure)).toMatch(/^a section of the class problems is larger than 8388608 bytes when sealed;/);
    expect(await inDmz()).toContain('5 Elm Court');
    const partly = await hashes();
    expect([...partly.keys()]).toEqual([...before.keys()]);
    expect(partly.get('profile')).not.toBe(before.get('profile'));
    expect(partly.get('problems')).toBe(before.get('problems'));
    expect((await under.stored(patientRef))?.sections.has('problems')).toBe(true);
    expect(await dirtyClasses()).toEqual(['problems']);

    // What was decided about may stand in what the class showed last.
    const { id: resourceId, recordClass } = await itemOf('Immunization');
    const held = await decide(under.ledger, decision({ resourceId, recordClass }));
    const heldToo = decision({ resourceId: problem.id, recordClass: problem.recordClass });
    const decided = await decide(under.ledger, heldToo);
    expect(await inDmz()).toContain(resourceId);
    await expect(replicate()).rejects.toMatchObject({ code: 'section-too-large' });
    expect(await inDmz()).not.toContain(resourceId);
    expect((await under.stored(patientRef))?.sections.has('immunizations')).toBe(true);
    expect((await under.stored(patientRef))?.sections.has('problems')).toBe(false);
    expect(await dirtyClasses()).toEqual(['problems']);
    expect(await withheld()).toContainEqual({ id: resourceId, decision: held, ended: 0, seq: null });
    await lift(under.ledger, held, 'admin');
    await lift(under.ledger, decided, 'admin');
    await expect(replicate()).rejects.toMatchObject({ code: 'section-too-large' });
    const { manifest } = (await under.stored(patientRef)) ?? {};
    expect(await withheld()).toContainEqual({ id: resourceId, decision: held, ended: 1, seq: manifest?.seq });
    // Kept inside all the same, by its class.
    expect(await withheld()).toContainEqual({ id: problem.id, decision: decided, ended: 0, seq: null });

    await writeLess();
    await under.clinic.query("INSERT INTO lists SET pid = ?, type = 'medical_problem', title = 'Less', activity = 1", [
      PID,
    ]);
    await markDirty(under.ledger.manager, PID, ['problems']);
    expect(await replicate()).toBe('pushed');
    expect(await inDmz()).toContain('Less');
    expect(await dirtyClasses()).toEqual([]);
    const { manifest: whole } = (await under.stored(patientRef)) ?? {};
    expect(await withheld()).toContainEqual({ id: problem.id, decision: decided, ended: 1, seq: whole?.seq });
  });

  it('is too large for a section when the DMZ has lost it does not keep the others from being sent again', async () => {
    await writeMuch();
    await under.portal.query('DELETE FROM section WHERE patient_ref = UNHEX(?)', [patientRef]);
    await changeDemographics(under.clinic, { pid: PID, street: '7 Elm Court' });
    await markDirty(under.ledger.manager, PID, ['profile']);
    await expect(replicate()).rejects.toMatchObject({ code: 'section-too-large' });
    const stored = await under.stored(patientRef);
    expect(stored?.sections.size).toBe(stored?.manifest.sections.length);
    expect(stored?.sections.has('immunizations')).toBe(true);
    expect(stored?.sections.has('problems')).toBe(false);
    expect(await inDmz()).toContain('7 Elm Court');
    expect(await dirtyClasses()).toEqual(['problems']);

    await writeLess();
    expect(await replicate()).toBe('pushed');
    expect((await under.stored(patientRef))?.sections.has('problems')).toBe(true);
    expect(await dirtyClasses()).toEqual([]);
  });

  it('cannot be read when the DMZ has lost it does not leave the chart', async () => {
    const before = await hashes();
    await under.portal.query('DELETE FROM section WHERE patient_ref = UNHEX(?)', [patientRef]);
    await under.clinic.query('RENAME TABLE immunizations TO immunizations_away');
    await changeDemographics(under.clinic, { pid: PID, street: '8 Elm Court' });
    await markDirty(under.ledger.manager, PID, ['profile']);
    await expect(replicate()).rejects.toMatchObject({ code: 'openemr-read-failed' });
    expect(await hashes()).toEqual(before);
    expect(await dirtyClasses()).toEqual(['profile']);

    await under.clinic.query('RENAME TABLE immunizations_away TO immunizations');
    expect(await replicate()).toBe('pushed');
    expect([...(await hashes()).keys()]).toEqual([...before.keys()]);
    expect((await under.stored(patientRef))?.sections.has('immunizations')).toBe(true);
    expect(await inDmz()).toContain('8 Elm Court');
    expect(await dirtyClasses()).toEqual([]);
  });

  /** Of 255 letters that do not compress to less than half. */
  const letters = (): string =>
    [...new Uint16Array(new Uint8Array(randomBytes(510)).buffer)]
      .map((random) => String.fromCodePoint(0x4e00 + (random % 20_000)))
      .join('');
  const fileMany = async (): Promise<void> => {
    for (let from = 0; from < 10_000; from += 1_000) {
      const ids = Array.from({ length: 1_000 }, (_, n) => 800_000 + from + n);
      await under.clinic.query('INSERT INTO documents (id, foreign_id, name, mimetype, date) VALUES ?', [
        ids.map((id) => [id, PID, letters(), letters(), new Date()]),
      ]);
      await under.clinic.query('INSERT INTO categories_to_documents (category_id, document_id) VALUES ?', [
        ids.map((id) => [3, id]),
      ]);
    }
  };

  it('is the list of documents, too large while a decision concerns the chart, leaves with the bytes and the request', async () => {
    const blobs = (state: string): Promise<number> => under.count(`document_blob WHERE state = '${state}'`);
    await under.ledger.query(
      "UPDATE document_blob SET state = 'held', size = 1, sealed_sha256 = fingerprint WHERE state = 'wanted'",
    );
    await under.ledger.query(
      `INSERT INTO ccd_request (patient_ref, submission_id, kept_at) VALUES (UNHEX(?), RANDOM_BYTES(16), UTC_TIMESTAMP(3))`,
      [patientRef],
    );
    await markDirty(under.ledger.manager, PID, ['documents']);
    expect(await replicate()).toBe('pushed');
    expect(await blobs('held')).toBeGreaterThan(0);
    await fileMany();
    const { id: resourceId, recordClass } = await itemOf('Immunization');
    const held = await decide(under.ledger, decision({ resourceId, recordClass }));
    await expect(replicate()).rejects.toMatchObject({ code: 'section-too-large' });
    expect((await under.stored(patientRef))?.sections.has('documents')).toBe(false);
    expect(await blobs('held')).toBe(0);
    expect(await under.count('ccd_request')).toBe(0);
    expect(await dirtyClasses()).toEqual(['documents']);

    await lift(under.ledger, held, 'admin');
    await under.clinic.query('DELETE FROM categories_to_documents WHERE document_id >= 800000');
    await under.clinic.query('DELETE FROM documents WHERE id >= 800000');
    expect(await replicate()).toBe('pushed');
    expect((await under.stored(patientRef))?.sections.has('documents')).toBe(true);
    expect(await blobs('wanted')).toBeGreaterThan(0);
    expect(await dirtyClasses()).toEqual([]);
  });

  const wish = async (wanted: 'wait' | 'at-once' | 'show', resultId: string | null = null): Promise<void> =>
    under.ledger.transaction((manager) => keepWish(manager, PID, { wish: wanted, resultId }, 'account x'));
  const waiting = async (): Promise<{ id: string; since: string }[] | undefined> =>
    ResultYearsContent.parse((await under.stored(patientRef))?.sections.get('results')).wish?.waiting;
  const newReport = async (value: string): Promise<number> => {
    const test = { loinc: '2345-7', name: `Waiting test ${value}`, units: 'mg/dL' };
    const { reportId } = await newResult(under.clinic, { pid: PID, ...test, value });
    await markDirty(under.ledger.manager, PID, ['results', 'procedures']);
    return reportId;
  };
  const reportIn = async (value: string): Promise<string> => {
    const found = (await items()).find(({ name }) => name === `Waiting test ${value}`);
    return found?.id ?? 'none';
  };

  it('has new results that wait, as the patient wished, says how many and nothing of them until somebody signed', async () => {
    await newReport('61.1');
    expect(await replicate()).toBe('pushed');
    await wish('wait');
    await wish('wait');
    expect(await under.count("release_decision WHERE kind = 'wish'")).toBe(1);
    expect(await replicate()).toBe('pushed');
    // What was there stays, signed or not.
    expect(await inDmz()).toContain('61.1');
    expect(await waiting()).toEqual([]);

    const [signed, asked] = [await newReport('62.2'), await newReport('63.3')];
    expect(await replicate()).toBe('pushed');
    const before = await waiting();
    expect(before?.map(({ id }) => id).sort()).toEqual([await reportIn('62.2'), await reportIn('63.3')].sort());
    expect(await inDmz()).not.toMatch(/62\.2|63\.3/);
    expect((await items()).find(({ id }) => id === before?.[0]?.id)?.decisionId).not.toBeNull();
    await markDirty(under.ledger.manager, PID, ['results']);
    expect(await replicate()).toBe('unchanged');

    await signReport(under.clinic, signed);
    await markDirty(under.ledger.manager, PID, ['results', 'procedures']);
    expect(await replicate()).toBe('pushed');
    expect(await inDmz()).toContain('62.2');
    const left = await waiting();
    expect(left).toEqual(before?.filter(({ id }) => id === left?.[0]?.id));
    expect(left).toHaveLength(1);

    await wish('show', await reportIn('63.3'));
    expect(await replicate()).toBe('pushed');
    expect(await inDmz()).toContain('63.3');
    expect(await waiting()).toEqual([]);
    expect(asked).toBeGreaterThan(signed);
  });

  it('has them all at once when the patient no longer wishes to wait; the report calls none of it a hold', async () => {
    await newReport('64.4');
    expect(await replicate()).toBe('pushed');
    expect(await inDmz()).not.toContain('64.4');
    const item = (await waiting())?.[0]?.id;
    expect(describeRules(await readRules(under.ledger.manager, false))).toMatch(
      /wish to see new results once.+1 entries wait/,
    );

    await wish('at-once');
    await wish('show', 'ab'.repeat(16));
    expect(await under.count("release_decision WHERE kind IN ('wish', 'show') AND ended_at IS NULL")).toBe(0);
    expect(await replicate()).toBe('pushed');
    expect(await inDmz()).toContain('64.4');
    expect(await waiting()).toBeUndefined();

    // At the patient's request staff may end the wish, and its exceptions with it.
    await wish('wait');
    await wish('show', 'ab'.repeat(16));
    const [inForce] = await readRules(under.ledger.manager, false);
    await lift(under.ledger, inForce?.id ?? 0, 'admin');
    expect(await under.count("release_decision WHERE kind IN ('wish', 'show') AND ended_at IS NULL")).toBe(0);
    expect(await replicate()).toBe('unchanged');

    const report = await readReleaseReport(under.ledger.manager, 30);
    expect(report.waits.map(({ resourceId }) => resourceId)).toContain(item);
    expect(report.waits.every(({ releasedSeq }) => releasedSeq !== null)).toBe(true);
    expect(report.withheld.map(({ resourceId }) => resourceId)).not.toContain(item);
    expect(describeReport(report)).toMatch(/waits by the patient's own wish: DiagnosticReport/);
  });

  it('is changed is counted by how long it took, never too short, and a late one is named', async () => {
    await under.ledger.query(
      'INSERT INTO feed_position (id, file_no, file_offset, committed_at) VALUES (1, 1, 100, UTC_TIMESTAMP(3))',
    );
    // What was pushed above while no feed had ever read a marker: of nothing is the time known.
    const before = await readReleaseReport(under.ledger.manager, 30);
    expect(before.all).toMatchObject({ unknown: before.all.changes, withinAim: 0 });
    expect(before.late).toHaveLength(before.all.changes);
    for (const table of ['release_time', 'late_release']) {
      await under.ledger.query(`DELETE FROM ${table}`);
    }
    await under.ledger.query(
      `INSERT INTO marker_seen (file_no, file_offset, at) VALUES (1, 10, UTC_TIMESTAMP(6) - INTERVAL 200 SECOND),
        (1, 150, UTC_TIMESTAMP(6) - INTERVAL 1 SECOND)`,
    );
    const change = async (street: string): Promise<void> => {
      await changeDemographics(under.clinic, { pid: PID, street });
      await markDirty(under.ledger.manager, PID, ['profile', 'medications']);
      expect(await replicate()).toBe('pushed');
    };
    await change('3 Elm Court');
    await under.ledger.query('UPDATE feed_position SET file_offset = 160 WHERE id = 1');
    await change('4 Elm Court');
    const report = await readReleaseReport(under.ledger.manager, 30);
    // Of the medications nothing changed; a second and the marker before it stay under the first steps.
    expect(report.classes).toMatchObject([{ recordClass: 'profile', changes: 2, withinAim: 0.5, p95: 300 }]);
    expect(report.all.median).toBeLessThanOrEqual(60);
    expect(report.late).toMatchObject([{ patientRef, recordClass: 'profile' }]);
    expect(describeReport(report)).toContain(`late: profile of chart ${patientRef}`);
    expect(report.withheld.length).toBeGreaterThan(2);
    expect(report.decisions.every(({ author, reason }) => author !== '' && reason === '171.202(e)')).toBe(true);
  });
});
