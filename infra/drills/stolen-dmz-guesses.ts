import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { PasswordHasher } from 'portal-api/src/credentials/password-hasher';
import { derivePasswordKeys, unwrap, verifierMatches } from 'portal-api/src/credentials/account-secrets';
import { Grant, openGrant } from 'sync-contract/grant';
import { Signed } from 'sync-contract/signed';
import { DEFAULT_DATABASES, type ZoneServices } from '../services/services.js';
import { storedColumns } from './dmz-bytes.js';
import { keyCandidates } from './key-candidates.js';
import { PASSWORD, type Victim } from './stolen-dmz-practice.js';

/** argon2id once per password and salt: what the thief repeats with another pepper costs him nothing. */
class RememberingHasher extends PasswordHasher {
  private readonly known = new Map<string, Promise<Buffer>>();

  override hash(password: string, salt: Uint8Array): Promise<Buffer> {
    const name = `${Buffer.from(salt).toString('hex')} ${password}`;
    const hashed = this.known.get(name) ?? super.hash(password, salt);
    this.known.set(name, hashed);
    return hashed;
  }
}

interface AccountRow {
  accountRef: string;
  salt: Buffer;
  verifier: Buffer;
  privateKey: Buffer;
  totp: Buffer;
}

export interface Guesses {
  /** accounts at which some pepper told that the password was right */
  withoutPepper: number;
  withPepper: number;
  accounts: number;
  /** peppers tried per account, none among them the right one */
  peppers: number;
}

/**
 * The thief has the database and, on his list, everybody's password. Without the pepper file he tries none, zeros, a
 * random one, and every value of the database in its place; a right guess would show in the verifier or in a wrap
 * that opens.
 */
export async function guessPasswords(zone: ZoneServices): Promise<Guesses> {
  const hasher = new RememberingHasher();
  const accounts = await accountRows(zone);
  const stored = keyCandidates(await storedColumns(zone, DEFAULT_DATABASES.portal));
  const peppers = [
    Buffer.alloc(0),
    Buffer.alloc(32),
    randomBytes(32),
    ...[...stored.values()].map(({ bytes }) => bytes),
  ];
  const guesses: Guesses = { withoutPepper: 0, withPepper: 0, accounts: accounts.length, peppers: peppers.length };
  for (const [number, account] of accounts.entries()) {
    // All values of the database at the first account; nothing distinguishes the others but their rows.
    for (const pepper of number === 0 ? peppers : peppers.slice(0, 3)) {
      guesses.withoutPepper += (await isConfirmed(hasher, account, pepper)) ? 1 : 0;
    }
    guesses.withPepper += (await isConfirmed(hasher, account, pepperOf(zone))) ? 1 : 0;
  }
  return guesses;
}

async function isConfirmed(hasher: PasswordHasher, account: AccountRow, pepper: Buffer): Promise<boolean> {
  const keys = await derivePasswordKeys(hasher, PASSWORD, account.salt, pepper);
  return (
    verifierMatches(keys, account.verifier) ||
    opens(() => unwrap(keys.wrapKey, account.accountRef, 'private-key', account.privateKey)) ||
    opens(() => unwrap(keys.totpKey, account.accountRef, 'totp-secret', account.totp))
  );
}

function opens(open: () => Buffer): boolean {
  try {
    open();
    return true;
  } catch {
    return false;
  }
}

/** The chart key of one patient, as sign-in opens it with everything in hand: to plant it for a control. */
export async function chartKeyOf(zone: ZoneServices, victim: Victim): Promise<Buffer> {
  const account = (await accountRows(zone)).find(({ accountRef }) => accountRef === victim.accountRef);
  const [row] = await zone.adminSql('SELECT signed FROM ??.chart_grant WHERE account_ref = ?', [
    DEFAULT_DATABASES.portal,
    Buffer.from(victim.accountRef, 'hex'),
  ]);
  if (account === undefined || row === undefined) {
    throw new Error('the victim has no account or no grant');
  }
  const keys = await derivePasswordKeys(new PasswordHasher(), PASSWORD, account.salt, pepperOf(zone));
  const privateKey = unwrap(keys.wrapKey, account.accountRef, 'private-key', account.privateKey);
  return openGrant(Grant.parse(JSON.parse(Signed.parse(JSON.parse(String(row['signed']))).body)), privateKey);
}

function pepperOf(zone: ZoneServices): Buffer {
  return Buffer.from(readFileSync(join(zone.dir, 'secrets/pepper.key'), 'utf8').trim(), 'base64url');
}

async function accountRows(zone: ZoneServices): Promise<AccountRow[]> {
  const rows = await zone.adminSql('SELECT * FROM ??.account', [DEFAULT_DATABASES.portal]);
  return rows.map((row) => {
    const bytes = (column: string): Buffer => {
      const value = row[column];
      if (!Buffer.isBuffer(value)) {
        throw new Error(`account.${column} holds something else than bytes`);
      }
      return value;
    };
    return {
      accountRef: bytes('account_ref').toString('hex'),
      salt: bytes('salt'),
      verifier: bytes('verifier'),
      privateKey: bytes('private_key_wrapped'),
      totp: bytes('totp_wrapped'),
    };
  });
}
