import { Global, Inject, Logger, Module, type OnApplicationShutdown } from '@nestjs/common';
import type { Redis } from 'ioredis';
import { PortalConfig } from '../config.js';
import { connectRedis } from './redis-connection.js';

/** `@Inject(REDIS) redis: Redis`, for commands; a subscriber needs a connection of its own. */
export const REDIS = Symbol('redis');

@Global()
@Module({
  providers: [
    {
      provide: REDIS,
      inject: [PortalConfig],
      useFactory: (config: PortalConfig) => {
        const logger = new Logger('Redis');
        return connectRedis(config.redis, (message) => {
          logger.warn(message);
        });
      },
    },
  ],
  exports: [REDIS],
})
export class RedisModule implements OnApplicationShutdown {
  constructor(@Inject(REDIS) private readonly redis: Redis) {}

  onApplicationShutdown(): void {
    this.redis.disconnect();
  }
}
