import { Module } from '@nestjs/common';
import { GatewayClientModule } from '../gateway-client/gateway-client.module.js';
import { LedgerModule } from '../ledger/ledger.module.js';
import { QueuesModule } from '../queues/queues.module.js';
import { AgentMetrics } from './agent-metrics.js';
import { CountersModule } from './counters.module.js';

/** What an operator's Prometheus reads. */
@Module({ imports: [CountersModule, GatewayClientModule, LedgerModule, QueuesModule], providers: [AgentMetrics] })
export class MetricsModule {}
