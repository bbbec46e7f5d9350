import { Injectable, Logger, type OnApplicationShutdown } from '@nestjs/common';
import { Redis } from 'ioredis';
import { PORTAL_EVENTS_CHANNEL, type PortalEvent } from '../events/portal-event.js';
import { GatewayConfig } from '../gateway-config.js';
import { redisOptions } from '../redis/redis-connection.js';

/** Tells portal-api's processes that something was committed. After the commit, once, and lost while Redis is away. */
@Injectable()
export class EventPublisher implements OnApplicationShutdown {
  private readonly logger = new Logger(EventPublisher.name);
  private readonly redis: Redis;

  constructor(config: GatewayConfig) {
    this.redis = new Redis({ ...redisOptions(config.redis), lazyConnect: false });
    this.redis.on('error', (error: Error) => {
      this.logger.warn(`events: ${error.message}`);
    });
  }

  /** Returns at once; never fails. */
  publish(...events: PortalEvent[]): void {
    for (const event of events) {
      this.redis.publish(PORTAL_EVENTS_CHANNEL, JSON.stringify(event)).catch(() => {
        this.logger.warn('an event was lost: Redis is away');
      });
    }
  }

  onApplicationShutdown(): void {
    this.redis.disconnect();
  }
}
