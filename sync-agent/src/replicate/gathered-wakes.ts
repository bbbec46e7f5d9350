/**
 * A screen of OpenEMR commits a change in several statements, milliseconds apart. A chart's render waits for the rest of
 * them, but not for long, instead of reading the chart twice.
 */
const GATHER = 30;
const LONGEST = 90;

interface Gathered {
  since: number;
  timer: NodeJS.Timeout;
}

/** Wakes of the change feed, gathered by chart. What is lost with the process is found by the sweep, as every lost wake. */
export class GatheredWakes {
  private readonly gathered = new Map<string, Gathered>();

  constructor(private readonly wake: (patientRef: string) => void) {}

  add(patientRef: string): void {
    const before = this.gathered.get(patientRef);
    const since = before?.since ?? performance.now();
    const pause = Math.min(GATHER, since + LONGEST - performance.now());
    if (pause <= 0) {
      return;
    }
    clearTimeout(before?.timer);
    const timer = setTimeout(() => {
      this.gathered.delete(patientRef);
      this.wake(patientRef);
    }, pause);
    this.gathered.set(patientRef, { since, timer });
  }

  stop(): void {
    this.gathered.forEach(({ timer }) => {
      clearTimeout(timer);
    });
    this.gathered.clear();
  }
}
