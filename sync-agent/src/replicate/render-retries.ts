const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 60_000;

interface Retry {
  failures: number;
  until: number;
  later: boolean;
}

/** Charts that failed, each with a growing pause of its own, so that it holds nobody back. */
export class RenderRetries {
  private readonly waiting = new Map<string, Retry>();
  private readonly left = new Set<string>();

  /**
   * Whether a chart may be tried now, how often it failed in a row, and whether its last try was one that nobody waited
   * for; undefined for no try.
   */
  stateOf(patientRef: string): { isDue: boolean; failures: number; later: boolean } | undefined {
    const retry = this.waiting.get(patientRef);
    return retry === undefined ? undefined : { ...retry, isDue: retry.until <= Date.now() };
  }

  /** @returns failures in a row */
  postpone(patientRef: string, later: boolean): number {
    const failures = (this.waiting.get(patientRef)?.failures ?? 0) + 1;
    const pause = Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** Math.min(failures - 1, 10)) * (0.75 + Math.random() / 2);
    this.waiting.set(patientRef, { failures, until: Date.now() + pause, later });
    return failures;
  }

  /** A chart that was not read because the feed is down; that is no failure of its own. */
  leave(patientRef: string): void {
    this.left.add(patientRef);
  }

  /** Charts that were left, once. */
  takeLeft(): string[] {
    const left = [...this.left];
    this.left.clear();
    return left;
  }

  forget(patientRef: string): void {
    this.waiting.delete(patientRef);
  }
}
