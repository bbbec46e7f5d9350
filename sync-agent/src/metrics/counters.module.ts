import { Module } from '@nestjs/common';
import { AgentCounters } from './agent-counters.js';

/** The counters alone, for those who count. */
@Module({ providers: [AgentCounters], exports: [AgentCounters] })
export class CountersModule {}
