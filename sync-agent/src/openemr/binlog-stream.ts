import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import ZongJi, { type AnyBinlogEvent } from '@vlasky/zongji';
import type { ConnectionOptions } from 'mysql2';
import { z } from 'zod';
import type { Account, LedgerAddress } from '../config.js';
import { endsGroup, unseenChange } from './binlog-statement.js';
import { RowChanges, type RowImage } from './row-changes.js';
import type { BinlogPosition } from './snapshot.js';
import { WATCHED_TABLES } from './watched-tables.js';

/** A committed transaction of the server, as far as it matters here. */
export interface SourceTransaction {
  /** behind its last event: a snapshot at or behind it contains the transaction */
  position: BinlogPosition;
  gtid: string | null;
  changes: RowChanges;
  /** why everything has to be read again */
  everything: string | null;
  /** time in the clock marker, when this transaction wrote it: UTC, `yyyy-MM-dd HH:mm:ss.SSSSSS` */
  marker: string | null;
}

/**
 * Why a stream ended. `connection`: it was lost; `refused`: the server would not serve it; `position`: the server cannot
 * read its binlog from there; `unreadable`: something came that cannot be understood.
 */
export type BreakKind = 'connection' | 'refused' | 'position' | 'unreadable';

export class BinlogStreamBroken extends Error {
  readonly code = 'binlog-stream-broken';
  constructor(
    readonly kind: BreakKind,
    reason: string,
  ) {
    super(`the stream of OpenEMR's binlog ended: ${reason}`);
  }
}

/** Nothing for so long, though a clock marker is written every 5 s: the connection is dead without having ended. */
const SILENCE = 20_000;
const PAUSE_AT = 500;
const RESUME_AT = 100;
const BATCH = 200;
/** From one batch to the next, milliseconds: what comes within it is recorded together. */
const APART = 20;
const MARKER_TABLE = 'clock_marker';

const Marker = z.object({ at: z.string().regex(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}$/) });
const Failure = z.object({ code: z.string(), errno: z.number().optional() });
/** ER_MASTER_FATAL_ERROR_READING_BINLOG: no such file, no event at that offset, or one that cannot be sent. */
const POSITION_REFUSED = 1236;
const FIRST_SERVER_ERROR = 1000;

export interface BinlogStreamOptions {
  address: LedgerAddress;
  feed: Account;
  /** unique among everything that reads this server's binlog; the server drops an older reader with the same number */
  serverId: number;
  /** base name of the binlog files, `binlog` in `binlog.000001`, and width of their number */
  file: { base: string; digits: number };
  from: BinlogPosition;
  /** ends the reader's wait */
  signal: AbortSignal;
  /** the server has begun to send */
  onServed?: () => void;
}

/** Connection settings of the feed's account; no database, all dates as text. */
export function feedConnection(address: LedgerAddress, feed: Account): ConnectionOptions {
  return {
    host: address.host,
    port: address.port,
    user: feed.user,
    password: feed.password,
    dateStrings: true,
    supportBigNumbers: true,
    connectTimeout: 10_000,
    enableKeepAlive: true,
    flags: ['-LOCAL_FILES'],
    ssl: {
      ca: readFileSync(address.caFile, 'utf8'),
      minVersion: 'TLSv1.2',
      rejectUnauthorized: true,
      verifyIdentity: true,
    },
  };
}

/**
 * One connection's worth of the binlog, from a position on: transactions in the order of their commit, each whole, with
 * backpressure. It ends by an error, never silently; whoever reads it starts a new one from the position that is stored.
 */
export class BinlogStream implements AsyncDisposable {
  private readonly zongji: ZongJi;
  private readonly ready: Arrived[] = [];
  /** what the reader was given last, and has not recorded before it asks again */
  private given: Arrived[] = [];
  private givenAt = -APART;
  private open: Group | null = null;
  private file: number;
  private last: BinlogPosition;
  private failure: BinlogStreamBroken | null = null;
  private wakeReader: (() => void) | null = null;
  private lastEventAt = Date.now();
  private hasBegun = false;
  private paused = false;
  private readonly watchdog: NodeJS.Timeout;
  private readonly onAbort = (): void => {
    this.wakeReader?.();
  };

  constructor(private readonly options: BinlogStreamOptions) {
    const { address, feed, from, file, serverId } = options;
    this.file = from.file;
    this.last = from;
    this.zongji = new ZongJi(feedConnection(address, feed));
    options.signal.addEventListener('abort', this.onAbort);
    this.zongji.on('error', (error) => {
      this.fail(error);
    });
    this.zongji.on('binlog', (event) => {
      this.receive(event);
    });
    this.zongji.start({
      serverId,
      filename: binlogFileName(file, from.file),
      position: from.offset,
      includeEvents: [
        'rotate',
        'mariadbgtid',
        'tablemap',
        'writerows',
        'updaterows',
        'deleterows',
        'query',
        'xid',
        'xaprepare',
        'unknown',
        'heartbeat',
      ],
      includeSchema: {
        [address.openemrName]: WATCHED_TABLES.map(({ table }) => table),
        [address.ledgerName]: [MARKER_TABLE],
      },
    });
    this.watchdog = setInterval(() => {
      if (!this.paused && Date.now() - this.lastEventAt > SILENCE) {
        this.end(new BinlogStreamBroken('connection', 'nothing was heard for too long'));
      }
    }, 1_000);
  }

  /** The server sends, and nothing has ended it. */
  get isServed(): boolean {
    return this.hasBegun && this.failure === null;
  }

  /** Where the stream stands, transactions that do not matter here included. */
  get position(): BinlogPosition {
    return this.last;
  }

  /** Everything up to here was recorded by the reader or does not matter. */
  get recordedTo(): BinlogPosition {
    return (this.given[0] ?? this.ready[0])?.behind ?? this.last;
  }

  /**
   * The transactions that have arrived, at least one, in order; some milliseconds behind those of before, so that under
   * load many are recorded together. Whoever asks has recorded those of before.
   * @throws BinlogStreamBroken
   */
  async next(): Promise<SourceTransaction[]> {
    this.given = [];
    while (this.ready.length === 0) {
      if (this.failure !== null) {
        throw this.failure;
      }
      this.options.signal.throwIfAborted();
      await new Promise<void>((resolve) => {
        this.wakeReader = resolve;
      });
    }
    const early = this.givenAt + APART - performance.now();
    if (early > 0) {
      await pause(early, undefined, { signal: this.options.signal });
    }
    const batch = this.ready.splice(0, BATCH);
    this.given = batch;
    this.givenAt = performance.now();
    if (this.paused && this.ready.length <= RESUME_AT) {
      this.paused = false;
      this.lastEventAt = Date.now();
      this.zongji.connection?.resume();
    }
    return batch;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.watchdog);
    this.options.signal.removeEventListener('abort', this.onAbort);
    await new Promise<void>((resolve) => {
      const patience = setTimeout(resolve, 2_000);
      this.zongji.once('stopped', () => {
        clearTimeout(patience);
        resolve();
      });
      this.zongji.stop();
    });
  }

  private receive(event: AnyBinlogEvent): void {
    this.lastEventAt = Date.now();
    if (this.failure !== null) {
      return;
    }
    try {
      this.follow(event);
      if (!this.hasBegun) {
        this.hasBegun = true;
        this.options.onServed?.();
      }
    } catch (failure: unknown) {
      this.fail(failure);
    }
  }

  private follow(event: AnyBinlogEvent): void {
    switch (event.getTypeName()) {
      case 'Rotate':
        this.rotate(event as Extract<AnyBinlogEvent, { binlogName: string; position: number }>);
        return;
      case 'MariadbGtid':
        this.open = newGroup(event.gtid ?? null, 'standalone' in event && event.standalone);
        return;
      case 'WriteRows':
      case 'UpdateRows':
      case 'DeleteRows':
        this.addRows(event);
        return;
      case 'Query':
        this.addStatement(event as Extract<AnyBinlogEvent, { query: string }>);
        return;
      case 'Xid':
        this.commit(event.nextPosition);
        return;
      case 'XaPrepare':
        // What it holds becomes visible with an XA COMMIT, which makes everything dirty.
        this.open = null;
        return;
      case 'Unknown':
        if (this.open !== null) {
          this.open.everything ??= 'a change was logged in a form that cannot be read';
        }
        return;
      default:
    }
  }

  private rotate(event: { binlogName: string; position: number }): void {
    const number = /\.(\d+)$/.exec(event.binlogName)?.[1];
    if (number === undefined) {
      throw new BinlogStreamBroken('unreadable', 'a binlog file without number');
    }
    if (Number(number) !== this.file) {
      this.file = Number(number);
      this.last = { file: this.file, offset: event.position };
    }
  }

  private addRows(event: AnyBinlogEvent): void {
    if (!('tableId' in event) || !('rows' in event)) {
      return;
    }
    const table = this.zongji.tableMap[event.tableId];
    const group = (this.open ??= newGroup(null, false));
    if (table === undefined) {
      return;
    }
    for (const row of event.rows) {
      const images = imagesOf({ ...row });
      if (table.parentSchema === this.options.address.openemrName) {
        group.changes.add(table.tableName, images);
      } else if (table.tableName === MARKER_TABLE) {
        group.marker = Marker.safeParse(images.at(-1)).data?.at ?? group.marker;
      }
    }
  }

  private addStatement(event: { query: string; schema: string; nextPosition: number }): void {
    const group = (this.open ??= newGroup(null, true));
    if (endsGroup(event.query)) {
      this.commit(event.nextPosition);
      return;
    }
    group.everything ??= unseenChange(event.query, event.schema, this.options.address.openemrName);
    if (group.standalone) {
      this.commit(event.nextPosition);
    }
  }

  private commit(offset: number): void {
    const group = this.open;
    this.open = null;
    if (offset <= this.last.offset && this.file === this.last.file) {
      // The header counts offsets in 32 bits; a file beyond that cannot be followed by position.
      throw new BinlogStreamBroken('unreadable', 'offsets in the binlog went backwards');
    }
    const behind = this.last;
    this.last = { file: this.file, offset };
    if (group === null || (group.changes.empty && group.everything === null && group.marker === null)) {
      return;
    }
    const { gtid, changes, everything, marker } = group;
    this.ready.push({ position: this.last, behind, gtid, changes, everything, marker });
    if (!this.paused && this.ready.length >= PAUSE_AT) {
      this.paused = true;
      this.zongji.connection?.pause();
    }
    this.wakeReader?.();
  }

  private fail(error: unknown): void {
    if (error instanceof BinlogStreamBroken) {
      this.end(error);
      return;
    }
    const known = Failure.safeParse(error).data;
    if (known === undefined) {
      this.end(new BinlogStreamBroken('unreadable', 'an event could not be read'));
      return;
    }
    const { code, errno = 0 } = known;
    const kind = errno === POSITION_REFUSED ? 'position' : errno >= FIRST_SERVER_ERROR ? 'refused' : 'connection';
    this.end(new BinlogStreamBroken(kind, code));
  }

  private end(failure: BinlogStreamBroken): void {
    this.failure ??= failure;
    this.wakeReader?.();
  }
}

export function binlogFileName(file: { base: string; digits: number }, number: number): string {
  return `${file.base}.${String(number).padStart(file.digits, '0')}`;
}

/** What lies between `behind` and the transaction does not matter here. */
interface Arrived extends SourceTransaction {
  behind: BinlogPosition;
}

interface Group {
  gtid: string | null;
  /** one statement without an end of its own */
  standalone: boolean;
  changes: RowChanges;
  everything: string | null;
  marker: string | null;
}

function newGroup(gtid: string | null, standalone: boolean): Group {
  return { gtid, standalone, changes: new RowChanges(), everything: null, marker: null };
}

const UpdatedRow = z.object({ before: z.record(z.string(), z.unknown()), after: z.record(z.string(), z.unknown()) });

/** An update's row is a pair of images. No watched table has columns of these two names. */
function imagesOf(row: Readonly<Record<string, unknown>>): RowImage[] {
  const updated = UpdatedRow.safeParse(row);
  return updated.success ? [updated.data.before, updated.data.after] : [row];
}
