import { Module, type DynamicModule } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { LoggerModule } from 'nestjs-pino';
import type { Logger } from 'pino';
import { AuditModule } from '../audit/audit.module.js';
import { dataSourceOptions } from '../database/data-source.js';
import { DoorbellListener } from '../doorbell/doorbell-listener.js';
import { GatewayConfig } from '../gateway-config.js';
import { loggerParams } from '../log/process-log.js';
import { AccessStore } from './access-store.service.js';
import { BlobHoldings } from './blob-holdings.service.js';
import { BlobStore } from './blob-store.service.js';
import { BlobsController } from './blobs.controller.js';
import { ChartStore } from './chart-store.service.js';
import { CutStore } from './cut-store.service.js';
import { EventPublisher } from './event-publisher.js';
import { GatewayKeys } from './gateway-keys.js';
import { GatewayController } from './gateway.controller.js';
import { GatewayMetrics } from './gateway-metrics.js';
import { HeartbeatStore } from './heartbeat-store.service.js';
import { Holdings } from './holdings.service.js';
import { Housekeeping } from './housekeeping.js';
import { OpenCharts } from './open-charts.service.js';
import { OutboxLease } from './outbox-lease.service.js';
import { StreamStore } from './stream-store.service.js';

/** The sync-gateway's process: its own database account, its own Redis user, no part of the public API. */
@Module({})
export class GatewayModule {
  static forRoot(config: GatewayConfig, logger: Logger): DynamicModule {
    return {
      module: GatewayModule,
      imports: [
        TypeOrmModule.forRoot({ ...dataSourceOptions(config.database), retryAttempts: 0 }),
        AuditModule,
        LoggerModule.forRoot(loggerParams(logger)),
      ],
      controllers: [GatewayController, BlobsController],
      providers: [
        { provide: GatewayConfig, useValue: config },
        {
          provide: DoorbellListener,
          useFactory: () => new DoorbellListener(config.redis, config.database.name),
        },
        GatewayKeys,
        GatewayMetrics,
        EventPublisher,
        AccessStore,
        OutboxLease,
        BlobHoldings,
        BlobStore,
        ChartStore,
        CutStore,
        HeartbeatStore,
        Holdings,
        OpenCharts,
        StreamStore,
        Housekeeping,
      ],
    };
  }
}
