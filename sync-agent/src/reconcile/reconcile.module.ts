import { Module } from '@nestjs/common';
import { GatewayClientModule } from '../gateway-client/gateway-client.module.js';
import { KeysModule } from '../keys/keys.module.js';
import { LedgerModule } from '../ledger/ledger.module.js';
import { CountersModule } from '../metrics/counters.module.js';
import { QueuesModule } from '../queues/queues.module.js';
import { ReplicateModule } from '../replicate/replicate.module.js';
import { ReconcileService } from './reconcile.service.js';

/** Ledger, DMZ and OpenEMR compared, regularly and whole. */
@Module({
  imports: [CountersModule, GatewayClientModule, KeysModule, LedgerModule, QueuesModule, ReplicateModule],
  providers: [ReconcileService],
})
export class ReconcileModule {}
