import { readFileSync } from 'node:fs';
import { Redis } from 'ioredis';

/** A connection, over TLS or the server's own socket, that reports refusals at once instead of trying again, closed after the work. */
export async function withRedis<T>(
  server: { host: string; port: number; caFile: string } | { path: string },
  username: string,
  password: string,
  work: (redis: Redis) => Promise<T>,
): Promise<T> {
  const redis = new Redis({
    ...('path' in server
      ? { path: server.path }
      : {
          host: server.host,
          port: server.port,
          tls: { ca: readFileSync(server.caFile), servername: 'localhost' },
        }),
    username,
    password,
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
