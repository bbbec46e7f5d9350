import type { GatewayClient } from '../gateway-client/gateway-client.js';
import { LAST_PLACE } from '../queues/queues.service.js';

/** The hint is this old at most while charts wait for each other, milliseconds. */
const FRESH = 2_000;

/**
 * In which order charts that wait for each other are rendered: whose chart was looked at last goes first, so that nobody
 * waits on an open page for charts that nobody sees. The DMZ's word decides only this order. It is asked while there is
 * something to order, and nobody waits for its answer.
 */
export class OpenCharts {
  private places: ReadonlyMap<string, number> = new Map();
  private askedAt = -Infinity;
  private asking = false;

  constructor(private readonly gateway: Pick<GatewayClient, 'readOpenCharts'>) {}

  /** From 1 on. @param areWaiting whether charts wait for each other now */
  placeOf(patientRef: string, areWaiting: boolean): number {
    if (areWaiting && !this.asking && performance.now() - this.askedAt >= FRESH) {
      this.askedAt = performance.now();
      void this.look();
    }
    return this.places.get(patientRef) ?? LAST_PLACE;
  }

  private async look(): Promise<void> {
    this.asking = true;
    try {
      const { charts } = await this.gateway.readOpenCharts();
      this.places = new Map(charts.map((patientRef, index) => [patientRef, index + 1]));
    } catch {
      // Whoever pushes says why; charts go in the order of their changes meanwhile.
      this.places = new Map();
    } finally {
      this.asking = false;
    }
  }
}
