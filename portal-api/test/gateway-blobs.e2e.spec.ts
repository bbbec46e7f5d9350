import { createHash, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { BlobSeal } from 'sync-contract/blob';
import { BlobHashesAnswer, BlobHoldingsAnswer, BlobProgress, type BlobHolding } from 'sync-contract/gateway-wire';
import { newRef } from 'sync-contract/identifiers';
import { LIMITS } from 'sync-contract/limits';
import { GatewayUnderTest } from './gateway-under-test.js';
import type { Answer } from './test-agent.js';

interface BuiltBlob {
  patientRef: string;
  blobId: string;
  chunks: string[];
  size: number;
  sha256: string;
}

describe('documents at the gateway', () => {
  let gateway: GatewayUnderTest;
  beforeAll(async () => {
    gateway = await GatewayUnderTest.start('gateway_blobs');
    await gateway.handOverKeys();
  });
  afterAll(async () => gateway[Symbol.asyncDispose]());

  function build(size: number, patientRef = newRef()): BuiltBlob {
    const blobId = newRef();
    const seal = new BlobSeal(randomBytes(32), { site: gateway.site, patientRef, blobId }, size);
    const chunks = [...seal.seal(randomBytes(size))];
    const sha256 = createHash('sha256').update(Buffer.concat(chunks)).digest('hex');
    return {
      patientRef,
      blobId,
      chunks: chunks.map((chunk) => chunk.toString('base64')),
      size: seal.shape.size,
      sha256,
    };
  }

  const begin = ({ chunks, ...blob }: BuiltBlob): Promise<Answer> =>
    gateway.call('blobBegin', { ...blob, chunks: chunks.length });
  const add = ({ patientRef, blobId, chunks }: BuiltBlob, first: number, last = chunks.length): Promise<Answer> =>
    gateway.call('blobChunks', { patientRef, blobId, first, chunks: chunks.slice(first, last) });
  const commit = ({ patientRef, blobId }: BuiltBlob): Promise<Answer> =>
    gateway.call('blobCommit', { patientRef, blobId });
  const held = async (after: string | null = null): Promise<BlobHoldingsAnswer> =>
    BlobHoldingsAnswer.parse((await gateway.call('blobHoldings', { after })).body);
  /** A page begins behind the id right before the blob's. */
  const holding = async ({ blobId }: BuiltBlob): Promise<BlobHolding | undefined> => {
    const before = (BigInt(`0x${blobId}`) - 1n).toString(16).padStart(32, '0');
    return (await held(before)).blobs.find((each) => each.blobId === blobId);
  };
  const isWhole = async (blob: BuiltBlob): Promise<boolean> => (await holding(blob))?.whole === true;
  const next = ({ body }: Answer): number => BlobProgress.parse(body).next;
  const codeOf = ({ status, body }: Answer): string => `${String(status)} ${String((body as { code?: string }).code)}`;

  async function stored({ blobId }: BuiltBlob): Promise<string[]> {
    const rows = await gateway.database.query<{ sealed: Buffer }[]>(
      'SELECT sealed FROM document_chunk WHERE blob_id = ? ORDER BY n',
      [Buffer.from(blobId, 'hex')],
    );
    return rows.map(({ sealed }) => sealed.toString('base64'));
  }

  async function push(blob: BuiltBlob): Promise<void> {
    await begin(blob);
    await add(blob, 0);
    expect((await commit(blob)).status).toBe(200);
  }

  test('go on where they broke off, and are whole only after their hash was seen', async () => {
    const blob = build(5 * LIMITS.blobChunkBytes + 1);
    expect(next(await begin(blob))).toBe(0);
    expect(next(await add(blob, 0, 2))).toBe(2);
    expect(next(await begin(blob))).toBe(2);
    expect(next(await add(blob, 4))).toBe(2);
    expect(codeOf(await commit(blob))).toBe('422 blob-refused');
    expect(next(await add(blob, 1, 4))).toBe(4);
    expect(next(await add(blob, 4))).toBe(6);
    expect(await isWhole(blob)).toBe(false);
    expect((await commit(blob)).status).toBe(200);
    expect(await isWhole(blob)).toBe(true);
    expect(await stored(blob)).toEqual(blob.chunks);
    expect([(await commit(blob)).status, next(await begin(blob)), next(await add(blob, 0))]).toEqual([200, 6, 6]);
    expect(await stored(blob)).toEqual(blob.chunks);
  });

  test('arrive once, however often the same call comes at the same time', async () => {
    const blob = build(3 * LIMITS.blobChunkBytes);
    await Promise.all(Array.from({ length: 4 }, () => begin(blob)));
    const answers = await Promise.all(Array.from({ length: 4 }, () => add(blob, 0)));
    expect(answers.map(next)).toEqual([3, 3, 3, 3]);
    await Promise.all(Array.from({ length: 4 }, () => commit(blob)));
    expect(await stored(blob)).toEqual(blob.chunks);
  });

  test('with other bytes than they were begun with are deleted', async () => {
    const blob = build(LIMITS.blobChunkBytes + 1);
    const forged = { ...blob, chunks: build(LIMITS.blobChunkBytes + 1).chunks };
    await begin(blob);
    await add(forged, 0);
    expect(codeOf(await commit(blob))).toBe('422 blob-refused');
    expect(await stored(blob)).toEqual([]);
    expect(next(await begin(blob))).toBe(0);
  });

  test.each<[what: string, ask: (blob: BuiltBlob) => Promise<Answer>]>([
    ['an id that another blob has', (blob) => begin({ ...build(10), blobId: blob.blobId })],
    ['an id that a blob of another chart has', (blob) => begin({ ...blob, patientRef: newRef() })],
    ['a chunk for another chart', (blob) => add({ ...blob, patientRef: newRef() }, 0)],
    ['a chunk of a blob that was not begun', () => add(build(10), 0)],
    ['the end of a blob that was not begun', () => commit(build(10))],
    ['a chunk that is too short', (blob) => add({ ...blob, chunks: ['AAAA'] }, 0)],
    ['more chunks than were promised', (blob) => add({ ...blob, chunks: [...blob.chunks, ...blob.chunks] }, 0)],
    ['a size that is not that of its chunks', () => begin({ ...build(10), size: 5 * LIMITS.blobChunkBytes })],
  ])('are refused: %s', async (_what, ask) => {
    const blob = build(2 * LIMITS.blobChunkBytes);
    await begin(blob);
    expect(codeOf(await ask(blob))).toBe('422 blob-refused');
    expect(await stored(blob)).toEqual([]);
  });

  test('that a chart keeps stay, all others of it go, finished or not, and nobody else’s', async () => {
    const patientRef = newRef();
    const [kept, dropped, half, foreign] = [
      build(10, patientRef),
      build(10, patientRef),
      build(10, patientRef),
      build(10),
    ];
    for (const blob of [kept, dropped, foreign]) {
      await push(blob);
    }
    await begin(half);
    await add(half, 0);
    const keep = { patientRef, keep: [kept.blobId, newRef()] };
    expect((await gateway.call('blobKeep', keep)).body).toEqual({ deleted: 2 });
    expect((await gateway.call('blobKeep', keep)).body).toEqual({ deleted: 0 });
    expect(await Promise.all([kept, dropped, half, foreign].map(async (blob) => (await stored(blob)).length))).toEqual([
      1, 0, 0, 1,
    ]);
  });

  test('go with the chart that is revoked', async () => {
    const [revoked, other] = [build(10), build(10)];
    await push(revoked);
    await push(other);
    await gateway.call('revocations', { grantIds: [], charts: [revoked.patientRef] });
    expect([await stored(revoked), await holding(revoked)]).toEqual([[], undefined]);
    expect(await isWhole(other)).toBe(true);
  });

  describe('are told to the comparison', () => {
    const sql = (statement: string, ...values: unknown[]): Promise<unknown> =>
      gateway.database.query(statement, values);
    const idOf = ({ blobId }: BuiltBlob): Buffer => Buffer.from(blobId, 'hex');
    const hash = async ({ blobId, chunks }: BuiltBlob): Promise<string | undefined> => {
      const { body } = await gateway.call('blobHashes', { blobs: [{ blobId, chunks: chunks.length }] });
      return BlobHashesAnswer.parse(body).blobs.find((each) => each.blobId === blobId)?.sha256;
    };
    const FLIP = 'INSERT(sealed, 9, 1, CHAR(ORD(SUBSTR(sealed, 9, 1)) ^ 1))';

    test('as their rows are, with the hash of the bytes that lie there', async () => {
      const blob = build(2 * LIMITS.blobChunkBytes + 1);
      const { patientRef, size, sha256 } = blob;
      await push(blob);
      expect(await holding(blob)).toEqual({
        blobId: blob.blobId,
        row: { patientRef, chunks: 3, size, sha256 },
        whole: true,
      });
      expect(await hash(blob)).toBe(sha256);
      await sql(`UPDATE document_chunk SET sealed = ${FLIP} WHERE blob_id = ? AND n = 1`, idOf(blob));
      expect([await isWhole(blob), await hash(blob)]).toEqual([true, expect.not.stringMatching(sha256)]);
    });

    test.each<[what: string, statements: string[]]>([
      [
        'cut one byte later',
        [
          `UPDATE document_chunk a JOIN document_chunk b ON b.blob_id = a.blob_id AND b.n = 1
              SET a.sealed = CONCAT(a.sealed, LEFT(b.sealed, 1)) WHERE a.blob_id = ? AND a.n = 0`,
          'UPDATE document_chunk SET sealed = SUBSTR(sealed, 2) WHERE blob_id = ? AND n = 1',
        ],
      ],
      [
        'two in the place of the last',
        [
          `UPDATE document_chunk a JOIN document_chunk b ON b.blob_id = a.blob_id AND b.n = 1
              SET a.sealed = CONCAT(b.sealed, a.sealed) WHERE a.blob_id = ? AND a.n = 2`,
          'DELETE FROM document_chunk WHERE blob_id = ? AND n = 1',
        ],
      ],
    ])('with another hash when equal bytes lie in other chunks: %s', async (_what, statements) => {
      const blob = build(2 * LIMITS.blobChunkBytes + 1);
      const bytesOf = async (): Promise<Buffer> =>
        Buffer.concat((await stored(blob)).map((chunk) => Buffer.from(chunk, 'base64')));
      await push(blob);
      const before = await bytesOf();
      for (const statement of statements) {
        await sql(statement, idOf(blob));
      }
      expect((await bytesOf()).equals(before)).toBe(true);
      expect(await hash(blob)).not.toBe(blob.sha256);
    });

    test.each<[what: string, statement: string]>([
      ['without their end', 'UPDATE document_blob SET completed_at = NULL WHERE blob_id = ?'],
      ['without a chunk', 'DELETE FROM document_chunk WHERE blob_id = ? AND n = 1'],
      ['with a chunk under another number', 'UPDATE document_chunk SET n = -1 WHERE blob_id = ? AND n = 1'],
      [
        'with a chunk too many',
        'INSERT INTO document_chunk SELECT blob_id, 9, sealed FROM document_chunk WHERE blob_id = ? AND n = 1',
      ],
      ['with other numbers in the row', 'UPDATE document_blob SET chunks = -2147483648, size = -1 WHERE blob_id = ?'],
    ])('as not whole: %s', async (_what, statement) => {
      const blob = build(2 * LIMITS.blobChunkBytes + 1);
      await push(blob);
      await sql(statement, idOf(blob));
      expect(await holding(blob)).toMatchObject({ row: { sha256: blob.sha256 }, whole: false });
    });

    test('as gone when nothing lies there, and as nobody’s when only chunks do', async () => {
      const [gone, bare] = [build(10), build(10)];
      await push(gone);
      await push(bare);
      await sql('DELETE FROM document_chunk WHERE blob_id = ?', idOf(gone));
      await sql('DELETE FROM document_blob WHERE blob_id IN (?)', [idOf(gone), idOf(bare)]);
      expect([await holding(gone), await holding(bare)]).toEqual([
        undefined,
        { blobId: bare.blobId, row: null, whole: false },
      ]);
      expect(await hash(gone)).toBe(createHash('sha256').digest('hex'));
    });

    test('those first that did not open for somebody, the last one first', async () => {
      const broken = [newRef(), newRef(), newRef()];
      for (const [index, object] of [...broken, 'no blob', broken[0]].entries()) {
        const body = JSON.stringify({ action: 'document-broken', object });
        await sql(
          `INSERT INTO audit_entry (n, body, hash) SELECT COALESCE(MAX(n), 0) + 1, ?, RANDOM_BYTES(32) FROM audit_entry`,
          index === 1 ? body.replace('broken', 'view') : body,
        );
      }
      expect((await held()).doubted).toEqual([broken[0], broken[2]]);
      expect((await held('0'.repeat(32))).doubted).toEqual([]);
    });

    test('page by page, each once and in order', async () => {
      await sql(
        `INSERT INTO document_blob (blob_id, patient_ref, chunks, size, sha256, created_at)
          SELECT RANDOM_BYTES(16), RANDOM_BYTES(16), 1, 1040, RANDOM_BYTES(32), UTC_TIMESTAMP(3) FROM seq_1_to_1500`,
      );
      await sql(
        'INSERT INTO document_chunk (blob_id, n, sealed) SELECT RANDOM_BYTES(16), 0, RANDOM_BYTES(10) FROM seq_1_to_2600',
      );
      const found: string[] = [];
      let pages = 0;
      for (let after: string | null = null, more = true; more; pages += 1) {
        const page = await held(after);
        found.push(...page.blobs.map(({ blobId }) => blobId));
        after = found.at(-1) ?? null;
        ({ more } = page);
      }
      const rows = await gateway.database.query<{ id: string }[]>(
        'SELECT LOWER(HEX(blob_id)) AS id FROM document_blob UNION SELECT LOWER(HEX(blob_id)) FROM document_chunk ORDER BY id',
      );
      expect(found).toEqual(rows.map(({ id }) => id));
      expect(pages).toBe(3);
    });
  });

  test('are deleted one by one, whoever’s the row says they are, and sent whole again under their id', async () => {
    const [whole, bare, gap, other] = [build(10), build(10), build(2 * LIMITS.blobChunkBytes + 1), build(10)];
    for (const blob of [whole, bare, gap, other]) {
      await push(blob);
    }
    await gateway.database.query('UPDATE document_blob SET patient_ref = RANDOM_BYTES(16) WHERE blob_id = ?', [
      Buffer.from(whole.blobId, 'hex'),
    ]);
    await gateway.database.query('DELETE FROM document_blob WHERE blob_id = ?', [Buffer.from(bare.blobId, 'hex')]);
    const drop = { blobIds: [whole.blobId, bare.blobId, newRef()] };
    expect((await gateway.call('blobDrop', drop)).body).toEqual({ deleted: 2 });
    expect((await gateway.call('blobDrop', drop)).body).toEqual({ deleted: 0 });
    expect([await stored(whole), await stored(bare), await stored(other)]).toEqual([[], [], other.chunks]);

    // Chunks that a deleted row left behind, with a gap, are in nobody's way.
    await gateway.database.query('DELETE FROM document_blob WHERE blob_id = ?', [Buffer.from(gap.blobId, 'hex')]);
    await gateway.database.query('DELETE FROM document_chunk WHERE blob_id = ? AND n = 0', [
      Buffer.from(gap.blobId, 'hex'),
    ]);
    for (const blob of [whole, bare, gap]) {
      await push(blob);
      expect([await isWhole(blob), await stored(blob)]).toEqual([true, blob.chunks]);
    }
  });
});
