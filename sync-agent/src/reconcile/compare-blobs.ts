import { Logger } from '@nestjs/common';
import type { DataSource } from 'typeorm';
import { sealedShape } from 'sync-contract/blob';
import type { BlobHolding, BlobHoldingsAnswer } from 'sync-contract/gateway-wire';
import { LIMITS } from 'sync-contract/limits';
import type { GatewayClient } from '../gateway-client/gateway-client.js';
import { RouteUnknown } from '../gateway-client/gateway-failures.js';
import type { DmzTally } from './compare-dmz.js';
import { lastOf } from './holdings-page.js';
import { knownBlobs, readHeldBlobs, type HeldBlob } from './read-ledger-blobs.js';
import { oweBlobs, type BlobDifference } from './owe-blobs.js';
import type { Superfluous } from './superfluous.js';

export interface BlobsComparedWith {
  ledger: DataSource;
  gateway: Pick<GatewayClient, 'readBlobHoldings' | 'sendBlobDrop'>;
  onOwed: (patientRef: string) => void;
}

const log = new Logger('reconcile');

/**
 * Compares the bytes of documents that the DMZ acknowledged with what it says it holds: all of them by their rows and the
 * number of their chunks. The tally hears which did not open for somebody, and when the gateway is older and nothing
 * was compared.
 * @throws Transient, Permanent, HoldingsOutOfOrder
 */
export async function compareBlobs(
  compared: BlobsComparedWith,
  tally: DmzTally,
  superfluous: Superfluous,
  signal: AbortSignal,
): Promise<void> {
  const doubted = await compareRows(compared, tally, superfluous, signal);
  if (doubted === null) {
    tally.documentsCompared = false;
    log.warn({ msg: 'the gateway is older than this agent: bytes of documents are not compared until it is updated' });
  }
  tally.doubted = doubted ?? [];
}

/** @returns blobs that did not open for somebody; null when the gateway is older */
async function compareRows(
  compared: BlobsComparedWith,
  tally: DmzTally,
  superfluous: Superfluous,
  signal: AbortSignal,
): Promise<readonly string[] | null> {
  const { ledger, gateway } = compared;
  const doubted: string[] = [];
  for (let after: string | null = null, more = true; more;) {
    signal.throwIfAborted();
    // First the ledger: what is acknowledged by then is there when the gateway looks.
    const limit = LIMITS.holdingBlobs;
    const expected = await readHeldBlobs(ledger.manager, { after, last: null, limit });
    const page = await readPage(gateway, after);
    if (page === null) {
      return null;
    }
    doubted.push(...(after === null ? page.doubted : []));
    const ids = page.blobs.map(({ blobId }) => blobId);
    const last = earlier(lastOf(ids, after, page.more), expected.length < limit ? undefined : expected.at(-1)?.blobId);
    const isOfPage = ({ blobId }: { blobId: string }): boolean => last === null || blobId <= last;
    const held = new Map(page.blobs.filter(isOfPage).map((blob) => [blob.blobId, blob]));
    const different = new Map<string, BlobDifference>();
    for (const blob of expected.filter(isOfPage)) {
      const difference = compareBlob(blob, held.get(blob.blobId));
      held.delete(blob.blobId);
      if (difference !== null) {
        different.set(blob.blobId, difference);
      }
    }
    await oweBlobs(compared, different, tally);
    const known = await knownBlobs(ledger.manager, [...held.keys()]);
    superfluous.addBlobs([...held.keys()].filter((id) => !known.has(id)));
    after = last;
    more = last !== null;
  }
  tally.count('document-superfluous', superfluous.blobsFound);
  return doubted;
}

/** @returns null when the gateway does not know the first such call */
async function readPage(
  gateway: BlobsComparedWith['gateway'],
  after: string | null,
): Promise<BlobHoldingsAnswer | null> {
  try {
    return await gateway.readBlobHoldings({ after });
  } catch (failure: unknown) {
    if (after === null && failure instanceof RouteUnknown) {
      return null;
    }
    throw failure;
  }
}

/** Compares the bytes of a document with what the gateway says of them. A row that claims to be right may still lie. */
export function compareBlob(
  { patientRef, size, sealedSha256 }: HeldBlob,
  held: BlobHolding | undefined,
): BlobDifference | null {
  if (held === undefined) {
    return 'document-missing';
  }
  const shape = sealedShape(size);
  const { row, whole } = held;
  const isSame =
    whole &&
    row !== null &&
    row.patientRef === patientRef &&
    row.chunks === shape.chunks &&
    row.size === shape.size &&
    row.sha256 === sealedSha256;
  return isSame ? null : 'document-changed';
}

/** Null and undefined have no end. */
function earlier(one: string | null, other: string | undefined): string | null {
  if (one === null || other === undefined) {
    return one ?? other ?? null;
  }
  return one < other ? one : other;
}
