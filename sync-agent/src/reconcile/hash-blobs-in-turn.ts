import { Logger } from '@nestjs/common';
import type { DataSource, EntityManager } from 'typeorm';
import { sealedShape } from 'sync-contract/blob';
import { newRef } from 'sync-contract/identifiers';
import { LIMITS } from 'sync-contract/limits';
import type { GatewayClient } from '../gateway-client/gateway-client.js';
import { Transient } from '../gateway-client/gateway-failures.js';
import type { DmzTally } from './compare-dmz.js';
import { readHeldAmong, readHeldBlobs, type HeldBlob } from './read-ledger-blobs.js';
import { oweBlobs, type BlobDifference } from './owe-blobs.js';

/** Sealed bytes that the gateway reads and hashes in one comparison, about. */
const IN_ONE_RUN = 1024 ** 3;
/** And the time it has for them, milliseconds: a slow disk hashes less, and holds up no comparison. */
const LONGEST = 4 * 60_000;
/** Sealed bytes in one call, unless one blob has more. */
const IN_ONE_CALL = 32 * 1024 ** 2;
/** Of a run. */
const [HALF, WHOLE] = [0.5, 1];

const log = new Logger('reconcile');

/**
 * The place behind which the next comparison goes on hashing, so that every blob has its turn. In memory only: an agent
 * that starts begins anywhere, or one that is started often would never come to the end.
 */
export class BlobHashing {
  after = newRef();

  /** @param longest milliseconds */
  constructor(
    readonly bytes = IN_ONE_RUN,
    readonly longest = LONGEST,
  ) {}
}

/** Bytes and time of one run. */
class Room {
  private readonly began = performance.now();
  private used = 0;

  constructor(
    private readonly hashing: BlobHashing,
    private readonly signal: AbortSignal,
  ) {}

  take(portion: readonly HeldBlob[]): void {
    this.used += portion.reduce((sum, { size }) => sum + sealedShape(size).size, 0);
  }

  /** @param share of what the run has */
  isOver(share: number): boolean {
    const { bytes, longest } = this.hashing;
    const elapsed = performance.now() - this.began;
    return this.signal.aborted || this.used >= share * bytes || elapsed >= share * longest;
  }
}

export interface BlobsHashedWith {
  ledger: DataSource;
  gateway: Pick<GatewayClient, 'readBlobHashes' | 'sendBlobDrop'>;
  hashing: BlobHashing;
  onOwed: (patientRef: string) => void;
}

/**
 * Has a portion of the stored bytes hashed, and what differs sent again. The hash is the gateway's word: what it proves is
 * that a disk or a stranger's write has not changed them, not that the gateway is honest; portal-api and the patient's
 * page hold up without it. Bytes that it fails to read end no comparison. When its bytes or its time are used up, or it is
 * told to stop, it ends behind the call that is under way, and the next run goes on there; each run hashes something.
 * Those that did not open for somebody come first, for half of the run at most; one of them that the gateway fails to
 * read is sent again.
 * @returns false when the gateway could not hash what it was asked for or has no such call, or no time was left for a
 *   doubted one
 * @throws Transient, Permanent
 */
export async function hashBlobsInTurn(hashed: BlobsHashedWith, tally: DmzTally, signal: AbortSignal): Promise<boolean> {
  const { ledger, hashing } = hashed;
  const room = new Room(hashing, signal);
  if (!tally.documentsCompared) {
    return false;
  }
  const doubted = await readHeldAmong(ledger.manager, tally.doubted);
  let told = 0;
  for (const portion of portions(doubted)) {
    if (room.isOver(HALF)) {
      break;
    }
    const answer = await hashDoubted(hashed, portion, room);
    told += answer.told;
    await oweBlobs(hashed, changed(answer.different), tally);
    room.take(portion);
  }
  const isWhole = told === doubted.length;
  for await (const blobs of inTurn(ledger.manager, hashing.after)) {
    for (const portion of portions(blobs)) {
      const before = hashing.after;
      // First: bytes that the gateway cannot read at all hold up the others for one comparison, not for ever.
      hashing.after = portion.at(-1)?.blobId ?? before;
      const different = await hashPortion(hashed, portion);
      if (different === null) {
        return false;
      }
      try {
        await oweBlobs(hashed, changed(different), tally);
      } catch (failure: unknown) {
        hashing.after = before;
        throw failure;
      }
      room.take(portion);
      if (room.isOver(WHOLE)) {
        return isWhole;
      }
    }
  }
  return isWhole;
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

/** One by one when not all together. @returns those that differ, and how many of the portion that is known of */
async function hashDoubted(
  hashed: BlobsHashedWith,
  portion: readonly HeldBlob[],
  room: Room,
): Promise<{ different: readonly HeldBlob[]; told: number }> {
  const together = await hashPortion(hashed, portion);
  if (together !== null) {
    return { different: together, told: portion.length };
  }
  const different: HeldBlob[] = [];
  let told = 0;
  for (const blob of portion) {
    if (room.isOver(HALF)) {
      break;
    }
    different.push(...((await hashPortion(hashed, [blob])) ?? [blob]));
    told += 1;
  }
  return { different, told };
}

/** @returns those that differ; null when the gateway could not tell */
async function hashPortion({ gateway }: BlobsHashedWith, portion: readonly HeldBlob[]): Promise<HeldBlob[] | null> {
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

function changed(blobs: readonly HeldBlob[]): Map<string, BlobDifference> {
  return new Map(blobs.map(({ blobId }) => [blobId, 'document-changed']));
}
