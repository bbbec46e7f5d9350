import type { DataSource, EntityManager } from 'typeorm';
import { z } from 'zod';
import { bucketRoot, heartbeatRoot } from 'sync-contract/heartbeat';
import { Digest, Instant, SiteId } from 'sync-contract/identifiers';
import { PROTOCOL_VERSION, ProtocolVersion } from 'sync-contract/protocol';
import { Signed, signStatement, verifyStatement } from 'sync-contract/signed';
import { crashPoint } from '../crash-point.js';
import type { KeyStore } from '../keys/key-store.js';
import type { ReconciliationKind } from '../ledger/reconciliation.entities.js';
import { readBuckets } from '../replicate/heartbeat.js';
import { DIFFERENCES, type Tally } from './difference.js';

const Found = z.partialRecord(z.enum(DIFFERENCES), z.int().min(0));

/** What the agent found in one day, and what the replica was then. Numbers and one hash, nothing about anybody. */
export const DailyStatement = z.strictObject({
  v: ProtocolVersion,
  site: SiteId,
  /** the clinic's, `yyyy-MM-dd` */
  day: z.string().regex(/^\d{4}-\d{2}-\d{2}$/),
  at: Instant,
  charts: z.int().min(0),
  sections: z.int().min(0),
  /** over the manifests of all charts, as in a heartbeat */
  root: Digest,
  /** since the statement before this one; the last of them says what was left */
  withDmz: z.strictObject({ comparisons: z.int(), differences: z.int(), found: Found, left: z.int() }),
  /** everything read from OpenEMR again */
  withOpenEmr: z.strictObject({ charts: z.int(), sections: z.int(), skipped: z.int(), differences: z.int() }),
});
export type DailyStatement = z.infer<typeof DailyStatement>;

export interface KeptStatement {
  statement: DailyStatement;
  /** false: the row does not hold what the agent signed */
  genuine: boolean;
}

export interface LastComparison {
  at: string;
  differences: number;
}

const Runs = z.array(z.object({ differences: z.number(), found: z.string() }));
const Counted = z.tuple([z.object({ charts: z.coerce.number(), sections: z.coerce.number() })]);
const Rows = z.array(z.object({ day: z.string(), signed: z.string() }));
const Last = z.array(z.object({ at: z.date(), differences: z.number() }));

/** Keeps the outcome of a comparison that came to its end. */
export async function keepComparison(
  ledger: DataSource,
  kind: ReconciliationKind,
  beganAt: Date,
  tally: Tally,
): Promise<void> {
  await ledger.transaction(async (manager) => {
    await insertComparison(manager, kind, beganAt, tally);
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
): Promise<void> {
  await manager.query(
    `INSERT INTO reconciliation (kind, began_at, ended_at, charts, sections, skipped, differences, found)
      VALUES (?, ?, UTC_TIMESTAMP(3), ?, ?, ?, ?, ?)`,
    [kind, beganAt, charts, sections, skipped, differences, JSON.stringify(found)],
  );
}

/**
 * The last step of the nightly comparison, in one transaction: its outcome, the day's signed statement, and that the day
 * is done. A crash before it leaves the comparison to be ended by the next start.
 */
export async function closeDay(
  ledger: DataSource,
  keys: KeyStore,
  { day, beganAt, tally }: { day: string; beganAt: Date; tally: Tally },
): Promise<DailyStatement> {
  const statement = await ledger.transaction(async (manager) => {
    await insertComparison(manager, 'openemr', beganAt, tally);
    const made = await makeStatement(manager, keys.siteId, day, tally);
    await manager.query(
      'REPLACE INTO reconciliation_statement (day, signed, made_at) VALUES (?, ?, UTC_TIMESTAMP(3))',
      [day, JSON.stringify(signStatement('reconciliation', made, keys.signing))],
    );
    await manager.query(
      'UPDATE reconciliation_state SET content_after = NULL, content_so_far = NULL, content_began_at = NULL WHERE id = 1',
    );
    crashPoint('before-commit:day-closed');
    return made;
  });
  crashPoint('after-commit:day-closed');
  return statement;
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
  };
}

/** The newest first. */
export async function readStatements(manager: EntityManager, keys: KeyStore, limit: number): Promise<KeptStatement[]> {
  const rows: unknown = await manager.query(
    'SELECT day, signed FROM reconciliation_statement ORDER BY day DESC LIMIT ?',
    [limit],
  );
  return Rows.parse(rows).map(({ day, signed: text }) => {
    const signed = Signed.parse(JSON.parse(text));
    const statement = DailyStatement.parse(JSON.parse(signed.body));
    return { statement, genuine: statement.day === day && isGenuine(signed, statement, keys) };
  });
}

function isGenuine(signed: Signed, { at, site }: DailyStatement, keys: KeyStore): boolean {
  try {
    verifyStatement('reconciliation', signed, DailyStatement, (kid) => keys.signer(kid, new Date(at)));
    return site === keys.siteId;
  } catch {
    return false;
  }
}

/** The last comparison of a kind that came to its end; null before the first. */
export async function readLastComparison(
  manager: EntityManager,
  kind: ReconciliationKind,
): Promise<LastComparison | null> {
  const rows: unknown = await manager.query(
    'SELECT ended_at AS at, differences FROM reconciliation WHERE kind = ? ORDER BY id DESC LIMIT 1',
    [kind],
  );
  const [last] = Last.parse(rows);
  return last === undefined ? null : { at: last.at.toISOString(), differences: last.differences };
}
