import { Module } from '@nestjs/common';
import { GatewayClientModule } from '../gateway-client/gateway-client.module.js';
import { KeysModule } from '../keys/keys.module.js';
import { LedgerModule } from '../ledger/ledger.module.js';
import { QueuesModule } from '../queues/queues.module.js';
import { FetchService } from './fetch.service.js';

/** Bytes of documents: OpenEMR's API → DMZ. */
@Module({
  imports: [GatewayClientModule, KeysModule, LedgerModule, QueuesModule],
  providers: [FetchService],
})
export class FetchModule {}
