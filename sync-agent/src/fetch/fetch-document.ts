import { createHash } from 'node:crypto';
import type { Pool } from 'mysql2/promise';
import type { DataSource } from 'typeorm';
import { BlobSeal } from 'sync-contract/blob';
import { LIMITS } from 'sync-contract/limits';
import { crashPoint } from '../crash-point.js';
import { drillFault } from '../drill-fault.js';
import type { GatewayClient } from '../gateway-client/gateway-client.js';
import { BlobRefused } from '../gateway-client/gateway-failures.js';
import type { KeyStore } from '../keys/key-store.js';
import { CCD_DOCUMENT } from '../ledger/ccd-request.entity.js';
import { API_FAILURES, OpenEmrApiFailure } from '../openemr/api-failures.js';
import type { OpenEmrApi } from '../openemr/openemr-api.js';
import { isCcd, makeCcd } from './make-ccd.js';
import { beginAnew, claimContent, noteMade, settleHeld, settleNone, type WantedBlob } from './wanted-blobs.js';

export interface Fetching {
  ledger: DataSource;
  /** OpenEMR's database */
  reader: Pool;
  keys: KeyStore;
  gateway: Pick<GatewayClient, 'sendBlobBegin' | 'sendBlobChunks' | 'sendBlobCommit'>;
}

/** A file that OpenEMR has lost may be put back. */
const MISSING_RETRY_HOURS = 24;

/**
 * Brings the bytes of one document from OpenEMR into the DMZ, sealed; then the list may name them. Killed anywhere, the
 * next run goes on with the chunk that comes next. At most one document is in memory. A C-CDA has to be made first; from
 * then on it is a document like others.
 * @returns `none` when OpenEMR has no bytes that could be shown
 * @throws OpenEmrTransient, OpenEmrPermanent when it is not about this document alone; Transient, Permanent
 */
export async function fetchDocument(fetching: Fetching, api: OpenEmrApi, wanted: WantedBlob): Promise<'sent' | 'none'> {
  const { ledger, keys, reader } = fetching;
  const uuid = wanted.uuid ?? (await makeCcd(reader, api, wanted));
  if (wanted.uuid === null && uuid !== null) {
    await noteMade(ledger, wanted, uuid);
  }
  const content = uuid === null ? 'missing' : await readContent(api, { ...wanted, uuid });
  if (!Buffer.isBuffer(content)) {
    await settleNone(ledger, wanted, content, content === 'missing' ? MISSING_RETRY_HOURS : null);
    return 'none';
  }
  const sha256 = createHash('sha256').update(content).digest('hex');
  const blob = await claimContent(ledger, keys, wanted, { sha256, size: content.length });
  try {
    const sealedSha256 = await sendBlob(fetching, blob, content);
    await settleHeld(ledger, blob, sealedSha256);
  } catch (failure: unknown) {
    if (!(failure instanceof BlobRefused)) {
      throw failure;
    }
    await beginAnew(ledger, keys, blob);
  }
  return 'sent';
}

async function readContent(
  api: OpenEmrApi,
  { uuid, documentId }: WantedBlob & { uuid: string },
): Promise<Buffer | 'missing' | 'too-large'> {
  try {
    const { bytes } = await api.readDocument(uuid, LIMITS.documentBytes);
    return documentId === CCD_DOCUMENT && !isCcd(bytes) ? 'missing' : bytes;
  } catch (failure: unknown) {
    if (failure instanceof OpenEmrApiFailure && failure.code === API_FAILURES.documentMissing) {
      return 'missing';
    }
    if (failure instanceof OpenEmrApiFailure && failure.code === API_FAILURES.tooLarge) {
      return 'too-large';
    }
    throw failure;
  }
}

/** @returns hash of all sealed bytes @throws BlobRefused, Transient, Permanent */
async function sendBlob({ keys, gateway }: Fetching, blob: WantedBlob, content: Buffer): Promise<string> {
  const { blobId, patientRef } = blob;
  const key = keys.unwrap('content-key', blobId, blob.keyWrapped);
  const seal = new BlobSeal(key, { site: keys.siteId, patientRef, blobId }, content.length);
  const hash = createHash('sha256');
  for (const chunk of sealedChunks(seal, content)) {
    hash.update(chunk);
  }
  const sha256 = hash.digest('hex');
  const { chunks, size } = seal.shape;
  let { next } = await gateway.sendBlobBegin({ patientRef, blobId, chunks, size, sha256 });
  crashPoint('after-push:blob-begin');
  while (next < chunks) {
    const sent = firstChunks(sealedChunks(seal, content, next));
    const progress = await gateway.sendBlobChunks({ patientRef, blobId, first: next, chunks: sent });
    crashPoint('after-push:blob-chunks');
    if (progress.next <= next) {
      throw new BlobRefused('the gateway took no chunk of a document; it is sent anew');
    }
    ({ next } = progress);
  }
  await gateway.sendBlobCommit({ patientRef, blobId });
  crashPoint('after-push:blob-commit');
  return sha256;
}

/** @param from number of the first that is wanted */
function* sealedChunks(seal: BlobSeal, content: Buffer, from = 0): Generator<Buffer> {
  for (const chunk of seal.seal(content, from)) {
    if (drillFault('sealing-off')) {
      content.copy(chunk, 0, from * LIMITS.blobChunkBytes, (from + 1) * LIMITS.blobChunkBytes);
    }
    from += 1;
    yield chunk;
  }
}

/** Of one call. */
function firstChunks(sealed: Iterable<Buffer>): string[] {
  const chunks: string[] = [];
  for (const chunk of sealed) {
    chunks.push(chunk.toString('base64'));
    if (chunks.length === LIMITS.blobChunksAtOnce) {
      break;
    }
  }
  return chunks;
}
