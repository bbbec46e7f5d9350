import { Global, Module, type DynamicModule } from '@nestjs/common';
import type { AgentConfig } from './config.js';

/** Token of the agent's configuration. */
export const AGENT_CONFIG = Symbol('agent configuration');

/** The one place from which every module has the configuration; tests give their own. */
@Global()
@Module({})
export class AgentConfigModule {
  static of(config: AgentConfig): DynamicModule {
    return {
      module: AgentConfigModule,
      providers: [{ provide: AGENT_CONFIG, useValue: config }],
      exports: [AGENT_CONFIG],
    };
  }
}
