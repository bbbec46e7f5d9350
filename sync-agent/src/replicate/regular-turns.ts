import type { Logger } from '@nestjs/common';
import { failureCode } from '../failure-code.js';

/** Work that comes again and again, each by its name never twice at the same time. A failure waits for the next turn. */
export class RegularTurns {
  private readonly timers: NodeJS.Timeout[] = [];
  private readonly busy = new Set<string>();
  private stopped = false;

  constructor(private readonly log: Logger) {}

  /** At once and then regularly. */
  every(interval: number, name: string, work: () => Promise<void>): void {
    this.timers.push(setInterval(() => void this.turn(name, work), interval));
    void this.turn(name, work);
  }

  async turn(name: string, work: () => Promise<void>): Promise<void> {
    if (this.busy.has(name) || this.stopped) {
      return;
    }
    this.busy.add(name);
    try {
      await work();
    } catch (failure: unknown) {
      this.log.warn({ msg: `${name} failed; the next turn comes`, code: failureCode(failure) });
    } finally {
      this.busy.delete(name);
    }
  }

  /** Nothing begins any more. */
  stop(): void {
    this.stopped = true;
    this.timers.forEach((timer) => {
      clearInterval(timer);
    });
  }
}
