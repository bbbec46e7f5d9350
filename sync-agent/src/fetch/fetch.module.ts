import { Module } from '@nestjs/common';
import { GatewayClientModule } from '../gateway-client/gateway-client.module.js';
import { KeysModule } from '../keys/keys.module.js';
import { LedgerModule } from '../ledger/ledger.module.js';
import { OpenEmrModule } from '../openemr/openemr.module.js';
import { QueuesModule } from '../queues/queues.module.js';
import { FetchService } from './fetch.service.js';

/** Bytes of documents: OpenEMR's API → DMZ. */
@Module({
  imports: [GatewayClientModule, KeysModule, LedgerModule, OpenEmrModule, QueuesModule],
  providers: [FetchService],
})
export class FetchModule {}
