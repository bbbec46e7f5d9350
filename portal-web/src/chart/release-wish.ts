import type { PendingWishView } from 'portal-api/http';
import type { ResultYearsContent, WaitingResult } from './section-content.js';

export type ResultChoice = 'wait' | 'at-once';

/** How new results are handled, as far as the page knows. */
export interface ResultRelease {
  /** as the chart is; null when it did not say */
  current: ResultChoice | null;
  /** the last choice on its way to the clinic; null when none is */
  underWay: ResultChoice | null;
  waiting: readonly WaitingResult[];
  /** ids of those that were asked for and are on their way */
  asked: ReadonlySet<string>;
}

/** @param wishes oldest first */
export function resultRelease(index: ResultYearsContent | null, wishes: readonly PendingWishView[]): ResultRelease {
  const underWay = wishes.flatMap(({ payload: { wish } }) => (wish === 'show' ? [] : [wish])).at(-1) ?? null;
  return {
    current: index === null ? null : index.wish === undefined ? 'at-once' : 'wait',
    underWay,
    waiting: index?.wish?.waiting ?? [],
    asked: new Set(wishes.flatMap(({ payload: { resultId } }) => resultId ?? [])),
  };
}

/** How many results a file of the chart lacks for that reason. */
export function waitingIn(index: unknown): number {
  const wish = typeof index === 'object' && index !== null && 'wish' in index ? index.wish : undefined;
  const waiting = typeof wish === 'object' && wish !== null && 'waiting' in wish ? wish.waiting : undefined;
  return Array.isArray(waiting) ? waiting.length : 0;
}
