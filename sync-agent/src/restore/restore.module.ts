import { Module } from '@nestjs/common';
import { GatewayClientModule } from '../gateway-client/gateway-client.module.js';
import { KeysModule } from '../keys/keys.module.js';
import { LedgerModule } from '../ledger/ledger.module.js';
import { RestoreService } from './restore.service.js';

/** Finds out that a database was restored, and brings the two sides together again. */
@Module({
  imports: [GatewayClientModule, KeysModule, LedgerModule],
  providers: [RestoreService],
  exports: [RestoreService],
})
export class RestoreModule {}
