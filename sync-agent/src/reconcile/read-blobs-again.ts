import { Logger } from '@nestjs/common';
import type { DataSource, EntityManager } from 'typeorm';
import { sealedShape } from 'sync-contract/blob';
import { newRef } from 'sync-contract/identifiers';
import { LIMITS } from 'sync-contract/limits';
import type { GatewayClient } from '../gateway-client/gateway-client.js';
import { Transient } from '../gateway-client/gateway-failures.js';
import type { DmzTally } from './compare-dmz.js';
import { readHeldAmong, readHeldBlobs, type HeldBlob } from './read-ledger-blobs.js';
import { sendBlobsAgain, type BlobDifference } from './send-blobs-again.js';

/** Sealed bytes that the gateway reads and hashes in one comparison, about; half of them at most for doubts. */
const IN_ONE_RUN = 1024 ** 3;
/** Sealed bytes in one call, unless one blob has more. */
const IN_ONE_CALL = 32 * 1024 ** 2;

const log = new Logger('reconcile');

/**
 * The place behind which the next comparison goes on hashing, so that every blob has its turn. In memory only: an agent
 * that starts begins anywhere, or one that is started often would never come to the end.
 */
export class BlobReading {
  after = newRef();

  constructor(readonly bytes = IN_ONE_RUN) {}
}

export interface BlobsReadWith {
  ledger: DataSource;
  gateway: Pick<GatewayClient, 'readBlobHashes' | 'sendBlobDrop'>;
  reading: BlobReading;
  onOwed: (patientRef: string) => void;
}

/**
 * Has a portion of the stored bytes hashed, and what differs sent again. The hash is the gateway's word: what it proves is
 * that a disk or a stranger's write has not changed them, not that the gateway is honest; portal-api and the patient's
 * page hold up without it. Bytes that it fails to read end no comparison.
 * @param doubted these first; one that the gateway fails to read is sent again
 * @throws Transient, Permanent
 */
export async function readBlobsAgain(
  read: BlobsReadWith,
  doubted: readonly string[],
  tally: DmzTally,
  signal: AbortSignal,
): Promise<void> {
  const { ledger, reading } = read;
  let room = reading.bytes;
  for (const portion of portions(await readHeldAmong(ledger.manager, doubted))) {
    signal.throwIfAborted();
    if (room <= reading.bytes / 2) {
      break;
    }
    await sendBlobsAgain(read, changed(await hashDoubted(read, portion, signal)), tally);
    room -= sealedSize(portion);
  }
  for await (const blobs of inTurn(ledger.manager, reading.after)) {
    for (const portion of portions(blobs)) {
      signal.throwIfAborted();
      // First: bytes that the gateway cannot read at all hold up the others for one comparison, not for ever.
      reading.after = portion.at(-1)?.blobId ?? reading.after;
      const different = await hashAgain(read, portion);
      await sendBlobsAgain(read, changed(different ?? []), tally);
      room -= sealedSize(portion);
      if (different === null || room <= 0) {
        return;
      }
    }
  }
}

/** All that are held, each once, from behind `start` on. */
async function* inTurn(manager: EntityManager, start: string): AsyncGenerator<HeldBlob[]> {
  const limit = LIMITS.holdingBlobs;
  const ranges: { from: string | null; last: string | null }[] = [
    { from: start, last: null },
    { from: null, last: start },
  ];
  for (const { from, last } of ranges) {
    for (let after = from, more = true; more;) {
      const blobs = await readHeldBlobs(manager, { after, last, limit });
      yield blobs;
      more = blobs.length === limit;
      after = blobs.at(-1)?.blobId ?? after;
    }
  }
}

/** What fits into one call each. */
function* portions(blobs: readonly HeldBlob[]): Generator<HeldBlob[]> {
  let portion: HeldBlob[] = [];
  let bytes = 0;
  for (const blob of blobs) {
    const { size } = sealedShape(blob.size);
    if (portion.length === LIMITS.hashedBlobs || (portion.length > 0 && bytes + size > IN_ONE_CALL)) {
      yield portion;
      portion = [];
      bytes = 0;
    }
    portion.push(blob);
    bytes += size;
  }
  if (portion.length > 0) {
    yield portion;
  }
}

/** One by one when not all together. @returns those that differ */
async function hashDoubted(
  read: BlobsReadWith,
  portion: readonly HeldBlob[],
  signal: AbortSignal,
): Promise<readonly HeldBlob[]> {
  const together = await hashAgain(read, portion);
  if (together !== null) {
    return together;
  }
  const different: HeldBlob[] = [];
  for (const blob of portion) {
    signal.throwIfAborted();
    different.push(...((await hashAgain(read, [blob])) ?? [blob]));
  }
  return different;
}

/** @returns those that differ; null when the gateway could not tell */
async function hashAgain({ gateway }: BlobsReadWith, portion: readonly HeldBlob[]): Promise<HeldBlob[] | null> {
  const asked = portion.map(({ blobId, size }) => ({ blobId, chunks: sealedShape(size).chunks }));
  try {
    const { blobs } = await gateway.readBlobHashes({ blobs: asked });
    const hashes = new Map(blobs.map(({ blobId, sha256 }) => [blobId, sha256]));
    return portion.filter(({ blobId, sealedSha256 }) => hashes.get(blobId) !== sealedSha256);
  } catch (failure: unknown) {
    if (!(failure instanceof Transient)) {
      throw failure;
    }
    log.warn({ msg: 'the gateway could not hash documents', documents: portion.length, code: failure.code });
    return null;
  }
}

function sealedSize(portion: readonly HeldBlob[]): number {
  return portion.reduce((sum, { size }) => sum + sealedShape(size).size, 0);
}

function changed(blobs: readonly HeldBlob[]): Map<string, BlobDifference> {
  return new Map(blobs.map(({ blobId }) => [blobId, 'document-changed']));
}
