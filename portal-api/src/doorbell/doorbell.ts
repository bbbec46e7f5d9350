import { Logger, type OnApplicationShutdown } from '@nestjs/common';
import { Queue } from 'bullmq';
import type { RedisConfig } from '../redis/redis-environment.js';
import { DMZ_QUEUES, producerConnection, queuePrefix } from './dmz-queues.js';

/** Longest time a ring may take, milliseconds; then it counts as lost. */
const RING_MS = 200;

/**
 * Wakes the gateway's waiting lease. Ring after COMMIT. A lost ring costs at most the time of one lease wait, so it never
 * fails and never holds up a request.
 */
export class Doorbell implements OnApplicationShutdown {
  private readonly logger = new Logger(Doorbell.name);
  private readonly queue: Queue;

  constructor(redis: RedisConfig, databaseName: string) {
    this.queue = new Queue(DMZ_QUEUES.doorbells.name, {
      prefix: queuePrefix(databaseName),
      connection: producerConnection(redis),
      skipWaitingForReady: true,
      defaultJobOptions: { removeOnComplete: true, removeOnFail: true },
    });
    this.queue.on('error', (error: Error) => {
      this.logger.warn(`doorbell: ${error.message}`);
    });
  }

  /** Returns at once. */
  ring(): void {
    void this.ringOrGiveUp();
  }

  /** Settles within `RING_MS`, whatever Redis does. */
  private async ringOrGiveUp(): Promise<void> {
    const late = AbortSignal.timeout(RING_MS);
    try {
      await Promise.race([
        this.queue.add('ring', {}),
        new Promise<never>((_resolve, reject) => {
          late.addEventListener('abort', () => {
            reject(new Error('Redis did not answer in time'));
          });
        }),
      ]);
    } catch (error: unknown) {
      this.logger.warn(`a ring was lost: ${error instanceof Error ? error.message : 'unknown reason'}`);
    }
  }

  async onApplicationShutdown(): Promise<void> {
    await this.queue.close().catch(() => undefined);
  }
}
