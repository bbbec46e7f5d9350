import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Redis } from 'ioredis';
import { readSecret } from '../services/data-folder.js';
import { withRedis } from '../services/redis-client.js';
import { DEFAULT_DATABASES, type ZoneAccess } from '../services/services.js';
import { table, type EvidencePart } from './evidence-part.js';
import { DMZ_TABLES, REDIS_PREFIXES, type TableRule } from './retention.js';

interface TableHoldings {
  table: string;
  rows: number;
  bytes: number;
  oldest: string | null;
  newest: string | null;
  /** rows that should be gone by their rule */
  overdue: number;
}

interface ChartHoldings {
  charts: number;
  fewest: number;
  most: number;
  unpadded: number;
  /** of what the manifests say their sections hold */
  oldest: string | null;
  newest: string | null;
}

interface KeyHoldings {
  prefix: string;
  keys: number;
  withoutEnd: number;
  longestSeconds: number;
}

interface FileHoldings {
  folder: string;
  files: number;
  bytes: number;
}

/** What the sweeps may lag behind: they run once an hour. */
const SWEEP_LAG_HOURS = 2;

/** What the DMZ holds at this moment: counts, ages and sizes, nothing of the content. */
export async function inventoryPart(dmz: ZoneAccess): Promise<EvidencePart> {
  const tables = await holdingsOfTables(dmz);
  const unknown = tables.filter((each) => DMZ_TABLES[each.table] === undefined).map((each) => each.table);
  const overdue = tables.filter((each) => each.overdue > 0).map((each) => each.table);
  const redis = await holdingsOfRedis(dmz);
  const strange = redis.filter(
    ({ prefix, withoutEnd }) =>
      REDIS_PREFIXES[prefix] === undefined || (REDIS_PREFIXES[prefix].expires && withoutEnd > 0),
  );
  const files = holdingsOfFiles(dmz.dir);
  const charts = await chartSizes(dmz);
  const holds = unknown.length === 0 && overdue.length === 0 && strange.length === 0 && charts.unpadded === 0;
  const rows = tables.reduce((sum, each) => sum + each.rows, 0);
  return {
    name: '03-dmz-inventory',
    title: 'What the DMZ holds now',
    finding: holds
      ? `${String(rows)} rows in ${String(tables.length)} tables, every table with a rule, nothing older than its rule, every session with an end.`
      : `without a rule: ${unknown.join(', ') || 'none'}; overdue: ${overdue.join(', ') || 'none'}; Redis keys without rule or end: ${
          strange.map(({ prefix }) => prefix).join(', ') || 'none'
        }; sections that are not padded: ${String(charts.unpadded)}.`,
    holds,
    command: 'npm run evidence -- --without-drills',
    text: [
      'Names of sections are keyed hashes in the DMZ: it can count the sections of a chart and see their padded sizes,',
      'and cannot tell which class of records a section is of, nor whose. The counts per class are known inside only.',
      '',
      '## Tables',
      '',
      table(
        ['table', 'holds', 'protected by', 'rows', 'bytes', 'oldest', 'newest', 'kept', 'overdue'],
        tables.map((each) => {
          const rule = DMZ_TABLES[each.table];
          return [
            each.table,
            rule?.holds ?? 'NO RULE',
            rule?.protection,
            each.rows,
            each.bytes,
            each.oldest,
            each.newest,
            rule?.retention,
            rule?.limit === undefined ? 'no limit by age' : each.overdue,
          ];
        }),
      ),
      '',
      `Charts: ${String(charts.charts)}, sections per chart ${String(charts.fewest)} to ${String(charts.most)}; by their manifests,`,
      `what they hold was read from OpenEMR between ${charts.oldest ?? 'never'} and ${charts.newest ?? 'never'}.`,
      '',
      '## Redis (in memory only: no snapshot, no log)',
      '',
      table(
        ['keys', 'hold', 'live', 'count', 'without end', 'longest seconds left'],
        redis.map((each) => [
          each.prefix,
          REDIS_PREFIXES[each.prefix]?.holds ?? 'NO RULE',
          REDIS_PREFIXES[each.prefix]?.lifetime,
          each.keys,
          each.withoutEnd,
          each.longestSeconds,
        ]),
      ),
      '',
      '## Files',
      '',
      table(
        ['folder', 'files', 'bytes'],
        files.map(({ folder, files: count, bytes }) => [folder, count, bytes]),
      ),
    ].join('\n'),
    data: { tables, charts, redis, files },
  };
}

async function holdingsOfTables(dmz: ZoneAccess): Promise<TableHoldings[]> {
  const names = await dmz.adminSql(
    'SELECT table_name AS name FROM information_schema.tables WHERE table_schema = ? ORDER BY table_name',
    [DEFAULT_DATABASES.portal],
  );
  const holdings: TableHoldings[] = [];
  for (const { name } of names) {
    holdings.push(await holdingsOf(dmz, String(name), DMZ_TABLES[String(name)]));
  }
  return holdings;
}

async function holdingsOf(dmz: ZoneAccess, name: string, rule: TableRule | undefined): Promise<TableHoldings> {
  const { age, limit, content } = rule ?? {};
  const text = (column: string | undefined, of: 'MIN' | 'MAX'): string =>
    column === undefined ? 'NULL' : `CAST(${of}(${column}) AS CHAR)`;
  const late =
    limit === undefined
      ? '0'
      : `COALESCE(SUM(${limit.when ?? '1 = 1'} AND ${limit.column} < DATE_SUB(UTC_TIMESTAMP(3), INTERVAL ${String(
          limit.days * 24 + SWEEP_LAG_HOURS,
        )} HOUR)), 0)`;
  const [row] = await dmz.adminSql(
    `SELECT COUNT(*) AS held, COALESCE(SUM(${content === undefined ? '0' : `LENGTH(${content})`}), 0) AS bytes,
            ${text(age, 'MIN')} AS oldest, ${text(age, 'MAX')} AS newest, ${late} AS overdue
       FROM ??.??`,
    [DEFAULT_DATABASES.portal, name],
  );
  return {
    table: name,
    rows: Number(row?.['held']),
    bytes: Number(row?.['bytes']),
    oldest: moment(row?.['oldest']),
    newest: moment(row?.['newest']),
    overdue: Number(row?.['overdue']),
  };
}

const moment = (value: unknown): string | null => (typeof value === 'string' ? value : null);

/** AES-GCM's nonce and tag stand around a text padded to whole steps, so all sizes leave the same rest. */
async function chartSizes(dmz: ZoneAccess): Promise<ChartHoldings> {
  const [row] = await dmz.adminSql(
    `SELECT COUNT(*) AS charts, COALESCE(MIN(held), 0) AS fewest, COALESCE(MAX(held), 0) AS most FROM
      (SELECT COUNT(*) AS held FROM ??.section GROUP BY patient_ref) AS per_chart`,
    [DEFAULT_DATABASES.portal],
  );
  const [padding] = await dmz.adminSql('SELECT COUNT(DISTINCT LENGTH(sealed) % 1024) AS rests FROM ??.section', [
    DEFAULT_DATABASES.portal,
  ]);
  const [content] = await dmz.adminSql(
    `SELECT CAST(MIN(as_of) AS CHAR) AS oldest, CAST(MAX(as_of) AS CHAR) AS newest
       FROM ??.chart, JSON_TABLE(JSON_VALUE(manifest, '$.body'), '$.sections[*]' COLUMNS (as_of TEXT PATH '$.asOf')) AS entries`,
    [DEFAULT_DATABASES.portal],
  );
  return {
    charts: Number(row?.['charts']),
    fewest: Number(row?.['fewest']),
    most: Number(row?.['most']),
    unpadded: Math.max(0, Number(padding?.['rests']) - 1),
    oldest: moment(content?.['oldest']),
    newest: moment(content?.['newest']),
  };
}

async function holdingsOfRedis(dmz: ZoneAccess): Promise<KeyHoldings[]> {
  return withRedis(dmz.redis, 'operator', readSecret(dmz.secretFile('operator')), async (redis) => {
    const found = new Map<string, KeyHoldings>();
    for (const key of await allKeys(redis)) {
      const known = Object.keys(REDIS_PREFIXES).find((each) => key.startsWith(each));
      // What has no rule is counted as one: its name might say something.
      const prefix = known ?? 'other';
      const entry = found.get(prefix) ?? { prefix, keys: 0, withoutEnd: 0, longestSeconds: 0 };
      const left = await redis.ttl(key);
      entry.keys += 1;
      entry.withoutEnd += left === -1 ? 1 : 0;
      entry.longestSeconds = Math.max(entry.longestSeconds, left);
      found.set(prefix, entry);
    }
    return [...found.values()].sort((a, b) => (a.prefix < b.prefix ? -1 : 1));
  });
}

async function allKeys(redis: Redis): Promise<string[]> {
  const keys = new Set<string>();
  let cursor = '0';
  do {
    const [next, page] = await redis.scan(cursor, 'COUNT', 500);
    page.forEach((key) => keys.add(key));
    cursor = next;
  } while (cursor !== '0');
  return [...keys];
}

function holdingsOfFiles(dir: string): FileHoldings[] {
  return readdirSync(dir, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => {
      const files = readdirSync(join(dir, entry.name), { recursive: true, withFileTypes: true }).filter((file) =>
        file.isFile(),
      );
      const bytes = files.reduce((sum, file) => sum + sizeOf(join(file.parentPath, file.name)), 0);
      return { folder: `dmz/${entry.name}`, files: files.length, bytes };
    })
    .sort((a, b) => (a.folder < b.folder ? -1 : 1));
}

/** A server may take a temporary file away while it is looked at. */
function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}
