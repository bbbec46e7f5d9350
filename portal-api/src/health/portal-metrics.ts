import { Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import type { FastifyInstance } from 'fastify';
import { Counter, Registry, collectDefaultMetrics } from 'prom-client';
import { DataSource } from 'typeorm';
import { PortalConfig } from '../config.js';
import { MetricsListener } from '../metrics/metrics-listener.js';
import { observedGauge } from '../metrics/observed-gauge.js';
import { measureRequests, type Answered } from '../metrics/request-metrics.js';
import { oldestWaitingByKind, replicaAge, waitingByKind } from '../metrics/table-facts.js';
import { CutWatch } from '../replica/cut-watch.js';
import { SessionStore } from '../sessions/session.store.js';

const SIGN_IN_STEPS: Readonly<Record<string, string>> = {
  'POST /api/sign-in': 'password',
  'POST /api/sign-in/totp': 'code',
};

/** Numbers of portal-api's public process: no name, no id, no address, nobody's reference. */
@Injectable()
export class PortalMetrics implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly registry = new Registry();
  private readonly signIns: Counter<'step' | 'outcome'>;
  private listener: MetricsListener | undefined;

  constructor(
    private readonly config: PortalConfig,
    dataSource: DataSource,
    sessions: SessionStore,
    cuts: CutWatch,
  ) {
    const { registry } = this;
    collectDefaultMetrics({ register: registry });
    this.signIns = new Counter({
      name: 'portal_sign_ins_total',
      help: 'Steps of signing in, by outcome: ok, or the code of the problem',
      labelNames: ['step', 'outcome'],
      registers: [registry],
    });
    observedGauge(registry, { name: 'portal_sessions_open', help: 'Sessions that have not ended' }, () =>
      sessions.count(),
    );
    observedGauge(
      registry,
      { name: 'portal_outbox_waiting', help: 'Submissions the agent has not acknowledged, by kind', label: 'kind' },
      () => waitingByKind(dataSource),
    );
    observedGauge(
      registry,
      {
        name: 'portal_outbox_oldest_age_seconds',
        help: 'Age of the oldest submission that waits, by kind; 0 when none does',
        label: 'kind',
      },
      () => oldestWaitingByKind(dataSource),
    );
    observedGauge(
      registry,
      { name: 'portal_replica_age_seconds', help: 'Age of T, the instant to which the replica is current' },
      () => replicaAge(dataSource),
    );
    observedGauge(registry, { name: 'portal_cut', help: '1 while the inside has cut this DMZ off' }, () =>
      cuts.isCut ? 1 : 0,
    );
  }

  measure(server: FastifyInstance): void {
    measureRequests(server, this.registry, 'portal', (answered) => {
      this.countSignIn(answered);
    });
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

  private countSignIn({ route, status, code }: Answered): void {
    const step = SIGN_IN_STEPS[route];
    if (step !== undefined) {
      this.signIns.inc({ step, outcome: status < 300 ? 'ok' : (code ?? 'unexpected') });
    }
  }
}
