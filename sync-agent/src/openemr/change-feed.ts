import { setTimeout as pause } from 'node:timers/promises';
import { createHash } from 'node:crypto';
import type { Account, LedgerAddress } from '../config.js';
import { BinlogNotUsable, withBinlogFacts, type BinlogFacts } from './binlog-facts.js';
import { BinlogStream, BinlogStreamBroken, type SourceTransaction } from './binlog-stream.js';
import { isBehind, POLLED, type BinlogPosition } from './snapshot.js';
import { failureCode } from '../failure-code.js';

/** Where the feed keeps what it has seen. Each call is one transaction there. */
export interface FeedLedger {
  /** the position that was recorded last, null before the first */
  position(): Promise<RecordedPosition | null>;
  /** Dirty rows, markers and the new position of transactions that follow each other. */
  record(batch: readonly SourceTransaction[], polled?: Polled): Promise<void>;
  /** The feed goes on at `position` and does not know what happened before: everything is dirty there. */
  startOver(position: BinlogPosition, gtid: string | null, serverStart: number | null): Promise<void>;
  /** The same position, read from a server that was started at another time. */
  resumed(serverStart: number): Promise<void>;
}

/** What polling writes down with a position. */
export interface Polled {
  state: PollState;
  /** patients whose whole charts the full pass marks here, to be rendered behind the changes of the day */
  marked: readonly number[];
}

/** How far polling is. */
export interface PollState {
  /** when the last full pass began, by the database's clock: UTC, `yyyy-MM-dd HH:mm:ss.SSSSSS` */
  passBegan: string;
  /** the last patient that it marked; null when it has marked all */
  passedPid: number | null;
  /** by table the highest key that a look has seen */
  lastKeys: Readonly<Record<string, number>>;
  /** the clinic's clock at the last look, `yyyy-MM-dd HH:mm:ss` */
  lookedAt: string;
}

export interface RecordedPosition {
  position: BinlogPosition;
  gtid: string | null;
  /** UTC seconds since 1970 */
  serverStart: number | null;
}

export interface FeedLog {
  info(entry: object): void;
  warn(entry: object): void;
  error(entry: object): void;
}

/** Clocks count whole seconds; two starts further apart are two starts. */
const SAME_START = 5;
const FIRST_PAUSE = 100;
const LONGEST_PAUSE = 10_000;
/** A batch that cannot be recorded or an event that cannot be read this often at one position is stepped over. */
const STUCK = 3;

/**
 * Follows OpenEMR's binlog from the recorded position for as long as it runs, and survives everything: lost
 * connections, restarts, a server that is down, slow or without binlog (said in the log, tried again with growing
 * pauses), and a position that is gone (everything is dirty then). It never skips silently: what it cannot follow it
 * turns into "everything is dirty".
 */
export class ChangeFeed {
  private readonly stopped = new AbortController();
  private running: Promise<void> | null = null;
  private lastSentence = '';
  private stuckAt = '';
  private stuckTimes = 0;
  private failures = 0;
  private following = false;
  private stream: BinlogStream | null = null;

  constructor(
    private readonly address: LedgerAddress,
    private readonly feed: Account,
    private readonly ledger: FeedLedger,
    private readonly log: FeedLog,
  ) {}

  /** whether the stream stands */
  get connected(): boolean {
    return this.following;
  }

  /** Whether every transaction that a snapshot at this position contains is in the ledger. */
  hasRecorded(position: BinlogPosition): boolean {
    return this.stream !== null && !isBehind(position, this.stream.recordedTo);
  }

  /** It was asked to stop: nothing more is recorded. */
  get isOver(): boolean {
    return this.stopping();
  }

  start(): void {
    this.running ??= this.run();
  }

  async stop(): Promise<void> {
    this.stopped.abort();
    await this.running;
  }

  private async run(): Promise<void> {
    while (!this.stopping()) {
      try {
        await this.follow();
      } catch (failure: unknown) {
        this.following = false;
        if (!this.stopping()) {
          this.explain(failure);
        }
        this.failures += 1;
        const wait = failure instanceof BinlogNotUsable ? LONGEST_PAUSE : FIRST_PAUSE * 2 ** Math.min(this.failures, 7);
        await pause(Math.min(wait, LONGEST_PAUSE), undefined, { signal: this.stopped.signal }).catch(() => undefined);
      }
    }
  }

  private stopping(): boolean {
    return this.stopped.signal.aborted;
  }

  private async follow(): Promise<void> {
    const { facts, from } = await withBinlogFacts(this.address, this.feed, async (facts) => ({
      facts,
      from: await this.startPosition(facts),
    }));
    await using stream = new BinlogStream({
      address: this.address,
      feed: this.feed,
      serverId: serverIdOf(this.address),
      file: facts.file,
      from,
      signal: this.stopped.signal,
    });
    this.stream = stream;
    try {
      for (;;) {
        const batch = await stream.next();
        await this.ledger.record(batch);
        if (!this.following || this.failures > 0) {
          this.following = true;
          this.failures = 0;
          this.lastSentence = '';
          this.log.info({
            msg: "OpenEMR's binlog is followed",
            file: stream.position.file,
            offset: stream.position.offset,
          });
        }
      }
    } catch (failure: unknown) {
      if (failure instanceof BinlogStreamBroken && (failure.kind === 'position' || failure.kind === 'unreadable')) {
        this.noteStuck(from);
      }
      throw failure;
    } finally {
      this.stream = null;
    }
  }

  private async startPosition(facts: BinlogFacts): Promise<BinlogPosition> {
    const recorded = await this.ledger.position();
    const reason = recorded === null ? 'it is read for the first time' : await this.reasonToStartOver(facts, recorded);
    if (recorded === null || reason !== null) {
      await this.ledger.startOver(facts.end, await facts.gtidAt(facts.end), facts.serverStart);
      this.log.warn({
        msg: `everything is read again from OpenEMR: ${reason ?? ''}`,
        file: facts.end.file,
        offset: facts.end.offset,
      });
      this.stuckTimes = 0;
      return facts.end;
    }
    if (!sameStart(recorded.serverStart, facts.serverStart)) {
      await this.ledger.resumed(facts.serverStart);
    }
    return recorded.position;
  }

  private async reasonToStartOver(facts: BinlogFacts, recorded: RecordedPosition): Promise<string | null> {
    if (recorded.position.file === POLLED) {
      return 'its changes were polled before';
    }
    if (!(await facts.holds(recorded.position, recorded.gtid))) {
      return 'the binlog no longer holds the place that was read last';
    }
    if (!facts.syncsBinlog && !sameStart(recorded.serverStart, facts.serverStart)) {
      return 'the server was restarted and may have lost events, because its sync_binlog is not 1';
    }
    if (this.stuckAt === placeOf(recorded.position) && this.stuckTimes >= STUCK) {
      return 'the binlog holds an event that cannot be read';
    }
    return null;
  }

  private noteStuck(from: BinlogPosition): void {
    this.stuckTimes = this.stuckAt === placeOf(from) ? this.stuckTimes + 1 : 1;
    this.stuckAt = placeOf(from);
  }

  /** Each sentence once, until something else happens or the feed stands again. */
  private explain(failure: unknown): void {
    const sentence =
      failure instanceof BinlogNotUsable || failure instanceof BinlogStreamBroken
        ? failure.message
        : `OpenEMR's database cannot be followed: ${failureCode(failure)}`;
    if (sentence === this.lastSentence) {
      return;
    }
    this.lastSentence = sentence;
    const entry = { msg: `${sentence}; it is tried again`, failures: this.failures + 1 };
    if (failure instanceof BinlogNotUsable) {
      this.log.error(entry);
    } else {
      this.log.warn(entry);
    }
  }
}

function sameStart(recorded: number | null, now: number): boolean {
  return recorded !== null && Math.abs(recorded - now) <= SAME_START;
}

function placeOf(position: BinlogPosition): string {
  return `${String(position.file)}/${String(position.offset)}`;
}

/** Number towards the server, above those that people give their replicas. */
function serverIdOf(address: LedgerAddress): number {
  const digest = createHash('sha256').update(`change-feed|${address.ledgerName}`).digest();
  return 0x8000_0000 + (digest.readUInt32BE(0) & 0x7fff_ffff);
}
