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
import { Permanent } from '../gateway-client/gateway-failures.js';
import { KeyStore } from '../keys/key-store.js';
import { QueuesService } from '../queues/queues.service.js';
import { collectOutbox, type Collection } from './collect-outbox.js';
import { failureCode } from '../failure-code.js';

const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 30_000;
/** A genuine message is not kept waiting for long after rubbish. */
const LONGEST_REST = 5_000;
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
  private failures = 0;
  private received = 0;
  /** rounds in a row that ended early with nothing to deliver */
  private idle = 0;
  private sweep: NodeJS.Timeout | undefined;

  constructor(
    @Inject(AGENT_CONFIG) config: AgentConfig,
    gateway: GatewayClient,
    @InjectDataSource() ledger: DataSource,
    keys: KeyStore,
    private readonly queues: QueuesService,
  ) {
    this.collection = {
      gateway,
      ledger,
      keys: { site: keys.siteId, sealingKey: (kid) => keys.sealingPrivateKey(kid) },
      messagesPerDay: config.messagesPerDay,
      onReceived: (stream) => {
        this.received += 1;
        this.queues.wake('deliveries', 'deliver-stream', stream);
      },
      onQuarantined: (submissionId) => {
        this.log.error({ msg: 'a submission was set aside; see its reason in the ledger', submissionId });
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
      const begun = performance.now();
      await collectOutbox(this.collection, TIMES.leaseWait, this.stop.signal);
      this.failures = 0;
      this.idle = this.received > 0 || performance.now() - begun >= TIMES.leaseWait / 2 ? 0 : this.idle + 1;
      if (this.idle > 0) {
        // A gateway that answers at once with nothing, with what is known or with rubbish must not make us spin.
        await this.rest(Math.min(LONGEST_REST, FIRST_PAUSE * 2 ** Math.min(this.idle - 1, 10)));
      }
    } catch (failure: unknown) {
      await this.pause(failure);
    }
    this.queues.wake('collections', 'lease-outbox', OUTBOX);
  }

  private async pause(failure: unknown): Promise<void> {
    if (this.stop.signal.aborted) {
      return;
    }
    this.failures += 1;
    if (this.failures === 1 || this.failures % 10 === 0) {
      this.log.warn({
        msg: 'the outbox was not emptied; trying again',
        error: failureCode(failure),
        times: this.failures,
      });
    }
    const longest = failure instanceof Permanent ? LONGEST_PAUSE : FIRST_PAUSE * 2 ** Math.min(this.failures, 10);
    await this.rest(Math.min(LONGEST_PAUSE, longest));
  }

  private async rest(longest: number): Promise<void> {
    const pause = longest * (0.5 + Math.random() / 2);
    await delay(pause, undefined, { signal: this.stop.signal }).catch(() => undefined);
  }
}
