import { readFileSync } from 'node:fs';
import { Redis } from 'ioredis';

/** A connection that reports refusals at once instead of trying again, closed after the work. */
export async function withRedis<T>(
  server: { host: string; port: number; caFile: string },
  username: string,
  password: string,
  work: (redis: Redis) => Promise<T>,
): Promise<T> {
  const redis = new Redis({
    host: server.host,
    port: server.port,
    username,
    password,
    tls: { ca: readFileSync(server.caFile), servername: 'localhost' },
    lazyConnect: true,
    retryStrategy: () => null,
    maxRetriesPerRequest: 0,
  });
  // Without a listener an error of the connection would be printed; the work's own promise reports it.
  redis.on('error', () => undefined);
  try {
    await redis.connect();
    return await work(redis);
  } finally {
    redis.disconnect();
  }
}
