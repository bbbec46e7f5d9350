import { readFileSync } from 'node:fs';
import type { LedgerAddress } from '../config.js';
import type { Role } from './check-accounts.js';
import { grantWithout, type Lacking } from '../openemr/version-differences.js';
import { finding, type Finding } from './finding.js';

/** One right: `SELECT` or `SELECT (column)`, on `*.*`, `database.*` or `database.table`; all in lower case, unquoted. */
export interface Right {
  privilege: string;
  object: string;
}

/** The declared rights of every account inside. */
const DECLARED = new URL('../../grants/inside.sql', import.meta.url);
/** Names of the accounts in that file; an installation may have given them others. */
const ACCOUNTS = {
  reader: 'agent_reader',
  writer: 'agent_writer',
  feed: 'agent_feed',
  owner: 'ledger_owner',
} as const satisfies Record<Role, string>;
const NAMED = 5;

const GRANT = /^GRANT (.+) ON (?:TABLE )?(\S+) TO (\S+)(.*)$/s;

/** What an account is declared to have, whole, as far as this OpenEMR has it. */
export function declaredRights(role: Role, { openemrName, ledgerName }: LedgerAddress, lacking: Lacking): Right[] {
  return readFileSync(DECLARED, 'utf8')
    .replace(/^\s*--.*$/gm, '')
    .split(';')
    .map((statement) => grantWithout(statement.trim(), lacking))
    .filter((statement) => statement !== null)
    .filter((statement) => statement.endsWith(` TO ${ACCOUNTS[role]}`))
    .map((statement) => statement.replaceAll('{{openemr}}', openemrName).replaceAll('{{ledger}}', ledgerName))
    .flatMap(parseGrant);
}

/**
 * Splits a statement, ours or one that SHOW GRANTS printed, into rights. What is not understood (a role, say) stays as a
 * right of its own, so that it shows up as excess; nothing of the account's line but its rights is kept.
 */
export function parseGrant(statement: string): Right[] {
  const plain = statement
    .replaceAll('`', '')
    .replaceAll("'", '')
    .replace(/\\([_%])/g, '$1')
    .replace(/\s+/g, ' ')
    .trim();
  const [, privileges, object = '', , rest = ''] = GRANT.exec(plain) ?? [];
  if (privileges === undefined) {
    return [{ privilege: plain.replace(/ TO .*$/, '').toLowerCase(), object: '*.*' }];
  }
  const rights: Right[] = [];
  for (const [, kind = '', columns] of privileges.matchAll(/([A-Z][A-Z ]*?)(?: ?\(([^)]*)\))?(?:, |$)/g)) {
    if (kind !== 'USAGE') {
      rights.push(...(columns?.split(',') ?? ['']).map((column) => rightOf(kind, column.trim(), object)));
    }
  }
  return rest.includes('GRANT OPTION') ? [...rights, rightOf('GRANT OPTION', '', object)] : rights;
}

function rightOf(kind: string, column: string, object: string): Right {
  return {
    privilege: (column === '' ? kind : `${kind} (${column})`).toLowerCase(),
    object: object.toLowerCase(),
  };
}

/** What is missing and what is more, compared whole. A wider right makes up for a missing one, and is excess itself. */
export function compareRights(
  declared: readonly Right[],
  live: readonly Right[],
): { missing: Right[]; excess: Right[] } {
  const wanted = new Set(declared.map(textOf));
  const had = new Set(live.map(textOf));
  return {
    missing: declared.filter((right) => !widerThan(right).some((each) => had.has(textOf(each)))),
    excess: live.filter((right) => !wanted.has(textOf(right))),
  };
}

/** The right itself and every one that contains it. */
function widerThan({ privilege, object }: Right): Right[] {
  const [database = '*'] = object.split('.');
  const kinds = [...new Set([privilege, privilege.replace(/ \(.*\)$/, ''), 'all privileges'])];
  return [...new Set([object, `${database}.*`, '*.*'])].flatMap((on) =>
    kinds.map((kind) => ({ privilege: kind, object: on })),
  );
}

export function checkGrants(
  role: Role,
  user: string,
  database: LedgerAddress,
  grants: readonly string[],
  lacking: Lacking,
): { missing: Finding[]; excess: Finding[] } {
  const { missing, excess } = compareRights(declaredRights(role, database, lacking), grants.flatMap(parseGrant));
  return {
    missing:
      missing.length === 0
        ? []
        : [
            finding(
              'grant-missing',
              `the database account ${user} lacks ${list(missing)}`,
              'run the GRANT statements of `setup` again, as an administrator of the server',
            ),
          ],
    excess:
      excess.length === 0
        ? []
        : [
            finding(
              'grant-excessive',
              `the database account ${user} has more than its declared grants: ${list(excess)}`,
              'REVOKE it, or run the statements of `setup` again, which replace what the account had',
            ),
          ],
  };
}

function list(rights: readonly Right[]): string {
  const named = rights.slice(0, NAMED).map(textOf).join(', ');
  return rights.length > NAMED ? `${named} and ${String(rights.length - NAMED)} more` : named;
}

function textOf({ privilege, object }: Right): string {
  return `${privilege.replace(/^[^(]+/, (words) => words.toUpperCase())} on ${object}`;
}
