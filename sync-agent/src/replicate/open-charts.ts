import type { GatewayClient } from '../gateway-client/gateway-client.js';
import { LAST_PLACE } from '../queues/queues.service.js';

/** The hint is this old at most while charts wait for each other, milliseconds. */
const FRESH = 2_000;

/** Places of charts that somebody looked at, from 1 on, whose was looked at last first. */
export type Places = ReadonlyMap<string, number>;

/**
 * In which order charts that wait for each other are rendered: whose chart was looked at last goes first, so that nobody
 * waits on an open page for charts that nobody sees. The DMZ's word decides only this order.
 */
export class OpenCharts {
  private known: Places = new Map();
  private askedAt = -Infinity;
  private asking: Promise<void> | undefined;

  constructor(private readonly gateway: Pick<GatewayClient, 'readOpenCharts'>) {}

  /**
   * By the last answer: nobody waits for a new one.
   * @param areWaiting whether charts wait for each other now; nothing is asked while none does
   */
  placeOf(patientRef: string, areWaiting: boolean): number {
    if (areWaiting) {
      void this.ask();
    }
    return this.known.get(patientRef) ?? LAST_PLACE;
  }

  /** As they are now; none when the gateway does not answer. */
  async places(): Promise<Places> {
    await this.ask();
    return this.known;
  }

  private ask(): Promise<void> {
    if (this.asking === undefined && performance.now() - this.askedAt >= FRESH) {
      this.asking = this.look().finally(() => {
        this.asking = undefined;
        // A gateway that hangs is not asked again at once.
        this.askedAt = performance.now();
      });
    }
    return this.asking ?? Promise.resolve();
  }

  private async look(): Promise<void> {
    try {
      const { charts } = await this.gateway.readOpenCharts();
      this.known = new Map(charts.map((patientRef, index) => [patientRef, index + 1]));
    } catch {
      // Whoever pushes says why; charts go in the order of their changes meanwhile.
      this.known = new Map();
    }
  }
}
