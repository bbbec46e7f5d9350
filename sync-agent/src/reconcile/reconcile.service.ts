import {
  Inject,
  Injectable,
  Logger,
  type BeforeApplicationShutdown,
  type OnApplicationBootstrap,
  type OnModuleInit,
} from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { AGENT_CONFIG } from '../agent-config.module.js';
import type { AgentConfig } from '../config.js';
import { judgeEverybody } from '../enrol/judge-patient.js';
import { failureCode } from '../failure-code.js';
import { GatewayClient } from '../gateway-client/gateway-client.js';
import { KeyStore } from '../keys/key-store.js';
import { AgentCounters } from '../metrics/agent-counters.js';
import { clinicNow } from '../openemr/clinic-clock.js';
import { openEmrTables } from '../openemr/writer-tables.js';
import { QueuesService } from '../queues/queues.service.js';
import { ReplicateService } from '../replicate/replicate.service.js';
import { reconciliationDay } from './clinic-day.js';
import { compareWithDmz, type DmzTally } from './compare-dmz.js';
import { beginNightly, readAllAgain, readNightly } from './compare-openemr.js';
import { closeDay, keepComparison } from './daily-statement.js';
import { DIFFERENCES, type Tally } from './difference.js';
import { findLost } from './find-lost.js';
import { BlobHashing, hashBlobsInTurn, type BlobsHashedWith } from './hash-blobs-in-turn.js';
import { noSuspects } from './superfluous.js';

/** How often it is looked whether a comparison is due: a wake that Redis loses costs no more. */
const LOOK = 10_000;
/** A comparison with the DMZ that takes longer is given up: its pages may have no end. Hashing has a time of its own. */
const LONGEST = 10 * 60_000;
/** After a comparison with the DMZ that did not come to its end. */
const AGAIN = 60_000;
/** Between two charts that are read again: 10,000 take 17 minutes and what OpenEMR's database needs for them. */
const PAUSE = 100;
const ID = 'all';

/**
 * Compares the ledger with the DMZ every quarter of an hour and with OpenEMR every night, and lets the normal path repair
 * what differs. Each in a queue of its own: a long night holds up no comparison with the DMZ.
 */
@Injectable()
export class ReconcileService implements OnModuleInit, OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly log = new Logger('reconcile');
  private readonly stopping = new AbortController();
  private readonly timers: NodeJS.Timeout[] = [];
  private readonly suspects = noSuspects();
  private readonly hashing = new BlobHashing();
  /** in a row */
  private readonly failures = { dmz: 0, openemr: 0 };
  private dmzDueAt = 0;

  constructor(
    @Inject(AGENT_CONFIG) private readonly config: AgentConfig,
    @InjectDataSource() private readonly ledger: DataSource,
    private readonly keys: KeyStore,
    private readonly gateway: GatewayClient,
    private readonly replicate: ReplicateService,
    private readonly queues: QueuesService,
    private readonly counters: AgentCounters,
  ) {}

  onModuleInit(): void {
    this.queues.handle('reconciliations', 'compare-dmz', () => this.compareDmz());
    this.queues.handle('readings', 'compare-openemr', () => this.compareOpenEmr());
  }

  onApplicationBootstrap(): void {
    const look = (): void => {
      if (Date.now() >= this.dmzDueAt) {
        this.queues.wake('reconciliations', 'compare-dmz', ID);
      }
      this.queues.wake('readings', 'compare-openemr', ID);
    };
    this.timers.push(setInterval(look, LOOK));
    look();
  }

  beforeApplicationShutdown(): void {
    this.stopping.abort();
    this.timers.forEach((timer) => {
      clearInterval(timer);
    });
  }

  private async compareDmz(): Promise<void> {
    const began = new Date();
    const { every } = this.config.reconciliation;
    if (this.stopping.signal.aborted || began.getTime() < this.dmzDueAt) {
      return;
    }
    const signal = AbortSignal.any([this.stopping.signal, AbortSignal.timeout(LONGEST)]);
    try {
      const { ledger, gateway, suspects, hashing } = this;
      // Behind changes: what is repaired is no news.
      const onOwed = (patientRef: string): void => {
        this.replicate.wakeLater(patientRef);
      };
      // First: the DMZ's rows of who is barred are superfluous from then on.
      const { database } = this.config;
      const judging = { ledger, tables: openEmrTables(database.openemrName), resourceIdKey: this.keys.resourceIdKey };
      const decided = await judgeEverybody(judging, signal);
      if (decided > 0) {
        this.log.warn({ msg: 'patients were frozen or revoked whom the change feed had not named', patients: decided });
      }
      const tally = await compareWithDmz({ ledger, gateway, suspects, onOwed }, signal);
      const onLost = (places: readonly string[]): void => {
        this.log.error({ msg: 'submissions are gone from the outbox of the DMZ and were never collected', places });
      };
      tally.count('patient-in-doubt', decided);
      await findLost({ ledger, gateway, onLost }, tally, signal);
      const hashed = await this.hash({ ledger, gateway, hashing, onOwed }, tally);
      await keepComparison(ledger, began, tally);
      this.dmzDueAt = began.getTime() + every * 1_000;
      this.report('dmz', tally, hashed);
      this.failures.dmz = 0;
    } catch (failure: unknown) {
      this.dmzDueAt = Date.now() + Math.min(AGAIN, every * 1_000);
      this.failed('dmz', failure);
    }
  }

  /** Last, and whatever comes of it, the comparison is kept: it stands without the hashes. */
  private async hash(hashed: BlobsHashedWith, tally: DmzTally): Promise<boolean> {
    try {
      return await hashBlobsInTurn(hashed, tally, this.stopping.signal);
    } catch (failure: unknown) {
      this.log.warn({
        msg: 'documents could not be hashed in the DMZ; the next comparison goes on',
        code: failureCode(failure),
      });
      return false;
    }
  }

  private async compareOpenEmr(): Promise<void> {
    try {
      await this.readNight();
      this.failures.openemr = 0;
    } catch (failure: unknown) {
      this.failed('openemr', failure);
    }
  }

  /** What is left of the night that is due; nothing when none is. */
  private async readNight(): Promise<void> {
    const { database, reconciliation } = this.config;
    const now = await clinicNow(this.ledger.manager, openEmrTables(database.openemrName));
    const today = reconciliationDay(now, reconciliation.hour);
    let state = await readNightly(this.ledger.manager);
    if (state.after === null && (state.day ?? '') >= today) {
      return;
    }
    if (state.after === null) {
      await beginNightly(this.ledger, today);
      state = await readNightly(this.ledger.manager);
    }
    const compare = (patientRef: string) => this.compareOne(patientRef);
    const tally = await readAllAgain({ ledger: this.ledger, compare, pause: PAUSE }, this.stopping.signal);
    if (tally !== null && state.day !== null) {
      await closeDay(this.ledger, this.keys, { day: state.day, beganAt: state.beganAt ?? new Date(), tally });
      this.report('openemr', tally);
    }
  }

  /** One chart that cannot be read holds up none of the others. */
  private async compareOne(patientRef: string): ReturnType<ReplicateService['compareContent']> {
    try {
      return await this.replicate.compareContent(patientRef);
    } catch (failure: unknown) {
      this.log.warn({ msg: 'a chart could not be read again', patientRef, code: failureCode(failure) });
      return null;
    }
  }

  private report(
    kind: 'dmz' | 'openemr',
    { charts, sections, skipped, differences, found }: Tally,
    isWhole = true,
  ): void {
    const equal = isWhole ? 'equal' : 'partial';
    this.counters.reconciliations.inc({ with: kind, outcome: differences === 0 ? equal : 'different' });
    for (const difference of DIFFERENCES) {
      this.counters.differences.inc({ kind: difference }, found[difference] ?? 0);
    }
    const entry = { with: kind, charts, sections, skipped, differences, whole: isWhole };
    if (differences > 0) {
      this.log.warn({ msg: 'a comparison found differences; they are sent again', ...entry, found });
    } else {
      this.log.log({ msg: 'a comparison found no difference', ...entry });
    }
  }

  private failed(kind: 'dmz' | 'openemr', failure: unknown): void {
    if (this.stopping.signal.aborted) {
      return;
    }
    this.failures[kind] += 1;
    this.counters.reconciliations.inc({ with: kind, outcome: 'failed' });
    if (this.failures[kind] === 1 || this.failures[kind] % 20 === 0) {
      this.log.warn({
        msg: 'a comparison did not come to its end; the next begins anew',
        with: kind,
        code: failureCode(failure),
      });
    }
  }
}
