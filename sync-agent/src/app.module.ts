import { Inject, Logger, Module, type DynamicModule, type OnModuleInit } from '@nestjs/common';
import type { Pool } from 'mysql2/promise';
import { AgentConfigModule } from './agent-config.module.js';
import { CollectModule } from './collect/collect.module.js';
import type { AgentConfig } from './config.js';
import { DeliverModule } from './deliver/deliver.module.js';
import { EnrolModule } from './enrol/enrol.module.js';
import { FetchModule } from './fetch/fetch.module.js';
import { MetricsModule } from './metrics/metrics.module.js';
import { awaitReadableOpenEmr } from './openemr/await-openemr.js';
import { OPENEMR_READER, OpenEmrModule } from './openemr/openemr.module.js';
import { ReconcileModule } from './reconcile/reconcile.module.js';
import { ReleaseModule } from './release/release.module.js';
import { ReplicateModule } from './replicate/replicate.module.js';
import { RestoreModule } from './restore/restore.module.js';

/** The sync agent, whole. It listens to nothing. */
@Module({})
export class AppModule implements OnModuleInit {
  constructor(@Inject(OPENEMR_READER) private readonly reader: Pool) {}

  static of(config: AgentConfig): DynamicModule {
    return {
      module: AppModule,
      imports: [
        AgentConfigModule.of(config),
        CollectModule,
        DeliverModule,
        EnrolModule,
        FetchModule,
        MetricsModule,
        OpenEmrModule,
        ReconcileModule,
        ReleaseModule,
        ReplicateModule,
        RestoreModule,
      ],
    };
  }

  /** Before any work begins: a chart without a column would look like a chart without the fact. */
  async onModuleInit(): Promise<void> {
    const log = new Logger('start');
    await awaitReadableOpenEmr(this.reader, (sentence) => {
      log.warn(sentence);
    });
  }
}
