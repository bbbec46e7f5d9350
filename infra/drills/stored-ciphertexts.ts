import { createHash } from 'node:crypto';
import type { Redis } from 'ioredis';
import type { BlobHeader } from 'sync-contract/blob';
import { Envelope } from 'sync-contract/envelope';
import { Grant } from 'sync-contract/grant';
import type { OwnCopyHeader } from 'sync-contract/own-copy';
import type { SectionHeader } from 'sync-contract/section';
import { Signed } from 'sync-contract/signed';
import type { SqlRow } from '../services/mariadb-server.js';
import type { ZoneServices } from '../services/services.js';
import { redisKeys } from './dmz-bytes.js';

/** One sealed thing of the DMZ with its clear fields: all that opening takes but the key. */
export type StoredCiphertext = { place: string } & (
  | { kind: 'section'; header: SectionHeader; sealed: Uint8Array }
  | { kind: 'own-copy'; header: OwnCopyHeader; sealed: Uint8Array }
  | { kind: 'document'; header: BlobHeader; chunks: number; size: number; n: number; sealed: Uint8Array }
  | { kind: 'grant'; grant: Grant }
  | { kind: 'envelope'; envelope: Envelope; site: string }
  | {
      kind: 'account';
      accountRef: string;
      thing: 'private-key' | 'totp-secret' | 'enrolment-proof';
      wrapped: Uint8Array;
    }
  | { kind: 'half-key'; use: 'session' | 'pending-sign-in'; idHash: string; sealed: Uint8Array }
);

export const CIPHERTEXT_KINDS = [
  'section',
  'own-copy',
  'document',
  'grant',
  'envelope',
  'account',
  'half-key',
] as const;

/** Tells a ciphertext from its successor under the same name. */
export function ciphertextId(ciphertext: StoredCiphertext): string {
  return createHash('sha256').update(JSON.stringify(ciphertext)).digest('hex');
}

const WRAPPED = [
  ['private_key_wrapped', 'private-key'],
  ['totp_wrapped', 'totp-secret'],
  ['enrolment_proof_sealed', 'enrolment-proof'],
] as const;

const HALF_KEYS = [
  ['session', 'session'],
  ['pending', 'pending-sign-in'],
] as const;

/** Everything sealed in the DMZ: sections, own copies, documents, grants, envelopes, account secrets, sessions, half sign-ins. */
export async function storedCiphertexts(
  zone: ZoneServices,
  database: string,
  site: string,
  redis: Redis,
): Promise<StoredCiphertext[]> {
  const rows = (table: string): Promise<SqlRow[]> => zone.adminSql('SELECT * FROM ??.??', [database, table]);
  const found: StoredCiphertext[] = [];
  for (const row of await rows('section')) {
    const header = {
      site,
      patientRef: hex(row['patient_ref']),
      sectionId: hex(row['section_id']),
      version: { era: Number(row['era']), seq: Number(row['seq']) },
      epoch: Number(row['epoch']),
    };
    found.push({
      kind: 'section',
      place: `section ${header.sectionId.slice(0, 12)}`,
      header,
      sealed: bytes(row['sealed']),
    });
  }
  for (const row of await rows('own_copy')) {
    const header = { site, patientRef: hex(row['patient_ref']), submissionId: uuid(row['submission_id']) };
    found.push({ kind: 'own-copy', place: `own copy ${header.submissionId}`, header, sealed: bytes(row['sealed']) });
  }
  const chunks = await zone.adminSql(
    'SELECT b.blob_id, b.patient_ref, b.chunks, b.size, c.n, c.sealed FROM ??.document_blob b JOIN ??.document_chunk c USING (blob_id)',
    [database, database],
  );
  for (const row of chunks) {
    const header = { site, patientRef: hex(row['patient_ref']), blobId: hex(row['blob_id']) };
    found.push({
      kind: 'document',
      place: `document ${header.blobId.slice(0, 12)}, chunk ${String(row['n'])}`,
      header,
      chunks: Number(row['chunks']),
      size: Number(row['size']),
      n: Number(row['n']),
      sealed: bytes(row['sealed']),
    });
  }
  for (const row of await rows('chart_grant')) {
    const grant = Grant.parse(JSON.parse(Signed.parse(JSON.parse(String(row['signed']))).body));
    found.push({ kind: 'grant', place: `grant ${grant.terms.grantId}`, grant });
  }
  for (const row of await rows('outbox')) {
    const envelope = Envelope.parse(JSON.parse(String(row['envelope'])));
    found.push({ kind: 'envelope', place: `envelope ${envelope.header.submissionId}`, envelope, site });
  }
  for (const row of await rows('account')) {
    for (const [column, thing] of WRAPPED) {
      if (row[column] !== null) {
        const accountRef = hex(row['account_ref']);
        found.push({ kind: 'account', place: `account.${column}`, accountRef, thing, wrapped: bytes(row[column]) });
      }
    }
  }
  for (const [prefix, use] of HALF_KEYS) {
    for (const name of await redisKeys(redis, `${prefix}:*`)) {
      const idHash = /^[a-z]+:([0-9a-f]{64})$/.exec(name)?.[1];
      const sealed = idHash === undefined ? null : await redis.getBuffer(name);
      if (idHash !== undefined && sealed !== null) {
        found.push({ kind: 'half-key', place: use, use, idHash, sealed });
      }
    }
  }
  return found;
}

function bytes(value: unknown): Buffer {
  if (!Buffer.isBuffer(value)) {
    throw new Error('a sealed column holds something else than bytes');
  }
  return value;
}

function hex(value: unknown): string {
  return bytes(value).toString('hex');
}

function uuid(value: unknown): string {
  return hex(value).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
