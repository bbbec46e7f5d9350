import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { chartAsOf, isAhead, sectionAsOf } from 'sync-contract/claimed-time';
import type { SourceTransaction } from '../openemr/binlog-stream.js';
import { RowChanges } from '../openemr/row-changes.js';
import { isBehind, type BinlogPosition } from '../openemr/snapshot.js';
import { currencyOf, wasSetBack } from './currency.js';
import { RecentChanges } from './recent-changes.js';
import { DirtyCharts } from './record-dirty.js';
import { settleDirty, type DirtyPlace } from './settle-dirty.js';

const PIDS = [1, 2];
const CLASSES = ['immunizations', 'care-team'] as const;
type ShownClass = (typeof CLASSES)[number];
const PERSONS = [1, 2];
const INTERLEAVINGS = 10_000;

/** What is different in a control. */
interface Fault {
  /** T without a look at dirty rows */
  ignoresDirty?: true;
  /** dirty rows go up to where the feed is, not up to the snapshot */
  settlesByFeed?: true;
  /** rows that the feed saw during a render are forgotten */
  forgetsOvertaken?: true;
  /** a section's own time is taken after its snapshot */
  readAtTooLate?: true;
  /** a render of before settles after the feed has begun anew */
  ignoresGeneration?: true;
  /** a page takes the time of the newest push for that of every section */
  pushSpeaksForAll?: true;
  /** a feed that begins anew looks at charts' own times alone to tell whether the clock was set back */
  forgetsClock?: boolean;
  /** times that were kept when the clock was set back go on to count */
  keepsTimes?: true;
  /** the section's time of a render that was under way then goes on to count */
  keepsTimeOfRender?: true;
  /** the DMZ takes every time, whatever its clock says */
  takesAnyTime?: true;
}

type Change =
  | { change: 'immunization'; pid: number }
  | { change: 'team'; pid: number; person: number }
  | { change: 'person'; person: number };

type Step =
  | { step: 'commit'; changes: Change[] }
  | { step: 'marker begins' | 'marker commits' | 'heartbeat' | 'crash' | 'feed begins anew' }
  | { step: 'feed reads'; transactions: number }
  | { step: 'clock is set'; ahead: number }
  | { step: 'hours pass' }
  | { step: 'render goes on'; pid: number; unreadable: ShownClass | null };

interface Committed {
  changes: Change[];
  at: number;
  transaction: SourceTransaction;
}

interface Render {
  stage: 'asked' | 'read' | 'pushed';
  watch: Disposable;
  asked: ShownClass[];
  /** newest dirty place when it began */
  newest: BinlogPosition;
  generation: number;
  readAt: number;
  /** transactions that its snapshot contains */
  contains: number;
  snapshot: BinlogPosition;
  classes: ShownClass[];
  /** of those, what its push brought */
  brought: ShownClass[];
}

interface Shown {
  contains: number;
  asOf: number;
}

/** A chart's newest manifest in the DMZ. */
interface Pushed {
  madeAt: number;
  receivedAt: number;
}

/** Seconds in one step of the clock: more than clocks may differ unnoticed. */
const STEP = 120;
/** Steps by which the source's clock is wrong: more than an interleaving has. */
const WRONG = 100;

const START: BinlogPosition = { file: 1, offset: 0 };
const place = ({ file, offset }: BinlogPosition): string =>
  `${String(file).padStart(10, '0')}/${String(offset).padStart(18, '0')}`;
const clockText = (at: number): string => `${instantText(at).slice(0, 19).replace('T', ' ')}.000000`;
const instantOf = (text: string): number => Date.parse(text) / millisecondsOf(1);
const instantText = (at: number): string => new Date(millisecondsOf(at)).toISOString();
const millisecondsOf = (at: number): number => at * STEP * 1_000;
const refOf = (pid: number): string => String(pid);

/**
 * OpenEMR, the change feed, renders, the ledger and the DMZ as lists in memory, moved on one step at a time. Which changes
 * make whom dirty, what a render settles and which time is claimed are the agent's own functions; tables, locks and
 * transactions are not here. The source's clock may be set ahead and back; an agent that is there writes markers and
 * sends heartbeats meanwhile. The DMZ's clock is right.
 */
class World {
  private clock = 3 * WRONG;
  /** by which the source's clock is ahead */
  private ahead = 0;
  private readonly binlog: Committed[] = [];
  private markerAt: number | null = null;
  private read = 0;
  private generation = 1;
  /** transactions before the binlog was reset the last time */
  private origin = 0;
  private recent = new RecentChanges();
  private readonly markers: { place: string; at: string }[] = [];
  /** as `clock_at`: what the clock was at least when the feed began anew */
  private clockBefore: string | null = null;
  private dirty: (DirtyPlace & { pid: number })[] = [];
  private readonly failedT = new Map<number, string>();
  /** persons that the last settled render of a chart used */
  private readonly sources = new Map<number, Set<number>>(PIDS.map((pid) => [pid, new Set()]));
  private readonly renders = new Map<number, Render>();
  private readonly dmz = new Map<string, Shown>();
  /** times of the newest manifests */
  private readonly pushed = new Map<number, Pushed>();
  /** as the ledger has them */
  private readonly sectionTimes = new Map<string, number>();
  /** T by the newest heartbeat */
  private readonly claimed = new Map<number, string>();

  constructor(private readonly fault: Fault) {
    for (const pid of PIDS) {
      CLASSES.forEach((shown) => this.dmz.set(`${String(pid)} ${shown}`, { contains: 0, asOf: 0 }));
    }
  }

  go(step: Step): void {
    this.clock += 1;
    switch (step.step) {
      case 'commit':
        this.commit(step.changes, null);
        return;
      case 'marker begins':
        this.markerAt ??= this.sourceClock;
        return;
      case 'marker commits':
        if (this.markerAt !== null) {
          this.commit([], clockText(this.markerAt));
          this.markerAt = null;
        }
        return;
      case 'feed reads':
        this.feedReads(this.binlog.slice(this.read, this.read + step.transactions));
        return;
      case 'feed begins anew':
        this.beginAnew();
        return;
      case 'clock is set':
        this.setClock(step.ahead);
        return;
      case 'hours pass':
        this.passHours();
        return;
      case 'heartbeat':
        this.heartbeat();
        return;
      case 'crash':
        this.crash();
        return;
      case 'render goes on':
        this.renderGoesOn(step.pid, step.unreadable);
    }
  }

  /** Changes committed before a shown time that what is shown lacks. A page shows the later of a section's time and its chart's. */
  missing(): object[] {
    return PIDS.flatMap((pid) => {
      const { madeAt, receivedAt } = this.pushed.get(pid) ?? { madeAt: 0, receivedAt: 0 };
      const isAnyTaken = this.fault.takesAnyTime === true;
      const held = {
        madeAt: instantText(madeAt),
        receivedAt: isAnyTaken ? Infinity : millisecondsOf(receivedAt),
        t: this.claimed.get(pid) ?? null,
        now: isAnyTaken ? Infinity : millisecondsOf(this.clock),
      };
      const entries = CLASSES.map((shown) => ({ asOf: instantText(this.section(pid, shown).asOf) }));
      const ofChart = this.fault.pushSpeaksForAll === true ? held.madeAt : chartAsOf(entries, held);
      return CLASSES.flatMap((shown) => {
        const section = this.section(pid, shown);
        const own = sectionAsOf({ asOf: instantText(section.asOf) }, held);
        const t = Math.max(...[own, ofChart].map((each) => (each === null ? 0 : instantOf(each))));
        return this.binlog
          .slice(section.contains)
          .filter(({ at }, index) => at < t && this.concerns(section.contains + index, pid, shown))
          .map(({ at }) => ({ pid, shown, at, t }));
      });
    });
  }

  private get sourceClock(): number {
    return this.clock + this.ahead;
  }

  private crash(): void {
    this.renders.clear();
    this.recent = new RecentChanges();
  }

  /** Markers are written every few seconds, so there is one right before and one right after. */
  private setClock(ahead: number): void {
    this.markerAt = null;
    this.commit([], clockText(this.sourceClock));
    this.ahead = ahead;
    this.commit([], clockText(this.sourceClock));
  }

  /** The agent is there and has nothing under way, and the clock passes what it was ahead by. */
  private passHours(): void {
    this.crash();
    for (const hours of [0, 2 * WRONG]) {
      this.clock += hours;
      this.markerAt = null;
      this.commit([], clockText(this.sourceClock));
      this.feedReads(this.binlog.slice(this.read));
      this.heartbeat();
    }
  }

  private commit(changes: Change[], marker: string | null): void {
    const position = { file: 1, offset: (this.binlog.length + 1 - this.origin) * 10 };
    const rows = new RowChanges();
    changes.forEach((each, index) => {
      const id = this.binlog.length * 100 + index;
      if (each.change === 'immunization') {
        rows.add('immunizations', [{ id, patient_id: each.pid }]);
      } else if (each.change === 'team') {
        rows.add('care_teams', [{ id, pid: each.pid }]);
      } else {
        rows.add('person', [{ id: each.person }, { id: each.person }]);
      }
    });
    const transaction = { position, gtid: null, changes: rows, everything: null, marker };
    this.binlog.push({ changes, at: this.clock, transaction });
  }

  /** As `LedgerOfFeed.record`. */
  private feedReads(batch: readonly Committed[]): void {
    const transactions = batch.map(({ transaction }) => transaction);
    this.recent.note(transactions);
    const dirty = new DirtyCharts();
    for (const { changes, position, marker } of transactions) {
      for (const [pid, classes] of changes.pids) {
        classes.forEach((recordClass) => {
          dirty.add(pid, recordClass, position, false);
        });
      }
      for (const { key } of changes.keyed.values()) {
        PIDS.filter((pid) => this.sources.get(pid)?.has(Number(key))).forEach((pid) => {
          dirty.add(pid, 'care-team', position, false);
        });
      }
      if (marker !== null) {
        this.forgetWhenSetBack(marker);
        this.markers.push({ place: place(position), at: marker });
      }
    }
    for (const [pid, recordClass, file, offset] of dirty.rowsOf(dirty.pids)) {
      this.addDirty({ pid, recordClass, file, offset });
    }
    this.thinOut();
    this.read += batch.length;
  }

  private forgetWhenSetBack(marker: string): void {
    const newest =
      this.markers
        .map(({ at }) => at)
        .sort()
        .at(-1) ?? (this.fault.forgetsClock === true ? this.latestOfCharts() : this.clockBefore);
    if (newest !== null && wasSetBack(newest, marker)) {
      this.disownClaimedTimes();
    }
  }

  private latestOfCharts(): string | null {
    return [...this.failedT.values()].sort().at(-1) ?? null;
  }

  /** As `disownClaimedTimes`. */
  private disownClaimedTimes(): void {
    if (this.fault.keepsTimes !== true) {
      this.markers.length = 0;
      this.clockBefore = null;
      [...this.failedT.keys()].forEach((pid) => this.failedT.set(pid, clockText(0)));
      this.sectionTimes.clear();
      this.generation += 1;
    }
  }

  private addDirty(row: DirtyPlace & { pid: number }): void {
    const isThere = this.dirty.some(
      (each) => each.pid === row.pid && each.recordClass === row.recordClass && place(each) === place(row),
    );
    this.dirty.push(...(isThere ? [] : [row]));
  }

  /** Of each chart and class the oldest and the newest row stay. */
  private thinOut(): void {
    this.dirty = this.dirty.filter((row) => {
      const same = this.dirty.filter(({ pid, recordClass }) => pid === row.pid && recordClass === row.recordClass);
      return !same.some((each) => isBehind(row, each)) || !same.some((each) => isBehind(each, row));
    });
  }

  private lagging(): Parameters<typeof currencyOf>[1][number][] {
    return PIDS.map((pid) => ({
      patientRef: refOf(pid),
      place: this.dirtyOf(pid).map(place).sort()[0] ?? null,
      failedT: this.failedT.get(pid) ?? null,
    })).filter((chart) => chart.place !== null || chart.failedT !== null);
  }

  /** As `LedgerOfFeed.startOver` after a reset of the binlog: times of before stay known, everything is dirty at its end. */
  private beginAnew(): void {
    this.forgetWhenSetBack(clockText(this.sourceClock));
    const currency = currencyOf(this.markers, this.lagging());
    for (const pid of PIDS) {
      const t = currency?.exceptions.get(refOf(pid)) ?? currency?.practice;
      if (!this.failedT.has(pid) && (t !== undefined || this.dirtyOf(pid).length > 0)) {
        this.failedT.set(pid, clockText(t === undefined ? 0 : instantOf(t)));
      }
    }
    this.clockBefore = [clockText(this.sourceClock), this.markers.at(-1)?.at ?? ''].sort().at(-1) ?? null;
    this.recent.forget();
    this.markers.length = 0;
    this.origin = this.read = this.binlog.length;
    this.dirty = PIDS.flatMap((pid) => CLASSES.map((recordClass) => ({ pid, recordClass, ...START })));
    this.generation += 1;
  }

  private heartbeat(): void {
    const currency = currencyOf(this.markers, this.fault.ignoresDirty === true ? [] : this.lagging());
    const isRefused =
      currency !== null && isAhead(currency.practice, millisecondsOf(this.clock)) && this.fault.takesAnyTime !== true;
    if (currency !== null && !isRefused) {
      for (const pid of PIDS) {
        this.claimed.set(pid, currency.exceptions.get(refOf(pid)) ?? currency.practice);
      }
    }
  }

  private renderGoesOn(pid: number, unreadable: ShownClass | null): void {
    const render = this.renders.get(pid);
    if (render === undefined) {
      this.beginRender(pid);
    } else if (render.stage === 'asked') {
      render.contains = this.binlog.length;
      render.snapshot = this.positionOf(this.binlog.length);
      render.readAt = this.fault.readAtTooLate === true ? this.sourceClock + 5 : render.readAt;
      render.classes = render.asked.filter((recordClass) => recordClass !== unreadable);
      render.stage = 'read';
    } else if (render.stage === 'read') {
      // Before it leaves, the feed has recorded what the snapshot contains.
      if (this.read >= render.contains) {
        this.push(pid, render);
        render.stage = 'pushed';
      }
    } else {
      this.settle(pid, render);
      render.watch[Symbol.dispose]();
      this.renders.delete(pid);
    }
  }

  private beginRender(pid: number): void {
    const dirty = this.dirtyOf(pid);
    if (dirty.length > 0) {
      this.renders.set(pid, {
        ...{ stage: 'asked', watch: this.recent.watch(), generation: this.generation, readAt: this.sourceClock },
        asked: CLASSES.filter((shown) => dirty.some(({ recordClass }) => recordClass === shown)),
        newest: dirty.reduce<BinlogPosition>((newest, row) => (isBehind(row, newest) ? row : newest), START),
        ...{ contains: 0, snapshot: START, classes: [], brought: [] },
      });
    }
  }

  /** A section travels when its content is another; the manifest names all of them. */
  private push(pid: number, render: Render): void {
    const { classes, contains, readAt } = render;
    const changed = classes.filter((shown) => {
      const before = this.section(pid, shown).contains;
      return this.binlog.slice(before, contains).some((_, i) => this.concerns(before + i, pid, shown));
    });
    if (changed.length === 0) {
      return;
    }
    render.brought = changed;
    this.pushed.set(pid, { madeAt: readAt, receivedAt: this.clock });
    for (const shown of CLASSES) {
      const name = `${String(pid)} ${shown}`;
      const isNew = changed.includes(shown);
      this.dmz.set(name, {
        contains: isNew ? contains : this.section(pid, shown).contains,
        asOf: isNew ? readAt : (this.sectionTimes.get(name) ?? 0),
      });
    }
  }

  /** As `settleChart`. */
  private settle(pid: number, render: Render): void {
    const { classes, contains, snapshot, newest } = render;
    if (classes.includes('care-team')) {
      this.sources.set(pid, this.personsOf(pid, contains));
    }
    const isOfBefore = this.generation !== render.generation;
    for (const shown of render.brought) {
      const name = `${String(pid)} ${shown}`;
      this.sectionTimes.set(name, isOfBefore && this.fault.keepsTimeOfRender !== true ? 0 : render.readAt);
    }
    if (isOfBefore && this.fault.ignoresGeneration !== true) {
      return;
    }
    const used = [...(this.sources.get(pid) ?? [])].map((person) => ({
      ...{ table: 'person', key: String(person), classes: ['care-team'] as const },
    }));
    if (this.fault.forgetsOvertaken !== true) {
      for (const { recordClass, position } of this.recent.behind(snapshot, used, classes)) {
        this.addDirty({ pid, recordClass, ...position });
      }
    }
    const rendered = this.dirtyOf(pid).filter(({ recordClass }) => classes.some((each) => each === recordClass));
    const to = this.fault.settlesByFeed === true ? this.positionOf(this.read) : snapshot;
    const { contained, fresh } = settleDirty(rendered, to);
    fresh.forEach((row) => {
      this.addDirty({ pid, ...row });
    });
    const gone = new Set(contained.map((row) => `${row.recordClass} ${place(row)}`));
    this.dirty = this.dirty.filter((row) => row.pid !== pid || !gone.has(`${row.recordClass} ${place(row)}`));
    if (!this.dirtyOf(pid).some((row) => !isBehind(row, newest))) {
      this.failedT.delete(pid);
    }
  }

  /** Whether the transaction changes what the section would show. */
  private concerns(index: number, pid: number, shown: ShownClass): boolean {
    const persons = this.personsOf(pid, index + 1);
    return (this.binlog[index]?.changes ?? []).some((each) => {
      switch (each.change) {
        case 'immunization':
          return shown === 'immunizations' && each.pid === pid;
        case 'team':
          return shown === 'care-team' && each.pid === pid;
        case 'person':
          return shown === 'care-team' && persons.has(each.person);
      }
    });
  }

  /** Who is in the patient's team when so many transactions are committed: the one who was named last. */
  private personsOf(pid: number, transactions: number): Set<number> {
    const named = this.binlog
      .slice(0, transactions)
      .flatMap(({ changes }) => changes)
      .flatMap((each) => (each.change === 'team' && each.pid === pid ? [each.person] : []));
    return new Set(named.slice(-1));
  }

  private section(pid: number, shown: ShownClass): Shown {
    return this.dmz.get(`${String(pid)} ${shown}`) ?? { contains: 0, asOf: 0 };
  }

  private dirtyOf(pid: number): DirtyPlace[] {
    return this.dirty.filter((row) => row.pid === pid);
  }

  private positionOf(transactions: number): BinlogPosition {
    return transactions > this.origin ? (this.binlog[transactions - 1]?.transaction.position ?? START) : START;
  }
}

const pid = fc.constantFrom(...PIDS);
const person = fc.constantFrom(...PERSONS);
const change = fc.oneof(
  fc.record({ change: fc.constant('immunization' as const), pid }),
  fc.record({ change: fc.constant('team' as const), pid, person }),
  fc.record({ change: fc.constant('person' as const), person }),
);
const anyStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({ step: fc.constant('commit' as const), changes: fc.array(change, { maxLength: 3 }) }),
  },
  { weight: 2, arbitrary: fc.record({ step: fc.constant('marker begins' as const) }) },
  { weight: 3, arbitrary: fc.record({ step: fc.constant('marker commits' as const) }) },
  {
    weight: 5,
    arbitrary: fc.record({ step: fc.constant('feed reads' as const), transactions: fc.integer({ min: 1, max: 4 }) }),
  },
  {
    weight: 12,
    arbitrary: fc.record({
      step: fc.constant('render goes on' as const),
      pid,
      unreadable: fc.option(fc.constantFrom(...CLASSES), { freq: 9 }),
    }),
  },
  { weight: 5, arbitrary: fc.record({ step: fc.constant('heartbeat' as const) }) },
  { weight: 2, arbitrary: fc.record({ step: fc.constantFrom('crash' as const, 'feed begins anew' as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({ step: fc.constant('clock is set' as const), ahead: fc.constantFrom(-WRONG, 0, WRONG) }),
  },
  { weight: 1, arbitrary: fc.record({ step: fc.constant('hours pass' as const) }) },
);
const interleaving = fc.array(anyStep, { minLength: 20, maxLength: 70, size: 'max' });

const goesOn = (times: number, unreadable: ShownClass | null = null): Step[] =>
  Array.from({ length: times }, () => ({ step: 'render goes on', pid: 1, unreadable }));
const feedReads = (times: number): Step[] =>
  Array.from({ length: times }, () => ({ step: 'feed reads', transactions: 1 }));

/** The clock is set back between a push and its settlement; the section that was pushed cannot be read since. */
const SET_BACK_DURING_A_PUSH: Step[] = [
  { step: 'clock is set', ahead: WRONG },
  { step: 'commit', changes: [{ change: 'immunization', pid: 1 }] },
  { step: 'feed reads', transactions: 4 },
  ...goesOn(3),
  { step: 'clock is set', ahead: 0 },
  { step: 'feed reads', transactions: 4 },
  ...goesOn(1),
  {
    step: 'commit',
    changes: [
      { change: 'immunization', pid: 1 },
      { change: 'team', pid: 1, person: 1 },
    ],
  },
  { step: 'hours pass' },
  ...goesOn(3, 'immunizations'),
];
/** The feed begins anew while all charts are dirty; the clock is set back to what is later than their own times. */
const SET_BACK_BETWEEN_TWO_BEGINNINGS: Step[] = [
  { step: 'clock is set', ahead: WRONG },
  {
    step: 'commit',
    changes: [
      { change: 'immunization', pid: 1 },
      { change: 'team', pid: 2, person: 1 },
    ],
  },
  { step: 'hours pass' },
  { step: 'feed begins anew' },
  { step: 'clock is set', ahead: -WRONG },
  { step: 'marker begins' },
  ...goesOn(1),
  { step: 'feed begins anew' },
  ...feedReads(3),
  { step: 'marker commits' },
  ...feedReads(2),
  { step: 'commit', changes: [] },
  { step: 'heartbeat' },
  { step: 'commit', changes: [] },
  { step: 'marker begins' },
  ...goesOn(2),
  { step: 'marker commits' },
  ...feedReads(1),
];
const EXAMPLES: [Step[]][] = [[SET_BACK_DURING_A_PUSH], [SET_BACK_BETWEEN_TWO_BEGINNINGS]];
const RUNS = { numRuns: INTERLEAVINGS, examples: EXAMPLES };

function nothingIsMissing(fault: Fault): fc.IProperty<[Step[]]> {
  return fc.property(interleaving, (steps) => {
    const world = new World(fault);
    for (const step of steps) {
      world.go(step);
      const missing = world.missing();
      if (missing.length > 0) {
        throw new Error(`shown as current, and lacks ${JSON.stringify(missing[0])}`);
      }
    }
  });
}

describe('the time up to which a page says that it is complete', () => {
  it(`is never later than a change that the page lacks, in ${String(INTERLEAVINGS)} interleavings`, () => {
    fc.assert(nothingIsMissing({}), RUNS);
  });

  it.each<[string, Fault]>([
    ['T is the last marker, whatever is dirty', { ignoresDirty: true }],
    ['a render settles up to where the feed is', { settlesByFeed: true }],
    ['what the feed saw during a render is forgotten', { forgetsOvertaken: true }],
    ["a section's time is taken after its snapshot", { readAtTooLate: true }],
    ['a render settles positions of another binlog', { ignoresGeneration: true }],
    ['a push of one section speaks for the others', { pushSpeaksForAll: true }],
    ['a clock that is set back leaves the times of before', { keepsTimes: true }],
    ['a feed that begins anew forgets how late it was', { forgetsClock: true }],
    ['a clock that is set back leaves the time of a render', { keepsTimeOfRender: true }],
    ['the DMZ believes a time that lies ahead', { takesAnyTime: true }],
  ])('would be caught if it were: %s', (_name, fault) => {
    const run = fc.check(nothingIsMissing(fault), { ...RUNS, endOnFailure: true });
    expect(run.failed).toBe(true);
  });
});
