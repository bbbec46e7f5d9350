import { closeSync, openSync, readFileSync, readSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Redis } from 'ioredis';
import type { SqlRow } from '../services/mariadb-server.js';
import type { ZoneServices } from '../services/services.js';
import { until } from '../demo/until.js';

/** A value somebody who took the DMZ holds in his hands, with where it lay. */
export interface StoredValue {
  place: string;
  bytes: Buffer;
}

/** Every file below the folder, whole: tablespaces, redo and undo logs, program logs, secrets. Sockets are left out. */
export function* storedFiles(folder: string): Generator<StoredValue> {
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) {
      const path = join(entry.parentPath, entry.name);
      yield { place: path.slice(folder.length + 1), bytes: readFileSync(path) };
    }
  }
}

const ALL_PAGES_CLEAN = 60_000;

/**
 * Lets MariaDB write what it holds in memory, so that its files are its whole state: without this a change of the last
 * seconds stands in the redo log only, split over its blocks.
 * @returns how many pages were waiting
 */
export async function flushDatabase(zone: ZoneServices): Promise<number> {
  const dirtyPages = async (): Promise<number> => {
    const [row] = await zone.adminSql("SHOW GLOBAL STATUS LIKE 'Innodb_buffer_pool_pages_dirty'");
    return Number(row?.['Value']);
  };
  const waiting = await dirtyPages();
  const [before] = await zone.adminSql(
    'SELECT @@innodb_max_dirty_pages_pct AS pages, @@innodb_max_dirty_pages_pct_lwm AS low, @@innodb_io_capacity AS io',
  );
  await zone.adminSql('SET GLOBAL innodb_max_dirty_pages_pct = 0');
  await zone.adminSql('SET GLOBAL innodb_io_capacity = @@innodb_io_capacity_max');
  try {
    await zone.adminSql('FLUSH TABLES');
    await until('all pages of the database on disk', async () => (await dirtyPages()) === 0, ALL_PAGES_CLEAN);
  } finally {
    await zone.adminSql('SET GLOBAL innodb_io_capacity = ?', [Number(before?.['io'])]);
    // The low-water mark follows the upper one down, so it is set after it.
    await zone.adminSql('SET GLOBAL innodb_max_dirty_pages_pct = ?', [Number(before?.['pages'])]);
    await zone.adminSql('SET GLOBAL innodb_max_dirty_pages_pct_lwm = ?', [Number(before?.['low'])]);
  }
  return waiting;
}

const WRITABLE = /^([0-9a-f]+)-([0-9a-f]+) rw.. /;

/** All writable memory of a process, region by region. @throws when this user may not read it */
export function* processMemory(pid: number, name: string): Generator<StoredValue> {
  const memory = openSync(`/proc/${String(pid)}/mem`, 'r');
  try {
    for (const line of readFileSync(`/proc/${String(pid)}/maps`, 'utf8').split('\n')) {
      const [, from, to] = WRITABLE.exec(line) ?? [];
      if (from !== undefined && to !== undefined) {
        const start = BigInt(`0x${from}`);
        const bytes = readRegion(memory, start, Number(BigInt(`0x${to}`) - start));
        yield { place: `memory of ${name} at ${from}`, bytes };
      }
    }
  } finally {
    closeSync(memory);
  }
}

/** What can be read from the start of a region; an allocator may give its end back meanwhile. */
function readRegion(file: number, start: bigint, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  let done = 0;
  while (done < length) {
    let read = 0;
    try {
      read = readSync(file, bytes, done, length - done, start + BigInt(done));
    } catch {
      break;
    }
    if (read === 0) {
      break;
    }
    done += read;
  }
  return bytes.subarray(0, done);
}

/** Values of a process's environment, and its command line, which stands beside it. */
export function processEnvironment(pid: number, name: string): StoredValue[] {
  const entries = (file: string): string[] =>
    readFileSync(`/proc/${String(pid)}/${file}`)
      .toString('latin1')
      .split('\0')
      .filter((entry) => entry !== '');
  return [
    ...entries('environ').map((entry) => ({
      place: `environment of ${name}`,
      bytes: Buffer.from(entry.slice(entry.indexOf('=') + 1), 'latin1'),
    })),
    ...entries('cmdline').map((entry) => ({ place: `arguments of ${name}`, bytes: Buffer.from(entry, 'latin1') })),
  ];
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
  if (Buffer.isBuffer(value)) {
    return value;
  }
  return Buffer.from(value instanceof Date ? value.toISOString() : String(value), 'utf8');
}

/** Names of the keys that match; asks in steps, since nobody may list all keys at once. */
export async function redisKeys(redis: Redis, pattern: string): Promise<string[]> {
  const names = new Set<string>();
  for (let cursor = '0', first = true; first || cursor !== '0'; first = false) {
    const [next, some] = await redis.scan(cursor, 'MATCH', pattern, 'COUNT', '500');
    some.forEach((name) => names.add(name));
    cursor = next;
  }
  return [...names];
}

/** Every key and value in Redis, members of collections one by one. */
export async function storedRedisValues(redis: Redis): Promise<StoredValue[]> {
  const values: StoredValue[] = [];
  for (const key of await redisKeys(redis, '*')) {
    const place = `redis ${key}`;
    values.push({ place: 'redis key', bytes: Buffer.from(key) });
    values.push(...(await valuesOf(redis, key)).map((bytes) => ({ place, bytes })));
  }
  return values;
}

async function valuesOf(redis: Redis, key: string): Promise<Buffer[]> {
  const type = await redis.type(key);
  switch (type) {
    case 'string': {
      const value = await redis.getBuffer(key);
      return value === null ? [] : [value];
    }
    case 'hash':
      return Object.entries(await redis.hgetallBuffer(key)).flatMap(([field, value]) => [Buffer.from(field), value]);
    case 'list':
      return redis.lrangeBuffer(key, 0, -1);
    case 'set':
      return redis.smembersBuffer(key);
    case 'zset':
      return redis.zrangeBuffer(key, '0', '-1');
    case 'stream':
      return (await redis.xrangeBuffer(key, '-', '+')).flatMap(([, fields]) => fields);
    case 'none':
      // it has expired meanwhile
      return [];
    default:
      throw new Error(`Redis holds a ${type}, which the drill does not read`);
  }
}
