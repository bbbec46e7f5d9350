import { Problem } from '../problems/problem.js';

/** The chart has no section of that name. Whether that means "no results" the page decides by the chart's status. */
export class SectionNotFound extends Problem {
  readonly code = 'section-not-found';
  readonly status = 404;
  readonly title = 'This part of the chart is empty.';
  readonly level = 'debug';
}

/** The grant stands, but no chart has come from the clinic yet. Normal for seconds after joining. */
export class ChartNotReady extends Problem {
  readonly code = 'chart-not-ready';
  readonly status = 503;
  readonly title = 'The chart is on its way from the clinic.';
  readonly level = 'info';
  override readonly retryAfter = 2;
}

/**
 * What the database holds of the chart does not verify: signature, hash, seal, or older than what was seen before.
 * Never normal. Somebody changed or rolled back the replica, or a restore inside has not raised the era.
 */
export class ReplicaUnverified extends Problem {
  readonly code = 'replica-unverified';
  readonly status = 503;
  readonly title = 'The chart cannot be shown safely at the moment.';
  readonly level = 'error';
  /** @param reason fixed words for the log; no content */
  constructor(readonly reason: string) {
    super();
  }
}
