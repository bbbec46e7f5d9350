import type { ConnectionOptions } from 'bullmq';
import { reconnectAfter, redisOptions } from '../redis/redis-connection.js';
import type { RedisConfig } from '../redis/redis-environment.js';

/** The DMZ's queues and the jobs in them. Job data is empty: the database says what there is to do. */
export const DMZ_QUEUES = {
  doorbells: { name: 'doorbells', jobs: ['ring'] },
  housekeepings: { name: 'housekeepings', jobs: ['sweep-expired'] },
} as const;

/** Key prefix of the queues; another database than the installation's own (tests) has queues of its own. */
export function queuePrefix(databaseName: string): string {
  return databaseName === 'portal' ? 'bull-dmz' : `bull-dmz-${databaseName}`;
}

/** For workers: they wait in a blocking command and come back by themselves when Redis does. */
export function workerConnection(redis: RedisConfig): ConnectionOptions {
  return {
    ...redisOptions(redis),
    lazyConnect: false,
    enableOfflineQueue: true,
    maxRetriesPerRequest: null,
    commandTimeout: undefined,
    retryStrategy: reconnectAfter,
  };
}
