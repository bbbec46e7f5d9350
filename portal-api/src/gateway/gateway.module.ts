import { Module, type DynamicModule } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { LoggerModule } from 'nestjs-pino';
import { AuditModule } from '../audit/audit.module.js';
import { dataSourceOptions } from '../database/data-source.js';
import { DoorbellListener } from '../doorbell/doorbell-listener.js';
import { GatewayConfig } from '../gateway-config.js';
import { AccessStore } from './access-store.service.js';
import { ChartStore } from './chart-store.service.js';
import { EventPublisher } from './event-publisher.js';
import { GatewayKeys } from './gateway-keys.js';
import { GatewayController } from './gateway.controller.js';
import { HeartbeatStore } from './heartbeat-store.service.js';
import { Housekeeping } from './housekeeping.js';
import { OutboxLease } from './outbox-lease.service.js';
import { StreamStore } from './stream-store.service.js';

/** The sync-gateway's process: its own database account, its own Redis user, no part of the public API. */
@Module({})
export class GatewayModule {
  static forRoot(config: GatewayConfig): DynamicModule {
    return {
      module: GatewayModule,
      imports: [
        TypeOrmModule.forRoot({ ...dataSourceOptions(config.database), retryAttempts: 0 }),
        AuditModule,
        LoggerModule.forRoot({
          pinoHttp: {
            level: config.logLevel,
            // Method, route and status only: no header, no body, no address.
            serializers: {
              req: (request: { id: unknown; method: unknown; url: unknown }) => ({
                id: request.id,
                method: request.method,
                url: request.url,
              }),
              res: (response: { statusCode: unknown }) => ({ statusCode: response.statusCode }),
              err: (error: { type: unknown }) => ({ type: error.type }),
            },
          },
        }),
      ],
      controllers: [GatewayController],
      providers: [
        { provide: GatewayConfig, useValue: config },
        {
          provide: DoorbellListener,
          useFactory: () => new DoorbellListener(config.redis, config.database.name),
        },
        GatewayKeys,
        EventPublisher,
        AccessStore,
        OutboxLease,
        ChartStore,
        HeartbeatStore,
        StreamStore,
        Housekeeping,
      ],
    };
  }
}
