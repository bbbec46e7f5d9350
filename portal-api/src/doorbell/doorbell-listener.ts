import { Logger, type OnApplicationShutdown } from '@nestjs/common';
import { Worker } from 'bullmq';
import type { RedisConfig } from '../redis/redis-environment.js';
import { DMZ_QUEUES, queuePrefix, workerConnection } from './dmz-queues.js';

/** A promise that the next ring resolves, taken before looking at the database so that no ring falls in between. */
export type Ticket = Promise<void>;

/** The hearing side of the doorbell, in the gateway. Rings are not counted: one wakes everybody who waits. */
export class DoorbellListener implements OnApplicationShutdown {
  private readonly logger = new Logger(DoorbellListener.name);
  private readonly worker: Worker;
  private waiting = Promise.withResolvers<void>();

  constructor(redis: RedisConfig, databaseName: string) {
    this.worker = new Worker(
      DMZ_QUEUES.doorbells.name,
      () => {
        this.wake();
        return Promise.resolve();
      },
      {
        prefix: queuePrefix(databaseName),
        connection: workerConnection(redis),
        concurrency: 20,
        removeOnComplete: { count: 0 },
        removeOnFail: { count: 0 },
      },
    );
    this.worker.on('error', (error: Error) => {
      this.logger.warn(`doorbell: ${error.message}`);
    });
  }

  ticket(): Ticket {
    return this.waiting.promise;
  }

  /** Resolves with the ring, after `milliseconds`, or when the signal aborts; never rejects. */
  async rung(ticket: Ticket, milliseconds: number, signal: AbortSignal): Promise<void> {
    const { promise: over, resolve } = Promise.withResolvers<undefined>();
    const stop = (): void => {
      resolve(undefined);
    };
    const timer = setTimeout(stop, milliseconds);
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) {
      stop();
    }
    await Promise.race([ticket, over]);
    clearTimeout(timer);
    signal.removeEventListener('abort', stop);
  }

  wake(): void {
    const { resolve } = this.waiting;
    this.waiting = Promise.withResolvers<void>();
    resolve();
  }

  /** Jobs that are running have nothing to lose. */
  async onApplicationShutdown(): Promise<void> {
    this.wake();
    await this.worker.close(true).catch(() => undefined);
  }
}
