import type { DataSource } from 'typeorm';
import { LIMITS } from 'sync-contract/limits';
import { crashPoint } from '../crash-point.js';
import type { GatewayClient } from '../gateway-client/gateway-client.js';
import { markDirty } from '../ledger/dirty.js';
import type { DmzTally } from './compare-dmz.js';
import type { Difference } from './difference.js';
import { readHeldAmong, type HeldBlob } from './read-ledger-blobs.js';

export type BlobDifference = Extract<Difference, 'document-missing' | 'document-changed'>;

export interface BlobsOwedWith {
  ledger: DataSource;
  gateway: Pick<GatewayClient, 'sendBlobDrop'>;
  /** told of a chart whose list says "on its way" from here on, after that is durable */
  onOwed: (patientRef: string) => void;
}

/** @throws Transient, Permanent */
export async function dropBlobs(
  gateway: Pick<GatewayClient, 'sendBlobDrop'>,
  blobIds: readonly string[],
): Promise<void> {
  for (let from = 0; from < blobIds.length; from += LIMITS.droppedBlobs) {
    await gateway.sendBlobDrop({ blobIds: blobIds.slice(from, from + LIMITS.droppedBlobs) });
    crashPoint('after-push:blob-drop');
  }
}

/**
 * The DMZ is owed these bytes again, of documents that are still held and whose charts are not frozen since. What is left of
 * them there goes first: a blob that was whole takes no chunk. Killed in between, the next comparison misses them. From
 * there on `fetch/` sends them as it sends every document, under the same id and key while OpenEMR's bytes are the same.
 * @param different by blobId
 * @throws Transient, Permanent
 */
export async function oweBlobs(
  { ledger, gateway, onOwed }: BlobsOwedWith,
  different: ReadonlyMap<string, BlobDifference>,
  tally: DmzTally,
): Promise<void> {
  const ids = [...different.keys()];
  for (let from = 0; from < ids.length; from += LIMITS.droppedBlobs) {
    const blobs = await readHeldAmong(ledger.manager, ids.slice(from, from + LIMITS.droppedBlobs));
    if (blobs.length === 0) {
      continue;
    }
    const found = blobs.map(({ blobId, patientRef }) => ({
      ...{ blobId, patientRef },
      difference: different.get(blobId) ?? ('document-changed' as const),
    }));
    const left = found.filter(({ difference }) => difference !== 'document-missing').map(({ blobId }) => blobId);
    await dropBlobs(gateway, left);
    await markWanted(ledger, blobs);
    // Not before: a gateway that cannot be reached has not been found to hold other bytes.
    for (const { patientRef, difference } of found) {
      tally.find({ patientRef, recordClass: 'documents', difference });
    }
    new Set(blobs.map(({ patientRef }) => patientRef)).forEach(onOwed);
  }
}

async function markWanted(ledger: DataSource, blobs: readonly HeldBlob[]): Promise<void> {
  await ledger.transaction(async (manager) => {
    // One that no list names any more by now stays gone.
    await manager.query(
      "UPDATE document_blob SET state = 'wanted', retry_at = NULL WHERE blob_id IN (?) AND state = 'held'",
      [blobs.map(({ blobId }) => Buffer.from(blobId, 'hex'))],
    );
    for (const pid of new Set(blobs.map((blob) => blob.pid))) {
      await markDirty(manager, pid, ['documents']);
    }
    crashPoint('before-commit:owed-blobs');
  });
  crashPoint('after-commit:owed-blobs');
}
