import type { ChartAccess } from '../sessions/session.js';

/**
 * Tells whether a message thread that this portal did not start belongs to a chart. Provided by the feature that reads
 * charts; while nobody provides it, such threads do not exist.
 */
export abstract class ThreadOwner {
  abstract holds(chart: ChartAccess, threadId: string): Promise<boolean>;
}
