import { setTimeout as pause } from 'node:timers/promises';
import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { Account, LedgerAddress } from '../config.js';
import { BinlogNotUsable, withBinlogFacts, type BinlogFacts } from './binlog-facts.js';
import { BinlogStream, BinlogStreamBroken, type BreakKind, type SourceTransaction } from './binlog-stream.js';
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
  /** the database's clock was set back since the look before */
  clockSetBack: boolean;
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

/** What made the feed stop: the stream of the binlog, its settings, the server that was asked before, or the ledger. */
export type FeedFailure = BreakKind | 'not-usable' | 'not-asked' | 'not-recorded' | 'not-looked';

/** What those hear who work beside the feed. */
export interface FeedListener {
  /** OpenEMR lets it read, for the first time or again */
  stands: () => void;
  /** it stopped, and tries again */
  failed: (cause: FeedFailure) => void;
}

export const NOBODY_LISTENS: FeedListener = { stands: () => undefined, failed: () => undefined };

/** A batch was read and is not in the ledger. Everything is read again only when the batch itself is the reason. */
class BatchNotRecorded extends Error {
  readonly isOfTheBatch: boolean;
  constructor(failure: unknown) {
    super(`what OpenEMR's binlog says could not be written to the ledger: ${failureCode(failure)}`);
    this.isOfTheBatch = isOfTheBatch(failure);
  }
}

/** Clocks count whole seconds; two starts further apart are two starts. */
const SAME_START = 5;
const FIRST_PAUSE = 100;
const LONGEST_PAUSE = 10_000;
/** Of a batch that the ledger cannot take, or an event that cannot be read, as often as this at one position, the feed starts over. */
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
  private stuckReason = '';
  private failures = 0;
  private following = false;
  private stream: BinlogStream | null = null;

  constructor(
    private readonly address: LedgerAddress,
    private readonly feed: Account,
    private readonly ledger: FeedLedger,
    private readonly log: FeedLog,
    private readonly listener: FeedListener = NOBODY_LISTENS,
  ) {}

  /** whether the stream stands */
  get connected(): boolean {
    return this.following;
  }

  /** Whether every transaction that a snapshot at this position contains is in the ledger. */
  hasRecorded(position: BinlogPosition): boolean {
    return this.stream !== null && !isBehind(position, this.stream.recordedTo);
  }

  /** The server sends: what a snapshot contains will be recorded soon. */
  get stands(): boolean {
    return this.stream?.isServed === true;
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
          this.listener.failed(causeOf(failure));
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
      onServed: () => {
        this.listener.stands();
      },
    });
    this.stream = stream;
    try {
      for (;;) {
        await this.record(await stream.next());
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
      const reason = reasonOfStanding(failure);
      if (reason !== null) {
        this.noteStuck(from, reason);
      }
      throw failure;
    } finally {
      this.stream = null;
    }
  }

  private async record(batch: readonly SourceTransaction[]): Promise<void> {
    try {
      await this.ledger.record(batch);
    } catch (failure: unknown) {
      throw new BatchNotRecorded(failure);
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
      return this.stuckReason;
    }
    return null;
  }

  private noteStuck(from: BinlogPosition, reason: string): void {
    this.stuckReason = reason;
    this.stuckTimes = this.stuckAt === placeOf(from) ? this.stuckTimes + 1 : 1;
    this.stuckAt = placeOf(from);
  }

  /** Each sentence once, until something else happens or the feed stands again. */
  private explain(failure: unknown): void {
    const sentence =
      failure instanceof BinlogNotUsable || failure instanceof BinlogStreamBroken || failure instanceof BatchNotRecorded
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

function causeOf(failure: unknown): FeedFailure {
  if (failure instanceof BinlogStreamBroken) {
    return failure.kind;
  }
  if (failure instanceof BinlogNotUsable) {
    return 'not-usable';
  }
  return failure instanceof BatchNotRecorded ? 'not-recorded' : 'not-asked';
}

/** Why the feed would stand at its place for ever; null when it goes on as soon as the server or the ledger does. */
function reasonOfStanding(failure: unknown): string | null {
  if (failure instanceof BinlogStreamBroken && (failure.kind === 'position' || failure.kind === 'unreadable')) {
    return 'the binlog holds an event that cannot be read';
  }
  return failure instanceof BatchNotRecorded && failure.isOfTheBatch
    ? 'the binlog holds a change that cannot be recorded'
    : null;
}

/** SQLSTATE classes of values that do not fit, and of statements that are wrong. */
const OF_THE_DATA = ['22', '23', '42'];
const SqlFailure = z.object({ sqlState: z.string() });

/** A mistake in the agent, or a value that the ledger has no place for: nothing that goes by. */
function isOfTheBatch(failure: unknown): boolean {
  const state = SqlFailure.safeParse(failure).data?.sqlState;
  if (state !== undefined) {
    return OF_THE_DATA.includes(state.slice(0, 2));
  }
  return failure instanceof z.ZodError || failure instanceof TypeError || failure instanceof RangeError;
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
