import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { issueOwnLink } from '../services/certificates.js';
import { ensureSecret, readSecret } from '../services/data-folder.js';
import { declaredRedisUsers } from '../services/redis-users.js';
import { DATABASE_ACCOUNTS, REDIS_ACCOUNTS, type Zone } from '../zones/zones.js';
import { accountsSql, grantsSql } from './account-statements.js';
import { readersOfSecrets } from './compose-file.js';
import { BACKUP_WRITERS, residents, SHARES, type Share } from './placement.js';
import { namesOfTheInstallation, type Way } from './program-environments.js';

export interface Preparation {
  zone: Zone;
  way: Way;
  /** folder of the file with what only the installation knows */
  configuration: string;
  /** folder of the files that belong to one process each */
  secrets: string;
  /** folder of what the servers and the agent write */
  state: string;
  /** what `setup` wrote for this host, and the certificates that others gave */
  from?: string;
  /** false where the caller is not root: files then stay the caller's */
  owned: boolean;
}

export interface Outcome {
  done: string[];
  /** files that some process needs and nobody has brought yet */
  missing: string[];
  /** values of the installation that stand empty in the zone's environment file */
  unset: string[];
}

/** Secrets of the DMZ beside the accounts' passwords: made where they are used, and nowhere else. */
const DMZ_KEYS = ['pepper.key', 'blind-index.key'];

/**
 * Makes what a host needs before its first start, and may be repeated at any time: what is there is kept, certificates
 * near their end are made anew, statements and owners follow the description. Nothing made here leaves the host.
 */
export async function prepareHost(preparation: Preparation): Promise<Outcome> {
  const { zone, secrets, state, from, owned } = preparation;
  mkdirSync(secrets, { recursive: true, mode: 0o711 });
  chmodSync(secrets, 0o711);
  const done: string[] = [];
  const accounts: readonly string[] = [...(zone === 'dmz' ? DATABASE_ACCOUNTS.dmz : []), ...REDIS_ACCOUNTS[zone]];
  const secretFile = (account: string): string => join(secrets, `${account}.password`);
  for (const file of [
    ...accounts.map(secretFile),
    ...(zone === 'dmz' ? DMZ_KEYS : []).map((name) => join(secrets, name)),
  ]) {
    ensureSecret(file);
  }
  if (await issueOwnLink(zone, secrets, zone === 'dmz' ? ['mariadb', 'redis'] : ['redis'])) {
    done.push(`certificates of the ${zone}'s own servers, good for 398 days`);
  }
  replace(join(secrets, 'users.acl'), `${declaredRedisUsers({ zone, secretFile }).join('\n')}\n`);
  if (zone === 'dmz') {
    replace(
      join(secrets, 'accounts.sql'),
      accountsSql(preparation.way, (account) => readSecret(secretFile(account))),
    );
    replace(join(secrets, 'grants.sql'), grantsSql(preparation.way));
  }
  const readers = readersOfSecrets(zone);
  if (from !== undefined) {
    done.push(...take([...readers.keys()], from, secrets));
  }
  const missing = [...readers.keys()].filter((name) => !existsSync(join(secrets, name))).sort();
  for (const [name, uids] of readers) {
    if (!missing.includes(name)) {
      close(join(secrets, name), [...uids], owned);
    }
  }
  for (const folder of statefulFolders(zone)) {
    makeFolder(join(state, folder.name), folder.uid, owned);
  }
  if (zone === 'inside') {
    const keys = join(state, 'keys');
    if (from !== undefined && existsSync(join(from, 'keys'))) {
      done.push(...takeKeys(join(from, 'keys'), keys));
    }
    // All, also those that a run which broke off has left.
    for (const name of readdirSync(keys)) {
      close(join(keys, name), [SHARES['sync-agent'].uid], owned);
    }
  }
  return { done, missing, unset: writeEnvironment(preparation) };
}

/** Stays where it is: who has it can make keys that the DMZ believes. */
const ROOT_KEY = 'root.key';
const STATEMENTS = 'statements.json';

/**
 * A key that is there is never replaced. The statements are when those that are brought hold all of the present ones:
 * `keys init` adds to them where the root key is.
 */
function takeKeys(from: string, to: string): string[] {
  const names = readdirSync(from);
  const fresh = names.filter((name) => ![ROOT_KEY, STATEMENTS].includes(name) && !existsSync(join(to, name)));
  const newer = names.includes(STATEMENTS) && addsStatements(join(from, STATEMENTS), join(to, STATEMENTS));
  // Last: a statement whose key is not there would lose submissions.
  for (const name of [...fresh, ...(newer ? [STATEMENTS] : [])]) {
    // Whole or not at all, and never through the old file, which is closed.
    copyFileSync(join(from, name), join(to, `${name}.new`));
    renameSync(join(to, `${name}.new`), join(to, name));
  }
  return [
    'the keys of the agent that were not there',
    ...(newer ? ['the statements of its keys'] : []),
    ...(names.includes(ROOT_KEY) ? [`not ${ROOT_KEY}: keep it offline, and take it away from here`] : []),
  ];
}

const Statements = z.array(z.looseObject({ signature: z.string() }));

function addsStatements(brought: string, present: string): boolean {
  if (!existsSync(present)) {
    return true;
  }
  const [theirs, ours] = [brought, present].map((file) => {
    const statements = Statements.parse(JSON.parse(readFileSync(file, 'utf8')));
    return new Set(statements.map(({ signature }) => signature));
  });
  return (
    theirs !== undefined && ours !== undefined && theirs.size > ours.size && [...ours].every((each) => theirs.has(each))
  );
}

/**
 * The values that a person or `setup` gave, and no others: what a unit or compose file sets must not be overridden from
 * here. What is in the file already stays. @returns names that have no value yet
 */
function writeEnvironment({ zone, way, configuration, from }: Preparation): string[] {
  const file = join(configuration, `${zone}.env`);
  const given = from === undefined ? new Map<string, string>() : assignments(join(from, `${zone}.env`));
  const present = assignments(file);
  const names = namesOfTheInstallation(zone, way);
  const value = (name: string): string => present.get(name) ?? given.get(name) ?? '';
  writeFileSync(file, names.map((name) => `${name}=${value(name)}\n`).join(''), { mode: 0o644 });
  return names.filter((name) => value(name) === '');
}

/** Assignments as they stand, quotes included; a value that is empty is none. */
function assignments(file: string): Map<string, string> {
  const text = existsSync(file) ? readFileSync(file, 'utf8') : '';
  return new Map([...text.matchAll(/^(\w+)=(.+)$/gm)].map(([, name = '', value = '']) => [name, value]));
}

/** What is brought replaces what is there; what is made here is never brought. */
function take(names: string[], from: string, secrets: string): string[] {
  const brought = names.filter((name) => existsSync(join(from, name)));
  for (const name of brought) {
    rmSync(join(secrets, name), { force: true });
    copyFileSync(join(from, name), join(secrets, name));
  }
  return brought.map((name) => `${name} taken over`);
}

function close(path: string, uids: number[], owned: boolean): void {
  const [only, another] = uids;
  const shared = another !== undefined;
  if (owned && only !== undefined) {
    chownSync(path, shared ? 0 : only, shared ? 0 : only);
  }
  chmodSync(path, shared ? 0o444 : 0o400);
}

function replace(path: string, text: string): void {
  rmSync(path, { force: true });
  writeFileSync(path, text, { mode: 0o400 });
}

function statefulFolders(zone: Zone): { name: string; uid: number }[] {
  const servers = residents(zone).flatMap((name) => {
    const { uid, writes }: Share = SHARES[name];
    return writes === undefined ? [] : [{ name: writes, uid }];
  });
  const own = [...servers, { name: 'backups', uid: BACKUP_WRITERS[zone].uid }];
  return zone === 'inside' ? [...own, { name: 'keys', uid: SHARES['sync-agent'].uid }] : own;
}

function makeFolder(path: string, uid: number, owned: boolean): void {
  mkdirSync(path, { recursive: true });
  if (owned) {
    chownSync(path, uid, uid);
  }
  chmodSync(path, 0o700);
}
