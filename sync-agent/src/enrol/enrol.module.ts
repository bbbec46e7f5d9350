import { Module } from '@nestjs/common';
import { GatewayClientModule } from '../gateway-client/gateway-client.module.js';
import { LedgerModule } from '../ledger/ledger.module.js';
import { QueuesModule } from '../queues/queues.module.js';
import { EnrolService } from './enrol.service.js';

/** Invites, acceptances and grants towards the DMZ. */
@Module({
  imports: [GatewayClientModule, LedgerModule, QueuesModule],
  providers: [EnrolService],
})
export class EnrolModule {}
