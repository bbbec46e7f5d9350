import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import { Inject, Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { Queue, Worker, type Job, type RedisOptions } from 'bullmq';
import { z } from 'zod';
import { AGENT_CONFIG } from '../agent-config.module.js';
import type { AgentConfig } from '../config.js';
import { failureCode } from '../failure-code.js';

export const QUEUES = [
  'collections',
  'deliveries',
  'replications',
  'refills',
  'heartbeats',
  'reconciliations',
  'readings',
] as const;
export type QueueName = (typeof QUEUES)[number];

/** Jobs carry the id of a row and nothing else. */
const JobData = z.strictObject({ id: z.string().regex(/^[0-9a-z-]{1,64}$/) });

/** What a job does with its row. It must be idempotent: the same id may come again at any time, also after success. */
export type JobHandler = (id: string) => Promise<void>;

interface Handler {
  handle: JobHandler;
  concurrency: number;
}

/** Place of a job that nobody waits for: behind all others. */
export const LAST_PLACE = 1_000_000;

/** Two handlers for one job: a mistake in the program. */
export class JobHandledTwice extends Error {
  readonly code = 'job-handled-twice';
  constructor(queue: QueueName, job: string) {
    super(`job ${job} of queue ${queue} has two handlers`);
  }
}

const LOG_PAUSE = 30_000;
const PATIENCE = 3_000;

/**
 * The agent's queues. They wake; the ledger's rows are the truth, and whoever adds a job also sweeps those rows, so
 * Redis may be flushed or gone at any instant. A start clears the queues of the run before it, whose active jobs
 * would otherwise hold back new ones until they count as stalled; there is one agent.
 */
@Injectable()
export class QueuesService implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly log = new Logger('queues');
  private readonly handlers = new Map<QueueName, Map<string, Handler>>();
  private readonly queues = new Map<QueueName, Queue>();
  private readonly workers: Worker[] = [];
  private readonly adding = new Set<Promise<void>>();
  private lastComplaint = 0;
  private stopping = false;

  constructor(@Inject(AGENT_CONFIG) private readonly config: AgentConfig) {}

  /** Names who does a job; call it in `onModuleInit`. @throws JobHandledTwice */
  handle(queue: QueueName, job: string, handle: JobHandler, concurrency = 1): void {
    const handlers = this.handlers.get(queue) ?? new Map<string, Handler>();
    if (handlers.has(job)) {
      throw new JobHandledTwice(queue, job);
    }
    this.handlers.set(queue, handlers.set(job, { handle, concurrency }));
  }

  /**
   * Wakes the handler of a job for one row. Never fails and never waits for Redis. While the same job with the same id
   * runs, one more run is remembered for afterwards: a wake is not lost, and no id is worked on twice at once.
   * @param place from 1 on: who has a smaller one goes first, and before all of them whoever has none
   */
  wake(queue: QueueName, job: string, id: string, place?: number): void {
    const target = this.queues.get(queue);
    if (target === undefined || this.stopping) {
      return;
    }
    const added = target
      .add(job, JobData.parse({ id }), {
        deduplication: { id: `${job}-${id}`, keepLastIfActive: true },
        ...(place === undefined ? {} : { priority: place }),
      })
      .then(
        () => undefined,
        (failure: unknown) => {
          this.complain(failure);
        },
      )
      .finally(() => this.adding.delete(added));
    this.adding.add(added);
  }

  /** Jobs that wait, run or are put off, by queue. */
  async lengths(): Promise<Map<string, number>> {
    const counted = await Promise.all(
      [...this.queues].map(async ([name, queue]): Promise<[string, number]> => [
        name,
        await queue.getJobCountByTypes('waiting', 'prioritized', 'active', 'delayed'),
      ]),
    );
    return new Map(counted);
  }

  async onApplicationBootstrap(): Promise<void> {
    for (const name of this.handlers.keys()) {
      const queue = new Queue(name, {
        prefix: this.config.queuePrefix,
        connection: { ...this.connection(), enableOfflineQueue: false, maxRetriesPerRequest: 1 },
        defaultJobOptions: { removeOnComplete: true, removeOnFail: true },
        streams: { events: { maxLen: 100 } },
      });
      queue.on('error', (failure) => {
        this.complain(failure);
      });
      this.queues.set(name, queue);
    }
    const cleared = Promise.all([...this.queues.values()].map((queue) => this.clear(queue))).then(() => {
      this.startWorkers();
    });
    // With Redis away the rest of the agent starts all the same, and the workers when it is back.
    await Promise.race([cleared, delay(PATIENCE, undefined, { ref: false })]);
  }

  private startWorkers(): void {
    if (this.stopping) {
      return;
    }
    for (const [name, handlers] of this.handlers) {
      const worker = new Worker(name, (job) => this.run(handlers, job), {
        prefix: this.config.queuePrefix,
        connection: { ...this.connection(), maxRetriesPerRequest: null },
        concurrency: Math.max(...[...handlers.values()].map((handler) => handler.concurrency)),
        removeOnComplete: { count: 0 },
        removeOnFail: { count: 0 },
        lockDuration: 15_000,
        stalledInterval: 5_000,
        maxStalledCount: 1_000,
      });
      worker.on('error', (failure) => {
        this.complain(failure);
      });
      this.workers.push(worker);
    }
  }

  async onApplicationShutdown(): Promise<void> {
    this.stopping = true;
    await Promise.all(this.workers.map((worker) => worker.close()));
    await Promise.all(this.adding);
    await Promise.all([...this.queues.values()].map((queue) => queue.close()));
  }

  private async run(handlers: Map<string, Handler>, job: Job): Promise<void> {
    const handler = handlers.get(job.name);
    if (handler === undefined) {
      this.log.error({ msg: 'a job has no handler', job: job.name });
      return;
    }
    try {
      await handler.handle(JobData.parse(job.data).id);
    } catch (failure: unknown) {
      // Handlers keep what failed in the ledger; what arrives here is a mistake in one of them.
      this.log.error({ msg: 'a job failed', job: job.name, error: failureCode(failure) });
    }
  }

  private async clear(queue: Queue): Promise<void> {
    for (;;) {
      try {
        await queue.waitUntilReady();
        await queue.obliterate({ force: true });
        return;
      } catch (failure: unknown) {
        if (this.stopping) {
          return;
        }
        this.complain(failure);
        await delay(1_000);
      }
    }
  }

  private connection(): RedisOptions {
    const { host, port, user, password, caFile } = this.config.redis;
    return {
      host,
      port,
      username: user,
      password,
      tls: { ca: readFileSync(caFile), minVersion: 'TLSv1.2' },
      connectTimeout: 5_000,
      retryStrategy: (times) => Math.min(50 * times, 1_000),
    };
  }

  /** Redis being away is one line every half minute, not one for every wake. */
  private complain(failure: unknown): void {
    if (this.stopping || Date.now() - this.lastComplaint < LOG_PAUSE) {
      return;
    }
    this.lastComplaint = Date.now();
    this.log.warn({
      msg: 'the queues in Redis cannot be reached; work goes on when they can',
      error: failureCode(failure),
    });
  }
}
