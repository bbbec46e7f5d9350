import { setTimeout as delay } from 'node:timers/promises';
import { LIMITS } from 'sync-contract/limits';
import { In, type DataSource } from 'typeorm';
import { crashPoint } from '../crash-point.js';
import { drillFault } from '../drill-fault.js';
import type { GatewayClient } from '../gateway-client/gateway-client.js';
import { RestoreStep } from '../ledger/restore.entities.js';
import { Submission } from '../ledger/submission.entities.js';
import { inspectItem, type InspectionKeys, type LeasedItem } from './inspect-item.js';
import { recordItem } from './record-item.js';

export interface Collection {
  gateway: Pick<GatewayClient, 'lease' | 'ack'>;
  ledger: DataSource;
  keys: InspectionKeys;
  /** of one account; more are set aside */
  messagesPerDay: number;
  /** the stream has something new to deliver */
  onReceived(stream: string): void;
  onQuarantined(submissionId: string): void;
  /** so many were collected before */
  onKnown(items: number): void;
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
 * One round: lease what waits (or wait for it), pass over what the ledger knows, put every other item into it by itself,
 * and acknowledge both. An item is acknowledged only when its ledger row is committed, so a death at any point makes it
 * come again, and coming again changes nothing. Nothing is leased while the ledger is away, nor after a restore until
 * the DMZ offers its outbox again. What the gateway withholds, repeats, reorders or forges has no other effect than a
 * row that is set aside.
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
  const known = await findKnown(collection, items);
  const taken = await recordItems(
    collection,
    items.filter(({ submissionId }) => !known.has(submissionId)),
  );
  await acknowledge(collection, [...known, ...taken.safe]);
  const late = await recordEarly(collection, taken);
  await acknowledge(collection, late.safe);
  if (late.failure !== undefined) {
    throw new CollectionIncomplete(taken.missed + late.missed, late.failure);
  }
  return items.length;
}

/**
 * Ids that the ledger has, whatever the gateway now says about them: after a restore the DMZ offers again all that it
 * keeps, and none of that is opened or locked again. A row that is seen here is committed.
 */
async function findKnown(collection: Collection, items: readonly LeasedItem[]): Promise<Set<string>> {
  const ids = items.map(({ submissionId }) => submissionId);
  if (ids.length === 0) {
    return new Set();
  }
  const read = (): Promise<Submission[]> =>
    collection.ledger.manager.find(Submission, { select: { submissionId: true }, where: { submissionId: In(ids) } });
  try {
    const known = new Set((await withRetries(RECORD_RETRIES, read)).map(({ submissionId }) => submissionId));
    collection.onKnown(known.size);
    return known;
  } catch (failure: unknown) {
    throw new CollectionIncomplete(items.length, failure);
  }
}

interface Taken {
  /** to be acknowledged */
  safe: string[];
  /** nobody can say yet whether they may be taken */
  early: LeasedItem[];
  /** the ledger did not take so many, because of */
  missed: number;
  failure: unknown;
}

async function recordItems(collection: Collection, items: readonly LeasedItem[]): Promise<Taken> {
  const taken: Taken = { safe: [], early: [], missed: 0, failure: undefined };
  let missedInARow = 0;
  for (const [index, item] of items.entries()) {
    try {
      await recordOne(collection, item, taken);
      missedInARow = 0;
    } catch (failure: unknown) {
      taken.failure = failure;
      taken.missed += 1;
      missedInARow += 1;
    }
    if (missedInARow === 2) {
      // Not about one item: the ledger is away.
      taken.missed += items.length - index - 1;
      break;
    }
  }
  return taken;
}

async function recordOne(collection: Collection, item: LeasedItem, taken: Taken): Promise<void> {
  const inspection = await inspectItem(item, collection.keys);
  const recorded = await withRetries(RECORD_RETRIES, () =>
    recordItem(collection.ledger, item, inspection, collection.messagesPerDay),
  );
  if (recorded === 'early') {
    taken.early.push(item);
    return;
  }
  taken.safe.push(item.submissionId);
  switch (recorded) {
    case 'received':
      collection.onReceived(item.stream);
      return;
    case 'quarantined':
      collection.onQuarantined(item.submissionId);
      return;
    case 'known':
      collection.onKnown(1);
  }
}

/** All early ones of a round wait together; those that stay early come again with a later lease. */
async function recordEarly(collection: Collection, { early, failure }: Taken): Promise<Taken> {
  const late: Taken = { safe: [], early, missed: 0, failure };
  for (const pause of EARLY_RETRIES) {
    if (late.early.length === 0 || late.failure !== undefined) {
      break;
    }
    await delay(pause);
    const again = await recordItems(collection, late.early);
    late.safe.push(...again.safe);
    late.early = again.early;
    late.missed = again.missed;
    late.failure = again.failure;
  }
  return late;
}

async function acknowledge({ gateway }: Collection, safe: readonly string[]): Promise<void> {
  const submissionIds = [...new Set(safe)];
  if (submissionIds.length === 0) {
    return;
  }
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
