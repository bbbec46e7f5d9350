import { Module, type DynamicModule } from '@nestjs/common';
import { AgentConfigModule } from './agent-config.module.js';
import { CollectModule } from './collect/collect.module.js';
import type { AgentConfig } from './config.js';
import { DeliverModule } from './deliver/deliver.module.js';
import { EnrolModule } from './enrol/enrol.module.js';
import { ReplicateModule } from './replicate/replicate.module.js';

/** The sync agent, whole. It listens to nothing. */
@Module({})
export class AppModule {
  static of(config: AgentConfig): DynamicModule {
    return {
      module: AppModule,
      imports: [AgentConfigModule.of(config), CollectModule, DeliverModule, EnrolModule, ReplicateModule],
    };
  }
}
