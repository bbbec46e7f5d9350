import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { randomBytes, randomUUID } from 'node:crypto';
import type { INestApplicationContext } from '@nestjs/common';
import { v7 as uuidv7 } from 'uuid';
import { z } from 'zod';
import { deleteDocument } from 'infra/openemr-sim/clinic-documents';
import { sealedShape } from 'sync-contract/blob';
import type { BlobHashesRequest } from 'sync-contract/gateway-wire';
import { LIMITS } from 'sync-contract/limits';
import type { DocumentContent } from 'sync-contract/section-content';
import type { AgentConfig } from '../src/config.js';
import { deliverCcdRequest } from '../src/deliver/deliver-ccd-request.js';
import type { GatewayClient } from '../src/gateway-client/gateway-client.js';
import { Permanent, RouteUnknown, Transient } from '../src/gateway-client/gateway-failures.js';
import { AgentCounters } from '../src/metrics/agent-counters.js';
import { QueuesService, type JobHandler } from '../src/queues/queues.service.js';
import { compareWithDmz, type DmzTally, type ReconciledWith } from '../src/reconcile/compare-dmz.js';
import { keepComparison } from '../src/reconcile/daily-statement.js';
import { describeFindings } from '../src/reconcile/describe-findings.js';
import type { Tally } from '../src/reconcile/difference.js';
import { BlobHashing, hashBlobsInTurn, type BlobsHashedWith } from '../src/reconcile/hash-blobs-in-turn.js';
import { readLastComparison } from '../src/reconcile/read-statements.js';
import { ReconcileService } from '../src/reconcile/reconcile.service.js';
import { noSuspects } from '../src/reconcile/superfluous.js';
import { ReplicateService } from '../src/replicate/replicate.service.js';
import { until } from './agent-under-test.js';
import { DocumentsUnderTest } from './documents-under-test.js';

const [PID, OTHER_PID] = [5005, 5006];
const LENGTH = 2 * LIMITS.blobChunkBytes + 5;
const FLIP = (column: string): string => `INSERT(${column}, 9, 1, CHAR(ORD(SUBSTR(${column}, 9, 1)) ^ 1))`;
type ComparedWith = ReconciledWith & BlobsHashedWith;
type Held = Extract<DocumentContent, { state: 'held' }>;

describe('bytes of documents in the DMZ', () => {
  let documents: DocumentsUnderTest;
  let gateway: GatewayClient;
  let agent: INestApplicationContext;
  let patientRef: string;
  let otherRef: string;
  let id: number;
  const bytes = randomBytes(LENGTH);
  const suspects = noSuspects();

  beforeAll(async () => {
    documents = await DocumentsUnderTest.start('reconcile_blobs', true);
    gateway = documents.gateway();
    patientRef = await documents.under.invite(PID);
    otherRef = await documents.under.invite(OTHER_PID);
    agent = await documents.under.startAgent();
    for (const ref of [patientRef, otherRef]) {
      await until('the chart is pushed', async () => (await documents.list(ref)) !== null);
    }
    ({ id } = await documents.file(PID, bytes));
    await documents.inState(patientRef, id, 'held');
    await documents.under.clean();
  });

  afterAll(async () => {
    await gateway.close();
    await documents[Symbol.asyncDispose]();
  });

  /** whether the last comparison had everything hashed that it asked for */
  let isWhole = false;
  const compare = async (differs: Partial<ComparedWith> = {}): Promise<DmzTally> => {
    const { ledger } = documents.under;
    const onOwed = (): void => undefined;
    const compared = { ledger, gateway, suspects, hashing: new BlobHashing(), onOwed, ...differs };
    const { signal } = new AbortController();
    const tally = await compareWithDmz(compared, signal);
    isWhole = await hashBlobsInTurn(compared, tally, signal);
    return tally;
  };
  const found = async (differs: Partial<ComparedWith> = {}): Promise<Tally['found']> => (await compare(differs)).found;
  const sql = (statement: string, ...values: unknown[]): Promise<unknown> =>
    documents.under.portal.query(statement, values);
  const held = async (ref = patientRef, document = id): Promise<Held> =>
    (await documents.inState(ref, document, 'held')) as Held;
  const rowsOf = async (blobId: string): Promise<number> => {
    const rows: unknown = await sql(
      `SELECT (SELECT COUNT(*) FROM document_blob WHERE blob_id = UNHEX(?))
            + (SELECT COUNT(*) FROM document_chunk WHERE blob_id = UNHEX(?)) AS n`,
      blobId,
      blobId,
    );
    return z.tuple([z.object({ n: z.coerce.number() })]).parse(rows)[0].n;
  };

  /** Until the comparison is content, and the bytes open with the key of the list. */
  async function healed(): Promise<Held> {
    await until(
      'the bytes are sent again',
      async () => (await documents.under.count("document_blob WHERE state <> 'held'")) === 0,
    );
    await documents.under.clean();
    expect(await found()).toEqual({});
    const content = await held();
    expect((await documents.opened(patientRef, content)).equals(bytes)).toBe(true);
    return content;
  }

  /** What the agent does every quarter of an hour and every night, by the job's name. Fake: the queues. */
  function jobsOf(
    config: AgentConfig,
    asked: GatewayClient,
    counters = new AgentCounters(),
  ): ReadonlyMap<string, JobHandler> {
    const { ledger, keys } = documents.under;
    const jobs = new Map<string, JobHandler>();
    const queues = Object.assign(Object.create(QueuesService.prototype) as QueuesService, {
      handle: (_: string, job: string, handle: JobHandler) => jobs.set(job, handle),
    });
    const replicate = agent.get(ReplicateService);
    new ReconcileService(config, ledger, keys, asked, replicate, queues, counters).onModuleInit();
    return jobs;
  }

  it('are no difference where there is none, and nothing is dirty for it', async () => {
    expect(await found()).toEqual({});
    expect(await documents.under.count('dirty')).toBe(0);
  });

  it.each<[string, string[], Tally['found']]>([
    ['a row that is gone', ['DELETE FROM document_blob WHERE blob_id = ?'], { 'document-changed': 1 }],
    [
      'a row and its chunks that are gone',
      ['DELETE FROM document_blob WHERE blob_id = ?', 'DELETE FROM document_chunk WHERE blob_id = ?'],
      { 'document-missing': 1 },
    ],
    [
      'a row and a chunk that are gone',
      ['DELETE FROM document_blob WHERE blob_id = ?', 'DELETE FROM document_chunk WHERE blob_id = ? AND n = 0'],
      { 'document-changed': 1 },
    ],
    ['a chunk that is gone', ['DELETE FROM document_chunk WHERE blob_id = ? AND n = 1'], { 'document-changed': 1 }],
    [
      'a flipped chunk',
      [`UPDATE document_chunk SET sealed = ${FLIP('sealed')} WHERE blob_id = ? AND n = 2`],
      { 'document-changed': 1 },
    ],
    [
      'two chunks swapped',
      [
        'UPDATE document_chunk SET n = IF(n < 2, 1 - n, n) + 10 WHERE blob_id = ?',
        'UPDATE document_chunk SET n = n - 10 WHERE blob_id = ?',
      ],
      { 'document-changed': 1 },
    ],
    ['a chunk too many', ['INSERT INTO document_chunk VALUES (?, 7, REPEAT("x", 100))'], { 'document-changed': 1 }],
    [
      'an end that is gone',
      ['UPDATE document_blob SET completed_at = NULL WHERE blob_id = ?'],
      { 'document-changed': 1 },
    ],
    [
      'another hash',
      [`UPDATE document_blob SET sha256 = ${FLIP('sha256')} WHERE blob_id = ?`],
      { 'document-changed': 1 },
    ],
    ['another number of chunks', ['UPDATE document_blob SET chunks = 1 WHERE blob_id = ?'], { 'document-changed': 1 }],
    ['another size', ['UPDATE document_blob SET size = -1 WHERE blob_id = ?'], { 'document-changed': 1 }],
    [
      'an owner who is nobody',
      ['UPDATE document_blob SET patient_ref = RANDOM_BYTES(16) WHERE blob_id = ?'],
      { 'document-changed': 1 },
    ],
  ])('are sent again under their id and key: %s', async (_, statements, differences) => {
    const before = await held();
    for (const statement of statements) {
      await sql(statement, Buffer.from(before.blobId, 'hex'));
    }
    expect(await found()).toEqual(differences);
    expect(await healed()).toEqual(before);
    expect(await rowsOf(before.blobId)).toBe(1 + sealedShape(LENGTH).chunks);
  });

  it("are sent again when they lie under another patient's name, who gets nothing of them", async () => {
    const { blobId } = await held();
    await sql('UPDATE document_blob SET patient_ref = UNHEX(?) WHERE blob_id = UNHEX(?)', otherRef, blobId);
    expect(await found()).toEqual({ 'document-changed': 1 });
    await healed();
    expect([await documents.stored(patientRef), await documents.stored(otherRef)]).toEqual([[blobId], []]);
  });

  it('are sent again also of a C-CDA, which is not made again for it', async () => {
    const { ledger } = documents.under;
    const payload = { from: null, to: null, requestedAt: new Date().toISOString() };
    await ledger.transaction((manager) =>
      deliverCcdRequest(manager, { patientRef, submissionId: randomUUID() }, payload, true),
    );
    const made = async (): Promise<string> => {
      const rows: unknown = await ledger.query(
        "SELECT LOWER(HEX(blob_id)) AS id, uuid FROM document_blob WHERE document_id = 0 AND state = 'held'",
      );
      return JSON.stringify(rows);
    };
    await until('the C-CDA is made', async () => (await made()) !== '[]');
    await documents.under.clean();
    const before = await made();
    await sql(
      'DELETE FROM document_chunk WHERE blob_id = UNHEX(?)',
      z.array(z.object({ id: z.string() })).parse(JSON.parse(before))[0]?.id,
    );
    expect(await found()).toEqual({ 'document-changed': 1 });
    await healed();
    expect(await made()).toBe(before);
  });

  it('that belong to nobody go when two comparisons in a row found them, with a row or without', async () => {
    const [copy, bare] = [randomBytes(16), randomBytes(16)];
    const { blobId } = await held();
    await sql(
      `INSERT INTO document_blob SELECT ?, patient_ref, chunks, size, sha256, created_at, completed_at
        FROM document_blob WHERE blob_id = UNHEX(?)`,
      copy,
      blobId,
    );
    for (const stranger of [copy, bare]) {
      await sql(
        'INSERT INTO document_chunk SELECT ?, n, sealed FROM document_chunk WHERE blob_id = UNHEX(?)',
        stranger,
        blobId,
      );
    }
    const left = async (): Promise<boolean[]> =>
      Promise.all([copy, bare].map(async (stranger) => (await rowsOf(stranger.toString('hex'))) > 0));
    expect(await found()).toEqual({ 'document-superfluous': 2 });
    expect(await left()).toEqual([true, true]);
    await documents.under.ledger.query("INSERT INTO restore_step (step) VALUES ('reoffer')");
    expect(await found()).toEqual({ 'document-superfluous': 2 });
    await documents.under.ledger.query("DELETE FROM restore_step WHERE step = 'reoffer'");
    expect(await found()).toEqual({ 'document-superfluous': 2 });
    expect(await left()).toEqual([true, true]);
    expect(await found()).toEqual({ 'document-superfluous': 2 });
    expect(await left()).toEqual([false, false]);
    await healed();
  });

  it('of a frozen chart are neither looked at nor sent', async () => {
    const { ledger } = documents.under;
    const { blobId } = await held();
    await ledger.query("UPDATE patient SET state = 'frozen' WHERE pid = ?", [PID]);
    await sql('DELETE FROM document_blob WHERE blob_id = UNHEX(?)', blobId);
    expect([await found(), await found()]).toEqual([{}, {}]);
    expect(await documents.under.count("document_blob WHERE state = 'wanted'")).toBe(0);
    expect(await rowsOf(blobId)).toBe(sealedShape(LENGTH).chunks);
    await ledger.query("UPDATE patient SET state = 'invited' WHERE pid = ?", [PID]);
    expect(await found()).toEqual({ 'document-changed': 1 });
    await healed();
  });

  it('of a chart that is frozen while it is compared are neither counted, nor deleted, nor sent', async () => {
    const { ledger } = documents.under;
    const { blobId } = await held();
    await sql('UPDATE document_blob SET size = -1 WHERE blob_id = UNHEX(?)', blobId);
    const freezing: ComparedWith['gateway'] = Object.assign(Object.create(gateway) as GatewayClient, {
      readBlobHoldings: async (body: { after: string | null }) => {
        const page = await gateway.readBlobHoldings(body);
        await ledger.query("UPDATE patient SET state = 'frozen' WHERE pid = ?", [PID]);
        return page;
      },
    });
    expect(await found({ gateway: freezing })).toEqual({});
    expect(await documents.under.count("document_blob WHERE state = 'wanted'")).toBe(0);
    expect(await rowsOf(blobId)).toBe(1 + sealedShape(LENGTH).chunks);
    await ledger.query("UPDATE patient SET state = 'invited' WHERE pid = ?", [PID]);
    expect(await found()).toEqual({ 'document-changed': 1 });
    await healed();
  });

  it('that are gone are sent again without being deleted first', async () => {
    const { blobId } = await held();
    await sql('DELETE FROM document_blob WHERE blob_id = UNHEX(?)', blobId);
    await sql('DELETE FROM document_chunk WHERE blob_id = UNHEX(?)', blobId);
    const deleting: ComparedWith['gateway'] = Object.assign(Object.create(gateway) as GatewayClient, {
      sendBlobDrop: () => Promise.reject(new Error('nothing is to be deleted')),
    });
    expect(await found({ gateway: deleting })).toEqual({ 'document-missing': 1 });
    await healed();
  });

  it('that the clinic withdrew are not sent again, and leave a DMZ into which somebody puts them back', async () => {
    const { ledger } = documents.under;
    const { id: withdrawn } = await documents.file(OTHER_PID, randomBytes(10));
    const { blobId } = await held(otherRef, withdrawn);
    await sql('CREATE TABLE kept_blob SELECT * FROM document_blob WHERE blob_id = UNHEX(?)', blobId);
    await sql('CREATE TABLE kept_chunk SELECT * FROM document_chunk WHERE blob_id = UNHEX(?)', blobId);
    await deleteDocument(documents.under.clinic, { id: withdrawn });
    await until('the bytes have left the DMZ', async () => (await rowsOf(blobId)) === 0);
    await documents.under.clean();
    expect(await found()).toEqual({});
    await sql('INSERT INTO document_blob SELECT * FROM kept_blob');
    await sql('INSERT INTO document_chunk SELECT * FROM kept_chunk');
    expect([await found(), await found()]).toEqual([{ 'document-superfluous': 1 }, { 'document-superfluous': 1 }]);
    expect(await rowsOf(blobId)).toBe(0);
    const known: unknown = await ledger.query('SELECT 1 FROM document_blob WHERE blob_id = UNHEX(?)', [blobId]);
    expect(known).toEqual([]);
    await healed();
  });

  it('are hashed by turns, those first that did not open for somebody', async () => {
    for (let n = 0; n < 6; n += 1) {
      await held(otherRef, (await documents.file(OTHER_PID, randomBytes(LENGTH))).id);
    }
    await documents.under.clean();
    const all = (await Promise.all([patientRef, otherRef].map((ref) => documents.stored(ref)))).flat().sort();
    const calls: string[][] = [];
    const { size } = sealedShape(LENGTH);
    const hashing = new BlobHashing(2 * size);
    const listening: ComparedWith['gateway'] = Object.assign(Object.create(gateway) as GatewayClient, {
      readBlobHashes: async (body: Omit<BlobHashesRequest, 'v'>) => {
        calls.push(body.blobs.map(({ blobId }) => blobId));
        return gateway.readBlobHashes(body);
      },
    });
    hashing.after = all[all.length - 2] ?? '';
    await found({ gateway: listening, hashing });
    // Begun near the end, it goes on at the beginning, as far as the room suffices.
    expect(calls.flat().slice(0, 2)).toEqual([all.at(-1), all[0]]);
    const turns = new Set(calls.flat());
    for (let run = 0; run < all.length && turns.size < all.length; run += 1) {
      calls.length = 0;
      await found({ gateway: listening, hashing });
      calls.flat().forEach((blobId) => turns.add(blobId));
    }
    expect([...turns].sort()).toEqual(all);

    const { blobId } = await held();
    hashing.after = blobId;
    await sql(`UPDATE document_chunk SET sealed = ${FLIP('sealed')} WHERE blob_id = UNHEX(?)`, blobId);
    const doubting: ComparedWith['gateway'] = Object.assign(Object.create(listening) as GatewayClient, {
      readBlobHoldings: async (body: { after: string | null }) => ({
        ...(await gateway.readBlobHoldings(body)),
        doubted: ['0'.repeat(32), blobId],
      }),
    });
    calls.length = 0;
    expect(await found({ gateway: doubting, hashing })).toEqual({ 'document-changed': 1 });
    expect(calls[0]).toEqual([blobId]);
    await healed();
  });

  it('are hashed one call each time when the DMZ is so slow that it takes all the time there is', async () => {
    const all = (await Promise.all([patientRef, otherRef].map((ref) => documents.stored(ref)))).flat().sort();
    const calls: string[][] = [];
    const slow: ComparedWith['gateway'] = Object.assign(Object.create(gateway) as GatewayClient, {
      readBlobHashes: async (body: Omit<BlobHashesRequest, 'v'>) => {
        calls.push(body.blobs.map(({ blobId }) => blobId));
        return gateway.readBlobHashes(body);
      },
    });
    const hashing = new BlobHashing(undefined, 0);
    hashing.after = all[0] ?? '';
    expect(await found({ gateway: slow, hashing })).toEqual({});
    expect(calls).toEqual([all.slice(1)]);
    expect(hashing.after).toBe(all.at(-1));
    expect(await found({ gateway: slow, hashing })).toEqual({});
    expect(isWhole).toBe(true);
    expect(calls).toHaveLength(2);
  });

  it('that the gateway cannot read end no comparison, and are sent again when they did not open for somebody', async () => {
    const { blobId } = await held();
    const failing = (doubted: string[]): ComparedWith['gateway'] =>
      Object.assign(Object.create(gateway) as GatewayClient, {
        readBlobHoldings: async (body: { after: string | null }) => ({
          ...(await gateway.readBlobHoldings(body)),
          doubted,
        }),
        readBlobHashes: async (body: Omit<BlobHashesRequest, 'v'>) => {
          if (body.blobs.some((blob) => blob.blobId === blobId)) {
            throw new Transient('gateway-failed', 'it cannot be read');
          }
          return gateway.readBlobHashes(body);
        },
      });
    const stranger = randomBytes(16);
    await sql("INSERT INTO document_chunk VALUES (?, 0, 'x')", stranger);
    for (const left of [1, 0]) {
      expect(await found({ gateway: failing([]) })).toEqual({ 'document-superfluous': 1 });
      expect(isWhole).toBe(false);
      expect(await rowsOf(stranger.toString('hex'))).toBe(left);
    }
    const all = (await Promise.all([patientRef, otherRef].map((ref) => documents.stored(ref)))).flat();
    expect(await found({ gateway: failing(all) })).toEqual({ 'document-changed': 1 });
    await healed();
  });

  it.each([
    ['equal', true],
    ['partial', false],
  ])('are told as %s when the gateway can hash them: %s', async (outcome, canHash) => {
    const counters = new AgentCounters();
    const asked = Object.assign(Object.create(gateway) as GatewayClient, {
      readBlobHashes: (body: Omit<BlobHashesRequest, 'v'>) =>
        canHash ? gateway.readBlobHashes(body) : Promise.reject(new Transient('gateway-failed', 'it cannot be read')),
    });
    await jobsOf(documents.under.config, asked, counters).get('compare-dmz')?.('all');
    const { values } = await counters.reconciliations.get();
    expect(values.map(({ labels, value }) => ({ ...labels, value }))).toEqual([{ with: 'dmz', outcome, value: 1 }]);
  });

  it('that cannot be hashed at all keep no comparison from being kept, nor lost submissions from being found', async () => {
    const { config, log } = documents.under;
    const asked: string[] = [];
    const failing = Object.assign(Object.create(gateway) as GatewayClient, {
      readBlobHashes: () => {
        asked.push('hashes');
        return Promise.reject(new Permanent('gateway-refused', 'it hashes nothing'));
      },
    });
    const jobs = jobsOf(config, failing);
    const lost = uuidv7();
    await sql(
      `INSERT INTO receipt (submission_id, account_ref, kind, state, saved_at)
        VALUES (UNHEX(REPLACE(?, '-', '')), RANDOM_BYTES(16), 'message', 'saved', UTC_TIMESTAMP(3))`,
      lost,
    );
    const kept = await documents.under.count('reconciliation');
    await jobs.get('compare-dmz')?.('all');
    expect(asked).toEqual(['hashes']);
    expect(log.says('documents could not be hashed')).toBe(true);
    expect(await documents.under.count('lost_submission WHERE place = ?', [`submission ${lost}`])).toBe(1);
    expect(await documents.under.count('reconciliation')).toBe(kept + 1);
  });

  it('and OpenEMR are compared apart: each failure is told the first time, also while the other one fails', async () => {
    const { config, log } = documents.under;
    const database = { ...config.database, openemrName: 'no_such_openemr' };
    const jobs = jobsOf({ ...config, database }, gateway);
    const told = (): string[] =>
      log.lines
        .filter((line) => line.includes('did not come to its end'))
        .map((line) => /"with":"(\w+)"/.exec(line)?.[1] ?? '');
    for (const job of ['compare-openemr', 'compare-openemr', 'compare-dmz']) {
      await jobs.get(job)?.('all');
    }
    expect(told()).toEqual(['openemr', 'dmz']);
  });

  it('stay in the list of what is open until the DMZ has them again', async () => {
    const { ledger } = documents.under;
    const keep = async (): Promise<void> => keepComparison(ledger, new Date(), await compare());
    const open = (): Promise<number> =>
      documents.under.count("reconciliation_difference WHERE difference LIKE 'document-%' AND healed_at IS NULL");
    const { blobId } = await held();
    await sql('DELETE FROM document_chunk WHERE blob_id = UNHEX(?)', blobId);
    await keep();
    await healed();
    const put = (state: string, retryAt: string | null): Promise<unknown> =>
      ledger.query('UPDATE document_blob SET state = ?, retry_at = ? WHERE blob_id = UNHEX(?)', [
        ...[state, retryAt, blobId],
      ]);
    await put('wanted', '2099-01-01');
    await keep();
    expect(await open()).toBe(1);
    await put('held', null);
    await keep();
    expect(await open()).toBe(0);
  });

  it('are not compared with a gateway of before, and all else is', async () => {
    const older: ComparedWith['gateway'] = Object.assign(Object.create(gateway) as GatewayClient, {
      readBlobHoldings: () => Promise.reject(new RouteUnknown('no such call')),
    });
    const { ledger } = documents.under;
    const keep = async (gatewayThen: ComparedWith['gateway']): Promise<Tally['found']> => {
      const tally = await compare({ gateway: gatewayThen });
      await keepComparison(ledger, new Date(), tally);
      return tally.found;
    };
    const open = (): Promise<number> =>
      documents.under.count("reconciliation_difference WHERE difference LIKE 'document-%' AND healed_at IS NULL");
    const { blobId } = await held();
    await sql('DELETE FROM document_chunk WHERE blob_id = UNHEX(?)', blobId);
    await sql('UPDATE chart SET seq = seq + 1000 WHERE patient_ref = UNHEX(?)', patientRef);
    expect(await keep(gateway)).toEqual({ 'chart-changed': 1, 'document-changed': 1 });
    await healed();
    expect(await keep(older)).toEqual({});
    expect(await open()).toBe(1);
    const withDmz = await readLastComparison(ledger.manager, 'dmz');
    expect(withDmz).toMatchObject({ differences: 0, documentsCompared: false });
    const findings = { withDmz, withOpenEmr: null, vanishingStopped: false, lost: [], statements: [], heldCharts: [] };
    expect(describeFindings(findings, [])).toContain('NOT COMPARED');
    await keep(gateway);
    expect([await open(), await readLastComparison(ledger.manager, 'dmz')]).toEqual([
      0,
      expect.objectContaining({ documentsCompared: true }),
    ]);
    const broken: ComparedWith['gateway'] = Object.assign(Object.create(gateway) as GatewayClient, {
      readBlobHashes: () => Promise.reject(new RouteUnknown('no such call')),
    });
    await expect(compare({ gateway: broken })).rejects.toThrow(RouteUnknown);
  });

  it('are given up when the gateway’s pages are not in order, and nothing is deleted for it', async () => {
    const page = await gateway.readBlobHoldings({ after: null });
    const answers = [
      { ...page, blobs: [...page.blobs].reverse() },
      { ...page, more: true },
      { ...page, blobs: [], more: true },
    ];
    for (const answer of answers) {
      const hostile: ComparedWith['gateway'] = Object.assign(Object.create(gateway) as GatewayClient, {
        readBlobHoldings: () => Promise.resolve(answer),
        sendBlobDrop: () => Promise.reject(new Error('nothing is to be deleted')),
      });
      await expect(compare({ gateway: hostile })).rejects.toMatchObject({ code: 'holdings-out-of-order' });
    }
    expect(await found()).toEqual({});
  });
});
