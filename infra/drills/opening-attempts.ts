import { type RecordClass } from 'sync-contract/classes';
import { Envelope, openEnvelope } from 'sync-contract/envelope';
import { Grant, openGrant } from 'sync-contract/grant';
import { openOwnCopy } from 'sync-contract/own-copy';
import { decompress, deriveClassKey, openSection } from 'sync-contract/section';
import { Signed } from 'sync-contract/signed';
import { unwrap } from 'portal-api/src/credentials/account-secrets';
import { SessionStore } from 'portal-api/src/sessions/session.store';
import type { Redis } from 'ioredis';
import type { SqlRow } from '../services/mariadb-server.js';
import type { ZoneServices } from '../services/services.js';
import type { StoredValue } from './dmz-bytes.js';

/** Classes that the system fills today; a chart key is tried as it stands and as the root of these. */
const CLASSES: readonly RecordClass[] = ['profile', 'medications', 'results', 'messages', 'receipts'];

/** One stored ciphertext with its clear fields, and the system's own code that opens it with a given key. */
interface Ciphertext {
  place: string;
  /** `keys` are the candidate itself and what derives from it; gives what opened */
  open: (keys: readonly Buffer[]) => Promise<Buffer | undefined>;
}

const hex = (value: unknown): string => (Buffer.isBuffer(value) ? value.toString('hex') : String(value));

function uuid(value: unknown): string {
  return hex(value).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

/** Tries each key in turn; a seal that does not open is the expected case. */
async function first(
  keys: readonly Buffer[],
  open: (key: Buffer) => Buffer | Promise<Buffer>,
): Promise<Buffer | undefined> {
  for (const key of keys) {
    if (key.length === 32) {
      try {
        return await open(key);
      } catch {
        // not this key
      }
    }
  }
  return undefined;
}

/** Everything sealed in the DMZ: sections, own copies, grants, envelopes, wrapped account secrets, sessions. */
export async function storedCiphertexts(
  zone: ZoneServices,
  database: string,
  site: string,
  redis: Redis,
): Promise<Ciphertext[]> {
  const rows = (table: string): Promise<SqlRow[]> => zone.adminSql('SELECT * FROM ??.??', [database, table]);
  const found: Ciphertext[] = [];
  for (const row of await rows('section')) {
    const header = {
      site,
      patientRef: hex(row['patient_ref']),
      sectionId: hex(row['section_id']),
      version: { era: Number(row['era']), seq: Number(row['seq']) },
      epoch: Number(row['epoch']),
    };
    const sealed = row['sealed'];
    if (Buffer.isBuffer(sealed)) {
      found.push({
        place: `section ${header.sectionId.slice(0, 12)}`,
        open: (keys) => first(keys, (key) => decompress(openSection(key, header, sealed))),
      });
    }
  }
  for (const row of await rows('own_copy')) {
    const header = { site, patientRef: hex(row['patient_ref']), submissionId: uuid(row['submission_id']) };
    const sealed = row['sealed'];
    if (Buffer.isBuffer(sealed)) {
      found.push({
        place: `own copy ${header.submissionId}`,
        open: (keys) => first(keys, (key) => Buffer.from(JSON.stringify(openOwnCopy(key, header, sealed)))),
      });
    }
  }
  for (const row of await rows('chart_grant')) {
    const grant = Grant.parse(JSON.parse(Signed.parse(JSON.parse(String(row['signed']))).body));
    found.push({
      place: `grant ${grant.terms.grantId}`,
      open: (keys) => first(keys.slice(0, 1), (key) => openGrant(grant, key)),
    });
  }
  for (const row of await rows('outbox')) {
    const envelope = Envelope.parse(JSON.parse(String(row['envelope'])));
    found.push({
      place: `envelope ${envelope.header.submissionId}`,
      open: (keys) =>
        first(keys.slice(0, 1), async (key) => Buffer.from(JSON.stringify(await openEnvelope(envelope, site, key)))),
    });
  }
  for (const row of await rows('account')) {
    const accountRef = hex(row['account_ref']);
    for (const [column, thing] of [
      ['private_key_wrapped', 'private-key'],
      ['totp_wrapped', 'totp-secret'],
    ] as const) {
      const wrapped = row[column];
      if (Buffer.isBuffer(wrapped)) {
        found.push({
          place: `account.${column}`,
          open: (keys) => first(keys.slice(0, 1), (key) => unwrap(key, accountRef, thing, wrapped)),
        });
      }
    }
  }
  const sessions = new SessionStore(redis);
  for (const name of await redis.keys('session:*')) {
    const idHash = name.slice('session:'.length);
    if (/^[0-9a-f]{64}$/.test(idHash)) {
      found.push({
        place: 'session',
        open: (keys) => first(keys.slice(0, 1), (key) => openSession(sessions, idHash, key)),
      });
    }
  }
  return found;
}

async function openSession(sessions: SessionStore, idHash: string, key: Buffer): Promise<Buffer> {
  const session = await sessions.load({ idHash, key }, false);
  if (session === null) {
    throw new Error('the session does not open');
  }
  return Buffer.from(
    JSON.stringify({
      accountPrivateKey: session.accountPrivateKey.toString('base64url'),
      chartKeys: session.grants.map((grant) => grant.chartKey.toString('base64url')),
    }),
  );
}

export interface Attempts {
  keys: number;
  ciphertexts: number;
  tries: number;
  /** what opened, with the place of the key that did it */
  opened: StoredValue[];
}

/** Every candidate against every ciphertext. What opens may hold further keys: they are for the caller to try. */
export async function tryKeys(
  candidates: Iterable<StoredValue>,
  ciphertexts: readonly Ciphertext[],
): Promise<Attempts> {
  const attempts: Attempts = { keys: 0, ciphertexts: ciphertexts.length, tries: 0, opened: [] };
  for (const { place, bytes } of candidates) {
    const keys = [bytes, ...CLASSES.map((recordClass) => deriveClassKey(bytes, recordClass))];
    attempts.keys += 1;
    for (const ciphertext of ciphertexts) {
      attempts.tries += 1;
      const plain = await ciphertext.open(keys);
      if (plain !== undefined) {
        attempts.opened.push({ place: `${ciphertext.place}, with the key from ${place}`, bytes: plain });
      }
    }
  }
  return attempts;
}
