import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection } from 'mysql2/promise';
import { correctResult, newResult } from '../openemr-sim/clinic-labs.js';
import type { System } from '../demo/system.js';
import { DEFAULT_DATABASES } from '../services/services.js';

/** Connections that change at once: a change is several statements, each with a commit of its own. */
const CLINICIANS = 4;
/** Measured from then on, when everything that comes with the load has begun. */
const WARM_UP = 10_000;
const PATIENCE = 60_000;
/** Without a dirty row for so long there comes none: the feed is never this far behind an OpenEMR at rest. */
const SETTLED = 1_000;

interface Load {
  /** changes a minute */
  rate: number;
  charts: System['patients'];
}

/**
 * Changes on the charts of other enrolled patients at an even rate, one chart after another: by turns a new result, and the
 * correction of the one before. Each is due at its own time, whether those before were quick or slow.
 */
export class OtherCharts {
  private readonly ended = new AbortController();
  private readonly latest = new Map<number, number>();
  private readonly work: Promise<void>[];
  private readonly begun = performance.now();
  private next = 0;
  private made = 0;
  private counted = { at: 0, made: 0 };

  private constructor(
    private readonly system: System,
    private readonly load: Load,
    connections: readonly Connection[],
  ) {
    this.work = connections.map((connection) => this.clinician(connection));
  }

  static async change(system: System, load: Load): Promise<OtherCharts> {
    const connections = await Promise.all(Array.from({ length: CLINICIANS }, () => system.openemr()));
    const others = new OtherCharts(system, load, connections);
    await sleep(WARM_UP);
    others.counted = { at: performance.now(), made: others.made };
    return others;
  }

  /** Changes a minute that were made while it was measured, and how long the DMZ lacked any of them after the last. */
  async end(): Promise<{ reached: number; caughtUpMs: number }> {
    const minutes = (performance.now() - this.counted.at) / 60_000;
    const reached = Math.round((this.made - this.counted.made) / minutes);
    this.ended.abort();
    await Promise.all(this.work);
    const last = performance.now();
    let behind = 0;
    while (performance.now() - last - behind < SETTLED) {
      if (behind > PATIENCE) {
        throw new Error('the DMZ did not get the changes of the other charts');
      }
      behind = (await this.isBehind()) ? performance.now() - last : behind;
      await sleep(20);
    }
    return { reached, caughtUpMs: Math.round(behind) };
  }

  private async clinician(connection: Connection): Promise<void> {
    for (let change = this.next++; await this.isDue(change); change = this.next++) {
      await this.changeOne(connection, change);
      this.made += 1;
    }
    await connection.end();
  }

  /** Waits until it is; false when the load has ended. */
  private async isDue(change: number): Promise<boolean> {
    const due = this.begun + (change * 60_000) / this.load.rate;
    return sleep(Math.max(0, due - performance.now()), true, { signal: this.ended.signal }).catch(() => false);
  }

  private async changeOne(connection: Connection, change: number): Promise<void> {
    const { charts } = this.load;
    const { pid } = charts[change % charts.length] ?? { pid: 0 };
    const value = String(50 + (change % 150));
    const before = this.latest.get(pid);
    if (before === undefined) {
      const made = await newResult(connection, { pid, loinc: '2345-7', name: 'Glucose', value, units: 'mg/dL' });
      this.latest.set(pid, made.resultId);
    } else {
      this.latest.delete(pid);
      await correctResult(connection, { resultId: before, value });
    }
  }

  /** Whether a chart has changes that the DMZ has not acknowledged. */
  private async isBehind(): Promise<boolean> {
    const [row] = await this.system.services.inside.adminSql('SELECT COUNT(*) AS dirty FROM ??.dirty', [
      DEFAULT_DATABASES.ledger,
    ]);
    return Number(row?.['dirty']) > 0;
  }
}
