import { readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { DATABASE_ACCOUNTS, type Zone } from '../zones/zones.js';
import { grantsFile } from './grants-files.js';
import { ACCOUNT_HOST, adminQuery, withAdmin } from './mariadb-server.js';

/** Names of the databases that stand for the placeholders {{portal}}, {{openemr}}, {{ledger}} of the grants files. */
export interface DatabaseNames {
  portal?: string;
  openemr?: string;
  ledger?: string;
}

/** One right of one account: the smallest thing that is granted, compared, or revoked. */
export interface Right {
  account: string;
  /** `SELECT`, or `SELECT (column)`. */
  privilege: string;
  /** `*.*`, `database.*` or `database.table`, without quotes. */
  object: string;
}

export interface GrantsDifference {
  missing: Right[];
  excess: Right[];
}

const GRANT = /^GRANT (.+) ON (?:TABLE )?(\S+) TO (\S+)(.*)$/s;

/** The rights declared for a zone, in the databases whose names are given. */
export function declaredRights(zone: Zone, names: DatabaseNames): Right[] {
  const statements = readFileSync(grantsFile(`${zone}.sql`), 'utf8')
    .replace(/^\s*--.*$/gm, '')
    .split(';')
    .map((statement) => statement.trim())
    .filter((statement) => statement !== '');
  return statements.flatMap((statement) => {
    const placeholder = /\{\{(portal|openemr|ledger)\}\}/.exec(statement);
    const name = placeholder ? names[placeholder[1] as keyof DatabaseNames] : '';
    return name === undefined ? [] : parseGrant(statement.replace(/\{\{\w+\}\}/g, name));
  });
}

/**
 * Splits a GRANT statement, ours or one that SHOW GRANTS printed, into its rights. Every form of statement is either
 * understood or kept as a right of its own, so that an unknown form shows up as excess.
 */
export function parseGrant(statement: string): Right[] {
  const match = GRANT.exec(statement.replaceAll('`', '').replaceAll("'", '').replace(/\s+/g, ' ').trim());
  if (!match) {
    return [{ account: '?', privilege: statement, object: '?' }];
  }
  const [, privileges = '', object = '', grantee = '', rest = ''] = match;
  const account = grantee.replace(`@${ACCOUNT_HOST}`, '');
  const rights: Right[] = [];
  for (const [, kind = '', columns] of privileges.matchAll(/([A-Z][A-Z ]*?)(?: ?\(([^)]*)\))?(?:, |$)/g)) {
    // USAGE is the absence of rights, and stands for the account itself.
    if (kind === 'USAGE') {
      continue;
    }
    for (const column of columns === undefined ? [''] : columns.split(',')) {
      rights.push({ account, privilege: column === '' ? kind : `${kind} (${column.trim()})`, object });
    }
  }
  if (/GRANT OPTION/.test(rest)) {
    rights.push({ account, privilege: 'GRANT OPTION', object });
  }
  return rights;
}

/** What the server itself says about every account that is not its own. */
export async function liveRights(socket: string): Promise<Right[]> {
  const accounts = await adminQuery(
    socket,
    "SELECT User AS user, Host AS host FROM mysql.global_priv WHERE Host <> 'localhost' OR User NOT IN ('root', 'mariadb.sys', ?)",
    [userInfo().username],
  );
  const rights: Right[] = [];
  for (const { user, host } of accounts) {
    const grants = await adminQuery(socket, 'SHOW GRANTS FOR ?@?', [String(user), String(host)]);
    for (const row of grants) {
      rights.push(...parseGrant(String(Object.values(row)[0])));
    }
    if (!/REQUIRE SSL/.test(String(Object.values(grants[0] ?? {})[0]))) {
      rights.push({ account: String(user), privilege: 'to come without TLS', object: '*.*' });
    }
    if (host !== ACCOUNT_HOST) {
      rights.push({ account: String(user), privilege: `to come from ${String(host)}`, object: '*.*' });
    }
  }
  return rights;
}

/**
 * Compares the live rights with the declared ones, whole. `only` restricts the comparison to global rights and the
 * named databases; without it, every right in any database counts, and so does every account that is not declared.
 */
export async function compareGrants(
  zone: Zone,
  socket: string,
  names: DatabaseNames,
  only?: 'named databases',
): Promise<GrantsDifference> {
  const declared = declaredRights(zone, names);
  const databases = new Set<string>(['*', ...namesGiven(names)]);
  const live = (await liveRights(socket)).filter(
    (right) => only === undefined || databases.has(right.object.split('.')[0] ?? ''),
  );
  const [wanted, had] = [new Set(declared.map(rightText)), new Set(live.map(rightText))];
  const accounts = await adminQuery(socket, 'SELECT User AS user FROM mysql.global_priv WHERE Host = ?', [
    ACCOUNT_HOST,
  ]);
  const strangers = accounts
    .map(({ user }) => String(user))
    .filter((user) => !(DATABASE_ACCOUNTS[zone] as readonly string[]).includes(user))
    .map((account) => ({ account, privilege: 'to exist', object: '*.*' }));
  return {
    missing: declared.filter((right) => !had.has(rightText(right))),
    excess: [...live.filter((right) => !wanted.has(rightText(right))), ...strangers],
  };
}

/** Makes the live rights in the named databases equal to the declared ones: grants what is missing, revokes what is more. */
export async function convergeGrants(
  zone: Zone,
  socket: string,
  names: DatabaseNames,
  scope: 'all' | 'owners',
): Promise<void> {
  const { missing, excess } = await compareGrants(zone, socket, names, 'named databases');
  await withAdmin(socket, async (connection) => {
    await connection.query('SET SESSION sql_log_bin = 0');
    for (const right of missing) {
      // A table's rights wait until the migrations have made the table.
      if (scope === 'all' || right.object.endsWith('*')) {
        await connection.query(`GRANT ${rightInSql(right)} TO ?@?`, [right.account, ACCOUNT_HOST]);
      }
    }
    for (const right of excess.filter(({ privilege }) => !privilege.startsWith('to '))) {
      await connection.query(`REVOKE ${rightInSql(right)} FROM ?@?`, [right.account, ACCOUNT_HOST]);
    }
  });
}

/** What stands between GRANT and TO. */
export function rightInSql({ privilege, object }: Right): string {
  return `${privilege.replace(/\((.+)\)/, '(`$1`)')} ON ${quoted(object)}`;
}

/** The names that are given, in no particular order. */
export function namesGiven({ portal, openemr, ledger }: DatabaseNames): string[] {
  return [portal, openemr, ledger].filter((name) => name !== undefined);
}

export function rightText(right: Right): string {
  return `${right.account}: ${right.privilege} on ${right.object}`;
}

function quoted(object: string): string {
  return object
    .split('.')
    .map((part) => (part === '*' ? part : `\`${part}\``))
    .join('.');
}
