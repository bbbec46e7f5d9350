import { randomBytes } from 'node:crypto';
import type { DataSource, EntityManager } from 'typeorm';
import { z } from 'zod';
import { newRef } from 'sync-contract/identifiers';
import { crashPoint } from '../crash-point.js';
import type { KeyStore } from '../keys/key-store.js';
import { CCD_DOCUMENT, CCD_FINGERPRINT } from '../ledger/ccd-request.entity.js';
import { markDirty } from '../ledger/dirty.js';

/** Bytes of a document that are to be fetched, or fetched again. */
export interface WantedBlob {
  blobId: string;
  patientRef: string;
  pid: number;
  documentId: number;
  /** null: a C-CDA that OpenEMR has yet to make */
  uuid: string | null;
  /** days of a C-CDA `yyyy-MM-dd`, both inclusive; null is open */
  from: string | null;
  to: string | null;
  keyWrapped: Buffer;
  contentSha256: string | null;
  failures: number;
}

const Wanted = z.array(
  z.object({
    blobId: z.string(),
    patientRef: z.string(),
    pid: z.coerce.number(),
    documentId: z.number(),
    uuid: z.string().nullable(),
    from: z.string().nullable(),
    to: z.string().nullable(),
    keyWrapped: z.instanceof(Buffer),
    contentSha256: z.string().nullable(),
    failures: z.number(),
  }),
);

/** Charts that are not replicated fetch nothing: revoked, frozen, stopped. */
const REPLICATED = `JOIN chart c ON c.patient_ref = b.patient_ref AND c.stopped_reason IS NULL
       JOIN patient p ON p.pid = c.pid AND p.state IN ('invited', 'enrolled')`;

/** @param days that the request of a C-CDA names */
const wantedWith = (
  days: string,
): string => `LOWER(HEX(b.blob_id)) AS blobId, LOWER(HEX(b.patient_ref)) AS patientRef, c.pid,
         b.document_id AS documentId, b.uuid, ${days},
         b.key_wrapped AS keyWrapped, LOWER(HEX(b.content_sha256)) AS contentSha256, b.failures
    FROM document_blob b ${REPLICATED}`;
const DUE = `(b.state = 'wanted' AND (b.retry_at IS NULL OR b.retry_at <= UTC_TIMESTAMP(3))
         OR b.state = 'none' AND b.retry_at <= UTC_TIMESTAMP(3))`;
const REQUEST = `ccd_request r ON r.patient_ref = b.patient_ref AND b.fingerprint = ${CCD_FINGERPRINT}`;

/**
 * So many of what is due by now, the newest documents of all charts: what staff file waits for no more than the portion
 * under way, also while the bytes of years are sent again. Within it chart by chart, the one with the newest first, so
 * that each list is told once in a portion. Before them one C-CDA, for somebody waits: no more, for each takes OpenEMR
 * seconds, and those that failed come last.
 */
export async function readWanted(manager: EntityManager, limit: number): Promise<WantedBlob[]> {
  const rows: unknown = await manager.query(
    `(SELECT ${wantedWith('r.from_day AS `from`, r.to_day AS `to`')} JOIN ${REQUEST}
       WHERE b.document_id = ${String(CCD_DOCUMENT)} AND ${DUE} ORDER BY b.failures, r.kept_at LIMIT 1)
     UNION ALL
     (SELECT * FROM (SELECT ${wantedWith('NULL AS `from`, NULL AS `to`')}
                      WHERE b.document_id <> ${String(CCD_DOCUMENT)} AND b.uuid IS NOT NULL AND ${DUE}
                      ORDER BY b.document_id DESC LIMIT ?) newest
       ORDER BY MAX(documentId) OVER (PARTITION BY patientRef) DESC, patientRef, documentId DESC LIMIT ?)`,
    [limit, limit],
  );
  return Wanted.parse(rows);
}

/** Commits what OpenEMR calls the C-CDA that it made, so that it makes no other, whatever fails from here on. */
export async function noteMade(ledger: DataSource, { blobId }: WantedBlob, uuid: string): Promise<void> {
  crashPoint('before-commit:ccd-made');
  await ledger.query("UPDATE document_blob SET uuid = ? WHERE blob_id = UNHEX(?) AND state <> 'gone'", [uuid, blobId]);
  crashPoint('after-commit:ccd-made');
}

/**
 * Commits which content the blob's key seals, before anything sealed with it leaves. When that was another one before,
 * this becomes a new blob with a new key, and the old one is gone.
 */
export async function claimContent(
  ledger: DataSource,
  keys: KeyStore,
  blob: WantedBlob,
  content: { sha256: string; size: number },
): Promise<WantedBlob> {
  if (blob.contentSha256 === content.sha256) {
    return blob;
  }
  const claimed = await ledger.transaction(async (manager) => {
    const fresh = blob.contentSha256 === null ? blob : await replaceBlob(manager, keys, blob);
    await manager.query('UPDATE document_blob SET content_sha256 = UNHEX(?), size = ? WHERE blob_id = UNHEX(?)', [
      content.sha256,
      content.size,
      fresh.blobId,
    ]);
    crashPoint('before-commit:document-content');
    return { ...fresh, contentSha256: content.sha256 };
  });
  crashPoint('after-commit:document-content');
  return claimed;
}

/** The gateway refuses the blob for good: the document gets another one. */
export async function beginAnew(ledger: DataSource, keys: KeyStore, blob: WantedBlob): Promise<void> {
  await ledger.transaction(async (manager) => {
    const { blobId } = await replaceBlob(manager, keys, blob);
    await postponeIn(manager, { ...blob, blobId });
    crashPoint('before-commit:document-anew');
  });
  crashPoint('after-commit:document-anew');
}

async function replaceBlob(manager: EntityManager, keys: KeyStore, blob: WantedBlob): Promise<WantedBlob> {
  const blobId = newRef();
  const keyWrapped = keys.wrap('content-key', blobId, randomBytes(32));
  await manager.query(
    `INSERT INTO document_blob (blob_id, patient_ref, document_id, fingerprint, uuid, key_wrapped, state, failures)
      SELECT UNHEX(?), patient_ref, document_id, fingerprint, uuid, ?, 'wanted', failures
        FROM document_blob WHERE blob_id = UNHEX(?)`,
    [blobId, keyWrapped, blob.blobId],
  );
  await manager.query("UPDATE document_blob SET state = 'gone' WHERE blob_id = UNHEX(?)", [blob.blobId]);
  return { ...blob, blobId, keyWrapped, contentSha256: null };
}

/** The gateway has it whole: the list may name it. A blob that became gone meanwhile stays so. */
export async function settleHeld(ledger: DataSource, blob: WantedBlob, sealedSha256: string): Promise<void> {
  await ledger.transaction(async (manager) => {
    await manager.query(
      `UPDATE document_blob SET state = 'held', reason = NULL, sealed_sha256 = UNHEX(?), failures = 0, retry_at = NULL
        WHERE blob_id = UNHEX(?) AND state <> 'gone'`,
      [sealedSha256, blob.blobId],
    );
    await markDirty(manager, blob.pid, ['documents']);
    crashPoint('before-commit:document-held');
  });
  crashPoint('after-commit:document-held');
}

/** OpenEMR has no bytes that could be shown; asked again after `retryHours`, or never. A C-CDA is made again then. */
export async function settleNone(
  ledger: DataSource,
  blob: WantedBlob,
  reason: 'too-large' | 'missing',
  retryHours: number | null,
): Promise<void> {
  await ledger.transaction(async (manager) => {
    await manager.query(
      `UPDATE document_blob SET state = 'none', reason = ?, failures = failures + 1,
          uuid = IF(document_id = ${String(CCD_DOCUMENT)}, NULL, uuid),
          retry_at = DATE_ADD(UTC_TIMESTAMP(3), INTERVAL ? HOUR)
        WHERE blob_id = UNHEX(?) AND state <> 'gone'`,
      [reason, retryHours, blob.blobId],
    );
    await markDirty(manager, blob.pid, ['documents']);
    crashPoint('before-commit:document-none');
  });
  crashPoint('after-commit:document-none');
}

const FIRST_PAUSE = 2;
const LONGEST_PAUSE = 600;

/** Left alone for a pause that grows with every failure. */
export async function postpone(ledger: DataSource, blob: WantedBlob): Promise<void> {
  await ledger.transaction(async (manager) => {
    await postponeIn(manager, blob);
    crashPoint('before-commit:document-postponed');
  });
  crashPoint('after-commit:document-postponed');
}

async function postponeIn(manager: EntityManager, { blobId, failures }: WantedBlob): Promise<void> {
  const seconds = Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** Math.min(failures, 12));
  await manager.query(
    `UPDATE document_blob SET failures = failures + 1, retry_at = DATE_ADD(UTC_TIMESTAMP(3), INTERVAL ? SECOND)
      WHERE blob_id = UNHEX(?)`,
    [seconds, blobId],
  );
}

const Refs = z.array(z.object({ patientRef: z.string() }));
const Ids = z.array(z.object({ blobId: z.string(), isGone: z.coerce.number() }));

/** Charts of which the gateway may hold bytes that no list names. */
export async function chartsWithGone(manager: EntityManager, limit: number): Promise<string[]> {
  const rows: unknown = await manager.query(
    `SELECT DISTINCT LOWER(HEX(b.patient_ref)) AS patientRef FROM document_blob b ${REPLICATED}
      WHERE b.state = 'gone' LIMIT ?`,
    [limit],
  );
  return Refs.parse(rows).map(({ patientRef }) => patientRef);
}

/** Blobs of a chart: those to keep, and those that are gone. */
export async function readBlobIds(
  manager: EntityManager,
  patientRef: string,
): Promise<{ keep: string[]; gone: string[] }> {
  const rows: unknown = await manager.query(
    "SELECT LOWER(HEX(blob_id)) AS blobId, state = 'gone' AS isGone FROM document_blob WHERE patient_ref = UNHEX(?)",
    [patientRef],
  );
  const ids = Ids.parse(rows);
  return {
    keep: ids.filter(({ isGone }) => isGone === 0).map(({ blobId }) => blobId),
    gone: ids.filter(({ isGone }) => isGone === 1).map(({ blobId }) => blobId),
  };
}

/** The gateway has deleted them. */
export async function forgetGone(ledger: DataSource, blobIds: readonly string[]): Promise<void> {
  if (blobIds.length === 0) {
    return;
  }
  crashPoint('before-commit:documents-forgotten');
  await ledger.query("DELETE FROM document_blob WHERE state = 'gone' AND blob_id IN (?)", [
    blobIds.map((blobId) => Buffer.from(blobId, 'hex')),
  ]);
  crashPoint('after-commit:documents-forgotten');
}
