import { Module } from '@nestjs/common';
import { TypeOrmModule, getDataSourceToken } from '@nestjs/typeorm';
import { AGENT_CONFIG } from '../agent-config.module.js';
import type { AgentConfig } from '../config.js';
import { createLedgerDataSource } from './ledger-database.js';

/**
 * The ledger's DataSource as `agent_writer`, injected by `@InjectDataSource()`. Waits for the server at start, so that an
 * agent that is started while OpenEMR's database is down goes on when it is back.
 */
@Module({
  imports: [
    TypeOrmModule.forRootAsync({
      inject: [AGENT_CONFIG],
      useFactory: (config: AgentConfig) => ({
        ...createLedgerDataSource(config.database, config.writer).options,
        retryAttempts: Number.MAX_SAFE_INTEGER,
        retryDelay: 3_000,
      }),
    }),
  ],
  exports: [TypeOrmModule],
})
export class LedgerModule {}

export const LEDGER = getDataSourceToken();
