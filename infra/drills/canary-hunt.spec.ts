import { randomBytes } from 'node:crypto';
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import { canary, huntCanaries, newHunt } from './canary-hunt.js';

const secret = canary('planted01');
const text = `{"name":"${secret}","unit":"mg"}`;

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
    for (const offset of [0, 1, 2, 3, 4097]) {
      expect(
        finds(Buffer.concat([randomBytes(offset), Buffer.from([0]), encoded, Buffer.from([0]), randomBytes(333)])),
      ).toBe(true);
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
    const compressed = brotliCompressSync(Buffer.from(text.repeat(3)));
    expect(finds(compressed, true)).toBe(true);
    const padded = Buffer.alloc(1024);
    padded.writeUInt32BE(compressed.length, 0);
    compressed.copy(padded, 4);
    expect(finds(padded, true)).toBe(true);
  });

  it('finds a canary across the border of two search windows', () => {
    const bytes = Buffer.alloc(4 * 1024 * 1024 + 100, 0x20);
    bytes.write(secret, 4 * 1024 * 1024 - 5);
    expect(finds(bytes)).toBe(true);
  });

  it('finds nothing in random bytes and in sealed-looking text', () => {
    const hunt = newHunt();
    huntCanaries(hunt, 'random', randomBytes(300_000), true);
    huntCanaries(hunt, 'random', Buffer.from(randomBytes(100_000).toString('base64')), true);
    expect(hunt.found.size).toBe(0);
    expect(hunt.bytes).toBeGreaterThan(400_000);
  });
});
