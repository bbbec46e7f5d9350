import { setTimeout as pause } from 'node:timers/promises';
import type { BinlogPosition } from '../openemr/snapshot.js';

/** How far the change feed is, for those who read OpenEMR beside it. */
export interface FeedProgress {
  /** whether every transaction that a snapshot at this position contains is in the ledger */
  hasRecorded(position: BinlogPosition): boolean;
  /** OpenEMR lets it read; when it does not, nothing comes of waiting */
  readonly stands: boolean;
  /** it was asked to stop */
  readonly isOver: boolean;
}

/**
 * The change feed does not say what the snapshot contains: it is not connected, or has much to catch up with. The chart
 * is rendered again later.
 */
export class FeedBehind extends Error {
  readonly code = 'feed-behind';
  readonly logLevel = 'warn';
  constructor() {
    super(
      "the change feed has not read as far as the chart; a push waits for it, because rows may be another patient's",
    );
  }
}

/** The feed usually is a few milliseconds behind; after an outage it reads what was missed before anything is pushed. */
const PATIENCE = 30_000;
/** A connection that is lost is mostly back by then. */
const GAP = 1_000;
const LOOK = 5;

/**
 * Until the feed has recorded everything that the snapshot contains. Only then does the ledger know whether rows in it
 * moved from one patient to another. @throws FeedBehind
 */
export async function awaitFeed(feed: FeedProgress, position: BinlogPosition): Promise<void> {
  const deadline = Date.now() + PATIENCE;
  let stood = Date.now();
  while (!feed.hasRecorded(position)) {
    stood = feed.stands ? Date.now() : stood;
    if (feed.isOver || Date.now() > Math.min(deadline, stood + GAP)) {
      throw new FeedBehind();
    }
    await pause(LOOK);
  }
}
