import { randomBytes } from 'node:crypto';
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import { CUT_SHORT, canary, huntCanaries, newHunt } from './canary-hunt.js';

const secret = canary('planted01');
// Long and varied enough for compressors to change all of it.
const around = Array.from({ length: 120 }, (_, n) => `line ${String(n * n)} of a chart`).join(', ');
const text = `{"note":"${around}","name":"${secret}","unit":"mg","more":"${around}"}`;

const encodings: Record<string, (bytes: Buffer) => Buffer> = {
  plain: (bytes) => bytes,
  gzip: (bytes) => gzipSync(bytes),
  zlib: (bytes) => deflateSync(bytes),
  zstd: (bytes) => zstdCompressSync(bytes),
  base64: (bytes) => Buffer.from(bytes.toString('base64')),
  base64url: (bytes) => Buffer.from(bytes.toString('base64url')),
  hex: (bytes) => Buffer.from(bytes.toString('hex')),
  'upper-case hex': (bytes) => Buffer.from(bytes.toString('hex').toUpperCase()),
  'utf-16le': (bytes) => Buffer.from(bytes.toString('latin1'), 'utf16le'),
  'utf-16be': (bytes) => Buffer.from(bytes.toString('latin1'), 'utf16le').swap16(),
  'json escapes': (bytes) =>
    Buffer.from(
      [...bytes.toString('latin1')].map((c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`).join(''),
    ),
};

function finds(bytes: Buffer, stored = false): boolean {
  const hunt = newHunt();
  huntCanaries(hunt, 'test', bytes, stored);
  return hunt.found.has('planted01');
}

describe('the canary hunt', () => {
  it.each(Object.keys(encodings))('finds a canary in %s at an odd place among random bytes', (name) => {
    const encoded = encodings[name]?.(Buffer.from(text)) ?? Buffer.alloc(0);
    expect(encoded.includes(secret)).toBe(name === 'plain');
    for (const offset of [0, 1, 2, 3, 4097]) {
      for (const border of [0x00, 0x80]) {
        const beside = Buffer.of(border);
        expect(finds(Buffer.concat([randomBytes(offset), beside, encoded, beside, randomBytes(333)]))).toBe(true);
      }
    }
  });

  it('finds every pair of encodings, and three of them, one inside the other', () => {
    const textual = Object.entries(encodings).filter(([name]) => !name.startsWith('utf-16'));
    for (const [, outer] of textual) {
      for (const [, inner] of Object.entries(encodings)) {
        expect(finds(Buffer.concat([Buffer.from([0]), outer(inner(Buffer.from(text))), Buffer.from([0])]))).toBe(true);
      }
    }
    const three = Buffer.from(gzipSync(Buffer.from(Buffer.from(text).toString('base64'))).toString('hex'));
    expect(finds(three)).toBe(true);
  });

  it('finds brotli in a stored value, with and without a length before it', () => {
    const compressed = brotliCompressSync(Buffer.from(text));
    expect(compressed.includes(secret)).toBe(false);
    expect(finds(compressed, true)).toBe(true);
    const padded = Buffer.alloc(4 * 1024);
    padded.writeUInt32BE(compressed.length, 0);
    compressed.copy(padded, 4);
    expect(finds(padded, true)).toBe(true);
  });

  it.each([0x00, 0x20])('finds a canary across the border of two search windows in bytes %i', (filling) => {
    const bytes = Buffer.alloc(4 * 1024 * 1024 + 100, filling);
    bytes.write(secret, 4 * 1024 * 1024 - 5);
    const hunt = newHunt();
    huntCanaries(hunt, 'test', bytes);
    expect([...hunt.found.keys()]).toEqual(['planted01']);
  });

  it.each([
    ['in capitals', secret.toUpperCase()],
    ['in small letters', secret.toLowerCase()],
  ])('finds a canary %s', (_, folded) => {
    expect(finds(Buffer.from(`a name ${folded}@example.org`))).toBe(true);
  });

  it('names a canary without its end as cut short', () => {
    const hunt = newHunt();
    huntCanaries(hunt, 'test', Buffer.from(secret.slice(0, -3)));
    expect([...hunt.found.keys()]).toEqual([CUT_SHORT]);
  });

  it('finds nothing in random bytes and in sealed-looking text', () => {
    const hunt = newHunt();
    huntCanaries(hunt, 'random', randomBytes(300_000), true);
    huntCanaries(hunt, 'random', Buffer.from(randomBytes(100_000).toString('base64')), true);
    expect(hunt.found.size).toBe(0);
    expect(hunt.bytes).toBeGreaterThan(400_000);
  });
});
