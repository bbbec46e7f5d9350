import type { ChartAccess } from '../sessions/session.js';

/**
 * Tells whether a message thread that this portal did not start belongs to a chart. Provided where charts are
 * read.
 */
export abstract class ThreadOwner {
  abstract holds(chart: ChartAccess, threadId: string): Promise<boolean>;
}
