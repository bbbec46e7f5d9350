import { Logger, type OnApplicationShutdown } from '@nestjs/common';
import { Queue } from 'bullmq';
import { Redis } from 'ioredis';
import { redisOptions } from '../redis/redis-connection.js';
import type { RedisConfig } from '../redis/redis-environment.js';
import { DMZ_QUEUES, queuePrefix } from './dmz-queues.js';

/** Longest time a ring may take, milliseconds; then it counts as lost. */
const RING_MS = 200;

/**
 * Wakes the gateway's waiting lease. Ring after COMMIT. A lost ring costs at most the time of one lease wait, so it never
 * fails and never holds up a request, whatever Redis does.
 */
export class Doorbell implements OnApplicationShutdown {
  private readonly logger = new Logger(Doorbell.name);
  private readonly redis: Redis;
  /** made with the first connection: BullMQ gives up on one that is not there yet */
  private queue: Queue | undefined;

  constructor(
    redis: RedisConfig,
    private readonly databaseName: string,
  ) {
    this.redis = new Redis({ ...redisOptions(redis), lazyConnect: false });
    this.redis.on('error', this.complain);
    this.redis.once('ready', () => {
      this.queue = this.openQueue();
    });
  }

  /** Returns at once. */
  ring(): void {
    void this.ringOrGiveUp();
  }

  async onApplicationShutdown(): Promise<void> {
    await this.queue?.close().catch(this.complain);
    this.redis.disconnect();
  }

  private readonly complain = (error: unknown): void => {
    this.logger.warn(error instanceof Error ? error.message : 'unknown reason');
  };

  private openQueue(): Queue {
    const queue = new Queue(DMZ_QUEUES.doorbells.name, {
      prefix: queuePrefix(this.databaseName),
      connection: this.redis,
      defaultJobOptions: { removeOnComplete: true, removeOnFail: true },
    });
    queue.on('error', this.complain);
    return queue;
  }

  private async ringOrGiveUp(): Promise<void> {
    const late = Promise.withResolvers<never>();
    const timer = setTimeout(() => {
      late.reject(new Error('Redis did not answer in time'));
    }, RING_MS);
    try {
      if (this.queue === undefined || this.redis.status !== 'ready') {
        throw new Error('Redis is away');
      }
      await Promise.race([this.queue.add('ring', {}), late.promise]);
    } catch (error: unknown) {
      this.logger.warn(`a ring was lost: ${error instanceof Error ? error.message : 'unknown reason'}`);
    } finally {
      clearTimeout(timer);
    }
  }
}
