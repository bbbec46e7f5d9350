import { Module } from '@nestjs/common';
import { AGENT_CONFIG } from '../agent-config.module.js';
import type { AgentConfig } from '../config.js';
import { KeyStore } from './key-store.js';

/** The agent's keys, read once at start; a missing or foreign key stops the start. */
@Module({
  providers: [
    {
      provide: KeyStore,
      inject: [AGENT_CONFIG],
      useFactory: (config: AgentConfig) => KeyStore.open(config.keyDir, config.siteId),
    },
  ],
  exports: [KeyStore],
})
export class KeysModule {}
