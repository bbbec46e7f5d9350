import { createHash, randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { BlobSeal } from 'sync-contract/blob';
import { BlobProgress, BlobState } from 'sync-contract/gateway-wire';
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
  const whole = async ({ patientRef }: BuiltBlob): Promise<unknown> =>
    BlobState.parse((await gateway.call('blobState', { patientRef })).body).blobs;
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
    expect(await whole(blob)).toEqual([]);
    expect((await commit(blob)).status).toBe(200);
    expect(await whole(blob)).toEqual([{ blobId: blob.blobId, sha256: blob.sha256 }]);
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
    expect([await stored(revoked), await whole(revoked)]).toEqual([[], []]);
    expect(await whole(other)).toHaveLength(1);
  });
});
