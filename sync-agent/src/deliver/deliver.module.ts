import { Module } from '@nestjs/common';
import { KeysModule } from '../keys/keys.module.js';
import { LedgerModule } from '../ledger/ledger.module.js';
import { CountersModule } from '../metrics/counters.module.js';
import { QueuesModule } from '../queues/queues.module.js';
import { DeliverService } from './deliver.service.js';

/** Ledger → OpenEMR. */
@Module({
  imports: [CountersModule, KeysModule, LedgerModule, QueuesModule],
  providers: [DeliverService],
})
export class DeliverModule {}
