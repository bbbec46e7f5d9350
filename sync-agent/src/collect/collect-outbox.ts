import { setTimeout as delay } from 'node:timers/promises';
import { LIMITS } from 'sync-contract/limits';
import type { DataSource } from 'typeorm';
import { crashPoint } from '../crash-point.js';
import { drillFault } from '../drill-fault.js';
import type { GatewayClient } from '../gateway-client/gateway-client.js';
import { RestoreStep } from '../ledger/restore.entities.js';
import { inspectItem, type InspectionKeys, type LeasedItem } from './inspect-item.js';
import { recordItem, type Recorded } from './record-item.js';

export interface Collection {
  gateway: Pick<GatewayClient, 'lease' | 'ack'>;
  ledger: DataSource;
  keys: InspectionKeys;
  /** of one account; more are set aside */
  messagesPerDay: number;
  /** the stream has something new to deliver */
  onReceived(stream: string): void;
  onQuarantined(submissionId: string): void;
}

/** Pauses before an item is tried again; the lease holds for a minute. */
const RECORD_RETRIES = [100, 400, 1_500] as const;
/** An acceptance is decided within a moment of its collection. */
const EARLY_RETRIES = [100, 300, 600, 1_500] as const;
const ACK_RETRIES = [200, 1_000] as const;

/** The ledger could not take every item; those that it took are acknowledged, the others come again. */
export class CollectionIncomplete extends Error {
  readonly code = 'collection-incomplete';
  readonly logLevel = 'warn';
  constructor(missed: number, cause: unknown) {
    super(`the ledger did not take ${String(missed)} items`, { cause });
  }
}

/**
 * One round: lease what waits (or wait for it), put every item into the ledger by itself, then acknowledge. An item is
 * acknowledged only when its ledger row is committed, so a death at any point makes it come again, and coming again
 * changes nothing. Nothing is leased while the ledger is away, nor after a restore until the DMZ offers its outbox
 * again. What the gateway withholds, repeats, reorders or forges has no other effect than a row that is set aside.
 * @returns number of items the gateway sent
 * @throws Transient, Permanent of the gateway client; CollectionIncomplete; the database driver's own
 */
export async function collectOutbox(collection: Collection, waitMs: number, signal?: AbortSignal): Promise<number> {
  if (await collection.ledger.manager.existsBy(RestoreStep, { step: 'reoffer' })) {
    // What is new would come before what it rests on: an account's message before the acceptance that a restored ledger
    // has forgotten.
    return 0;
  }
  const { items } = await collection.gateway.lease({ limit: LIMITS.leaseItems, waitMs }, signal);
  if (items.length > 0 && drillFault('ack-before-commit')) {
    await collection.gateway.ack({ submissionIds: items.map((item) => item.submissionId) });
  }
  const safe: string[] = [];
  let failure: unknown;
  let missedInARow = 0;
  for (const item of items) {
    try {
      if (await collectItem(collection, item)) {
        safe.push(item.submissionId);
      }
      missedInARow = 0;
    } catch (error: unknown) {
      failure = error;
      missedInARow += 1;
    }
    if (missedInARow === 2) {
      // Not about one item: the ledger is away.
      break;
    }
  }
  if (safe.length > 0) {
    await acknowledge(collection, [...new Set(safe)]);
  }
  if (failure !== undefined) {
    throw new CollectionIncomplete(items.length - safe.length, failure);
  }
  return items.length;
}

/** @returns false when the item has to come again with a later lease */
async function collectItem(collection: Collection, item: LeasedItem): Promise<boolean> {
  const inspection = await inspectItem(item, collection.keys);
  const record = (): Promise<Recorded> =>
    withRetries(RECORD_RETRIES, () => recordItem(collection.ledger, item, inspection, collection.messagesPerDay));
  let recorded = await record();
  for (const pause of EARLY_RETRIES) {
    if (recorded !== 'early') {
      break;
    }
    await delay(pause);
    recorded = await record();
  }
  if (recorded === 'received') {
    collection.onReceived(item.stream);
  } else if (recorded === 'quarantined') {
    collection.onQuarantined(item.submissionId);
  }
  return recorded !== 'early';
}

async function acknowledge({ gateway }: Collection, submissionIds: string[]): Promise<void> {
  crashPoint('before-ack:collect');
  await withRetries(ACK_RETRIES, () => gateway.ack({ submissionIds }));
  crashPoint('after-ack:collect');
}

async function withRetries<T>(pauses: readonly number[], attempt: () => Promise<T>): Promise<T> {
  for (const pause of pauses) {
    try {
      return await attempt();
    } catch {
      await delay(pause);
    }
  }
  return attempt();
}
