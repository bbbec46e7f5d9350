import { createHash, randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { SealBroken } from './aead.js';
import { BlobSeal, openBlob, sealedShape } from './blob.js';
import { LIMITS } from './limits.js';

const CHUNK = LIMITS.blobChunkBytes;
const contentKey = randomBytes(32);
const header = { site: '3f0c2c8e-8b1f-4b62-9d0e-0a4d3a0f6a11', patientRef: 'b'.repeat(32), blobId: 'd'.repeat(32) };
/** Sizes around every border that the format has. */
const sizes = fc.oneof(
  fc.constantFrom(0, 1, 1023, 1024, 1025, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK - 1, 3 * CHUNK, 3 * CHUNK + 1),
  fc.nat(4 * CHUNK),
);

interface Sealed {
  seal: BlobSeal;
  content: Buffer;
  chunks: Buffer[];
  sha256: string;
}

function sealed(size: number, key: Uint8Array = contentKey): Sealed {
  const content = randomBytes(size);
  const seal = new BlobSeal(key, header, size);
  const chunks = [...seal.seal(content)];
  return { seal, content, chunks, sha256: hashOf(chunks) };
}

function hashOf(chunks: readonly Uint8Array[]): string {
  const hash = createHash('sha256');
  chunks.forEach((chunk) => hash.update(chunk));
  return hash.digest('hex');
}

async function opened(seal: BlobSeal, chunks: readonly Uint8Array[], sha256 = hashOf(chunks)): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const part of openBlob(seal, { sha256 }, stream(chunks))) {
    parts.push(part);
  }
  return Buffer.concat(parts);
}

async function* stream(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  await Promise.resolve();
  yield* chunks;
}

describe('a sealed document', () => {
  it('gives back its content of any size, and the size of what is stored tells it up to the padding step only', async () => {
    await fc.assert(
      fc.asyncProperty(sizes, async (size) => {
        const { seal, content, chunks, sha256 } = sealed(size);
        expect((await opened(seal, chunks, sha256)).equals(content)).toBe(true);
        const stored = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
        expect({ chunks: chunks.length, size: stored }).toEqual(sealedShape(size));
        expect((stored - 16 * chunks.length) % LIMITS.paddingStep).toBe(0);
        expect(stored - 16 * chunks.length - size).toBeLessThan(size === 0 ? 1025 : LIMITS.paddingStep);
      }),
      { numRuns: 60 },
    );
  });

  it('is the same bytes when the same content is sealed again, so that a push can go on where it broke off', () => {
    const content = randomBytes(CHUNK + 10);
    const again = (): string => hashOf([...new BlobSeal(contentKey, header, content.length).seal(content)]);
    expect(again()).toBe(again());
    const [, second] = new BlobSeal(contentKey, header, content.length).seal(content);
    const [onward] = new BlobSeal(contentKey, header, content.length).seal(content, 1);
    expect(onward).toEqual(second);
  });

  it('does not open after any single flipped bit', () => {
    const { seal, chunks } = sealed(CHUNK + 100);
    fc.assert(
      fc.property(fc.nat(chunks.length - 1), fc.nat(), (index, at) => {
        const flipped = Buffer.from(chunks[index] ?? Buffer.alloc(0));
        const bit = at % (flipped.length * 8);
        flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        expect(() => seal.openChunk(index, flipped)).toThrow(SealBroken);
      }),
      { numRuns: 300 },
    );
  });

  it('opens no chunk in the place of another, of this blob or of one of another length', () => {
    const { seal, chunks } = sealed(3 * CHUNK);
    for (const [from, chunk] of chunks.entries()) {
      for (const to of [-1, 0, 1, 2, 3, 0.5]) {
        if (from !== to) {
          expect(() => seal.openChunk(to, chunk)).toThrow(SealBroken);
        }
      }
    }
    const longer = new BlobSeal(contentKey, header, 4 * CHUNK);
    expect(() => longer.openChunk(2, chunks[2] ?? Buffer.alloc(0))).toThrow(SealBroken);
  });

  it.each<[what: string, change: (chunks: Buffer[]) => Buffer[]]>([
    ['swapped chunks', ([a, b, ...rest]) => [b, a, ...rest].filter((chunk) => chunk !== undefined)],
    ['a missing chunk', (chunks) => chunks.slice(1)],
    ['a missing end', (chunks) => chunks.slice(0, -1)],
    ['a repeated chunk', (chunks) => [...chunks.slice(0, 1), ...chunks]],
    ['an end that is too long', (chunks) => [...chunks, ...chunks.slice(-1)]],
    [
      'a cut chunk',
      (chunks) => chunks.map((chunk, index) => (index === 1 ? chunk.subarray(0, chunk.length - 1) : chunk)),
    ],
    [
      'an extended chunk',
      (chunks) => chunks.map((chunk, index) => (index === 1 ? Buffer.concat([chunk, Buffer.alloc(16)]) : chunk)),
    ],
    [
      "another blob's chunk",
      (chunks) => [...chunks.slice(0, -1), ...sealed(2 * CHUNK + 5, randomBytes(32)).chunks.slice(-1)],
    ],
    ['nothing', () => []],
  ])('is refused with %s, also under a hash that fits', async (_what, change) => {
    const { seal, chunks } = sealed(2 * CHUNK + 5);
    await expect(opened(seal, change([...chunks]))).rejects.toThrow(SealBroken);
  });

  it('gives no end under another hash', async () => {
    const { seal, content, chunks } = sealed(2 * CHUNK + 5);
    const got: Buffer[] = [];
    const reading = (async () => {
      for await (const part of openBlob(seal, { sha256: '0'.repeat(64) }, stream(chunks))) {
        got.push(part);
      }
    })();
    await expect(reading).rejects.toThrow(SealBroken);
    expect(Buffer.concat(got).equals(content.subarray(0, 2 * CHUNK))).toBe(true);
  });

  it.each([
    ['site', '7d1bb5c0-5f0a-4a53-8c79-9a7f2d6c9b22'],
    ['patientRef', 'c'.repeat(32)],
    ['blobId', 'e'.repeat(32)],
  ])('does not open in the place of another (%s)', (field, value) => {
    const { chunks } = sealed(100);
    const elsewhere = new BlobSeal(contentKey, { ...header, [field]: value }, 100);
    expect(() => elsewhere.openChunk(0, chunks[0] ?? Buffer.alloc(0))).toThrow(SealBroken);
  });

  it('does not open with another key, nor as a content of another size in the same step', () => {
    const { chunks } = sealed(100);
    const [chunk = Buffer.alloc(0)] = chunks;
    expect(() => new BlobSeal(randomBytes(32), header, 100).openChunk(0, chunk)).toThrow(SealBroken);
    expect(() => new BlobSeal(contentKey, header, 99).openChunk(0, chunk)).toThrow(SealBroken);
  });

  it('is not made of a content of another size', () => {
    expect(() => [...new BlobSeal(contentKey, header, 5).seal(randomBytes(6))]).toThrow(RangeError);
  });
});
