import type { DataSource, EntityManager } from 'typeorm';
import { z } from 'zod';
import { bucketRoot, heartbeatRoot } from 'sync-contract/heartbeat';
import { Digest, Instant, SiteId } from 'sync-contract/identifiers';
import { PROTOCOL_VERSION, ProtocolVersion } from 'sync-contract/protocol';
import { Signed, signStatement, statementHash } from 'sync-contract/signed';
import { crashPoint } from '../crash-point.js';
import type { KeyStore } from '../keys/key-store.js';
import type { ReconciliationKind } from '../ledger/reconciliation.entities.js';
import { readBuckets } from '../replicate/heartbeat.js';
import { ClassFigures, Compared, readClassFigures } from './class-figures.js';
import type { DmzTally } from './compare-dmz.js';
import { DIFFERENCES, type Tally } from './difference.js';
import { ListedDifference, noteDifferences, noteHealedContent, readDifferences } from './note-differences.js';

const Found = z.partialRecord(z.enum(DIFFERENCES), z.int().min(0));

const Day = z.string().regex(/^\d{4}-\d{2}-\d{2}$/);

const COUNTS = {
  v: ProtocolVersion,
  site: SiteId,
  /** the clinic's, `yyyy-MM-dd` */
  day: Day,
  at: Instant,
  charts: z.int().min(0),
  sections: z.int().min(0),
  /** over the manifests of all charts, as in a heartbeat */
  root: Digest,
  /** since the statement before this one; the last of them says what was left */
  withDmz: z.strictObject({ comparisons: z.int(), differences: z.int(), found: Found, left: z.int() }),
  /** everything read from OpenEMR again */
  withOpenEmr: z.strictObject({ charts: z.int(), sections: z.int(), skipped: z.int(), differences: z.int() }),
};

/** As agents signed it before statements were chained. */
export const EarlierStatement = z.strictObject(COUNTS);

/** What the agent found in one day, and what the replica was then. Numbers, hashes and opaque references. */
export const DailyStatement = z.strictObject({
  ...COUNTS,
  /** the statement before, by the hash of its signed text; null for the first */
  previous: z.strictObject({ day: Day, hash: Digest }).nullable(),
  /** inside, when this was signed */
  classes: z.array(ClassFigures),
  /** both sides when the DMZ was last compared; null when it never was */
  compared: Compared.nullable(),
  /** what was different at any time since the statement before, the oldest first */
  differing: z.array(ListedDifference),
  /** how many more of them there were */
  more: z.int().min(0),
});
export type DailyStatement = z.infer<typeof DailyStatement>;

const Now = z.tuple([z.object({ now: z.string() })]);
const Runs = z.array(z.object({ differences: z.number(), found: z.string() }));
const Counted = z.tuple([z.object({ charts: z.coerce.number(), sections: z.coerce.number() })]);
const Previous = z.array(z.object({ day: z.string(), signed: z.string() }));
const States = z.array(z.object({ compared: z.string().nullable(), since: z.string() }));

/** Keeps the outcome of a comparison with the DMZ that came to its end, where it differed, and what both sides held. */
export async function keepComparison(ledger: DataSource, beganAt: Date, tally: DmzTally): Promise<void> {
  await ledger.transaction(async (manager) => {
    await insertComparison(manager, 'dmz', beganAt, tally);
    await noteDifferences(manager, tally);
    await manager.query('UPDATE reconciliation_state SET compared = ? WHERE id = 1', [
      JSON.stringify(tally.classes.at(new Date(), tally)),
    ]);
    await manager.query('DELETE FROM reconciliation WHERE ended_at < DATE_SUB(UTC_TIMESTAMP(3), INTERVAL 400 DAY)');
    crashPoint('before-commit:reconciliation');
  });
  crashPoint('after-commit:reconciliation');
}

async function insertComparison(
  manager: EntityManager,
  kind: ReconciliationKind,
  beganAt: Date,
  { charts, sections, skipped, differences, found }: Tally,
  endedAt: string | null = null,
): Promise<void> {
  await manager.query(
    `INSERT INTO reconciliation (kind, began_at, ended_at, charts, sections, skipped, differences, found)
      VALUES (?, ?, COALESCE(?, UTC_TIMESTAMP(3)), ?, ?, ?, ?, ?)`,
    [kind, beganAt, endedAt, charts, sections, skipped, differences, JSON.stringify(found)],
  );
}

/**
 * The last step of the nightly comparison: the day's signed statement, read at one moment, and then in one transaction its
 * outcome, the statement, and that the day is done. A crash before that leaves the comparison to be ended by the next start.
 */
export async function closeDay(
  ledger: DataSource,
  keys: KeyStore,
  { day, beganAt, tally }: { day: string; beganAt: Date; tally: Tally },
): Promise<DailyStatement> {
  // By itself: a push that settles under the feed's lock waits for its rows no longer than it takes.
  await ledger.transaction(async (manager) => {
    await noteHealedContent(manager);
    crashPoint('before-commit:healed-noted');
  });
  crashPoint('after-commit:healed-noted');
  const { readAt, made } = await ledger.transaction('REPEATABLE READ', async (manager) => ({
    // Before the snapshot: a comparison that ends behind it belongs to the next statement.
    readAt: await readNow(manager),
    made: await makeStatement(manager, keys.siteId, day, tally),
  }));
  await ledger.transaction(async (manager) => {
    await insertComparison(manager, 'openemr', beganAt, tally, readAt);
    await manager.query('REPLACE INTO reconciliation_statement (day, signed, made_at) VALUES (?, ?, ?)', [
      day,
      JSON.stringify(signStatement('reconciliation', made, keys.signing)),
      readAt,
    ]);
    await manager.query(
      'UPDATE reconciliation_state SET content_after = NULL, content_so_far = NULL, content_began_at = NULL WHERE id = 1',
    );
    crashPoint('before-commit:day-closed');
  });
  crashPoint('after-commit:day-closed');
  return made;
}

/** The database's clock, as its columns take it. */
async function readNow(manager: EntityManager): Promise<string> {
  const rows: unknown = await manager.query('SELECT CAST(UTC_TIMESTAMP(3) AS CHAR) AS now');
  return Now.parse(rows)[0].now;
}

async function makeStatement(
  manager: EntityManager,
  site: string,
  day: string,
  { charts, sections, skipped, differences }: Tally,
): Promise<DailyStatement> {
  const rows: unknown = await manager.query(
    `SELECT differences, found FROM reconciliation WHERE kind = 'dmz' AND ended_at >
        COALESCE((SELECT MAX(made_at) FROM reconciliation_statement), DATE_SUB(UTC_TIMESTAMP(3), INTERVAL 1 DAY))
      ORDER BY id`,
  );
  const runs = Runs.parse(rows);
  const found: z.infer<typeof Found> = {};
  for (const each of runs) {
    const ofRun = Found.parse(JSON.parse(each.found));
    for (const kind of DIFFERENCES) {
      const sum = (found[kind] ?? 0) + (ofRun[kind] ?? 0);
      if (sum > 0) {
        found[kind] = sum;
      }
    }
  }
  const counted: unknown = await manager.query(
    'SELECT (SELECT COUNT(*) FROM chart WHERE seq > 0) AS charts, (SELECT COUNT(*) FROM chart_section) AS sections',
  );
  const buckets = await readBuckets(manager);
  const { compared, since } = await readCompared(manager);
  const { listed, more } = await readDifferences(manager, since);
  return {
    v: PROTOCOL_VERSION,
    site,
    day,
    at: new Date().toISOString(),
    ...Counted.parse(counted)[0],
    root: heartbeatRoot(buckets.map((leaves) => bucketRoot(leaves))),
    withDmz: {
      comparisons: runs.length,
      differences: runs.reduce((sum, run) => sum + run.differences, 0),
      found,
      left: runs.at(-1)?.differences ?? 0,
    },
    withOpenEmr: { charts, sections, skipped, differences },
    previous: await readPrevious(manager, day),
    classes: await readClassFigures(manager),
    compared,
    differing: listed,
    more,
  };
}

/** What the DMZ held last, and since when differences belong to the statement that is being made. */
async function readCompared(manager: EntityManager): Promise<{ compared: Compared | null; since: string }> {
  const rows: unknown = await manager.query(
    `SELECT compared, CAST(COALESCE((SELECT MAX(made_at) FROM reconciliation_statement),
                                    DATE_SUB(UTC_TIMESTAMP(3), INTERVAL 1 DAY)) AS CHAR) AS since
       FROM reconciliation_state WHERE id = 1`,
  );
  const [state] = States.parse(rows);
  const compared = state?.compared ?? null;
  return { compared: compared === null ? null : Compared.parse(JSON.parse(compared)), since: state?.since ?? '' };
}

async function readPrevious(manager: EntityManager, day: string): Promise<DailyStatement['previous']> {
  const rows: unknown = await manager.query(
    'SELECT day, signed FROM reconciliation_statement WHERE day < ? ORDER BY day DESC LIMIT 1',
    [day],
  );
  const [previous] = Previous.parse(rows);
  return previous === undefined
    ? null
    : { day: previous.day, hash: statementHash(Signed.parse(JSON.parse(previous.signed))) };
}
