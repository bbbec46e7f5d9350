import { X509Certificate } from 'node:crypto';
import { Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import type { FastifyInstance } from 'fastify';
import { Counter, Registry, collectDefaultMetrics } from 'prom-client';
import { DataSource } from 'typeorm';
import { GatewayConfig } from '../gateway-config.js';
import { MetricsListener } from '../metrics/metrics-listener.js';
import { observedGauge } from '../metrics/observed-gauge.js';
import { measureRequests } from '../metrics/request-metrics.js';
import { heartbeatAge, oldestWaiting } from '../metrics/table-facts.js';

/** Numbers of the gateway's process. Batches, leases and acknowledgements are its requests by route. */
@Injectable()
export class GatewayMetrics implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly registry = new Registry();
  private readonly refused: Counter<'reason'>;
  private listener: MetricsListener | undefined;
  private skew: number | null = null;

  constructor(
    private readonly config: GatewayConfig,
    dataSource: DataSource,
  ) {
    const { registry } = this;
    collectDefaultMetrics({ register: registry });
    this.refused = new Counter({
      name: 'gateway_connections_refused_total',
      help: 'Connections that were ended before HTTP: handshake without an acceptable certificate, or another name',
      labelNames: ['reason'],
      registers: [registry],
    });
    observedGauge(
      registry,
      { name: 'gateway_heartbeat_age_seconds', help: 'Age of the newest heartbeat that is stored' },
      () => heartbeatAge(dataSource),
    );
    observedGauge(
      registry,
      { name: 'gateway_outbox_oldest_age_seconds', help: 'Age of the oldest envelope that is not acknowledged' },
      () => oldestWaiting(dataSource),
    );
    observedGauge(
      registry,
      {
        name: 'gateway_clock_skew_seconds',
        help: 'How far the clocks of DMZ and inside differed at the last handshake',
      },
      () => this.skew,
    );
    const expires = new X509Certificate(config.tls.certificate).validToDate.getTime() / 1_000;
    observedGauge(
      registry,
      { name: 'gateway_certificate_expires_timestamp_seconds', help: 'When the gateway’s own certificate runs out' },
      () => expires,
    );
  }

  measure(server: FastifyInstance): void {
    measureRequests(server, this.registry, 'gateway');
  }

  countRefused(reason: 'handshake' | 'name'): void {
    this.refused.inc({ reason });
  }

  noteSkew(milliseconds: number): void {
    this.skew = milliseconds / 1_000;
  }

  /** Where the metrics are; undefined when they are off. */
  get port(): number | undefined {
    return this.listener?.port;
  }

  async onApplicationBootstrap(): Promise<void> {
    const { metrics } = this.config;
    this.listener = metrics === undefined ? undefined : await MetricsListener.open(metrics, this.registry);
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.listener?.[Symbol.asyncDispose]();
  }
}
