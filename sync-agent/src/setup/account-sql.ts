import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { FeedConfig } from '../config.js';
import type { KnownVersion } from '../openemr/known-versions.js';
import { grantWithout, lackingOf } from '../openemr/version-differences.js';

export const AGENT_ACCOUNTS = ['agent_reader', 'agent_writer', 'agent_feed', 'ledger_owner'] as const;
export type AgentAccount = (typeof AGENT_ACCOUNTS)[number];

/** Polling does without the account that reads the binlog. */
export function accountsFor(feed: FeedConfig['kind']): readonly AgentAccount[] {
  return AGENT_ACCOUNTS.filter((account) => feed === 'binlog' || account !== 'agent_feed');
}

export interface AccountSqlOptions {
  version: KnownVersion;
  openemr: string;
  ledger: string;
  /** address of the agent's host as MariaDB sees it */
  agentHost: string;
  feed: FeedConfig['kind'];
  password: (account: AgentAccount) => string;
}

/** The rights of every account inside; the launcher of the demo grants from the same file. */
const GRANTS = new URL('../../grants/inside.sql', import.meta.url);

/**
 * What the clinic's database administrator runs once, and again after a change of the grants: the ledger's database,
 * the accounts, and their declared rights in place of whatever they had. Passwords of 256 random bits stand in it
 * as MariaDB's hashes only.
 */
export function accountSql(options: AccountSqlOptions): string {
  const { version, openemr, ledger, agentHost } = options;
  const accounts: readonly string[] = accountsFor(options.feed);
  const names = accountsFor(options.feed).map((account) => ({ account, name: `'${account}'@'${agentHost}'` }));
  return [
    `-- For OpenEMR ${version}, MariaDB 10.5 or later. After OpenEMR's upgrade: setup with its new version, and this again.`,
    `-- Run as an administrator of OpenEMR's database server:  mariadb < this-file`,
    `CREATE DATABASE IF NOT EXISTS \`${ledger}\` CHARACTER SET utf8mb4;`,
    `-- Account statements hold hashes and stay out of the binlog; the ledger's tables are in it, and so is their database.`,
    'SET SESSION sql_log_bin = 0;',
    ...names.flatMap(({ account, name }) => {
      const identity = `IDENTIFIED BY PASSWORD '${nativeHash(options.password(account))}' REQUIRE SSL`;
      return [
        `CREATE USER IF NOT EXISTS ${name} ${identity};`,
        `ALTER USER ${name} ${identity};`,
        `REVOKE ALL PRIVILEGES, GRANT OPTION FROM ${name};`,
      ];
    }),
    ...declaredGrants(version)
      .filter(({ account }) => accounts.includes(account))
      .map(({ account, statement }) =>
        `${statement} TO '${account}'@'${agentHost}';`
          .replaceAll('{{openemr}}', `\`${openemr}\``)
          .replaceAll('{{ledger}}', `\`${ledger}\``),
      ),
    '',
  ].join('\n');
}

/** `GRANT …` without its account, as far as a version of OpenEMR has what it names. */
export function declaredGrants(version: KnownVersion): { account: string; statement: string }[] {
  const lacking = lackingOf(version);
  return readFileSync(GRANTS, 'utf8')
    .replace(/^\s*--.*$/gm, '')
    .split(';')
    .map((text) => text.replace(/\s+/g, ' ').trim())
    .filter((text) => text !== '')
    .flatMap((text) => {
      const [, statement, account] = /^(GRANT .+) TO (\w+)$/.exec(text) ?? [];
      if (statement === undefined || account === undefined) {
        throw new Error(`grants/inside.sql has a statement that is no grant: ${text.slice(0, 60)}`);
      }
      const present = grantWithout(statement, lacking);
      return present === null ? [] : [{ account, statement: present }];
    });
}

/** As MariaDB keeps a password of `mysql_native_password`. */
function nativeHash(password: string): string {
  const once = createHash('sha1').update(password).digest();
  return `*${createHash('sha1').update(once).digest('hex').toUpperCase()}`;
}
