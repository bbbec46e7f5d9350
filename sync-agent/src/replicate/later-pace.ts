import { setTimeout as delay } from 'node:timers/promises';
import type { OpenEmrRead } from './render-work.js';

/** Charts at once that nobody waits for. */
export const LATER_RENDERS = 3;
/** A statement of the reader takes about a millisecond; an OpenEMR whose statements wait for so long has other work. */
const SLOW_MS = 100;
const FIRST_REST = 250;
const LONGEST_REST = 30_000;
/** Quick charts in a row after which more is asked of OpenEMR. */
const QUICK = 2;

/**
 * How much of OpenEMR and of the gateway a first load or a refill takes. Slow answers and failures leave one chart at a
 * time, with a rest behind each that doubles while they go on; quick answers bring the pace back step by step. The
 * changes of the day have their own places and are not held up.
 */
export class LaterPace {
  private width = LATER_RENDERS;
  private restMs = 0;
  private quick = 0;
  private slowedAt = -Infinity;
  private running = 0;
  private readonly waiting: (() => void)[] = [];

  constructor(
    private readonly signal: AbortSignal,
    private readonly pause: (ms: number) => Promise<unknown> = (ms) => delay(ms, undefined, { signal, ref: false }),
  ) {}

  /** charts at once, and the rest behind each in milliseconds */
  get now(): { width: number; restMs: number } {
    return { width: this.width, restMs: this.restMs };
  }

  /** Does it when its turn comes, and rests before the next one's does. */
  async turn(work: () => Promise<void>): Promise<void> {
    await new Promise<void>((admitted) => {
      this.waiting.push(admitted);
      this.admit();
    });
    try {
      await work();
      if (this.restMs > 0 && !this.signal.aborted) {
        await this.pause(this.restMs).catch(() => undefined);
      }
    } finally {
      this.running -= 1;
      this.admit();
    }
  }

  answered({ began, statements, waitedMs }: Pick<OpenEmrRead, 'began' | 'statements' | 'waitedMs'>): void {
    if (statements > 0 && waitedMs / statements >= SLOW_MS) {
      this.failed(began);
      return;
    }
    this.quick += 1;
    if (this.quick < QUICK) {
      return;
    }
    this.quick = 0;
    if (this.restMs > 0) {
      this.restMs = this.restMs > FIRST_REST ? this.restMs / 2 : 0;
    } else {
      this.width = Math.min(LATER_RENDERS, this.width + 1);
    }
  }

  /**
   * OpenEMR or the gateway answered late or not at all. What had begun before the pace was slowed says nothing new.
   * @param began of `performance.now()`
   */
  failed(began: number): void {
    if (began < this.slowedAt) {
      return;
    }
    this.slowedAt = performance.now();
    this.quick = 0;
    this.width = 1;
    this.restMs = Math.min(LONGEST_REST, Math.max(FIRST_REST, this.restMs * 2));
  }

  private admit(): void {
    while (this.running < this.width && this.waiting.length > 0) {
      this.running += 1;
      this.waiting.shift()?.();
    }
  }
}
