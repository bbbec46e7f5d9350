import { failureCode } from '../failure-code.js';
import { isOutOfRoom, NO_ROOM } from '../ledger/out-of-room.js';
import { CollectionIncomplete } from './collect-outbox.js';

/** What the log says of a round that failed: fixed words, and a sentence where a person can do something. */
export function whyIncomplete(failure: unknown): { error: string; cause?: string; reason?: string } {
  const cause = failure instanceof CollectionIncomplete ? failure.cause : failure;
  return {
    error: failureCode(failure),
    ...(cause === failure ? {} : { cause: failureCode(cause) }),
    ...(isOutOfRoom(cause) ? { reason: NO_ROOM } : {}),
  };
}
