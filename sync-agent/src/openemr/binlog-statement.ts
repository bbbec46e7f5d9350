import { WATCHED_TABLES } from './watched-tables.js';

/** Statements that end a group of events without saying anything about rows. */
const BOUNDARY =
  /^\s*(?:BEGIN|COMMIT|ROLLBACK|SAVEPOINT|RELEASE\s+SAVEPOINT|START\s+TRANSACTION|XA\s+(?:START|BEGIN|END|PREPARE))\b/i;
const GROUP_END = /^\s*(?:COMMIT|ROLLBACK)\s*;?\s*$/i;
/** Statements about accounts, statistics and caches: no row changes, however many tables they name. */
const HARMLESS =
  /^\s*(?:GRANT|REVOKE|(?:CREATE|ALTER|DROP|RENAME)\s+(?:USER|ROLE)|SET\s+(?:PASSWORD|DEFAULT\s+ROLE)|ANALYZE|OPTIMIZE|FLUSH|CREATE\s+DATABASE|CREATE\s+(?:OR\s+REPLACE\s+)?TEMPORARY|DROP\s+(?:\/\*.*?\*\/\s*)?TEMPORARY)\b/is;
const DATABASE_GONE = /^\s*DROP\s+(?:DATABASE|SCHEMA)\b/i;
const XA_COMMIT = /^\s*XA\s+COMMIT\b/i;

const WATCHED_NAME = new RegExp(`(?<![\\w$])(?:${WATCHED_TABLES.map(({ table }) => table).join('|')})(?![\\w$])`, 'i');

export function endsGroup(statement: string): boolean {
  return GROUP_END.test(statement);
}

/**
 * Why a statement in the binlog (DDL, TRUNCATE, or a change that was logged as a statement) means that any row of a
 * watched table may have changed; null when it cannot have. Rather one time too often: the price is a render without
 * a change.
 * @param schema default database of the session that ran it
 */
export function unseenChange(statement: string, schema: string, openemr: string): string | null {
  if (XA_COMMIT.test(statement)) {
    return 'a distributed transaction was committed';
  }
  if (BOUNDARY.test(statement) || HARMLESS.test(statement)) {
    return null;
  }
  const named = new RegExp(`(?<![\\w$])${openemr}(?![\\w$])`, 'i').test(statement);
  if (DATABASE_GONE.test(statement)) {
    return named ? "OpenEMR's database was dropped" : null;
  }
  return (schema === openemr || named) && WATCHED_NAME.test(statement)
    ? 'a statement changed a watched table without saying which rows'
    : null;
}
