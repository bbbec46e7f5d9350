import type { Pool } from 'mysql2/promise';
import { z } from 'zod';
import type { PollState } from './change-feed.js';
import { RowChanges } from './row-changes.js';
import { openSnapshot, type Snapshot } from './snapshot.js';
import { WATCHED_TABLES, type WatchedTable } from './watched-tables.js';

/** What a look saw, and from where the next goes on. */
export interface Look extends Pick<PollState, 'lastKeys' | 'lookedAt'> {
  /** the database's clock when it began, as `PollState.passBegan` */
  at: string;
  changes: RowChanges;
}

/** Rows of one table in one look; those behind are for the next. */
const ROWS = 1_000;
const PIDS = 1_000;
/** A transaction that takes longer to commit may hide what it changed until the full pass. */
const OVERLAP = '2 SECOND';

const TABLES: readonly WatchedTable[] = WATCHED_TABLES;
const COUNTED = TABLES.filter(({ primaryKey, keyWithoutIndex }) => primaryKey.length === 1 && !keyWithoutIndex);

const Clock = z.object({ at: z.string(), clinic: z.string() });
const NewestKey = z.object({ name: z.string(), key: z.coerce.number() });
const Row = z.record(z.string(), z.unknown());

/**
 * The quick look of polling: rows with a higher key than any before, of anybody, and of the given patients rows whose time
 * of change moved. It reads by indexes only and sees what is easy to see: no deletion, no change of a row that keeps no
 * time, nothing that was committed late. Whoever needs all of it makes a full pass.
 * @param before null: nothing is new, the next look goes on from here
 * @throws OpenEmrReadFailed, ClinicTimeZoneUnknown
 */
export async function lookForChanges(reader: Pool, before: PollState | null, pids: readonly number[]): Promise<Look> {
  await using snapshot = await openSnapshot(reader);
  const [clock] = await snapshot.select(
    'the clock',
    Clock,
    'SELECT CAST(UTC_TIMESTAMP(6) AS CHAR) AS at, CAST(NOW() AS CHAR) AS clinic',
  );
  const changes = new RowChanges();
  const lastKeys = await addNewRows(snapshot, changes, before?.lastKeys ?? {});
  if (before !== null) {
    await addMovedRows(snapshot, changes, { since: before.lookedAt, until: clock?.clinic ?? '' }, pids);
  }
  return { at: clock?.at ?? '', lookedAt: clock?.clinic ?? '', lastKeys, changes };
}

async function addNewRows(
  snapshot: Snapshot,
  changes: RowChanges,
  before: PollState['lastKeys'],
): Promise<Record<string, number>> {
  const counted = COUNTED.filter((watched) => !lacks(snapshot, watched, watched.primaryKey));
  const newest = await snapshot.select(
    'the newest keys',
    NewestKey,
    counted
      .map(
        ({ table, primaryKey: [key = ''] }) =>
          `SELECT '${table}' AS name, COALESCE(MAX(\`${key}\`), 0) AS \`key\` FROM \`${table}\``,
      )
      .join(' UNION ALL '),
  );
  const keys = new Map(newest.map(({ name, key }) => [name, key]));
  for (const watched of counted) {
    const {
      table,
      primaryKey: [key = ''],
    } = watched;
    const last = before[table];
    if (last === undefined || (keys.get(table) ?? 0) <= last) {
      continue;
    }
    const rows = await snapshot.select(
      `new rows of ${table}`,
      Row,
      `SELECT ${columnsOf(watched)} FROM \`${table}\` WHERE \`${key}\` > ? ORDER BY \`${key}\` LIMIT ${String(ROWS)}`,
      [last],
    );
    for (const row of rows) {
      changes.add(table, [row]);
    }
    if (rows.length === ROWS) {
      keys.set(table, Number(rows.at(-1)?.[key]));
    }
  }
  return Object.fromEntries(keys);
}

/** A row from the future is seen when its time has come, not at every look until then. */
async function addMovedRows(
  snapshot: Snapshot,
  changes: RowChanges,
  { since, until }: { since: string; until: string },
  pids: readonly number[],
): Promise<void> {
  for (const watched of TABLES) {
    const { table, pid, moves } = watched;
    const isTold = moves !== undefined && !lacks(snapshot, watched, [moves]);
    for (let from = 0; isTold && pid !== null && from < pids.length; from += PIDS) {
      const rows = await snapshot.select(
        `changed rows of ${table}`,
        Row,
        `SELECT ${columnsOf(watched)} FROM \`${table}\`
          WHERE \`${pid}\` IN (?) AND \`${moves}\` >= CAST(? AS DATETIME) - INTERVAL ${OVERLAP}
            AND \`${moves}\` <= CAST(? AS DATETIME)`,
        [pids.slice(from, from + PIDS), since, until],
      );
      for (const row of rows) {
        changes.add(table, [row]);
      }
    }
  }
}

function lacks({ lacking }: Snapshot, { table }: WatchedTable, columns: readonly string[]): boolean {
  return lacking.has(table) || columns.some((column) => lacking.has(`${table}.${column}`));
}

/** What tells whose a row is. */
function columnsOf({ primaryKey, pid, pidWhen, kinds, portalUsername, parent }: WatchedTable): string {
  const named = [...primaryKey, pid, pidWhen?.column, kinds?.column, portalUsername, ...(parent?.columns ?? [])];
  return [...new Set(named.filter((column) => typeof column === 'string'))].map((column) => `\`${column}\``).join(', ');
}
