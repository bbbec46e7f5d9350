import { Logger, Module, type OnApplicationShutdown } from '@nestjs/common';
import { getDataSourceToken } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { AGENT_CONFIG } from '../agent-config.module.js';
import type { AgentConfig } from '../config.js';
import { KeyStore } from '../keys/key-store.js';
import { KeysModule } from '../keys/keys.module.js';
import { LedgerModule } from '../ledger/ledger.module.js';
import { Era } from '../ledger/restore.entities.js';
import { GatewayClient } from './gateway-client.js';
import { GatewayConnection } from './gateway-connection.js';

const log = new Logger('gateway');

@Module({
  imports: [KeysModule, LedgerModule],
  providers: [
    {
      provide: GatewayClient,
      inject: [AGENT_CONFIG, KeyStore, getDataSourceToken()],
      useFactory: (config: AgentConfig, keys: KeyStore, ledger: DataSource) =>
        new GatewayClient(
          new GatewayConnection(config.gateway),
          config.siteId,
          keys.statements,
          (skewMs) => {
            log.error({
              msg: 'the clocks of DMZ and inside differ: freshness and sign-in codes depend on them',
              skewMs,
            });
          },
          async () => (await ledger.manager.find(Era, { order: { era: 'ASC' } })).map(({ signed }) => signed),
        ),
    },
  ],
  exports: [GatewayClient],
})
export class GatewayClientModule implements OnApplicationShutdown {
  constructor(private readonly client: GatewayClient) {}

  async onApplicationShutdown(): Promise<void> {
    await this.client.close();
  }
}
