import { Injectable, Logger, type OnApplicationBootstrap, type OnApplicationShutdown } from '@nestjs/common';
import { Queue, Worker } from 'bullmq';
import { DataSource } from 'typeorm';
import { crashPoint } from '../crash-point.js';
import { DMZ_QUEUES, queuePrefix, workerConnection } from '../doorbell/dmz-queues.js';
import { GatewayConfig } from '../gateway-config.js';

const HOUR = 3_600_000;
/** Rows in one DELETE: no transaction holds many locks. */
const PORTION = 500;

/** What is kept for how long. Ids that were processed are kept inside for ever; here only what answers a repeated request. */
const SWEEPS = {
  envelopes:
    "DELETE FROM outbox WHERE state = 'ACKED' AND acked_at < DATE_SUB(UTC_TIMESTAMP(3), INTERVAL 30 DAY) LIMIT ?",
  invites: 'DELETE FROM invite WHERE expires_at < DATE_SUB(UTC_TIMESTAMP(3), INTERVAL 7 DAY) LIMIT ?',
  accounts: 'DELETE FROM account WHERE revoked_at < DATE_SUB(UTC_TIMESTAMP(3), INTERVAL 30 DAY) LIMIT ?',
  throttles: 'DELETE FROM throttle WHERE updated_at < DATE_SUB(UTC_TIMESTAMP(3), INTERVAL 2 DAY) LIMIT ?',
} as const;

export type Sweep = keyof typeof SWEEPS;

/**
 * Deletes what is past its time, at start and once an hour. The schedule lives in Redis; after a flush it is made again with the next
 * connection.
 */
@Injectable()
export class Housekeeping implements OnApplicationBootstrap, OnApplicationShutdown {
  private readonly logger = new Logger(Housekeeping.name);
  private readonly queue: Queue;
  private readonly worker: Worker;

  constructor(
    private readonly dataSource: DataSource,
    config: GatewayConfig,
  ) {
    const { name } = DMZ_QUEUES.housekeepings;
    const options = { prefix: queuePrefix(config.database.name), connection: workerConnection(config.redis) };
    this.queue = new Queue(name, { ...options, skipWaitingForReady: true });
    this.worker = new Worker(
      name,
      async () => {
        await this.sweep();
      },
      { ...options, autorun: false, removeOnComplete: { count: 1 }, removeOnFail: { count: 10 } },
    );
    const complain = (error: Error): void => {
      this.logger.warn(`housekeeping: ${error.message}`);
    };
    this.queue.on('error', complain);
    this.worker.on('error', complain);
    this.worker.on('ready', () => {
      void this.schedule();
    });
  }

  onApplicationBootstrap(): void {
    this.sweep().catch((error: unknown) => {
      this.logger.warn(`the first sweep failed: ${error instanceof Error ? error.name : 'unknown reason'}`);
    });
    this.worker.run().catch((error: unknown) => {
      this.logger.error(`housekeeping stopped: ${error instanceof Error ? error.message : 'unknown reason'}`);
    });
  }

  async onApplicationShutdown(): Promise<void> {
    await Promise.allSettled([this.worker.close(true), this.queue.close()]);
  }

  /** @returns rows deleted, by kind */
  async sweep(): Promise<Record<Sweep, number>> {
    const deleted: Record<Sweep, number> = { envelopes: 0, invites: 0, accounts: 0, throttles: 0 };
    for (const kind of Object.keys(SWEEPS) as Sweep[]) {
      deleted[kind] = await this.deletePortions(SWEEPS[kind]);
    }
    return deleted;
  }

  private async deletePortions(statement: string): Promise<number> {
    for (let deleted = 0; ;) {
      crashPoint('before-commit:gateway-housekeeping');
      const { affectedRows } = await this.dataSource.query<{ affectedRows: number }>(statement, [PORTION]);
      crashPoint('after-commit:gateway-housekeeping');
      deleted += affectedRows;
      if (affectedRows < PORTION) {
        return deleted;
      }
    }
  }

  private async schedule(): Promise<void> {
    try {
      await this.queue.upsertJobScheduler('hourly-sweep', { every: HOUR }, { name: 'sweep-expired', data: {} });
    } catch (error: unknown) {
      this.logger.warn(`housekeeping is not scheduled: ${error instanceof Error ? error.message : 'unknown reason'}`);
    }
  }
}
