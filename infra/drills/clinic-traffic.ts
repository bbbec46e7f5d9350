import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection } from 'mysql2/promise';
import { correctResult, newResult } from '../openemr-sim/clinic-labs.js';
import { ClinicRefusal } from '../openemr-sim/clinic-session.js';
import { reply } from '../openemr-sim/clinic-mail.js';
import type { System } from '../demo/system.js';
import type { RandomChoice } from './random-choice.js';

/**
 * The clinic at work: new and corrected laboratory results and answers to portal mail, on the given charts. It writes
 * by itself what OpenEMR's screens write; when OpenEMR's database is down it does as staff do and tries again.
 */
export class ClinicTraffic {
  private working: Promise<void> | undefined;
  private stopped = false;
  private connection: Connection | undefined;
  private readonly results: number[] = [];
  changes = 0;

  constructor(
    private readonly system: System,
    private readonly pids: readonly number[],
    private readonly choice: RandomChoice,
    private readonly pause: number,
  ) {}

  start(): void {
    this.stopped = false;
    this.working = this.work();
  }

  async stop(): Promise<void> {
    this.stopped = true;
    await this.working;
    await this.connection?.end().catch(() => undefined);
    this.connection = undefined;
  }

  private async work(): Promise<void> {
    while (!this.stopped) {
      try {
        this.connection ??= await this.connect();
        await this.change(this.connection);
        this.changes += 1;
      } catch (error: unknown) {
        if (!(error instanceof ClinicRefusal)) {
          this.connection?.destroy();
          this.connection = undefined;
        }
      }
      await sleep(this.pause);
    }
  }

  private async connect(): Promise<Connection> {
    const connection = await this.system.openemr();
    // A server that dies between two statements: the next one says so.
    connection.on('error', () => undefined);
    return connection;
  }

  private async change(connection: Connection): Promise<void> {
    const pid = this.choice.of(this.pids);
    const value = String(40 + this.choice.below(300));
    const corrected = this.results.length > 0 ? this.choice.of(this.results) : undefined;
    switch (this.choice.below(3)) {
      case 0: {
        const comment = `lab${randomUUID().replaceAll('-', '')}`;
        const written = await newResult(connection, {
          pid,
          loinc: '2345-7',
          name: 'Glucose',
          value,
          units: 'mg/dL',
          comment,
        });
        this.results.push(written.resultId);
        return;
      }
      case 1:
        if (corrected !== undefined) {
          await correctResult(connection, { resultId: corrected, value });
        }
        return;
      default:
        await reply(connection, {
          staff: 'frontdesk',
          body: `<p>rep${randomUUID().replaceAll('-', '')} is an answer</p>`,
        });
    }
  }
}
