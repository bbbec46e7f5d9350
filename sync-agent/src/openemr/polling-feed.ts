import { setTimeout as pause } from 'node:timers/promises';
import type { Pool } from 'mysql2/promise';
import { TIMES } from 'sync-contract/limits';
import type { FeedConfig } from '../config.js';
import { failureCode } from '../failure-code.js';
import type { SourceTransaction } from './binlog-stream.js';
import { NOBODY_LISTENS, type FeedLedger, type FeedListener, type FeedLog, type PollState } from './change-feed.js';
import { lookForChanges, type Look } from './look-for-changes.js';
import { RowChanges } from './row-changes.js';
import { POLLED, type BinlogPosition } from './snapshot.js';

export interface PollingLedger extends FeedLedger {
  polled(): Promise<Standing>;
}

export interface Standing {
  /** null before the first look */
  state: PollState | null;
  /** the database's clock when the last look was recorded, as `PollState.passBegan`; null before the first */
  recordedAt: string | null;
  /** of all who are not revoked, in order */
  pids: readonly number[];
  /** charts that wait to be rendered, without those that wait for a person, or for another try after a failure */
  waiting: number;
}

/** A full pass marks so many charts in a second, and fewer when renders do not keep up: OpenEMR's own work goes first. */
const CHARTS_PER_SECOND = 10;
const LONGEST_PAUSE = 60_000;

/**
 * Finds OpenEMR's changes where its binlog may not be read. Every few seconds a quick look marks what is easy to see. A
 * full pass marks every chart, some at each look, and lets the render compare: that finds everything, deletions too. A
 * position is the number of a look.
 *
 * A completed pass leaves its own beginning as a clock marker behind the charts that it marked. A chart's mark goes only
 * with a snapshot that was opened after it, and so after the beginning: no chart claims a time of which it lacks
 * something, whatever is committed while the pass is under way. Where a pass stands is committed with its marks, so that
 * after a crash it goes on, and keeps its beginning. A look that comes before the last one by the database's clock finds
 * that it was set back: times of before are forgotten, and a pass begins anew.
 */
export class PollingFeed {
  private readonly stopped = new AbortController();
  private running: Promise<void> | null = null;
  private failures = 0;
  private lastSentence = '';
  private standing = false;

  constructor(
    private readonly reader: Pool,
    private readonly ledger: PollingLedger,
    private readonly times: Omit<Extract<FeedConfig, { kind: 'polling' }>, 'kind'>,
    private readonly log: FeedLog,
    private readonly listener: FeedListener = NOBODY_LISTENS,
  ) {}

  /** whether the last look succeeded */
  get connected(): boolean {
    return this.standing;
  }

  /**
   * A render's position is a look that the ledger had before its snapshot. Nothing more can be waited for: no look tells
   * whose a row was before.
   */
  hasRecorded(): boolean {
    return true;
  }

  /** There is no stream that could be down. */
  get stands(): boolean {
    return true;
  }

  /** It was asked to stop: nothing more is recorded. */
  get isOver(): boolean {
    return this.stopped.signal.aborted;
  }

  start(): void {
    this.running ??= this.run();
  }

  async stop(): Promise<void> {
    this.stopped.abort();
    await this.running;
  }

  /** One look, and the next part of a full pass when one is due or under way. */
  async look(): Promise<void> {
    const recorded = await this.ledger.position();
    const standing = await this.ledger.polled();
    if (recorded?.position.file === POLLED) {
      await this.goOn(recorded.position, standing);
    } else {
      await this.begin();
    }
  }

  /** Marking everything is a full pass. */
  private async begin(): Promise<void> {
    const { at, lookedAt, lastKeys } = await lookForChanges(this.reader, null, []);
    const position = { file: POLLED, offset: 1 };
    await this.ledger.startOver(position, null, null);
    this.log.warn({ msg: 'everything is read again from OpenEMR: its changes are polled from now on' });
    const state = { passBegan: at, passedPid: null, lookedAt, lastKeys };
    await this.ledger.record(completed(position, at), { state, marked: [], clockSetBack: false });
  }

  private async goOn(at: BinlogPosition, standing: Standing): Promise<void> {
    const { state: before, recordedAt, pids, waiting } = standing;
    const look = await lookForChanges(this.reader, before, pids);
    const clockSetBack = recordedAt !== null && millisecondsOf(recordedAt) - millisecondsOf(look.at) > TIMES.skewAlarm;
    const { passBegan, after } = this.passOf(look, clockSetBack ? null : before);
    const here = behind(at);
    // Never none, whatever waits: a pass comes to its end.
    const portion = Math.max(1, Math.ceil((CHARTS_PER_SECOND * this.times.lookEvery) / 1_000) - waiting);
    const marked = after === null ? [] : pids.filter((pid) => pid > after).slice(0, portion);
    const isComplete = after !== null && marked.length < portion;
    const state: PollState = {
      passBegan,
      passedPid: isComplete ? null : (marked.at(-1) ?? null),
      lookedAt: look.lookedAt,
      lastKeys: look.lastKeys,
    };
    const seen = transactionAt(here, look.changes);
    await this.ledger.record(isComplete ? [seen, ...completed(here, passBegan)] : [seen], {
      state,
      marked,
      clockSetBack,
    });
  }

  /** `after`: the patient behind whom a pass goes on, null when none is due. */
  private passOf({ at }: Look, before: PollState | null): { passBegan: string; after: number | null } {
    const elapsed = before === null ? null : millisecondsOf(at) - millisecondsOf(before.passBegan);
    // Less than nothing: the clock was set back, and the beginning that is kept lies ahead.
    const isBack = elapsed !== null && elapsed < 0;
    if (before !== null && before.passedPid !== null && !isBack) {
      return { passBegan: before.passBegan, after: before.passedPid };
    }
    const isDue = before === null || elapsed === null || isBack || elapsed >= this.times.passEvery;
    return isDue ? { passBegan: at, after: 0 } : { passBegan: before.passBegan, after: null };
  }

  private async run(): Promise<void> {
    while (!this.stopped.signal.aborted) {
      try {
        await this.look();
        this.say("OpenEMR's changes are polled");
        this.standing = true;
        this.failures = 0;
      } catch (failure: unknown) {
        this.standing = false;
        this.failures += 1;
        this.listener.failed('not-looked');
        this.say(`OpenEMR's database cannot be polled: ${failureCode(failure)}; it is tried again`);
      }
      const wait = Math.min(LONGEST_PAUSE, this.times.lookEvery * 2 ** Math.max(0, this.failures - 1));
      await pause(wait, undefined, { signal: this.stopped.signal }).catch(() => undefined);
    }
  }

  /** Each sentence once, until another is true. */
  private say(sentence: string): void {
    if (sentence !== this.lastSentence && !this.stopped.signal.aborted) {
      this.lastSentence = sentence;
      this.log[this.failures === 0 ? 'info' : 'warn']({ msg: sentence });
    }
  }
}

function transactionAt(position: BinlogPosition, changes = new RowChanges()): SourceTransaction {
  return { position, gtid: null, changes, everything: null, marker: null };
}

/** The clock marker of a pass, behind all that it marked; what is marked from then on lies behind the marker. */
function completed(last: BinlogPosition, passBegan: string): SourceTransaction[] {
  const marker = behind(last);
  return [{ ...transactionAt(marker), marker: passBegan }, transactionAt(behind(marker))];
}

function behind({ file, offset }: BinlogPosition): BinlogPosition {
  return { file, offset: offset + 1 };
}

function millisecondsOf(utc: string): number {
  return Date.parse(`${utc.slice(0, 23).replace(' ', 'T')}Z`);
}
