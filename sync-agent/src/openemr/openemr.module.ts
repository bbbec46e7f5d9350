import { Inject, Module, type OnApplicationShutdown } from '@nestjs/common';
import type { Pool } from 'mysql2/promise';
import { AGENT_CONFIG } from '../agent-config.module.js';
import type { AgentConfig } from '../config.js';
import { createOpenEmrPool } from './openemr-database.js';

/** Pool of connections that may only read the tables of the sections. */
export const OPENEMR_READER = Symbol('OpenEMR as the reader');

/**
 * OpenEMR's database as the reader; what is written there goes through the ledger's transactions. Connections open when
 * first used.
 */
@Module({
  providers: [
    {
      provide: OPENEMR_READER,
      inject: [AGENT_CONFIG],
      useFactory: ({ database, reader }: AgentConfig) =>
        createOpenEmrPool({
          host: database.host,
          port: database.port,
          caFile: database.caFile,
          database: database.openemrName,
          ...reader,
          connectionLimit: 9,
        }),
    },
  ],
  exports: [OPENEMR_READER],
})
export class OpenEmrModule implements OnApplicationShutdown {
  constructor(@Inject(OPENEMR_READER) private readonly reader: Pool) {}

  async onApplicationShutdown(): Promise<void> {
    await this.reader.end();
  }
}
