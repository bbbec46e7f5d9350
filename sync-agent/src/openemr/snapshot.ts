import { DateTime, IANAZone } from 'luxon';
import type { Pool, PoolConnection, RowDataPacket } from 'mysql2/promise';
import { z } from 'zod';
import { VERSION_DIFFERENCES, lackingWhere, tableSource, type Lacking } from './version-differences.js';
import type { WatchedTableName } from './watched-tables.js';

/** What a statement's placeholders take: a list for `IN (?)`, a list of lists for rows. */
export type SqlValue = string | number | readonly (string | number | readonly (string | number)[])[];

/**
 * How far the change feed is. Place in the binlog: number of the file (its suffix) and offset in it. When polling the
 * file is `POLLED` and the offset the number of a look: a snapshot that was opened after the ledger had this number
 * contains what was marked at it.
 */
export interface BinlogPosition {
  file: number;
  offset: number;
}

/** No server numbers its binlog files from 0. */
export const POLLED = 0;

/** Whether the first lies behind the second, later in the binlog. */
export function isBehind(position: BinlogPosition, other: BinlogPosition): boolean {
  return position.file > other.file || (position.file === other.file && position.offset > other.offset);
}

/**
 * OpenEMR could not be read. The message names the query and the server's error code, never a value: statements carry
 * patient ids and portal names.
 */
export class OpenEmrReadFailed extends Error {
  readonly code = 'openemr-read-failed';
  readonly logLevel = 'error';
  /** code of the server or the driver, or what was unexpected */
  readonly reason: string;
  constructor(query: string, failure: unknown) {
    const reason = failureCode(failure);
    super(`reading ${query} from OpenEMR failed: ${reason}`);
    this.reason = reason;
  }
}

/** OpenEMR's setting for the clinic's time zone is empty or unknown, so no time in a chart would be certain. */
export class ClinicTimeZoneUnknown extends Error {
  readonly code = 'clinic-time-zone-unknown';
  readonly logLevel = 'error';
  constructor() {
    super(
      "OpenEMR's global setting gbl_time_zone names no time zone; set it under Administration, Config, Locale, Time Zone",
    );
  }
}

function failureCode(failure: unknown): string {
  if (failure instanceof z.ZodError) {
    const issue = failure.issues[0];
    return issue === undefined ? 'unexpected shape' : `unexpected shape at ${issue.path.join('.')} (${issue.code})`;
  }
  const coded = z.object({ code: z.string().optional(), errno: z.int().optional() }).safeParse(failure).data;
  // The driver has names for MySQL's numbers, not for MariaDB's own.
  return coded?.code ?? (coded?.errno === undefined ? 'unknown error' : `error ${String(coded.errno)}`);
}

const isEndless = (row: RowDataPacket): boolean =>
  Object.values(row).some((value) => typeof value === 'string' && value.length > LONGEST_TEXT);

function keyOf(row: RowDataPacket): string {
  const key: unknown = Object.values(row)[0];
  return typeof key === 'number' ? String(key) : 'without a number';
}

export interface SnapshotOptions {
  /** zone of a clinic whose OpenEMR names none */
  fallbackTimeZone?: string;
  /** a statement that takes longer is ended by the server, seconds */
  statementSeconds?: number;
  /** nothing is left out, because what one row says may decide over others; then one that cannot be read fails all */
  whole?: boolean;
}

/** A row that does not have the shape of its table, and what tells it to those who look for it; nothing of its content. */
export interface UnreadableRow {
  /** stands in for the statement */
  read: string;
  /** the first column of the statement, a key in most */
  key: string;
  reason: string;
  /** an entry of the record, not what only says more about entries */
  isEntry: boolean;
}

/** No text of a record is longer, characters; a few of them must still fit into one section. */
const LONGEST_TEXT = 2 * 1024 * 1024;

/** A server that says nothing for so long after a statement should have ended is given up, milliseconds. */
const SILENCE = 10_000;

const TimeZoneRows = z.array(z.object({ zone: z.string() })).max(1);
const StatusRows = z.array(z.object({ Variable_name: z.string(), Value: z.string() }));

/**
 * One consistent, read-only view of OpenEMR's tables: every select sees the same commit, and `position` says which.
 * `position` is null when the server writes no binlog. Dispose of it soon: it holds a connection and an undo history.
 */
export class Snapshot implements AsyncDisposable {
  /** asked of the server so far, without what opened the snapshot */
  readonly asked = { statements: 0, rows: 0 };
  private unreadable: UnreadableRow[] = [];

  private constructor(
    private readonly connection: PoolConnection,
    private readonly timeout: number,
    readonly timeZone: string,
    readonly position: BinlogPosition | null,
    /** Today in the clinic, `yyyy-MM-dd`, by the database's clock. */
    readonly readOn: string,
    /** what this version of OpenEMR does not have; an upgrade shows in the next snapshot */
    readonly lacking: Lacking,
    private readonly whole: boolean,
  ) {}

  static async open(pool: Pool, options: SnapshotOptions): Promise<Snapshot> {
    const seconds = options.statementSeconds ?? 30;
    const connection = await pool.getConnection().catch((failure: unknown) => {
      throw new OpenEmrReadFailed('a connection', failure);
    });
    try {
      await prepareSession(connection, seconds);
      await connection.query({ sql: 'START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY', timeout: SILENCE });
      const position = await readPosition(connection);
      const timeZone = await readTimeZone(connection, options.fallbackTimeZone);
      const readOn = await useTimeZone(connection, timeZone);
      const lacking = await readLacking(connection);
      return new Snapshot(
        connection,
        seconds * 1000 + SILENCE,
        timeZone,
        position,
        readOn,
        lacking,
        options.whole === true,
      );
    } catch (failure) {
      connection.destroy();
      throw failure instanceof ClinicTimeZoneUnknown ? failure : new OpenEmrReadFailed('the snapshot', failure);
    }
  }

  /** A table for FROM or JOIN with all columns of the newest OpenEMR, as far as this one has them. */
  table(name: WatchedTableName, alias: string = name): string {
    return tableSource(name, alias, this.lacking);
  }

  /** Rows of one statement, each checked against `row`. `name` stands in for the statement in errors. */
  async select<T>(name: string, row: z.ZodType<T>, sql: string, values: SqlValue[] = []): Promise<T[]> {
    const rows = await this.query(name, sql, values);
    try {
      return z.array(row).parse(rows);
    } catch (failure) {
      throw new OpenEmrReadFailed(name, failure);
    }
  }

  /**
   * Entries of the record as far as they can be read. One that cannot is left out and noted, for it must not keep the
   * others from the patient. Only for rows that stand for themselves: what would make another entry look whole without
   * it is read by `select`. Of several rows of which none can be read it is not the rows that are wrong: that fails, as
   * it must not look like a patient who has nothing.
   */
  async selectEntries<T>(name: string, row: z.ZodType<T>, sql: string, values: SqlValue[] = []): Promise<T[]> {
    return this.selectReadable(name, row, await this.query(name, sql, values), true);
  }

  /** The same of what only says more about entries, which are shown without it: names, places, explanations. */
  async selectLookups<T>(name: string, row: z.ZodType<T>, sql: string, values: SqlValue[] = []): Promise<T[]> {
    return this.selectReadable(name, row, await this.query(name, sql, values), false);
  }

  private selectReadable<T>(name: string, row: z.ZodType<T>, rows: readonly RowDataPacket[], isEntry: boolean): T[] {
    const read: T[] = [];
    const unreadable: UnreadableRow[] = [];
    let wrong: z.ZodError | undefined;
    for (const each of rows) {
      const parsed = row.safeParse(each);
      if (parsed.success && (this.whole || !isEndless(each))) {
        read.push(parsed.data);
      } else {
        wrong ??= parsed.error;
        const reason = parsed.success ? 'a text that is too long' : failureCode(parsed.error);
        unreadable.push({ read: name, key: keyOf(each), reason, isEntry });
      }
    }
    if (wrong !== undefined && (this.whole || (read.length === 0 && rows.length > 1))) {
      throw new OpenEmrReadFailed(name, wrong);
    }
    this.unreadable.push(...unreadable);
    return read;
  }

  /** Rows that were left out since the last time. */
  takeUnreadable(): UnreadableRow[] {
    const taken = this.unreadable;
    this.unreadable = [];
    return taken;
  }

  private async query(name: string, sql: string, values: SqlValue[]): Promise<RowDataPacket[]> {
    try {
      this.asked.statements += 1;
      const [rows] = await this.connection.query<RowDataPacket[]>({ sql, timeout: this.timeout }, values);
      this.asked.rows += rows.length;
      return rows;
    } catch (failure) {
      throw new OpenEmrReadFailed(name, failure);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.connection.query({ sql: 'ROLLBACK', timeout: SILENCE });
      this.connection.release();
    } catch {
      // A connection that cannot end its transaction must not serve anybody else.
      this.connection.destroy();
    }
  }
}

/** @throws OpenEmrReadFailed, ClinicTimeZoneUnknown */
export async function openSnapshot(pool: Pool, options: SnapshotOptions = {}): Promise<Snapshot> {
  return Snapshot.open(pool, options);
}

/** What a connection's session was set to, which lasts as long as the connection. */
interface Session {
  seconds: number | null;
  timeZone: string | null;
}

const SESSIONS = new WeakMap<object, Session>();

function sessionOf(connection: PoolConnection): Session {
  // The pool gives a new cover to the same connection each time.
  const session = SESSIONS.get(connection.connection) ?? { seconds: null, timeZone: null };
  SESSIONS.set(connection.connection, session);
  return session;
}

async function prepareSession(connection: PoolConnection, seconds: number): Promise<void> {
  const session = sessionOf(connection);
  if (session.seconds !== seconds) {
    await connection.query({
      sql: `SET SESSION sql_mode = 'STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION', SESSION max_statement_time = ${String(seconds)}`,
      timeout: SILENCE,
    });
    await connection.query('SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ');
    session.seconds = seconds;
  }
}

async function readPosition(connection: PoolConnection): Promise<BinlogPosition | null> {
  const [rows] = await connection.query<RowDataPacket[]>("SHOW STATUS LIKE 'binlog_snapshot_%'");
  const status = new Map(StatusRows.parse(rows).map((row) => [row.Variable_name.toLowerCase(), row.Value]));
  const file = /\.(\d+)$/.exec(status.get('binlog_snapshot_file') ?? '')?.[1];
  const offset = status.get('binlog_snapshot_position') ?? '';
  return file === undefined || !/^\d+$/.test(offset) ? null : { file: Number(file), offset: Number(offset) };
}

async function readTimeZone(connection: PoolConnection, fallback: string | undefined): Promise<string> {
  const [rows] = await connection.query<RowDataPacket[]>(
    "SELECT gl_value AS zone FROM globals WHERE gl_name = 'gbl_time_zone' AND gl_index = 0",
  );
  const zone = (TimeZoneRows.parse(rows)[0]?.zone ?? '').trim() || (fallback ?? '');
  if (zone === '' || !IANAZone.isValidZone(zone)) {
    throw new ClinicTimeZoneUnknown();
  }
  return zone;
}

/**
 * Sets the session's zone and answers the clinic's date. A server without zone tables gets today's offset, which is
 * what OpenEMR itself sets; the reader takes no TIMESTAMP column, so it matters to nothing but `NOW()`.
 */
async function useTimeZone(connection: PoolConnection, timeZone: string): Promise<string> {
  const session = sessionOf(connection);
  try {
    if (session.timeZone !== timeZone) {
      await connection.query('SET SESSION time_zone = ?', [timeZone]);
      session.timeZone = timeZone;
    }
  } catch {
    session.timeZone = null;
    await connection.query('SET SESSION time_zone = ?', [DateTime.now().setZone(timeZone).toFormat('ZZ')]);
  }
  const [rows] = await connection.query<RowDataPacket[]>('SELECT CAST(CURRENT_DATE AS CHAR) AS today');
  return z.array(z.object({ today: z.iso.date() })).parse(rows)[0]?.today ?? '';
}

/** By one column of each difference, looked up by its name: the whole list of columns would cost more than a render. */
async function readLacking(connection: PoolConnection): Promise<Lacking> {
  const marks = VERSION_DIFFERENCES.map(
    ({ since, mark }) =>
      `(SELECT COUNT(*) FROM information_schema.columns WHERE table_schema = DATABASE()
          AND table_name = '${mark.table}' AND column_name = '${mark.column}') AS \`${since}\``,
  );
  const [rows] = await connection.query<RowDataPacket[]>(`SELECT ${marks.join(', ')}`);
  const [found] = z.tuple([z.record(z.string(), z.number())]).parse(rows);
  return lackingWhere(({ since }) => (found[since] ?? 0) > 0);
}
