import { Module } from '@nestjs/common';
import { HealthController } from './health.controller.js';
import { PortalMetrics } from './portal-metrics.js';

@Module({ controllers: [HealthController], providers: [PortalMetrics] })
export class HealthModule {}
