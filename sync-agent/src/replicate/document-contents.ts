import { randomBytes } from 'node:crypto';
import type { EntityManager } from 'typeorm';
import { z } from 'zod';
import { newRef } from 'sync-contract/identifiers';
import { CONTENT_REASONS, type DocumentContent } from 'sync-contract/section-content';
import { ccdId } from '../chart/render-ccd.js';
import { ResourceIds } from '../chart/resource-id.js';
import type { KeyStore } from '../keys/key-store.js';
import { CCD_DOCUMENT } from '../ledger/ccd-request.entity.js';
import type { DocumentFile } from '../openemr/read-documents.js';

const Blobs = z.array(
  z.object({
    blobId: z.string(),
    documentId: z.number(),
    fingerprint: z.string(),
    keyWrapped: z.instanceof(Buffer),
    state: z.enum(['wanted', 'held', 'none']),
    reason: z.enum(CONTENT_REASONS).nullable(),
    size: z.number().nullable(),
    sealedSha256: z.string().nullable(),
  }),
);
type LiveBlob = z.infer<typeof Blobs>[number];

const nameOf = ({ documentId, fingerprint }: Pick<LiveBlob, 'documentId' | 'fingerprint'>): string =>
  `${String(documentId)} ${fingerprint}`;
const nameOfFile = ({ id, fingerprint }: DocumentFile): string => nameOf({ documentId: id, fingerprint });

async function readLiveBlobs(manager: EntityManager, patientRef: string): Promise<Map<string, LiveBlob>> {
  const rows: unknown = await manager.query(
    `SELECT LOWER(HEX(blob_id)) AS blobId, document_id AS documentId, LOWER(HEX(fingerprint)) AS fingerprint,
            key_wrapped AS keyWrapped, state, reason, size, LOWER(HEX(sealed_sha256)) AS sealedSha256
       FROM document_blob WHERE patient_ref = UNHEX(?) AND state <> 'gone'`,
    [patientRef],
  );
  return new Map(Blobs.parse(rows).map((blob) => [nameOf(blob), blob]));
}

export interface ContentsWanted {
  patientRef: string;
  files: readonly DocumentFile[];
  /** false where the agent has no way to OpenEMR's bytes */
  areOffered: boolean;
  /** blob of a C-CDA that the gateway had before the snapshot; one that came later is told by the next render */
  heldCcd: string | null;
}

/**
 * What the list says of each document's bytes, by what the ledger knows of them now. Read after the snapshot: bytes that
 * come meanwhile make the list dirty again.
 */
export async function documentContents(
  manager: EntityManager,
  keys: KeyStore,
  { patientRef, files, areOffered, heldCcd }: ContentsWanted,
): Promise<DocumentContent[]> {
  const ids = new ResourceIds(keys.resourceIdKey);
  const blobs = await readLiveBlobs(manager, patientRef);
  return files.map((file): DocumentContent => {
    const isCcd = file.id === CCD_DOCUMENT;
    const documentId = isCcd ? ccdId(ids, file) : ids.id('documents', file.id);
    const blob = blobs.get(nameOfFile(file));
    const mayBeNamed = !isCcd || blob?.blobId === heldCcd;
    if (mayBeNamed && blob?.state === 'held' && blob.size !== null && blob.sealedSha256 !== null) {
      const key = keys.unwrap('content-key', blob.blobId, blob.keyWrapped).toString('base64url');
      return { state: 'held', documentId, blobId: blob.blobId, key, sha256: blob.sealedSha256, size: blob.size };
    }
    const reason = file.reason ?? (areOffered ? blob?.reason : 'not-offered') ?? null;
    return reason === null ? { state: 'waiting', documentId } : { state: 'none', documentId, reason };
  });
}

/**
 * In the transaction in which a chart's list is settled: bytes that the list names for the first time are wanted, and
 * those that it names no more are gone, which the DMZ's list agrees with by now.
 * @param files null when the list was not rendered
 */
export async function noteDocuments(
  manager: EntityManager,
  keys: KeyStore,
  patientRef: string,
  files: readonly DocumentFile[] | null,
): Promise<void> {
  if (files === null) {
    return;
  }
  const blobs = await readLiveBlobs(manager, patientRef);
  for (const { id, uuid, fingerprint, reason } of files) {
    if (blobs.delete(nameOfFile({ id, uuid, fingerprint, reason })) || reason !== null) {
      continue;
    }
    const blobId = newRef();
    await manager.query(
      `INSERT INTO document_blob (blob_id, patient_ref, document_id, fingerprint, uuid, key_wrapped, state, failures)
        VALUES (UNHEX(?), UNHEX(?), ?, UNHEX(?), ?, ?, 'wanted', 0)`,
      [blobId, patientRef, id, fingerprint, uuid, keys.wrap('content-key', blobId, randomBytes(32))],
    );
  }
  const gone = [...blobs.values()].map(({ blobId }) => Buffer.from(blobId, 'hex'));
  if (gone.length > 0) {
    await manager.query("UPDATE document_blob SET state = 'gone' WHERE blob_id IN (?)", [gone]);
  }
}
