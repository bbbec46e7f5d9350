import { closeSync, openSync, readFileSync, readSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Redis } from 'ioredis';
import type { SqlRow } from '../services/mariadb-server.js';
import type { ZoneServices } from '../services/services.js';

/** A value somebody who took the DMZ holds in his hands, with where it lay. */
export interface StoredValue {
  place: string;
  bytes: Buffer;
}

/** Every file below the folder, whole: tablespaces, redo and undo logs, sockets left out. */
export function* storedFiles(folder: string): Generator<StoredValue> {
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) {
      const path = join(entry.parentPath, entry.name);
      yield { place: path.slice(folder.length + 1), bytes: readFileSync(path) };
    }
  }
}

const REGION = /^([0-9a-f]+)-([0-9a-f]+) rw.p \S+ \S+ \S+\s*(.*)$/;
const LARGEST_READ = 64 * 1024 * 1024;

/** Writable private memory of a process. @throws when this user may not read it */
export function* processMemory(pid: number, name: string): Generator<StoredValue> {
  const memory = openSync(`/proc/${String(pid)}/mem`, 'r');
  try {
    for (const line of readFileSync(`/proc/${String(pid)}/maps`, 'utf8').split('\n')) {
      const [, from, to] = REGION.exec(line) ?? [];
      if (from === undefined || to === undefined) {
        continue;
      }
      const start = BigInt(`0x${from}`);
      const length = Number(BigInt(`0x${to}`) - start);
      for (let done = 0; done < length; done += LARGEST_READ) {
        const part = Buffer.alloc(Math.min(LARGEST_READ, length - done));
        const read = readOrNothing(memory, part, start + BigInt(done));
        if (read > 0) {
          yield { place: `memory of ${name} at ${from}`, bytes: part.subarray(0, read) };
        }
      }
    }
  } finally {
    closeSync(memory);
  }
}

/** Regions like vvar are mapped but cannot be read. */
function readOrNothing(file: number, into: Buffer, position: bigint): number {
  try {
    return readSync(file, into, 0, into.length, position);
  } catch {
    return 0;
  }
}

export function processEnvironment(pid: number, name: string): StoredValue[] {
  return readFileSync(`/proc/${String(pid)}/environ`)
    .toString('latin1')
    .split('\0')
    .filter((entry) => entry !== '')
    .map((entry) => ({
      place: `environment of ${name}`,
      bytes: Buffer.from(entry.slice(entry.indexOf('=') + 1), 'latin1'),
    }));
}

/** Every column of every row of the portal's database. */
export async function storedColumns(zone: ZoneServices, database: string): Promise<StoredValue[]> {
  const tables = await zone.adminSql(
    'SELECT table_name AS name FROM information_schema.tables WHERE table_schema = ?',
    [database],
  );
  const values: StoredValue[] = [];
  for (const { name } of tables) {
    const rows: SqlRow[] = await zone.adminSql('SELECT * FROM ??.??', [database, String(name)]);
    for (const row of rows) {
      for (const [column, value] of Object.entries(row)) {
        if (value !== null) {
          values.push({ place: `${String(name)}.${column}`, bytes: bytesOf(value) });
        }
      }
    }
  }
  return values;
}

function bytesOf(value: unknown): Buffer {
  return Buffer.isBuffer(value) ? value : Buffer.from(String(value), 'utf8');
}

/** Every key and value in Redis, members of collections one by one. */
export async function storedRedisValues(redis: Redis): Promise<StoredValue[]> {
  const values: StoredValue[] = [];
  const keep = (place: string, parts: (Buffer | string | number)[]): void => {
    for (const part of parts) {
      values.push({ place, bytes: Buffer.isBuffer(part) ? part : Buffer.from(String(part)) });
    }
  };
  for (const key of await redis.keys('*')) {
    keep('redis key', [key]);
    const type = await redis.type(key);
    if (type === 'string') {
      keep(`redis ${key}`, [(await redis.getBuffer(key)) ?? '']);
    } else if (type === 'hash') {
      keep(`redis ${key}`, Object.entries(await redis.hgetall(key)).flat());
    } else if (type === 'list') {
      keep(`redis ${key}`, await redis.lrangeBuffer(key, 0, -1));
    } else if (type === 'set') {
      keep(`redis ${key}`, await redis.smembersBuffer(key));
    } else if (type === 'zset') {
      keep(`redis ${key}`, await redis.zrange(key, '0', '-1'));
    } else if (type === 'stream') {
      keep(`redis ${key}`, [JSON.stringify(await redis.xrange(key, '-', '+'))]);
    }
  }
  return values;
}

const TOKENS = /[A-Za-z0-9+/_-]{16,88}={0,2}/g;

/**
 * Every 16- and 32-byte value that could be a key: raw, as hex, as base64, alone or as a token inside a text.
 * @returns candidates once each, with one of the places they were found at
 */
export function keyCandidates(values: Iterable<StoredValue>): Map<string, StoredValue> {
  const candidates = new Map<string, StoredValue>();
  const offer = (place: string, bytes: Buffer): void => {
    if (bytes.length === 16 || bytes.length === 32) {
      const key = bytes.toString('hex');
      if (!candidates.has(key)) {
        candidates.set(key, { place, bytes });
      }
    }
  };
  for (const { place, bytes } of values) {
    offer(place, bytes);
    if (bytes.length > 1024 * 1024) {
      continue;
    }
    const text = bytes.toString('latin1');
    offer(place, Buffer.from(text.trim(), 'latin1'));
    for (const [token] of text.matchAll(TOKENS)) {
      const bare = token.replace(/=+$/, '');
      if (/^[0-9A-Fa-f]+$/.test(bare)) {
        offer(place, Buffer.from(bare, 'hex'));
      }
      offer(place, Buffer.from(bare, 'base64'));
      offer(place, Buffer.from(bare, 'latin1'));
    }
  }
  return candidates;
}
