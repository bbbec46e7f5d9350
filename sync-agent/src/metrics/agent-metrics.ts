import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Inject, Injectable, type BeforeApplicationShutdown, type OnApplicationBootstrap } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { collectDefaultMetrics } from 'prom-client';
import { DataSource } from 'typeorm';
import { AGENT_CONFIG } from '../agent-config.module.js';
import type { AgentConfig } from '../config.js';
import { GatewayClient } from '../gateway-client/gateway-client.js';
import { QueuesService } from '../queues/queues.service.js';
import { readStatus, type AgentStatus } from '../replicate/read-status.js';
import { AgentCounters } from './agent-counters.js';
import { MetricsListener } from './metrics-listener.js';
import { observedGauge, type Observation } from './observed-gauge.js';
import { oldestUndelivered } from './oldest-undelivered.js';

/** Gauges of one scrape share one look at the ledger. */
const LOOK_HOLDS = 1_000;

type FromStatus = [name: string, help: string, value: (status: AgentStatus) => Observation];

const FROM_STATUS: readonly FromStatus[] = [
  ['agent_replica_lag_seconds', 'Age of T, the instant to which the DMZ has everything', (s) => s.lagSeconds],
  [
    'agent_database_clock_ahead_seconds',
    'How far the clock of OpenEMR’s database is ahead of this machine’s; less than 0 when it is behind',
    (s) => s.clockAheadSeconds,
  ],
  ['agent_charts', 'Charts of patients who were invited', (s) => s.charts],
  ['agent_charts_pushed', 'Charts that the DMZ has', (s) => s.chartsPushed],
  ['agent_charts_lagging', 'Charts that are less current than the others', (s) => s.chartsLagging],
  ['agent_charts_stopped', 'Charts that wait for a person', (s) => s.chartsStopped],
  [
    'agent_charts_frozen',
    "Charts whose record may be another person's, until a person has looked",
    (s) => s.patients.frozen,
  ],
  [
    'agent_charts_frozen_oldest_age_seconds',
    'Since the first of them waits; 0 when there is none',
    (s) => s.oldestFrozenSeconds ?? 0,
  ],
  ['agent_dirty_rows', 'Changes that no acknowledged manifest contains', (s) => s.dirtyRows],
  ['agent_charts_waiting', 'Charts with changes that the DMZ does not have', (s) => s.progress.waiting],
  ['agent_charts_per_second', 'Charts finished a second, in the last minute', (s) => s.progress.perSecond ?? 0],
  ['agent_load_seconds_left', 'Until no chart waits, at that rate', (s) => s.progress.secondsLeft],
  ['agent_streams_stopped', 'Streams whose next submission waits for a person', (s) => s.streamsStopped],
  ['agent_submissions_waiting', 'Submissions in the ledger that are not delivered', (s) => s.submissionsWaiting],
  ['agent_submissions_set_aside', 'Submissions in quarantine', (s) => s.submissionsSetAside],
  ['agent_heartbeat_stopped', '1 while heartbeats wait for a new era', (s) => (s.heartbeatStopped ? 1 : 0)],
  [
    'agent_submissions_lost',
    'Submissions that vanished from the DMZ and that nobody has confirmed',
    (s) => s.submissionsLost,
  ],
  ['agent_vanishing_stopped', '1 while losses of entries wait for a person', (s) => (s.vanishingStopped ? 1 : 0)],
  [
    'agent_reconciliation_differences',
    'Differences that the last comparison with the DMZ found',
    (s) => s.reconciliation?.differences ?? null,
  ],
  [
    'agent_binlog_position_age_seconds',
    'Since the change feed last recorded its position',
    (s) => ageOf(s.feed?.recordedAt),
  ],
];

/** Numbers of the agent: what it counts, and what its ledger says at the moment of a scrape. */
@Injectable()
export class AgentMetrics implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private listener: MetricsListener | undefined;
  private looked: { at: number; status: Promise<AgentStatus> } | undefined;

  constructor(
    @Inject(AGENT_CONFIG) private readonly config: AgentConfig,
    private readonly counters: AgentCounters,
    @InjectDataSource() private readonly ledger: DataSource,
    gateway: GatewayClient,
    queues: QueuesService,
  ) {
    const { registry } = counters;
    collectDefaultMetrics({ register: registry });
    for (const [name, help, value] of FROM_STATUS) {
      observedGauge(registry, { name, help }, async () => value(await this.status()));
    }
    observedGauge(
      registry,
      {
        name: 'agent_class_lag_seconds',
        help: 'Age of the oldest change that the DMZ does not have, by class of records; 0 when none waits, +Inf when its time is not known',
        label: 'class',
      },
      async () => classLags(await this.status()),
    );
    observedGauge(
      registry,
      {
        name: 'agent_reconciliation_age_seconds',
        help: 'Since everything was last compared with the other side, dmz or openemr',
        label: 'with',
      },
      async () => comparisonAges(await this.status()),
    );
    observedGauge(
      registry,
      { name: 'agent_submissions_oldest_age_seconds', help: 'Age of the oldest submission that is not delivered' },
      () => oldestUndelivered(ledger.manager),
    );
    observedGauge(
      registry,
      { name: 'agent_clock_skew_seconds', help: 'How far the clocks of DMZ and inside differed at the last handshake' },
      () => (gateway.handshake === undefined ? null : Math.abs(gateway.handshake.skewMs) / 1_000),
    );
    observedGauge(
      registry,
      { name: 'agent_handshake_age_seconds', help: 'Since the gateway last answered a handshake' },
      () => ageOf(gateway.handshake?.at.toISOString()),
    );
    observedGauge(registry, { name: 'agent_queue_jobs', help: 'Jobs in the queues', label: 'queue' }, () =>
      queues.lengths(),
    );
    const expires = new X509Certificate(readFileSync(config.gateway.certFile)).validToDate.getTime() / 1_000;
    observedGauge(
      registry,
      { name: 'agent_certificate_expires_timestamp_seconds', help: 'When the agent’s certificate runs out' },
      () => expires,
    );
  }

  /** Where the metrics are; undefined when they are off. */
  get port(): number | undefined {
    return this.listener?.port;
  }

  async onApplicationBootstrap(): Promise<void> {
    const { metrics } = this.config;
    this.listener = metrics === undefined ? undefined : await MetricsListener.open(metrics, this.counters.registry);
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.listener?.[Symbol.asyncDispose]();
  }

  private status(): Promise<AgentStatus> {
    if (this.looked === undefined || performance.now() - this.looked.at > LOOK_HOLDS) {
      this.looked = { at: performance.now(), status: readStatus(this.ledger.manager) };
    }
    return this.looked.status;
  }
}

/** An alert compares numbers: what nobody knows is more than any. */
function classLags({ classLagSeconds }: AgentStatus): ReadonlyMap<string, number> {
  return new Map(Object.entries(classLagSeconds).map(([name, seconds]) => [name, seconds ?? Infinity]));
}

function comparisonAges({ reconciliation, readAgain }: AgentStatus): ReadonlyMap<string, number> {
  const ages = [
    ['dmz', ageOf(reconciliation?.at)],
    ['openemr', ageOf(readAgain?.at)],
  ] as const;
  return new Map(ages.flatMap(([side, age]) => (age === null ? [] : [[side, age]])));
}

/** Seconds since an instant; null when there was none. */
function ageOf(instant: string | undefined): number | null {
  return instant === undefined ? null : Math.max(0, (Date.now() - Date.parse(instant)) / 1_000);
}
