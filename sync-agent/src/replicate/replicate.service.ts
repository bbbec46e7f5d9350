import {
  Inject,
  Injectable,
  Logger,
  type BeforeApplicationShutdown,
  type OnApplicationBootstrap,
  type OnModuleInit,
} from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import type { Pool } from 'mysql2/promise';
import { DataSource } from 'typeorm';
import { TIMES } from 'sync-contract/limits';
import { AGENT_CONFIG } from '../agent-config.module.js';
import type { AgentConfig } from '../config.js';
import { crashPoint } from '../crash-point.js';
import { GatewayClient } from '../gateway-client/gateway-client.js';
import { Transient } from '../gateway-client/gateway-failures.js';
import { KeyStore } from '../keys/key-store.js';
import { AgentCounters } from '../metrics/agent-counters.js';
import { ChangeFeed, type FeedListener } from '../openemr/change-feed.js';
import { PollingFeed } from '../openemr/polling-feed.js';
import { OwnerFinder } from '../openemr/find-owner.js';
import { OPENEMR_READER } from '../openemr/openemr.module.js';
import { OpenEmrReadFailed } from '../openemr/snapshot.js';
import { openEmrTables } from '../openemr/writer-tables.js';
import { QueuesService } from '../queues/queues.service.js';
import type { Verdict } from '../enrol/judge-patient.js';
import { markNewClassesDirty, markOfferDirty } from '../ledger/dirty.js';
import { ChartTurns } from './chart-turns.js';
import { writeClockMarker } from './clock-marker.js';
import { compareContent, type ContentComparison } from './compare-content.js';
import { nameUnreadable } from './name-unreadable.js';
import { pruneMarkers } from './currency.js';
import { levelOf, reasonOf } from './describe-failure.js';
import { LedgerOfFeed } from './feed-ledger.js';
import { feedLog } from './feed-log.js';
import { GatheredWakes } from './gathered-wakes.js';
import { HeartbeatSender } from './heartbeat.js';
import { HeartbeatTurns } from './heartbeat-turns.js';
import { LATER_RENDERS, LaterPace } from './later-pace.js';
import { OpenCharts } from './open-charts.js';
import { RecentChanges } from './recent-changes.js';
import type { Awakened } from './record-dirty.js';
import { RegularTurns } from './regular-turns.js';
import { ReplicaAhead } from './replica-ahead.js';
import { RecordInDoubt } from './render-classes.js';
import { countedWork } from './render-work.js';
import { RenderRetries } from './render-retries.js';
import { LATER_JOBS, RENDER_JOBS, RenderWakes } from './render-wakes.js';
import { judgeChart, replicateChart, type Outcome, type Replication } from './replicate-chart.js';
import { LATER_WOKEN, sweepDirty } from './sweep-dirty.js';
import { failureCode } from '../failure-code.js';

/** Of charts that somebody may wait for. The reader's connections are enough for these, those of `LaterPace`, and the feed. */
const RENDERS = 4;
const SWEEP = 5_000;
const HEARTBEAT = 15_000;
const PRUNE = 60_000;
const HEARTBEAT_ID = 'heartbeat';

/**
 * Keeps the DMZ's charts equal to OpenEMR: the feed wakes renders at once, a sweeper finds dirty charts whose wake was
 * lost, heartbeats say how current all of it is. A chart that fails waits for a growing pause and holds nobody back.
 */
@Injectable()
export class ReplicateService implements OnModuleInit, OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly log = new Logger('replicate');
  private readonly replication: Replication;
  private readonly feed: ChangeFeed | PollingFeed;
  private readonly heartbeats: HeartbeatTurns;
  private readonly retries = new RenderRetries();
  private readonly underWay = new ChartTurns();
  private readonly ended = new AbortController();
  private readonly pace = new LaterPace(this.ended.signal);
  private readonly takenLater = new Set<string>();
  private readonly turns = new RegularTurns(this.log);
  private readonly open: OpenCharts;
  private readonly wakes: RenderWakes;
  private readonly gathered = new GatheredWakes((patientRef) => {
    this.wakeInPlace(patientRef);
  });
  private stopping = false;

  constructor(
    @Inject(AGENT_CONFIG) private readonly config: AgentConfig,
    @InjectDataSource() private readonly ledger: DataSource,
    @Inject(OPENEMR_READER) reader: Pool,
    keys: KeyStore,
    gateway: GatewayClient,
    private readonly queues: QueuesService,
    private readonly counters: AgentCounters,
  ) {
    const recent = new RecentChanges();
    this.heartbeats = new HeartbeatTurns(new HeartbeatSender(ledger, keys, gateway), counters, this.log);
    this.open = new OpenCharts(gateway);
    this.wakes = new RenderWakes(queues, this.open);
    const feedLedger = new LedgerOfFeed(
      ledger,
      new OwnerFinder(reader),
      recent,
      (seen) => {
        seen.frozen.forEach((patientRef) => {
          this.tell(patientRef, 'frozen');
        });
        if (seen.clockSetBack) {
          this.log.warn({ msg: "the clock of OpenEMR's database was set back: no time of before is claimed any more" });
        }
        this.awake(seen);
      },
      (patientRef) => this.retries.stateOf(patientRef) !== undefined,
    );
    const log = feedLog();
    const listener: FeedListener = {
      stands: () => {
        this.wakeLeft();
        void this.turns.turn('the sweep for a feed that is back', () => this.sweep());
      },
      failed: (cause) => {
        counters.feedFailures.inc({ cause });
      },
    };
    this.feed =
      config.feed.kind === 'polling'
        ? new PollingFeed(reader, feedLedger, config.feed, log, listener)
        : new ChangeFeed(config.database, config.feed.account, feedLedger, log, listener);
    this.replication = {
      ...{ ledger, reader, keys, gateway, recent },
      feed: this.feed,
      tables: openEmrTables(config.database.openemrName),
      offersDocuments: config.openemrApi !== undefined,
      offersCcd: config.openemrApi?.ccd === true,
      work: countedWork(counters, this.pace),
      noteUnreadable: nameUnreadable(this.log),
    };
  }

  onModuleInit(): void {
    for (const job of RENDER_JOBS) {
      this.queues.handle('replications', job, (patientRef) => this.oneAtATime(patientRef, false), RENDERS);
    }
    for (const job of LATER_JOBS) {
      this.queues.handle('refills', job, (patientRef) => this.renderLater(patientRef), LATER_RENDERS);
    }
    // A queue of its own: renders that wait for a slow OpenEMR must not hold back the heartbeat.
    this.queues.handle('heartbeats', 'send-heartbeat', async () => {
      if (!this.stopping) {
        await this.heartbeats.beat();
      }
    });
  }

  async onApplicationBootstrap(): Promise<void> {
    await markNewClassesDirty(this.ledger.manager);
    await markOfferDirty(this.ledger.manager, this.replication.offersCcd === true);
    this.feed.start();
    if (this.config.feed.kind === 'binlog') {
      this.turns.every(TIMES.clockMarker, 'the clock marker', () => writeClockMarker(this.ledger));
    }
    this.turns.every(SWEEP, 'the sweep', () => this.sweep());
    this.turns.every(PRUNE, 'pruning', () => this.prune());
    this.turns.every(HEARTBEAT, 'the heartbeat', async () => {
      this.queues.wake('heartbeats', 'send-heartbeat', HEARTBEAT_ID);
      return Promise.resolve();
    });
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.stopping = true;
    this.ended.abort();
    this.turns.stop();
    await this.feed.stop();
    this.gathered.stop();
  }

  /** Whether the change feed stands, for those who look from outside. */
  get following(): boolean {
    return this.feed.connected;
  }

  /**
   * Reads and renders a chart as it would be sent, and compares it with what was. Null when that says nothing now.
   * @throws OpenEmrReadFailed, PatientRowMissing, FeedBehind
   */
  async compareContent(patientRef: string): Promise<ContentComparison | null> {
    try {
      return await compareContent({ ...this.replication, work: undefined }, patientRef);
    } catch (failure: unknown) {
      if (!(failure instanceof RecordInDoubt)) {
        throw failure;
      }
      this.tell(patientRef, await judgeChart(this.replication, patientRef));
      return null;
    }
  }

  private awake({ now, later }: Awakened): void {
    for (const patientRef of now) {
      this.gathered.add(patientRef);
    }
    // Of a row that every chart shows the sweeps wake the rest.
    for (const patientRef of [...later].filter((ref) => !now.has(ref)).slice(0, LATER_WOKEN)) {
      this.wakes.later(patientRef);
    }
  }

  private wakeInPlace(patientRef: string): void {
    this.wakes.inPlace(patientRef, this.underWay.size >= RENDERS);
  }

  /** Renders a chart behind the changes of the day, at a pace that OpenEMR and the gateway can bear. */
  wakeLater(patientRef: string): void {
    this.wakes.later(patientRef);
  }

  private async renderLater(patientRef: string): Promise<void> {
    this.takenLater.add(patientRef);
    try {
      await this.pace.turn(() => this.oneAtATime(patientRef, true));
    } finally {
      this.takenLater.delete(patientRef);
    }
  }

  private oneAtATime(patientRef: string, later: boolean): Promise<void> {
    return this.underWay.turn(patientRef, () => this.render(patientRef, later));
  }

  private async render(patientRef: string, later: boolean): Promise<void> {
    if (this.stopping || this.retries.stateOf(patientRef)?.isDue === false) {
      return;
    }
    const began = performance.now();
    const took = this.counters.renders.startTimer();
    try {
      if (later) {
        // A load asks OpenEMR for nothing that cannot be pushed.
        await this.replication.gateway.assertThere();
      }
      const outcome = await replicateChart(this.replication, patientRef);
      took({ outcome: outcome.replaceAll(' ', '-') });
      if (outcome === 'feed is down') {
        // Of a load the sweep brings it again.
        if (!later) {
          this.retries.leave(patientRef);
        }
        if (this.feed.stands) {
          this.wakeLeft();
        }
        return;
      }
      this.retries.forget(patientRef);
      this.tell(patientRef, outcome);
    } catch (failure: unknown) {
      took({ outcome: failure instanceof ReplicaAhead ? 'stopped' : 'failed' });
      if (failure instanceof ReplicaAhead) {
        this.retries.forget(patientRef);
        this.log.error({ msg: 'a chart is stopped', patientRef, code: failure.code, reason: failure.message });
        return;
      }
      if (failure instanceof OpenEmrReadFailed || failure instanceof Transient) {
        this.pace.failed(began);
      }
      this.postpone(patientRef, failure, later);
    }
  }

  private wakeLeft(): void {
    for (const patientRef of this.retries.takeLeft()) {
      this.wakeInPlace(patientRef);
    }
  }

  /** The DMZ hears at once of what was decided; a lost wake is found by the sweeps. */
  private tell(patientRef: string, outcome: Outcome | Verdict): void {
    if (outcome === 'revoked') {
      this.log.warn({ msg: 'the access of a patient ended; the DMZ is told to shred', patientRef });
      this.queues.wake('collections', 'push-owed', 'owed');
    } else if (outcome === 'frozen') {
      this.log.error({
        msg: 'a chart is frozen until a person confirms whose it is: `sync-agent patients`',
        patientRef,
      });
      this.wakes.atOnce(patientRef);
    }
  }

  private postpone(patientRef: string, failure: unknown, later: boolean): void {
    const failures = this.retries.postpone(patientRef, later);
    if (this.stopping || (failures > 1 && failures % 20 !== 0)) {
      return;
    }
    const entry = {
      msg: 'a chart was not replicated; it is tried again',
      patientRef,
      code: failureCode(failure),
      reason: reasonOf(failure),
      failures,
    };
    if (levelOf(failure) === 'error') {
      this.log.error(entry);
    } else {
      this.log.warn(entry);
    }
  }

  private sweep(): Promise<void> {
    const { open, retries, wakes } = this;
    return sweepDirty({
      ...{ manager: this.ledger.manager, open, retries, wakes },
      isTaken: (patientRef) => this.underWay.has(patientRef) || this.takenLater.has(patientRef),
      areWaiting: () => this.underWay.size >= RENDERS,
    });
  }

  private async prune(): Promise<void> {
    await this.ledger.transaction(async (manager) => {
      await pruneMarkers(manager);
      crashPoint('before-commit:markers-pruned');
    });
    crashPoint('after-commit:markers-pruned');
  }
}
