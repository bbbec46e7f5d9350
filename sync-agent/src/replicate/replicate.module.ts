import { Module } from '@nestjs/common';
import { GatewayClientModule } from '../gateway-client/gateway-client.module.js';
import { KeysModule } from '../keys/keys.module.js';
import { LedgerModule } from '../ledger/ledger.module.js';
import { OpenEmrModule } from '../openemr/openemr.module.js';
import { CountersModule } from '../metrics/counters.module.js';
import { QueuesModule } from '../queues/queues.module.js';
import { ReplicateService } from './replicate.service.js';

/** OpenEMR → DMZ. */
@Module({
  imports: [CountersModule, GatewayClientModule, KeysModule, LedgerModule, OpenEmrModule, QueuesModule],
  providers: [ReplicateService],
  exports: [ReplicateService],
})
export class ReplicateModule {}
