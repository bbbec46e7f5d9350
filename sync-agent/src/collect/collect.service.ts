import { setTimeout as delay } from 'node:timers/promises';
import {
  Inject,
  Injectable,
  Logger,
  type BeforeApplicationShutdown,
  type OnApplicationBootstrap,
  type OnModuleInit,
} from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { TIMES } from 'sync-contract/limits';
import { DataSource } from 'typeorm';
import { AGENT_CONFIG } from '../agent-config.module.js';
import type { AgentConfig } from '../config.js';
import { GatewayClient } from '../gateway-client/gateway-client.js';
import { KeyStore } from '../keys/key-store.js';
import { AgentCounters } from '../metrics/agent-counters.js';
import { Submission } from '../ledger/submission.entities.js';
import { QueuesService } from '../queues/queues.service.js';
import { collectOutbox, type Collection } from './collect-outbox.js';
import { Pace } from './pace.js';
import { Repetitions } from './repetitions.js';
import { whyIncomplete } from './why-incomplete.js';

const SWEEP = 5_000;
const OUTBOX = 'outbox';

/**
 * Empties the DMZ's outbox for as long as the agent runs: one lease after the other, at once after work, with growing
 * pauses after failures. The round is a job that wakes itself; a timer wakes it again when Redis lost the job.
 */
@Injectable()
export class CollectService implements OnModuleInit, OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly log = new Logger('collect');
  private readonly stop = new AbortController();
  private readonly collection: Collection;
  private readonly pace = new Pace();
  private readonly repetitions: Repetitions;
  private received = 0;
  private known = 0;
  private sweep: NodeJS.Timeout | undefined;

  constructor(
    @Inject(AGENT_CONFIG) config: AgentConfig,
    gateway: GatewayClient,
    @InjectDataSource() ledger: DataSource,
    keys: KeyStore,
    private readonly queues: QueuesService,
    private readonly counters: AgentCounters,
  ) {
    this.repetitions = new Repetitions(() => ledger.manager.count(Submission));
    this.collection = {
      gateway,
      ledger,
      keys: { site: keys.siteId, sealingKey: (kid) => keys.sealingPrivateKey(kid) },
      messagesPerDay: config.messagesPerDay,
      onReceived: (stream) => {
        this.received += 1;
        this.counters.collected.inc({ outcome: 'received' });
        this.queues.wake('deliveries', 'deliver-stream', stream);
      },
      onQuarantined: (submissionId) => {
        this.counters.collected.inc({ outcome: 'quarantined' });
        this.log.error({ msg: 'a submission was set aside; see its reason in the ledger', submissionId });
      },
      onKnown: (items) => {
        this.known += items;
      },
    };
  }

  onModuleInit(): void {
    this.queues.handle('collections', 'lease-outbox', () => this.round(), 2);
  }

  onApplicationBootstrap(): void {
    const wake = (): void => {
      this.queues.wake('collections', 'lease-outbox', OUTBOX);
    };
    wake();
    this.sweep = setInterval(wake, SWEEP);
  }

  /** Ends the wait of a lease, so that the workers can close. */
  beforeApplicationShutdown(): void {
    clearInterval(this.sweep);
    this.stop.abort();
  }

  private async round(): Promise<void> {
    if (this.stop.signal.aborted) {
      return;
    }
    try {
      this.received = 0;
      this.known = 0;
      const begun = performance.now();
      await collectOutbox(this.collection, TIMES.leaseWait, this.stop.signal);
      const work = this.received + (await this.repetitions.asWork(this.known));
      await this.rest(this.pace.afterRound(work, performance.now() - begun));
    } catch (failure: unknown) {
      await this.pause(failure);
    }
    this.queues.wake('collections', 'lease-outbox', OUTBOX);
  }

  private async pause(failure: unknown): Promise<void> {
    if (this.stop.signal.aborted) {
      return;
    }
    this.counters.collections.inc();
    const pause = this.pace.afterFailure(failure);
    const { failures } = this.pace;
    if (failures === 1 || failures % 10 === 0) {
      this.log.warn({ msg: 'the outbox was not emptied; trying again', ...whyIncomplete(failure), times: failures });
    }
    await this.rest(pause);
  }

  private async rest(ms: number): Promise<void> {
    if (ms > 0) {
      await delay(ms, undefined, { signal: this.stop.signal }).catch(() => undefined);
    }
  }
}
