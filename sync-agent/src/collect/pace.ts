import { TIMES } from 'sync-contract/limits';
import { Permanent } from '../gateway-client/gateway-failures.js';

const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 30_000;
/** A genuine message is not kept waiting for long after rubbish. */
const LONGEST_REST = 5_000;

/**
 * How long the collector rests between two rounds, in milliseconds: not at all after work or a lease that waited,
 * longer each time after rounds that ended early with nothing to deliver, and after failures. A gateway that answers at
 * once with nothing, with what is known or with rubbish must not make the agent spin.
 */
export class Pace {
  private idle = 0;
  private failed = 0;

  /** @param random spreads the pauses; from 0 to 1 */
  constructor(private readonly random: () => number = Math.random) {}

  /** failures in a row */
  get failures(): number {
    return this.failed;
  }

  /** @param work items that were new, or expected to come again */
  afterRound(work: number, tookMs: number): number {
    this.failed = 0;
    this.idle = work > 0 || tookMs >= TIMES.leaseWait / 2 ? 0 : this.idle + 1;
    return this.idle === 0 ? 0 : this.spread(Math.min(LONGEST_REST, doubled(this.idle - 1)));
  }

  afterFailure(failure: unknown): number {
    this.failed += 1;
    return this.spread(failure instanceof Permanent ? LONGEST_PAUSE : Math.min(LONGEST_PAUSE, doubled(this.failed)));
  }

  private spread(longest: number): number {
    return longest * (0.5 + this.random() / 2);
  }
}

function doubled(times: number): number {
  return FIRST_PAUSE * 2 ** Math.min(times, 10);
}
