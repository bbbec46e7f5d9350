import { Controller, Get, Inject, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import type { Redis } from 'ioredis';
import { DataSource } from 'typeorm';
import type { HealthView } from '../http.js';
import { REDIS } from '../redis/redis.module.js';
import { Public } from '../sessions/session.decorators.js';

/** For the proxy and the operator. Says whether, never why. */
@Public()
@Controller('health')
export class HealthController {
  constructor(
    private readonly dataSource: DataSource,
    @Inject(REDIS) private readonly redis: Redis,
  ) {}

  @Get('live')
  live(): HealthView {
    return { status: 'ok' };
  }

  @Get('ready')
  async ready(@Res({ passthrough: true }) reply: FastifyReply): Promise<HealthView> {
    try {
      await Promise.all([this.dataSource.query('SELECT 1'), this.redis.ping()]);
      return { status: 'ok' };
    } catch {
      reply.status(503);
      return { status: 'not-ready' };
    }
  }
}
