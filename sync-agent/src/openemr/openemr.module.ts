import { Inject, Module, type OnApplicationShutdown } from '@nestjs/common';
import type { Pool } from 'mysql2/promise';
import { AGENT_CONFIG } from '../agent-config.module.js';
import type { Account, AgentConfig } from '../config.js';
import { createOpenEmrPool } from './openemr-database.js';

/** Pool of connections that may only read the tables of the sections. */
export const OPENEMR_READER = Symbol('OpenEMR as the reader');
/** Pool of connections that may write what OpenEMR's own portal writes. */
export const OPENEMR_WRITER = Symbol('OpenEMR as the writer');

const poolOf = (account: (config: AgentConfig) => Account) => (config: AgentConfig) =>
  createOpenEmrPool({
    host: config.database.host,
    port: config.database.port,
    caFile: config.database.caFile,
    database: config.database.openemrName,
    ...account(config),
    connectionLimit: 6,
  });

/** OpenEMR's database by account. Connections open when first used. */
@Module({
  providers: [
    { provide: OPENEMR_READER, inject: [AGENT_CONFIG], useFactory: poolOf((config) => config.reader) },
    { provide: OPENEMR_WRITER, inject: [AGENT_CONFIG], useFactory: poolOf((config) => config.writer) },
  ],
  exports: [OPENEMR_READER, OPENEMR_WRITER],
})
export class OpenEmrModule implements OnApplicationShutdown {
  constructor(
    @Inject(OPENEMR_READER) private readonly reader: Pool,
    @Inject(OPENEMR_WRITER) private readonly writer: Pool,
  ) {}

  async onApplicationShutdown(): Promise<void> {
    await Promise.all([this.reader.end(), this.writer.end()]);
  }
}
