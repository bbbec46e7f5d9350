import type { EntityManager } from 'typeorm';
import { z } from 'zod';

/** Bytes of a document that the DMZ ought to hold whole. */
export interface HeldBlob {
  blobId: string;
  patientRef: string;
  pid: number;
  /** bytes of the content */
  size: number;
  /** of all sealed bytes */
  sealedSha256: string;
}

const Held = z.array(
  z.object({
    blobId: z.string(),
    patientRef: z.string(),
    pid: z.coerce.number(),
    size: z.number(),
    sealedSha256: z.string(),
  }),
);
const Known = z.array(z.object({ blobId: z.string() }));

/**
 * Nothing of a chart that is frozen or stopped is sent, so nothing of it is looked at. By the key, in whose order pages
 * are read, whatever the server thinks of reading all that are held and sorting them.
 */
const HELD = `SELECT STRAIGHT_JOIN LOWER(HEX(b.blob_id)) AS blobId, LOWER(HEX(b.patient_ref)) AS patientRef, c.pid, b.size,
         LOWER(HEX(b.sealed_sha256)) AS sealedSha256
    FROM document_blob b FORCE INDEX (PRIMARY) JOIN chart c ON c.patient_ref = b.patient_ref AND c.stopped_reason IS NULL
    JOIN patient p ON p.pid = c.pid AND p.state IN ('invited', 'enrolled')
   WHERE b.state = 'held' AND b.size IS NOT NULL AND b.sealed_sha256 IS NOT NULL`;
const LAST = 'f'.repeat(32);

/** Behind `after` and up to `last`, in order. */
export async function readHeldBlobs(
  manager: EntityManager,
  { after, last, limit }: { after: string | null; last: string | null; limit: number },
): Promise<HeldBlob[]> {
  const rows: unknown = await manager.query(
    `${HELD} AND b.blob_id > UNHEX(?) AND b.blob_id <= UNHEX(?) ORDER BY b.blob_id LIMIT ?`,
    [after ?? '', last ?? LAST, limit],
  );
  return Held.parse(rows);
}

/** Those of the ids that are held. */
export async function readHeldAmong(manager: EntityManager, blobIds: readonly string[]): Promise<HeldBlob[]> {
  if (blobIds.length === 0) {
    return [];
  }
  return Held.parse(await manager.query(`${HELD} AND b.blob_id IN (?)`, [blobIds.map(bytes)]));
}

/** Those of the ids that the ledger has, whatever their state: also of bytes that are just being sent or deleted. */
export async function knownBlobs(manager: EntityManager, blobIds: readonly string[]): Promise<Set<string>> {
  if (blobIds.length === 0) {
    return new Set();
  }
  const rows: unknown = await manager.query(
    'SELECT LOWER(HEX(blob_id)) AS blobId FROM document_blob WHERE blob_id IN (?)',
    [blobIds.map(bytes)],
  );
  return new Set(Known.parse(rows).map(({ blobId }) => blobId));
}

function bytes(id: string): Buffer {
  return Buffer.from(id, 'hex');
}
