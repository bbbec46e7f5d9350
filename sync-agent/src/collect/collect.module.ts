import { Module } from '@nestjs/common';
import { GatewayClientModule } from '../gateway-client/gateway-client.module.js';
import { KeysModule } from '../keys/keys.module.js';
import { LedgerModule } from '../ledger/ledger.module.js';
import { CountersModule } from '../metrics/counters.module.js';
import { QueuesModule } from '../queues/queues.module.js';
import { CollectService } from './collect.service.js';

/** Outbox → ledger. */
@Module({
  imports: [CountersModule, GatewayClientModule, KeysModule, LedgerModule, QueuesModule],
  providers: [CollectService],
})
export class CollectModule {}
