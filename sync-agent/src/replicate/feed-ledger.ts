import type { DataSource, EntityManager } from 'typeorm';
import { z } from 'zod';
import type { RecordClass } from 'sync-contract/classes';
import { crashPoint } from '../crash-point.js';
import type { SourceTransaction } from '../openemr/binlog-stream.js';
import type { Polled, PollState, RecordedPosition } from '../openemr/change-feed.js';
import type { OwnerFinder } from '../openemr/find-owner.js';
import type { PollingLedger, Standing } from '../openemr/polling-feed.js';
import { READABLE_CLASSES } from '../openemr/read-chart.js';
import type { KeyedChange, OwnerHint, RowChanges } from '../openemr/row-changes.js';
import type { BinlogPosition } from '../openemr/snapshot.js';
import { lockFeed } from './chart-row.js';
import { disownClaimedTimes, forgetWhenSetBack, freezeCurrency } from './currency.js';
import { freezeMoved } from './freeze-moved.js';
import type { RecentChanges } from './recent-changes.js';
import { DirtyCharts, markEverybody, recordDirty, type Awakened } from './record-dirty.js';

const PositionRow = z.object({
  fileNo: z.coerce.number(),
  fileOffset: z.coerce.number(),
  gtid: z.string().nullable(),
  serverStart: z.coerce.number().nullable(),
});
const PollingRows = z.array(
  z.object({
    passBegan: z.string(),
    passedPid: z.coerce.number().nullable(),
    lookedAt: z.string(),
    lastKeys: z.string(),
  }),
);
const Recorded = z.array(z.object({ recordedAt: z.string() }));
const LastKeys = z.record(z.string(), z.number());
const Waiting = z.array(z.object({ patientRef: z.string() }));
const Pids = z.array(z.object({ pid: z.coerce.number() }));
const Users = z.array(
  z.object({ tableName: z.string(), rowKey: z.string(), pid: z.coerce.number(), recordClass: z.string() }),
);
const Usernames = z.array(z.object({ pid: z.coerce.number(), username: z.string() }));

interface UserOfRow {
  pid: number;
  recordClass: string;
}

/** What a batch asks for. */
export interface Seen extends Awakened {
  /** charts that rows moved into or away from */
  frozen: readonly string[];
  /** the database's clock was set back: times of before are forgotten */
  clockSetBack: boolean;
}

/** Who uses and owns what a batch touched. */
interface KnownOwners {
  /** by `<table> <key>`: who used it at the last render */
  users: ReadonlyMap<string, readonly UserOfRow[]>;
  /** by lower-case portal user name */
  patients: ReadonlyMap<string, ReadonlySet<number>>;
  /** by `<table> <key>`: as OpenEMR's tables say, asked for once in a batch */
  found: Map<string, number[]>;
}

/** Rows asked for in one statement. */
const PAGE = 500;
/** Everything that a change in OpenEMR can touch; receipts are the ledger's own. */
const ALL_CLASSES: readonly RecordClass[] = READABLE_CLASSES;

/**
 * The ledger's side of the change feed: what a batch of source transactions touched becomes dirty rows in the same
 * transaction as the new position, so that after a crash the feed repeats what was not recorded and nothing else.
 */
export class LedgerOfFeed implements PollingLedger {
  constructor(
    private readonly ledger: DataSource,
    private readonly owners: OwnerFinder,
    private readonly recent: RecentChanges,
    private readonly awake: (seen: Seen) => void,
    /** whether the last try to bring this chart into the DMZ failed */
    private readonly hasFailed: (patientRef: string) => boolean = () => false,
  ) {}

  async position(): Promise<RecordedPosition | null> {
    const rows: unknown = await this.ledger.query(
      `SELECT file_no AS fileNo, file_offset AS fileOffset, gtid, UNIX_TIMESTAMP(server_start) AS serverStart
         FROM feed_position WHERE id = 1`,
    );
    const [row] = z.array(PositionRow).parse(rows);
    return row === undefined
      ? null
      : {
          position: { file: row.fileNo, offset: row.fileOffset },
          gtid: row.gtid,
          serverStart: row.serverStart,
        };
  }

  async polled(): Promise<Standing> {
    const rows: unknown = await this.ledger.query(
      `SELECT CAST(pass_began AS CHAR) AS passBegan, passed_pid AS passedPid, CAST(looked_at AS CHAR) AS lookedAt,
              last_keys AS lastKeys FROM polling WHERE id = 1`,
    );
    const [row] = PollingRows.parse(rows);
    const recorded: unknown = await this.ledger.query(
      'SELECT CAST(committed_at AS CHAR) AS recordedAt FROM feed_position WHERE id = 1',
    );
    const pids: unknown = await this.ledger.query("SELECT pid FROM patient WHERE state <> 'revoked' ORDER BY pid");
    const waiting: unknown = await this.ledger.query(
      `SELECT LOWER(HEX(c.patient_ref)) AS patientRef FROM chart c JOIN patient p ON p.pid = c.pid AND p.state IN ('invited', 'enrolled')
        WHERE c.stopped_reason IS NULL AND EXISTS (SELECT 1 FROM dirty d WHERE d.pid = c.pid)`,
    );
    return {
      waiting: Waiting.parse(waiting).filter(({ patientRef }) => !this.hasFailed(patientRef)).length,
      state: row === undefined ? null : { ...row, lastKeys: LastKeys.parse(JSON.parse(row.lastKeys)) },
      recordedAt: Recorded.parse(recorded)[0]?.recordedAt ?? null,
      pids: Pids.parse(pids).map(({ pid }) => pid),
    };
  }

  async record(batch: readonly SourceTransaction[], polled?: Polled): Promise<void> {
    const [first, last] = [batch.at(0), batch.at(-1)];
    if (first === undefined || last === undefined) {
      return;
    }
    const awakened = await this.ledger.transaction(async (manager) => {
      // Renders take the same lock before their last look at `recent`.
      await lockFeed(manager);
      this.recent.note(batch);
      const known = {
        users: await this.usersOf(manager, batch),
        patients: await this.pidsOfUsernames(manager, batch),
        found: new Map<string, number[]>(),
      };
      const frozen = await freezeMoved(manager, batch, (owner) => this.pidsOf(owner, known));
      const dirty = await this.findDirty(batch, known);
      if (batch.some(({ everything }) => everything !== null)) {
        await forgetCcds(manager);
      }
      for (const pid of polled?.marked ?? []) {
        for (const recordClass of ALL_CLASSES) {
          dirty.add(pid, recordClass, first.position, true);
        }
      }
      const charts = await recordDirty(manager, dirty);
      let clockSetBack = polled?.clockSetBack === true;
      if (clockSetBack) {
        await disownClaimedTimes(manager);
      }
      for (const { marker, position } of batch) {
        if (marker !== null) {
          clockSetBack = (await forgetWhenSetBack(manager, marker)) || clockSetBack;
          await manager.query('INSERT IGNORE INTO marker_seen (file_no, file_offset, at) VALUES (?, ?, ?)', [
            position.file,
            position.offset,
            marker,
          ]);
        }
      }
      await manager.query(
        'UPDATE feed_position SET file_no = ?, file_offset = ?, gtid = ?, committed_at = UTC_TIMESTAMP(3) WHERE id = 1',
        [last.position.file, last.position.offset, last.gtid],
      );
      if (polled !== undefined) {
        await writePolling(manager, polled.state);
      }
      crashPoint('before-commit:feed');
      const now = new Set([...charts.now, ...frozen.charts]);
      return { now, later: charts.later, frozen: frozen.newly, clockSetBack };
    });
    crashPoint('after-commit:feed');
    this.awake(awakened);
  }

  async startOver(position: BinlogPosition, gtid: string | null, serverStart: number | null): Promise<void> {
    await this.ledger.transaction(async (manager) => {
      await lockFeed(manager);
      this.recent.forget();
      // How current each chart is known to be survives; positions of the old binlog mean nothing in the new one.
      await freezeCurrency(manager);
      await manager.query("DELETE FROM dirty WHERE record_class <> 'receipts'");
      await manager.query('UPDATE IGNORE dirty SET file_no = ?, file_offset = ?', [position.file, position.offset]);
      await manager.query('DELETE FROM marker_seen');
      await manager.query('DELETE FROM polling');
      await forgetCcds(manager);
      for (const recordClass of ALL_CLASSES) {
        await markEverybody(manager, recordClass, position);
      }
      await manager.query(
        `INSERT INTO feed_position (id, file_no, file_offset, gtid, server_start, committed_at)
          VALUES (1, ?, ?, ?, FROM_UNIXTIME(?), UTC_TIMESTAMP(3))
          ON DUPLICATE KEY UPDATE file_no = VALUES(file_no), file_offset = VALUES(file_offset), gtid = VALUES(gtid),
            server_start = VALUES(server_start), committed_at = VALUES(committed_at), generation = generation + 1`,
        [position.file, position.offset, gtid, serverStart],
      );
      crashPoint('before-commit:feed-start-over');
    });
    crashPoint('after-commit:feed-start-over');
  }

  async resumed(serverStart: number): Promise<void> {
    crashPoint('before-commit:feed-resumed');
    await this.ledger.query('UPDATE feed_position SET server_start = FROM_UNIXTIME(?) WHERE id = 1', [serverStart]);
    crashPoint('after-commit:feed-resumed');
  }

  private async findDirty(batch: readonly SourceTransaction[], known: KnownOwners): Promise<DirtyCharts> {
    const dirty = new DirtyCharts();
    for (const { changes, position, everything } of batch) {
      if (everything !== null) {
        dirty.addEverybody(ALL_CLASSES, position);
      }
      dirty.addEverybody(changes.everybody, position);
      for (const [pid, classes] of changes.pids) {
        classes.forEach((recordClass) => {
          dirty.add(pid, recordClass, position, false);
        });
      }
      for (const [username, classes] of changes.portalUsernames) {
        for (const pid of known.patients.get(username.toLowerCase()) ?? []) {
          classes.forEach((recordClass) => {
            dirty.add(pid, recordClass, position, false);
          });
        }
      }
      for (const change of changes.keyed.values()) {
        await this.addKeyed(dirty, change, position, known);
      }
    }
    return dirty;
  }

  /** Charts that used the row, charts it belongs to by its parents, or everybody when it is of the whole practice. */
  private async addKeyed(
    dirty: DirtyCharts,
    change: KeyedChange,
    position: BinlogPosition,
    known: KnownOwners,
  ): Promise<void> {
    const own = `${change.table} ${change.key}`;
    const users = known.users.get(own) ?? [];
    for (const { pid, recordClass } of users) {
      dirty.add(pid, recordClass, position, change.shared);
    }
    if (change.shared) {
      dirty.addEverybody(users.length === 0 ? change.classes : change.classes.filter(isOfEverybody), position);
      return;
    }
    const parents = [...new Set(change.parents.map(({ table, key }) => `${table} ${key}`))];
    for (const id of parents.length > 0 ? parents : [own]) {
      for (const pid of await this.pidsOfRow(id, known)) {
        for (const recordClass of change.classes) {
          dirty.add(pid, recordClass, position, false);
        }
      }
    }
  }

  private async pidsOf(owner: OwnerHint, known: KnownOwners): Promise<readonly number[]> {
    switch (owner.by) {
      case 'pid':
        return [owner.pid];
      case 'portalUsername':
        return [...(known.patients.get(owner.portalUsername.toLowerCase()) ?? [])];
      case 'row':
        return this.pidsOfRow(`${owner.table} ${owner.key}`, known);
    }
  }

  /** Who used the row, or else whose it is by OpenEMR's tables. */
  private async pidsOfRow(id: string, { users, found }: KnownOwners): Promise<number[]> {
    const usersOfRow = users.get(id)?.map(({ pid }) => pid);
    if (usersOfRow !== undefined) {
      return usersOfRow;
    }
    const pids = found.get(id) ?? (await this.owners.ownersOf(...splitId(id)));
    found.set(id, pids);
    return pids;
  }

  /** By `<table> <key>`: who used the changed rows and the rows they belong to. */
  private async usersOf(
    manager: EntityManager,
    batch: readonly SourceTransaction[],
  ): Promise<Map<string, UserOfRow[]>> {
    const wanted = new Set<string>();
    for (const { changes } of batch) {
      for (const { table, key, parents } of changes.keyed.values()) {
        for (const row of [{ table, key }, ...parents]) {
          wanted.add(`${row.table} ${row.key}`);
        }
      }
      for (const owner of changes.moved.flatMap(({ from, to }) => [from, to])) {
        if (owner.by === 'row') {
          wanted.add(`${owner.table} ${owner.key}`);
        }
      }
    }
    const found = new Map<string, UserOfRow[]>();
    const rows = [...wanted].map((id) => splitId(id));
    for (let i = 0; i < rows.length; i += PAGE) {
      const part = rows.slice(i, i + PAGE);
      const users: unknown = await manager.query(
        `SELECT table_name AS tableName, row_key AS rowKey, pid, record_class AS recordClass FROM source_row
          WHERE (table_name, row_key) IN (${part.map(() => '(?, ?)').join(', ')})`,
        part.flat(),
      );
      for (const { tableName, rowKey, pid, recordClass } of Users.parse(users)) {
        const id = `${tableName} ${rowKey}`;
        const known = found.get(id) ?? [];
        known.push({ pid, recordClass });
        found.set(id, known);
      }
    }
    return found;
  }

  /** By lower-case portal user name. */
  private async pidsOfUsernames(
    manager: EntityManager,
    batch: readonly SourceTransaction[],
  ): Promise<Map<string, Set<number>>> {
    const usernames = [
      ...new Set(batch.flatMap(({ changes }) => [...changes.portalUsernames.keys(), ...movedBetween(changes)])),
    ];
    const found = new Map<string, Set<number>>();
    if (usernames.length === 0) {
      return found;
    }
    const known: unknown = await manager.query(
      'SELECT pid, portal_username AS username FROM patient WHERE portal_username IN (?)',
      [usernames],
    );
    for (const { pid, username } of [
      ...Usernames.parse(known),
      ...(await this.owners.ownersOfPortalUsernames(usernames)),
    ]) {
      const name = username.toLowerCase();
      found.set(name, (found.get(name) ?? new Set()).add(pid));
    }
    return found;
  }
}

async function writePolling(manager: EntityManager, state: PollState): Promise<void> {
  await manager.query(
    'REPLACE INTO polling (id, pass_began, passed_pid, looked_at, last_keys) VALUES (1, ?, ?, ?, ?)',
    [state.passBegan, state.passedPid, state.lookedAt, JSON.stringify(state.lastKeys)],
  );
}

/** Portal user names that rows moved from or to; they stay known when changes are too many to be followed one by one. */
function movedBetween({ moved }: RowChanges): string[] {
  return moved
    .flatMap(({ from, to }) => [from, to])
    .flatMap((owner) => (owner.by === 'portalUsername' ? [owner.portalUsername] : []));
}

/** Every chart shows it, so that who used a row of it before does not tell whom the row concerns now. */
const isOfEverybody = (recordClass: RecordClass): boolean => recordClass === 'practice';

function splitId(id: string): [string, string] {
  const space = id.indexOf(' ');
  return [id.slice(0, space), id.slice(space + 1)];
}

/**
 * Rows may have moved between patients without being seen to. Sections are rendered again from what is there now; a C-CDA
 * stays what it was when OpenEMR made it, so that it goes, and whoever wants one asks again.
 */
async function forgetCcds(manager: EntityManager): Promise<void> {
  await manager.query('DELETE FROM ccd_request');
}
