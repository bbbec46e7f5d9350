import { createHash } from 'node:crypto';
import { DEFAULT_DATABASES } from '../services/services.js';
import { declaredRights, rightInSql } from '../services/grants.js';
import { ACCOUNT_HOST } from '../services/mariadb-server.js';
import { DATABASE_ACCOUNTS } from '../zones/zones.js';
import { ACCOUNT_ADDRESSES } from './container-networks.js';
import type { Way } from './program-environments.js';

const NAMES = { portal: DEFAULT_DATABASES.portal };

/**
 * What the DMZ's MariaDB runs at every start: the database, the accounts with the passwords of their files, and the
 * deployment's rights, which need no table. One statement a line, as the server wants it. Holds hashes of random
 * passwords of 256 bits, never a password.
 */
export function accountsSql(way: Way, password: (account: string) => string): string {
  const accounts = DATABASE_ACCOUNTS.dmz.flatMap((account) => {
    const identity = `IDENTIFIED VIA mysql_native_password USING '${nativeHash(password(account))}' REQUIRE SSL`;
    return [
      `CREATE USER IF NOT EXISTS ${nameOf(account, way)} ${identity};`,
      `ALTER USER ${nameOf(account, way)} ${identity};`,
    ];
  });
  return lines([`CREATE DATABASE IF NOT EXISTS \`${NAMES.portal}\`;`, ...accounts, ...grants(way, isOfDatabase)]);
}

/**
 * What is run after every migration: all rights are taken away and the declared ones given, so that an account has what
 * `infra/grants/dmz.sql` says and nothing else.
 */
export function grantsSql(way: Way): string {
  const revoked = DATABASE_ACCOUNTS.dmz.map(
    (account) => `REVOKE ALL PRIVILEGES, GRANT OPTION FROM ${nameOf(account, way)};`,
  );
  return lines([...revoked, ...grants(way, () => true)]);
}

/** The address from which an account comes; from anywhere else it does not exist. */
export function accountAddress(account: string, way: Way): string {
  const address = way === 'compose' ? ACCOUNT_ADDRESSES[account] : ACCOUNT_HOST;
  if (address === undefined) {
    throw new Error(`${account} has no address in the containers' networks`);
  }
  return address;
}

function grants(way: Way, which: (object: string) => boolean): string[] {
  return declaredRights('dmz', NAMES)
    .filter(({ object }) => which(object))
    .map((right) => `GRANT ${rightInSql(right)} TO ${nameOf(right.account, way)};`);
}

function isOfDatabase(object: string): boolean {
  return object.endsWith('*');
}

function nameOf(account: string, way: Way): string {
  return `'${account}'@'${accountAddress(account, way)}'`;
}

/** As MariaDB keeps a password of `mysql_native_password`. */
function nativeHash(password: string): string {
  const once = createHash('sha1').update(password).digest();
  return `*${createHash('sha1').update(once).digest('hex').toUpperCase()}`;
}

function lines(statements: string[]): string {
  return `${statements.join('\n')}\n`;
}
