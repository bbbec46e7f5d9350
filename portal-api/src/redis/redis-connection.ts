import { Redis, type RedisOptions } from 'ioredis';
import { Busy } from '../problems/request.problems.js';
import type { RedisConfig } from './redis-environment.js';

/** Longest wait between two tries to reach Redis again, milliseconds. */
const RECONNECT_MS = 1_000;

export const reconnectAfter = (times: number): number => Math.min(50 * times, RECONNECT_MS);

/**
 * Options of every connection to the DMZ's Redis: TLS 1.3, the server's certificate verified, own user. A command while
 * Redis is away fails at once instead of waiting in memory: sessions are refused, doorbells are lost, nothing else.
 */
export function redisOptions(config: RedisConfig): RedisOptions {
  return {
    host: config.host,
    port: config.port,
    username: config.user,
    password: config.password,
    tls: { ca: config.ca, minVersion: 'TLSv1.3' },
    enableOfflineQueue: false,
    maxRetriesPerRequest: 1,
    connectTimeout: 5_000,
    commandTimeout: 2_000,
    retryStrategy: reconnectAfter,
    lazyConnect: true,
  };
}

/**
 * A connection that comes up by itself, now or when Redis does, and comes back when it was lost. `onError` hears of
 * every failure, without credentials.
 */
export function connectRedis(
  config: RedisConfig,
  onError: (message: string) => void,
  options: RedisOptions = {},
): Redis {
  const redis = new Redis({ ...redisOptions(config), lazyConnect: false, ...options });
  redis.on('error', (error: Error) => {
    onError(error.message);
  });
  return redis;
}

/** What Redis answers. @throws Busy when it does not: nobody is signed out for that, and nothing is lost */
export async function fromRedis<T>(command: () => Promise<T>): Promise<T> {
  try {
    return await command();
  } catch {
    throw new Busy();
  }
}
