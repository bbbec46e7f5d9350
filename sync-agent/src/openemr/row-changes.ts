import type { RecordClass } from 'sync-contract/classes';
import { keyColumnsOf, rowKey } from './source-row.js';
import { WATCHED_TABLES, type WatchedTable } from './watched-tables.js';

/** A row as the binlog carries it. */
export type RowImage = Readonly<Record<string, unknown>>;

/** A changed row that does not say whose it is. */
export interface KeyedChange {
  table: string;
  key: string;
  classes: readonly RecordClass[];
  /** many charts may use it */
  shared: boolean;
  /** key of the row it belongs to, as the images name it; more than one when it moved */
  parents: { table: string; key: string }[];
}

/** Whose a row is, as its image says it. */
export type OwnerHint =
  | { by: 'pid'; pid: number }
  | { by: 'portalUsername'; portalUsername: string }
  | { by: 'row'; table: string; key: string };

/** Rows of a table that were one owner's before a transaction and are another's after it. */
export interface MovedRows {
  table: string;
  /** null: more than are followed one by one */
  keys: string[] | null;
  from: OwnerHint;
  to: OwnerHint;
}

/** A change of more rows without pid than this is not followed row by row. */
const KEYED_LIMIT = 5_000;
const PID_LIMIT = 100_000;
/** Moves between so many owners in one transaction are followed. */
const MOVE_LIMIT = 20_000;
const MOVED_KEYS_LIMIT = 500;
/** Rows deleted or inserted of which the owner is remembered, in case the same key comes again: OpenEMR replaces rows. */
const REMEMBERED = 5_000;

const WATCHED: ReadonlyMap<string, WatchedTable> = new Map(WATCHED_TABLES.map((table) => [table.table, table]));

/**
 * What a transaction changed, said as whose chart and which classes; values of other columns are not kept. Bounded:
 * past its limits it says that everybody's classes changed.
 */
export class RowChanges {
  /** pid → classes */
  readonly pids = new Map<number, Set<RecordClass>>();
  /** portal user name → classes */
  readonly portalUsernames = new Map<string, Set<RecordClass>>();
  readonly keyed = new Map<string, KeyedChange>();
  /** classes of everybody */
  readonly everybody = new Set<RecordClass>();
  private readonly moves = new Map<string, MovedRows>();
  private readonly lastOwner = new Map<string, OwnerHint>();
  /** rows moved between more owners than can be followed */
  movedBeyondLimit = false;

  /** Rows that changed their owner, by update or by being deleted and inserted again under the same key. */
  get moved(): MovedRows[] {
    return [...this.moves.values()];
  }

  get empty(): boolean {
    // A row of a kind that no class shows changes nothing, but it may have moved.
    return this.pids.size + this.portalUsernames.size + this.keyed.size + this.everybody.size + this.moves.size === 0;
  }

  /** One row with its images before and after; an insert has no image before, a delete none after. */
  add(tableName: string, images: readonly RowImage[]): void {
    const known = WATCHED.get(tableName);
    if (known === undefined) {
      return;
    }
    const watched = known.formerKey === undefined ? known : { ...known, primaryKey: keyOfImages(known, images) };
    const whole = withKeys(watched.primaryKey, images);
    this.noteOwners(watched, whole);
    for (const image of whole) {
      if (watched.portalUsername !== undefined) {
        this.addPortalUsername(watched, image, image[watched.portalUsername]);
      } else if (watched.pid === null) {
        this.addKeyed(watched, image);
      } else if (concernsPatient(watched, image)) {
        this.addPid(watched, image, image[watched.pid]);
      } else {
        // Somebody else's, whom a chart may name all the same: who used the row knows.
        this.addKeyed(watched, image);
      }
    }
    if (this.pids.size > PID_LIMIT || this.keyed.size > KEYED_LIMIT || this.portalUsernames.size > KEYED_LIMIT) {
      this.giveUpDetail();
    }
  }

  private noteOwners(watched: WatchedTable, images: readonly RowImage[]): void {
    const [first, second] = images;
    const key = first === undefined ? undefined : keyOf(watched.primaryKey, first);
    if (watched.shared || first === undefined || key === undefined) {
      return;
    }
    const id = `${watched.table} ${key}`;
    const before =
      second === undefined ? this.lastOwner.get(id) : (ownerOf(watched, first) ?? ownUsers(watched, first));
    const after = ownerOf(watched, second ?? first);
    if (before !== undefined && after !== undefined && !isGivenAway(watched, images)) {
      this.noteMove(watched.table, key, before, after);
    }
    if (second === undefined && after !== undefined) {
      this.lastOwner.set(id, after);
      this.forgetOldest();
    }
  }

  private noteMove(table: string, key: string, from: OwnerHint, to: OwnerHint): void {
    const id = `${table} ${textOf(from)} ${textOf(to)}`;
    const move = this.moves.get(id);
    if (move !== undefined) {
      move.keys = move.keys === null || move.keys.length === MOVED_KEYS_LIMIT ? null : [...move.keys, key];
    } else if (textOf(from) !== textOf(to)) {
      this.movedBeyondLimit ||= this.moves.size >= MOVE_LIMIT;
      if (!this.movedBeyondLimit) {
        this.moves.set(id, { table, keys: [key], from, to });
      }
    }
  }

  private forgetOldest(): void {
    const [oldest] = this.lastOwner.keys();
    if (this.lastOwner.size > REMEMBERED && oldest !== undefined) {
      this.lastOwner.delete(oldest);
    }
  }

  private addPid(watched: WatchedTable, image: RowImage, pid: unknown): void {
    const number = Number(pid ?? Number.NaN);
    if (!Number.isSafeInteger(number)) {
      // No pid in a partial image (binlog_row_image other than FULL): the row's key tells who used it.
      this.addKeyed(watched, image);
    } else if (number > 0) {
      include(this.pids, number, classesOf(watched, image));
    }
  }

  private addPortalUsername(watched: WatchedTable, image: RowImage, owner: unknown): void {
    if (typeof owner !== 'string') {
      this.addKeyed(watched, image);
    } else if (owner !== '') {
      include(this.portalUsernames, owner, watched.classes);
    }
  }

  private addKeyed(watched: WatchedTable, image: RowImage): void {
    const key = keyOf(watched.primaryKey, image);
    if (key === undefined) {
      this.addEverybody(watched.classes);
      return;
    }
    const id = `${watched.table} ${key}`;
    const change = this.keyed.get(id) ?? {
      table: watched.table,
      key,
      classes: watched.classes,
      shared: watched.shared,
      parents: [],
    };
    const { parent } = watched;
    const parentKey = parent === undefined ? undefined : keyOf(parent.columns, image);
    if (parent !== undefined && parentKey !== undefined) {
      change.parents.push({ table: parent.table, key: parentKey });
    }
    this.keyed.set(id, change);
  }

  private addEverybody(classes: readonly RecordClass[]): void {
    for (const recordClass of classes) {
      this.everybody.add(recordClass);
    }
  }

  private giveUpDetail(): void {
    for (const classes of [...this.pids.values(), ...this.portalUsernames.values()]) {
      this.addEverybody([...classes]);
    }
    for (const { classes } of this.keyed.values()) {
      this.addEverybody(classes);
    }
    this.pids.clear();
    this.portalUsernames.clear();
    this.keyed.clear();
  }
}

/** Undefined when the row is nobody's, or does not say whose. */
function ownerOf(watched: WatchedTable, image: RowImage): OwnerHint | undefined {
  const { portalUsername, pid, pidWhen, parent } = watched;
  if (portalUsername !== undefined) {
    const name = image[portalUsername];
    return typeof name === 'string' && name !== '' ? { by: 'portalUsername', portalUsername: name } : undefined;
  }
  if (pid !== null) {
    const number = Number(image[pid] ?? Number.NaN);
    const isPatient = pidWhen === undefined || image[pidWhen.column] === pidWhen.value;
    return isPatient && Number.isSafeInteger(number) && number > 0 ? { by: 'pid', pid: number } : undefined;
  }
  const key = parent === undefined ? undefined : keyOf(parent.columns, image);
  return parent === undefined || key === undefined ? undefined : { by: 'row', table: parent.table, key };
}

/** An image without the column (a partial one) leaves whose the row was to those who used it. */
function ownUsers(watched: WatchedTable, image: RowImage): OwnerHint | undefined {
  const key = keyOf(watched.primaryKey, image);
  const says = watched.pid === null || (image[watched.pid] !== null && image[watched.pid] !== undefined);
  return says || key === undefined ? undefined : { by: 'row', table: watched.table, key };
}

/** Whether a screen gave the row to another patient as its everyday work. */
function isGivenAway({ givenAwayBy }: WatchedTable, [before, after]: readonly RowImage[]): boolean {
  return givenAwayBy !== undefined && after !== undefined && before?.[givenAwayBy] !== after[givenAwayBy];
}

function textOf(owner: OwnerHint): string {
  switch (owner.by) {
    case 'pid':
      return `pid ${String(owner.pid)}`;
    case 'portalUsername':
      return `name ${owner.portalUsername.toLowerCase()}`;
    case 'row':
      return `${owner.table} ${owner.key}`;
  }
}

function concernsPatient(watched: WatchedTable, image: RowImage): boolean {
  const { pidWhen } = watched;
  return pidWhen === undefined || image[pidWhen.column] === null || image[pidWhen.column] === pidWhen.value;
}

/** Without the column that tells the kind (a partial image) a row may be of any kind. */
function classesOf({ classes, kinds }: WatchedTable, image: RowImage): readonly RecordClass[] {
  const value = kinds === undefined ? undefined : image[kinds.column];
  const kind = Buffer.isBuffer(value) ? value.toString('utf8') : value;
  if (kinds === undefined || typeof kind !== 'string') {
    return classes;
  }
  const named = Object.entries(kinds.classes);
  const ofKind = named.find(([name]) => name === kind)?.[1];
  return ofKind ?? classes.filter((recordClass) => !named.some(([, those]) => those.includes(recordClass)));
}

/** The former key only where no image has the present one: a partial image may leave it out. */
function keyOfImages(watched: WatchedTable, images: readonly RowImage[]): readonly string[] {
  const columns = images.map((image) => keyColumnsOf(watched, image));
  return columns.length > 0 && columns.every((each) => each === watched.formerKey)
    ? (watched.formerKey ?? watched.primaryKey)
    : watched.primaryKey;
}

/** A partial image after an update leaves out the key when it stayed the same. */
function withKeys(primaryKey: readonly string[], images: readonly RowImage[]): RowImage[] {
  const whole = images.find((image) => keyOf(primaryKey, image) !== undefined);
  return images.map((image) => {
    const absent = primaryKey.filter((column) => image[column] === null || image[column] === undefined);
    return whole === undefined || absent.length === 0
      ? image
      : { ...image, ...Object.fromEntries(absent.map((column) => [column, whole[column]])) };
  });
}

function keyOf(columns: readonly string[], image: RowImage): string | undefined {
  return columns.every((column) => ['string', 'number', 'bigint'].includes(typeof image[column]))
    ? rowKey(columns, image)
    : undefined;
}

function include<Key>(map: Map<Key, Set<RecordClass>>, key: Key, classes: readonly RecordClass[]): void {
  if (classes.length === 0) {
    return;
  }
  const known = map.get(key) ?? new Set();
  for (const recordClass of classes) {
    known.add(recordClass);
  }
  map.set(key, known);
}
