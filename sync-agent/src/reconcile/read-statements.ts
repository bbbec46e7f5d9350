import { DateTime } from 'luxon';
import type { EntityManager } from 'typeorm';
import { z } from 'zod';
import { Signed, statementHash, verifyStatement } from 'sync-contract/signed';
import type { KeyStore } from '../keys/key-store.js';
import type { ReconciliationKind } from '../ledger/reconciliation.entities.js';
import { Compared } from './class-figures.js';
import { DailyStatement, EarlierStatement } from './daily-statement.js';
import { readSignOffs, type KeptSignOff } from './sign-off.js';

const AnyStatement = z.union([DailyStatement, EarlierStatement]);

export interface KeptStatement {
  statement: DailyStatement | z.infer<typeof EarlierStatement>;
  /** by the database's clock, behind the end of its comparison */
  madeAt: string;
  /** SHA-256 of its signed text */
  hash: string;
  /** false: the row does not hold what the agent signed */
  genuine: boolean;
  /** false: the statement before it is not the one that it names */
  chained: boolean;
  /** nights between the statement before and this one of which there is none, the first and the last; null when none is missing */
  missing: { from: string; to: string } | null;
  signOffs: KeptSignOff[];
}

export interface LastComparison {
  at: string;
  differences: number;
  /** false: a comparison with the DMZ in which the gateway could not be asked for documents' bytes */
  documentsCompared: boolean;
}

const Rows = z.array(z.object({ day: z.string(), signed: z.string(), madeAt: z.date() }));
const Last = z.array(z.object({ at: z.date(), differences: z.number(), compared: z.string().nullable() }));

/** The newest first. */
export async function readStatements(manager: EntityManager, keys: KeyStore, limit: number): Promise<KeptStatement[]> {
  // One more, for the link of the last.
  const rows: unknown = await manager.query(
    'SELECT day, signed, made_at AS madeAt FROM reconciliation_statement ORDER BY day DESC LIMIT ?',
    [limit + 1],
  );
  const found = Rows.parse(rows).map(({ day, signed: text, madeAt }) => {
    const signed = Signed.parse(JSON.parse(text));
    const statement = AnyStatement.parse(JSON.parse(signed.body));
    return { day, signed, madeAt: madeAt.toISOString(), hash: statementHash(signed), statement };
  });
  const signOffs = await readSignOffs(
    manager,
    keys,
    found.map(({ day }) => day),
  );
  return found.slice(0, limit).map(({ day, signed, madeAt, hash, statement }, index) => {
    const before = found[index + 1] ?? null;
    return {
      statement,
      madeAt,
      hash,
      genuine: statement.day === day && isGenuine(signed, statement, keys),
      chained: isChained(statement, before),
      missing: before === null ? null : nightsBetween(before.day, day),
      signOffs: signOffs.filter((each) => each.signOff.day === day),
    };
  });
}

/** The last comparison of a kind that came to its end; null before the first. */
export async function readLastComparison(
  manager: EntityManager,
  kind: ReconciliationKind,
): Promise<LastComparison | null> {
  const rows: unknown = await manager.query(
    `SELECT ended_at AS at, differences, IF(kind = 'dmz', (SELECT compared FROM reconciliation_state WHERE id = 1), NULL)
              AS compared
       FROM reconciliation WHERE kind = ? ORDER BY id DESC LIMIT 1`,
    [kind],
  );
  const [last] = Last.parse(rows);
  if (last === undefined) {
    return null;
  }
  const { at, differences, compared } = last;
  const documentsCompared = compared === null || Compared.parse(JSON.parse(compared)).documentsCompared !== false;
  return { at: at.toISOString(), differences, documentsCompared };
}

/** Statements of before the chain name none. */
function isChained(statement: KeptStatement['statement'], before: { day: string; hash: string } | null): boolean {
  if (!('previous' in statement)) {
    return true;
  }
  const { previous } = statement;
  return previous === null ? before === null : previous.day === before?.day && previous.hash === before.hash;
}

function nightsBetween(before: string, day: string): KeptStatement['missing'] {
  const from = DateTime.fromISO(before, { zone: 'utc' }).plus({ days: 1 }).toISODate() ?? '';
  const to = DateTime.fromISO(day, { zone: 'utc' }).minus({ days: 1 }).toISODate() ?? '';
  return from > to ? null : { from, to };
}

function isGenuine(signed: Signed, { at, site }: KeptStatement['statement'], keys: KeyStore): boolean {
  try {
    verifyStatement('reconciliation', signed, AnyStatement, (kid) => keys.signer(kid, new Date(at)));
    return site === keys.siteId;
  } catch {
    return false;
  }
}
