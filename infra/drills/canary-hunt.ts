import { brotliDecompressSync, constants, inflateRawSync, inflateSync, zstdDecompressSync } from 'node:zlib';

/**
 * Looks for canaries in bytes, in the clear and behind the encodings that software uses without a key. Encodings with
 * a sign of their own (gzip, zlib, zstd, base64, hex, UTF-16, JSON escapes) are tried wherever the sign stands; brotli
 * has none and is tried from the start of each stored value. What decodes is searched again, three deep.
 */

/** Every canary begins with this; what follows names it. Letters and digits only, so that no escaping splits it. */
export const CANARY_PREFIX = 'Zk7Qcanary';
/** In any case: names are folded on their way. */
const CANARY = new RegExp(`${CANARY_PREFIX}(?:([0-9a-z]{8,40}?)x)?`, 'gi');
/** Label of a canary whose end is missing, e.g. because a page of the database ends within it. */
export const CUT_SHORT = 'cut-short';
const MAX_DEPTH = 3;
const WINDOW = 1024 * 1024;
/** Longer encoded runs than this are met again in the next window; every canary is far shorter. */
const OVERLAP = 64 * 1024;
/** Database files are made of them for the most part. */
const ZEROS = Buffer.alloc(WINDOW + OVERLAP);
/** Hashes, keys and names are shorter. */
const LONGEST_REMEMBERED = 256;
const MAX_INFLATED = 16 * 1024 * 1024;
/** Shortest encoded run that could hold a whole canary prefix. */
const MIN_DECODED = CANARY_PREFIX.length;
/** No brotli stream with a whole canary is shorter: a canary has at least 19 characters. */
const MIN_BROTLI = 16;
const INFLATE = { chunkSize: 4096, finishFlush: constants.Z_SYNC_FLUSH, maxOutputLength: MAX_INFLATED };
/** Nearly all attempts fail at once: small buffers, and what came out before the input ended still counts. */
const BROTLI = {
  chunkSize: 4096,
  finishFlush: constants.BROTLI_OPERATION_FLUSH,
  maxOutputLength: MAX_INFLATED,
};

/** @param label letters and digits, at least 8 */
export function canary(label: string): string {
  return `${CANARY_PREFIX}${label}x`;
}

export interface Hunt {
  /** labels found, with the places they were found in */
  found: Map<string, Set<string>>;
  /** how often something was found */
  hits: number;
  /** bytes looked at, those that came out of decoders included */
  bytes: number;
  /** encoded runs with nothing in them: a log repeats the same hashes over and over */
  barren: Set<string>;
}

/** @param barren of an earlier hunt, whose runs need not be decoded again */
export function newHunt(barren: Set<string> = new Set()): Hunt {
  return { found: new Map(), hits: 0, bytes: 0, barren };
}

/**
 * Searches bytes of any size.
 * @param place named in the finding, e.g. a path with the encodings passed
 * @param stored true when `bytes` is one stored value from its first byte (then brotli is tried too)
 */
export function huntCanaries(hunt: Hunt, place: string, bytes: Buffer, stored = false): void {
  // Decoders throw at nearly everything that is not theirs, and nobody reads where.
  const traces = Error.stackTraceLimit;
  Error.stackTraceLimit = 0;
  try {
    search(hunt, place, bytes, stored, MAX_DEPTH);
  } finally {
    Error.stackTraceLimit = traces;
  }
}

function search(hunt: Hunt, place: string, bytes: Buffer, stored: boolean, depth: number): void {
  hunt.bytes += bytes.length;
  for (let start = 0; start < bytes.length; start += WINDOW) {
    const part = bytes.subarray(start, start + WINDOW + OVERLAP);
    if (part.equals(ZEROS.subarray(0, part.length))) {
      continue;
    }
    const text = part.toString('latin1');
    for (const match of text.matchAll(CANARY)) {
      if (match.index < WINDOW) {
        const label = match[1]?.toLowerCase() ?? CUT_SHORT;
        hunt.found.set(label, (hunt.found.get(label) ?? new Set()).add(place));
        hunt.hits += 1;
      }
    }
    if (depth > 0) {
      for (const { encoding, run, decode } of encodedRuns(text)) {
        const name = `${encoding}${String(depth)}${run}`;
        if (!hunt.barren.has(name)) {
          const hits = hunt.hits;
          for (const decoded of decode(run)) {
            search(hunt, `${place} > ${encoding}`, decoded, true, depth - 1);
          }
          if (hunt.hits === hits && run.length <= LONGEST_REMEMBERED) {
            hunt.barren.add(name);
          }
        }
      }
    }
  }
  if (depth > 0) {
    for (const [encoding, decoded] of compressed(bytes, stored)) {
      search(hunt, `${place} > ${encoding}`, decoded, true, depth - 1);
    }
  }
}

interface EncodedRun {
  encoding: string;
  run: string;
  decode: (run: string) => Buffer[];
}

/** How text encodings look, and what a run of each may stand for: its start is not known to the character. */
const TEXT_ENCODINGS: readonly { encoding: string; sign: RegExp; decode: (run: string) => Buffer[] }[] = [
  {
    encoding: 'base64',
    sign: /[A-Za-z0-9+/_-]{14,}/g,
    decode: (run) =>
      [0, 1, 2, 3].map((shift) => Buffer.from(run.slice(shift), 'base64')).filter((part) => part.length >= MIN_DECODED),
  },
  {
    encoding: 'hex',
    sign: /[0-9A-Fa-f]{20,}/g,
    decode: (run) => [0, 1].map((shift) => Buffer.from(run.slice(shift), 'hex')),
  },
  { encoding: 'utf-16le', sign: /(?:[\x09\x0a\x0d\x20-\x7e]\x00){10,}/g, decode: withoutZeros },
  { encoding: 'utf-16be', sign: /(?:\x00[\x09\x0a\x0d\x20-\x7e]){10,}/g, decode: withoutZeros },
];

/** Text encodings found by their signs anywhere in one window. */
function* encodedRuns(text: string): Generator<EncodedRun> {
  for (const { encoding, sign, decode } of TEXT_ENCODINGS) {
    for (const [run] of text.matchAll(sign)) {
      yield { encoding, run, decode };
    }
  }
  for (const [run] of text.matchAll(/[\x20-\x7e]{2,}/g)) {
    if (run.includes('\\')) {
      yield { encoding: 'json', run, decode: withoutEscapes };
    }
  }
}

function withoutZeros(run: string): Buffer[] {
  return [Buffer.from(run.replace(/\x00/g, ''), 'latin1')];
}

/** Escapes may stand for characters, or have carried bytes. */
function withoutEscapes(run: string): Buffer[] {
  const text = unescapeJson(run);
  if (text === run) {
    return [];
  }
  return /[\x80-\xff]/.test(text)
    ? [Buffer.from(text, 'utf8'), Buffer.from(text, 'latin1')]
    : [Buffer.from(text, 'utf8')];
}

/** Compressed streams found by their magic numbers anywhere, and brotli from the first byte of a stored value. */
function* compressed(bytes: Buffer, stored: boolean): Generator<[string, Buffer]> {
  // Without its header, since gunzip takes whatever follows a member for another one and fails.
  yield* inflatedAt(bytes, Buffer.from('1f8b08', 'hex'), 'gzip', (part) =>
    inflateRawSync(part.subarray(gzipHeaderLength(part)), INFLATE),
  );
  for (const level of ['7801', '785e', '789c', '78da']) {
    yield* inflatedAt(bytes, Buffer.from(level, 'hex'), 'zlib', (part) => inflateSync(part, INFLATE));
  }
  yield* inflatedAt(bytes, Buffer.from('28b52ffd', 'hex'), 'zstd', (part) =>
    zstdDecompressSync(part, { maxOutputLength: MAX_INFLATED }),
  );
  if (stored) {
    for (const part of brotliParts(bytes)) {
      const decoded = attempt(() => brotliDecompressSync(part, BROTLI));
      if (decoded !== undefined && decoded.length >= MIN_DECODED) {
        yield ['brotli', decoded];
      }
    }
  }
}

/** The value itself, and what follows a length before it, as our own sections have it. */
function* brotliParts(bytes: Buffer): Generator<Buffer> {
  if (bytes.length >= MIN_BROTLI) {
    yield bytes;
    const length = bytes.readUInt32BE(0);
    if (length >= MIN_BROTLI && length <= bytes.length - 4) {
      yield bytes.subarray(4);
    }
  }
}

function* inflatedAt(
  bytes: Buffer,
  sign: Buffer,
  name: string,
  inflate: (part: Buffer) => Buffer,
): Generator<[string, Buffer]> {
  for (let at = bytes.indexOf(sign); at >= 0; at = bytes.indexOf(sign, at + 1)) {
    const decoded = attempt(() => inflate(bytes.subarray(at, at + MAX_INFLATED)));
    if (decoded !== undefined && decoded.length >= MIN_DECODED) {
      yield [name, decoded];
    }
  }
}

/** RFC 1952, 2.3: ten bytes, then what the flags announce. */
function gzipHeaderLength(bytes: Buffer): number {
  const flags = bytes[3] ?? 0;
  let length = 10;
  if ((flags & 0x04) !== 0) {
    length += 2 + bytes.readUInt16LE(length);
  }
  for (const terminated of [0x08, 0x10]) {
    if ((flags & terminated) !== 0) {
      length = bytes.indexOf(0, length) + 1;
    }
  }
  return length + ((flags & 0x02) !== 0 ? 2 : 0);
}

function unescapeJson(text: string): string {
  const short: Record<string, string> = { n: '\n', r: '\r', t: '\t', b: '\b', f: '\f' };
  return text.replace(/\\(?:u([0-9A-Fa-f]{4})|([nrtbf"\\/]))/g, (_, code: string | undefined, letter: string) =>
    code === undefined ? (short[letter] ?? letter) : String.fromCharCode(Number.parseInt(code, 16)),
  );
}

function attempt(decode: () => Buffer): Buffer | undefined {
  try {
    return decode();
  } catch {
    return undefined;
  }
}
