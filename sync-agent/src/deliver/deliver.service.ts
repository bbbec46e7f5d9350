import {
  Inject,
  Injectable,
  Logger,
  type BeforeApplicationShutdown,
  type OnApplicationBootstrap,
  type OnModuleInit,
} from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { AGENT_CONFIG } from '../agent-config.module.js';
import type { AgentConfig } from '../config.js';
import { KeyStore } from '../keys/key-store.js';
import { AgentCounters } from '../metrics/agent-counters.js';
import { openEmrTables } from '../openemr/writer-tables.js';
import { QueuesService } from '../queues/queues.service.js';
import { deliverNext, dueStreams, noteWaiting, type DeliveryContext } from './deliver-next.js';
import { TransientDeliveryFailure } from './delivery-failure.js';
import { failureCode } from '../failure-code.js';
import { isOutOfRoom, NO_ROOM } from '../ledger/out-of-room.js';

const SWEEP = 5_000;
const FIRST_PAUSE = 1_000;
const LONGEST_PAUSE = 10_000;
const WORKERS = 4;

/**
 * Drains streams in order, several at once. A stream whose delivery failed for now is left alone for a growing pause;
 * the sweeper finds every stream with something due, so a lost wake costs seconds and a failed one is never forgotten.
 */
@Injectable()
export class DeliverService implements OnModuleInit, OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly log = new Logger('deliver');
  private readonly context: DeliveryContext;
  private readonly waiting = new Map<string, { failures: number; until: number }>();
  private sweep: NodeJS.Timeout | undefined;
  private sweeping = false;

  constructor(
    @Inject(AGENT_CONFIG) config: AgentConfig,
    @InjectDataSource() ledger: DataSource,
    keys: KeyStore,
    private readonly queues: QueuesService,
    private readonly counters: AgentCounters,
  ) {
    this.context = {
      ...{ ledger, keys, pools: config.pools, tables: openEmrTables(config.database.openemrName) },
      offersCcd: config.openemrApi?.ccd === true,
    };
  }

  onModuleInit(): void {
    this.queues.handle('deliveries', 'deliver-stream', (stream) => this.drain(stream), WORKERS);
  }

  onApplicationBootstrap(): void {
    this.sweep = setInterval(() => void this.wakeDue(), SWEEP);
    void this.wakeDue();
  }

  beforeApplicationShutdown(): void {
    clearInterval(this.sweep);
  }

  private async drain(stream: string): Promise<void> {
    try {
      for (;;) {
        const delivered = await deliverNext(this.context, stream);
        if (delivered === 'nothing') {
          break;
        }
        this.waiting.delete(stream);
        this.announce(delivered);
      }
    } catch (failure: unknown) {
      await this.postpone(stream, failure);
    }
  }

  /** What others do about it; they find it themselves when the wake is lost. */
  private announce({ kind, patientRef }: { kind: string; patientRef: string | null }): void {
    this.counters.delivered.inc({ kind, outcome: 'delivered' });
    if (kind === 'enrolment') {
      this.queues.wake('collections', 'push-owed', 'owed');
    }
    if (patientRef !== null) {
      this.queues.wake('replications', 'render-at-once', patientRef);
    }
  }

  private async postpone(stream: string, failure: unknown): Promise<void> {
    const failures = (this.waiting.get(stream)?.failures ?? 0) + 1;
    const pause = Math.min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** Math.min(failures - 1, 10)) * (0.5 + Math.random() / 2);
    this.waiting.set(stream, { failures, until: Date.now() + pause });
    this.counters.delivered.inc({ kind: 'any', outcome: 'postponed' });
    const known = failure instanceof TransientDeliveryFailure;
    const error = known ? failure.message : failureCode(failure);
    if (failures === 1 || failures % 20 === 0) {
      this.log.warn({
        msg: 'a delivery waits',
        stream,
        error,
        ...(isOutOfRoom(failure) ? { reason: NO_ROOM } : {}),
        times: failures,
      });
    }
    const reason = known ? failure.message : waitsFor(failure, error);
    await noteWaiting(this.context.ledger, stream, reason).catch(() => undefined);
  }

  private async wakeDue(): Promise<void> {
    if (this.sweeping) {
      return;
    }
    this.sweeping = true;
    try {
      for await (const streams of dueStreams(this.context.ledger)) {
        for (const stream of streams.filter((due) => (this.waiting.get(due)?.until ?? 0) <= Date.now())) {
          this.queues.wake('deliveries', 'deliver-stream', stream);
        }
      }
    } catch (failure: unknown) {
      this.log.warn({ msg: 'the ledger could not be swept; trying again', error: failureCode(failure) });
    } finally {
      this.sweeping = false;
    }
  }
}

function waitsFor(failure: unknown, code: string): string {
  return isOutOfRoom(failure) ? NO_ROOM : `waits for another try after an unexpected error: ${code}`;
}
