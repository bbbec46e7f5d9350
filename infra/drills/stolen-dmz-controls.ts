import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { brotliCompressSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { CANARY_PREFIX, canary } from './canary-hunt.js';

/** How a canary may lie behind each encoding, and behind three at once. Names without x, which ends a label. */
const ENCODINGS: Record<string, (text: string) => Buffer> = {
  clear: (text) => Buffer.from(text),
  gzip: (text) => gzipSync(text),
  zstd: (text) => zstdCompressSync(Buffer.from(text)),
  brotli: (text) => brotliCompressSync(text),
  base64: (text) => Buffer.from(Buffer.from(text).toString('base64')),
  digits: (text) => Buffer.from(Buffer.from(text).toString('hex')),
  wide: (text) => Buffer.from(text, 'utf16le'),
  json: (text) => Buffer.from([...text].map((c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`).join('')),
  threefold: (text) => Buffer.from(gzipSync(Buffer.from(text).toString('base64')).toString('hex')),
};

const label = (encoding: string): string => `control0${encoding}`;

export const PLANTED_LABELS = Object.keys(ENCODINGS).map(label);

/** Long and varied enough for compressors to change every part of it. */
const AROUND = Array.from({ length: 120 }, (_, n) => `line ${String(n * n)} of a chart`).join('; ');

/**
 * Files with one canary each; those of encodings with a sign lie at an odd offset in other bytes.
 * @throws when a canary would show without decoding
 */
export function plantedCanaries(): Record<string, Buffer> {
  return Object.fromEntries(
    Object.entries(ENCODINGS).map(([encoding, encode]) => {
      const encoded = encode(`${AROUND} ${canary(label(encoding))} ${AROUND}`);
      if (encoding !== 'clear' && encoded.includes(CANARY_PREFIX)) {
        throw new Error(`the canary in ${encoding} shows without decoding`);
      }
      const inside = Buffer.concat([Buffer.from('0102030405060708090a0b0c80', 'hex'), encoded, Buffer.of(0x80, 0xff)]);
      return [`planted-${encoding}`, encoding === 'brotli' ? encoded : inside];
    }),
  );
}

/** A key as a careless program would leave it: in a line of its log. */
export function plantedKey(key: Buffer): Record<string, Buffer> {
  const line = { level: 'debug', msg: 'chart opened', key: key.toString('base64url') };
  return { 'logs/planted.log': Buffer.from(`${JSON.stringify(line)}\n`) };
}

/** Puts files into the folder while `use` runs. */
export async function withFiles<T>(folder: string, files: Record<string, Buffer>, use: () => Promise<T>): Promise<T> {
  const paths = Object.entries(files).map(([name, bytes]) => {
    const path = join(folder, name);
    writeFileSync(path, bytes);
    return path;
  });
  try {
    return await use();
  } finally {
    for (const path of paths) {
      rmSync(path);
    }
  }
}
