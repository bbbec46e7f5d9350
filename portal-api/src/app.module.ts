import { Module, type DynamicModule } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { LoggerModule } from 'nestjs-pino';
import type { Logger } from 'pino';
import { AccessHistoryModule } from './access-history/access-history.module.js';
import { Account } from './credentials/account.entity.js';
import { AccountsModule } from './accounts/accounts.module.js';
import { AuditEntry } from './audit/audit-entry.entity.js';
import { AuditHead } from './audit/audit-head.entity.js';
import { AuditModule } from './audit/audit.module.js';
import { AuthModule } from './auth/auth.module.js';
import { Throttle } from './throttle/throttle.entity.js';
import { ChartsModule } from './charts/charts.module.js';
import { PortalConfig } from './config.js';
import { dataSourceOptions } from './database/data-source.js';
import { DocumentsModule } from './documents/documents.module.js';
import { DoorbellModule } from './doorbell/doorbell.module.js';
import { EventsModule } from './events/events.module.js';
import { HealthModule } from './health/health.module.js';
import { KeysModule } from './keys/keys.module.js';
import { loggerParams } from './log/process-log.js';
import { PracticeModule } from './practice/practice.module.js';
import { RedisModule } from './redis/redis.module.js';
import { ChartGrant } from './replica/chart-grant.entity.js';
import { Chart } from './replica/chart.entity.js';
import { CutStatementRow } from './replica/cut-statement.entity.js';
import { DocumentBlob, DocumentChunk } from './replica/document-blob.entity.js';
import { HeartbeatBucketRow, HeartbeatRow } from './replica/heartbeat.entity.js';
import { Invite } from './replica/invite.entity.js';
import { KeyStatementRow } from './replica/key-statement.entity.js';
import { Section } from './replica/section.entity.js';
import { ReplicaModule } from './replica/replica.module.js';
import { SessionsModule } from './sessions/sessions.module.js';
import { OutboxRow } from './submissions/outbox.entity.js';
import { OwnCopy } from './submissions/own-copy.entity.js';
import { Receipt } from './submissions/receipt.entity.js';
import { Stream } from './submissions/stream.entity.js';
import { SubmissionsModule } from './submissions/submissions.module.js';

export const PORTAL_ENTITIES = [
  Account,
  AuditEntry,
  AuditHead,
  Chart,
  ChartGrant,
  CutStatementRow,
  DocumentBlob,
  DocumentChunk,
  HeartbeatBucketRow,
  HeartbeatRow,
  Invite,
  KeyStatementRow,
  OutboxRow,
  OwnCopy,
  Receipt,
  Section,
  Stream,
  Throttle,
];

@Module({})
class ConfigModule {
  static with(config: PortalConfig): DynamicModule {
    return {
      module: ConfigModule,
      global: true,
      providers: [{ provide: PortalConfig, useValue: config }],
      exports: [PortalConfig],
    };
  }
}

/** The public process: everything a patient's browser reaches. */
@Module({})
export class AppModule {
  static with(config: PortalConfig, logger: Logger): DynamicModule {
    return {
      module: AppModule,
      imports: [
        ConfigModule.with(config),
        LoggerModule.forRoot(loggerParams(logger)),
        TypeOrmModule.forRoot({ ...dataSourceOptions(config.database, PORTAL_ENTITIES), retryAttempts: 3 }),
        RedisModule,
        KeysModule,
        ReplicaModule,
        AuditModule,
        SessionsModule,
        DoorbellModule,
        AccountsModule,
        AuthModule,
        ChartsModule,
        AccessHistoryModule,
        DocumentsModule,
        SubmissionsModule,
        EventsModule,
        PracticeModule,
        HealthModule,
      ],
    };
  }
}
