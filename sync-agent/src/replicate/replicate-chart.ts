import type { EntityManager } from 'typeorm';
import type { RecordClass } from 'sync-contract/classes';
import { compareVersions, type Version } from 'sync-contract/identifiers';
import { ChartConflict, type ChartState } from 'sync-contract/gateway-wire';
import { signManifest } from 'sync-contract/manifest';
import { statementHash } from 'sync-contract/signed';
import { crashPoint } from '../crash-point.js';
import type { GatewayClient } from '../gateway-client/gateway-client.js';
import { Conflict } from '../gateway-client/gateway-failures.js';
import { judgePatient, type Verdict } from '../enrol/judge-patient.js';
import { markDirty, RENDERED_CLASSES } from '../ledger/dirty.js';
import { Patient } from '../ledger/patient.entity.js';
import type { OpenEmrTables } from '../openemr/writer-tables.js';
import {
  readAckedSections,
  readChartToMark,
  readChartToRender,
  readOwedSections,
  readUnsettled,
  readWithdrawn,
  type AckedSection,
  type ChartToRender,
} from './chart-row.js';
import { awaitFeed, type FeedProgress } from './await-feed.js';
import { assertMayPush, assertNotRevoked, claimNumber, FrozenMeanwhile } from './claim-number.js';
import { noteDocuments } from './document-contents.js';
import { withdrawOvertaken } from './freeze-moved.js';
import type { RecentChanges } from './recent-changes.js';
import { RecordInDoubt, renderClasses, type RenderedFrom } from './render-classes.js';
import { stopChart } from './replica-ahead.js';
import { timed } from './render-work.js';
import { inBatches, manifestOf, sealAs, type NewSection, type SealedSection } from './seal-chart.js';
import type { Rendering } from './rendering.js';
import { addSources, settleChart } from './settle-chart.js';
import { assertDecisionsStand, DecisionsChanged, settleRelease } from './settle-release.js';
import { assertMayVanish } from './vanishing.js';

export interface Replication extends RenderedFrom {
  gateway: GatewayClient;
  recent: RecentChanges;
  feed: FeedProgress;
  /** OpenEMR's tables as the ledger's account names them */
  tables: OpenEmrTables;
  /** bytes of sections in one push, when they shall be fewer than a request may carry */
  batchBytes?: number;
}

export type Outcome =
  'not replicated' | 'feed is down' | 'clean' | 'unchanged' | 'pushed' | 'revoked' | 'frozen' | 'marked';

/**
 * Brings one chart's dirty classes into the DMZ: one snapshot, pure rendering, and a push of what has another hash than
 * the one acknowledged. The number of a push is committed before it leaves, its result only after the gateway's ack; a
 * crash anywhere leaves the dirty rows, and the next run repeats with a higher number.
 *
 * A number that the DMZ holds and this ledger never made stops the chart for good. Numbers must therefore not run after
 * it: while the result of the last push is unknown, the gateway is asked before another number is used.
 *
 * Whose record is gone, barred from the portal or another person's by now is revoked or frozen instead; a frozen chart
 * gets its mark. No number is claimed before the feed has recorded all that the snapshot contains, so that rows which
 * moved from another patient's record have frozen the chart by then; while the feed is down nothing is read. What a
 * person decided to keep from the portal before a number was claimed does not leave with it.
 * @throws Transient, Permanent, ReplicaAhead, OpenEmrReadFailed, FeedBehind
 */
export async function replicateChart(replication: Replication, patientRef: string): Promise<Outcome> {
  using _watch = replication.recent.watch();
  const chart = await readChartToRender(replication.ledger.manager, patientRef);
  if (chart === null) {
    return await followFrozen(replication, patientRef);
  }
  try {
    return await renderAndPush(replication, chart);
  } catch (failure: unknown) {
    if (!(failure instanceof RecordInDoubt)) {
      throw failure;
    }
    const verdict = await judgeChart(replication, patientRef);
    if (verdict === 'stays') {
      // Not in doubt any more: rendered again, for the dirty rows stay.
      throw failure;
    }
    return verdict;
  }
}

/** By OpenEMR as it is now. */
export async function judgeChart(replication: Replication, patientRef: string): Promise<Verdict> {
  const { ledger, tables, keys } = replication;
  const patient = await ledger.manager.findOneBy(Patient, { patientRef });
  const judging = { ledger, tables, resourceIdKey: keys.resourceIdKey };
  return patient === null || patient.state === 'revoked' ? 'stays' : judgePatient(judging, patient.pid);
}

/** Of a chart that waits for a person: whether its patient was barred meanwhile, and its mark in the DMZ. */
async function followFrozen(replication: Replication, patientRef: string): Promise<Outcome> {
  const verdict = await judgeChart(replication, patientRef);
  if (verdict !== 'stays') {
    return verdict;
  }
  const chart = await readChartToMark(replication.ledger.manager, patientRef);
  if (chart === null) {
    return 'not replicated';
  }
  const { version, sections } = await replication.gateway.chartState({ patientRef });
  if (isNewer(version, { era: chart.era, seq: chart.attemptedSeq })) {
    await stopChart(replication.ledger, patientRef);
  }
  await pushMark(replication, chart, sections);
  return 'marked';
}

async function renderAndPush(replication: Replication, chart: ChartToRender): Promise<Outcome> {
  const { patientRef } = chart;
  const asked = chart.seq === 0 ? RENDERED_CLASSES : dirtyClasses(chart);
  if (asked.length === 0) {
    return 'clean';
  }
  if (!replication.feed.stands && asked.some((recordClass) => recordClass !== 'receipts')) {
    return 'feed is down';
  }
  await assertNotAhead(replication, chart);
  const rendering = await renderClasses(replication, chart, asked);
  if (rendering.classes.length === 0) {
    throwIfPartial(rendering);
  }
  try {
    const owed = await readOwedSections(replication.ledger.manager, patientRef);
    const outcome = await pushChanges(replication, rendering, new Set(owed));
    throwIfPartial(rendering);
    return outcome;
  } catch (failure: unknown) {
    if (failure instanceof DecisionsChanged) {
      return await replicateChart(replication, patientRef);
    }
    if (failure instanceof FrozenMeanwhile) {
      return await followFrozen(replication, patientRef);
    }
    if (!(failure instanceof Conflict)) {
      throw failure;
    }
    await stopWhenAhead(replication, patientRef, failure.problem);
  }
  return await replicateAgain(replication, patientRef);
}

/** @throws ReplicaAhead */
async function assertNotAhead({ ledger, gateway }: Replication, chart: ChartToRender): Promise<void> {
  const { patientRef, era, seq, attemptedSeq } = chart;
  if (attemptedSeq > seq) {
    const { version } = await gateway.chartState({ patientRef });
    if (isNewer(version, { era, seq: attemptedSeq })) {
      await stopChart(ledger, patientRef);
    }
  }
}

/** What could be read has gone out; the rest keeps its dirty rows, its own older time, and the next try. */
function throwIfPartial({ failure }: Rendering): void {
  if (failure !== null) {
    throw failure;
  }
}

/**
 * The number that was refused was used for the first time, so a gateway that holds it, or a higher one, has it from
 * somebody else.
 */
async function stopWhenAhead({ ledger }: Replication, patientRef: string, problem: unknown): Promise<void> {
  const held = ChartConflict.safeParse(problem).data?.chart.version ?? null;
  const refused = await readChartToRender(ledger.manager, patientRef);
  if (held !== null && refused !== null && !isNewer({ era: refused.era, seq: refused.attemptedSeq }, held)) {
    await stopChart(ledger, patientRef);
  }
}

/** After a 409: what the gateway holds decides which sections travel, never which number comes next. */
async function replicateAgain(replication: Replication, patientRef: string): Promise<Outcome> {
  const state = await replication.gateway.chartState({ patientRef });
  const chart = await readChartToRender(replication.ledger.manager, patientRef);
  if (chart === null) {
    return 'not replicated';
  }
  if (isNewer(state.version, { era: chart.era, seq: chart.attemptedSeq })) {
    await stopChart(replication.ledger, patientRef);
  }
  const rendering = await renderClasses(replication, chart, RENDERED_CLASSES);
  if (rendering.classes.length === 0) {
    throwIfPartial(rendering);
  }
  const held = namesOf(state.sections);
  const acked = await readAckedSections(replication.ledger.manager, patientRef);
  const lacking = acked.filter(({ sectionId, sha256 }) => !held.has(`${sectionId} ${sha256}`));
  const known = [...rendering.classes, ...rendering.large];
  if (lacking.some(({ recordClass }) => !isOneOf(known, recordClass))) {
    // Only what is too large may leave the chart: what could not be read now can be read again soon.
    throwIfPartial(rendering);
  }
  const outcome = await pushChanges(replication, rendering, new Set(lacking.map(({ name }) => name)), true);
  throwIfPartial(rendering);
  return outcome;
}

/** Id and hash of each. */
function namesOf(sections: ChartState['sections']): Set<string> {
  return new Set(sections.map(({ id, sha256 }) => `${id} ${sha256}`));
}

function isNewer(held: Version | null, than: Version): boolean {
  return held !== null && compareVersions(held, than) > 0;
}

function dirtyClasses(chart: ChartToRender): RecordClass[] {
  const dirty = new Set(chart.dirty.map(({ recordClass }) => recordClass));
  if (dirty.has('messages')) {
    // A message that reaches the chart changes its receipt; both travel together.
    dirty.add('receipts');
  }
  return RENDERED_CLASSES.filter((recordClass) => dirty.has(recordClass));
}

/**
 * @param lacking names of acknowledged sections whose bytes the gateway does not have
 * @param onlyHeld those of them that are not rendered now leave the chart: the gateway refuses a manifest that names them
 */
async function pushChanges(
  replication: Replication,
  rendering: Rendering,
  lacking: ReadonlySet<string>,
  onlyHeld = false,
): Promise<Outcome> {
  const { ledger } = replication;
  const { chart, classes, sections, position, withdrawn } = rendering;
  if (position !== null) {
    await timed(replication.work, 'feed', () => awaitFeed(replication.feed, position));
  }
  const acked = await readAckedSections(ledger.manager, chart.patientRef);
  const known = new Map(acked.map((section) => [section.name, section]));
  const names = new Set(sections.map(({ name }) => name));
  const others = acked.filter(({ recordClass }) => !isOneOf(classes, recordClass));
  const leaving = new Set(
    others.filter(({ name, recordClass }) => isOneOf(withdrawn, recordClass) || (onlyHeld && lacking.has(name))),
  );
  const owed = new Set([...leaving].map(({ recordClass }) => recordClass));
  const kept = acked.filter(
    (section) => names.has(section.name) || (!isOneOf(classes, section.recordClass) && !leaving.has(section)),
  );
  await assertMayVanish(ledger, chart, {
    before: acked.filter(({ recordClass }) => isOneOf(classes, recordClass)),
    after: sections,
    others: acked.filter(({ recordClass }) => !isOneOf(classes, recordClass)),
  });
  const changed = sections.filter(({ name, contentHash }) => {
    const before = known.get(name);
    return before?.contentHash !== contentHash || before.epoch !== chart.epoch || lacking.has(name);
  });
  const settles = await readUnsettled(ledger.manager, [...rendering.contained]);
  const nothingNew = changed.length === 0 && kept.length === acked.length && settles.length === 0;
  if (nothingNew && lacking.size === 0 && chart.seq > 0 && !chart.frozenShown) {
    await ledger.transaction((manager) => settleUnchanged(manager, replication, rendering));
    crashPoint('after-commit:chart-unchanged');
    return 'unchanged';
  }
  const batches = inBatches(changed, replication.batchBytes);
  const first = Math.max(0, batches.length - 1);
  const portions = inPortions(settles);
  const steps = Math.max(1, batches.length, first + portions.length);
  let current = kept;
  let attempted = chart.attemptedSeq;
  for (let index = 0; index < steps; index += 1) {
    current = await pushBatch(replication, rendering, {
      attempted,
      batch: batches[index] ?? [],
      current,
      changed: new Set(changed.map(({ recordClass }) => recordClass)),
      // What they settle is in the chart with the last batch; what does not fit into one call follows by itself.
      settles: portions[index - first] ?? [],
      leaving: RENDERED_CLASSES.filter((recordClass) => owed.has(recordClass)),
      first: index === 0,
      last: index === steps - 1,
    });
    attempted += 1;
  }
  return 'pushed';
}

/** One call settles so many; more only wait after a restore of the DMZ. */
const SETTLED_AT_ONCE = 1_000;

function inPortions(ids: readonly string[]): string[][] {
  const portions: string[][] = [];
  for (let from = 0; from < ids.length; from += SETTLED_AT_ONCE) {
    portions.push(ids.slice(from, from + SETTLED_AT_ONCE));
  }
  return portions;
}

/**
 * The chart as it is, without what was withdrawn, marked as frozen: no section travels and no dirty row goes. What the DMZ
 * holds otherwise than it was acknowledged, as of a push whose answer was lost, goes as well: it may show what has moved.
 */
async function pushMark(replication: Replication, chart: ChartToRender, held: ChartState['sections']): Promise<void> {
  const { manager } = replication.ledger;
  const withdrawn = await readWithdrawn(manager, chart.patientRef);
  const acked = await readAckedSections(manager, chart.patientRef);
  const there = namesOf(held);
  const current = acked.filter(
    ({ recordClass, sectionId, sha256 }) => !withdrawn.includes(recordClass) && there.has(`${sectionId} ${sha256}`),
  );
  const nothing = {
    classes: [],
    failure: null,
    large: [],
    withdrawn: [],
    sections: [],
    sources: [],
    position: null,
    files: null,
    offersCcd: false,
  };
  const rendering: Rendering = { chart, ...nothing, contained: new Set(), decisions: null, withheld: null };
  const none = { batch: [], changed: new Set<string>(), settles: [], leaving: [] };
  const step = { ...none, attempted: chart.attemptedSeq, current, first: true, last: false, frozen: true };
  await pushBatch(replication, rendering, step);
}

interface Step {
  /** number of the last attempt */
  attempted: number;
  batch: readonly NewSection[];
  /** sections of the manifest before this step */
  current: readonly AckedSection[];
  /** classes of which this step or another pushes a section */
  changed: ReadonlySet<string>;
  settles: readonly string[];
  /** classes of which sections leave the chart unrendered: dirty from then on, until they can go out */
  leaving: readonly RecordClass[];
  first: boolean;
  last: boolean;
  frozen?: boolean;
}

async function pushBatch(replication: Replication, rendering: Rendering, step: Step): Promise<AckedSection[]> {
  const { ledger, keys, gateway, work } = replication;
  const { chart } = rendering;
  const version = { era: chart.era, seq: Math.max(step.attempted, chart.seq) + 1 };
  const chartKey = keys.unwrapChartKey(chart.patientRef, chart.epoch, chart.chartKeyWrapped);
  const sealed: SealedSection[] = await timed(work, 'crypto', () =>
    step.batch.map((section) => sealAs(chart, keys.siteId, chartKey, version, section)),
  );
  const replaced = new Set(sealed.map(({ name }) => name));
  const sections = [...step.current.filter(({ name }) => !replaced.has(name)), ...sealed];
  const manifest = signManifest(
    { ...manifestOf(chart, keys.siteId, version, sections), ...(step.frozen === true ? { frozen: true } : {}) },
    keys.signing,
  );

  await ledger.transaction(async (manager) => {
    await assertMayPush(manager, chart.pid, step.frozen === true);
    await claimNumber(manager, chart.patientRef, step.attempted, version.seq);
    await assertDecisionsStand(manager, rendering);
    if (step.first) {
      await markDirty(manager, chart.pid, step.leaving);
    }
    if (step.first && !step.last && rendering.position !== null) {
      // The last batch settles; a row of the first that moves away before that has to be known as the chart's.
      await addSources(manager, rendering);
    }
    crashPoint('before-commit:chart-attempt');
  });
  crashPoint('after-commit:chart-attempt');
  await timed(work, 'gateway', () =>
    gateway.pushChart({
      patientRef: chart.patientRef,
      manifest,
      sections: sealed.map((section) => ({
        id: section.sectionId,
        version,
        epoch: section.epoch,
        sealed: section.sealed.toString('base64'),
      })),
      settles: [...step.settles],
    }),
  );
  work?.pushed(
    sealed.length,
    sealed.reduce((bytes, { size }) => bytes + size, 0),
  );
  crashPoint('after-push:chart');
  await ledger.transaction(async (manager) => {
    if (step.last) {
      await noteDocuments(manager, keys, chart.patientRef, rendering.files);
    }
    await settleChart(manager, replication.recent, rendering, {
      manifest,
      hash: statementHash(manifest),
      seq: version.seq,
      sections: sections.map(withoutBytes),
      settles: step.settles,
      last: step.last,
      frozen: step.frozen === true,
    });
    if (step.last) {
      await settleRelease(manager, rendering, { seq: version.seq, changed: step.changed });
    }
    const { state } = await assertNotRevoked(manager, chart.pid);
    if (state === 'frozen' && step.frozen !== true) {
      await withdrawOvertaken(manager, rendering);
    }
    crashPoint('before-commit:chart-ack');
  });
  crashPoint('after-commit:chart-ack');
  return sections.map(withoutBytes);
}

async function settleUnchanged(manager: EntityManager, replication: Replication, rendering: Rendering): Promise<void> {
  await noteDocuments(manager, replication.keys, rendering.chart.patientRef, rendering.files);
  await settleChart(manager, replication.recent, rendering, null);
  await settleRelease(manager, rendering, null);
  crashPoint('before-commit:chart-unchanged');
}

function withoutBytes(section: AckedSection | SealedSection): AckedSection {
  const { name, recordClass, sectionId, era, seq, epoch, contentHash, sha256, size, asOf, entries } = section;
  return { name, recordClass, sectionId, era, seq, epoch, contentHash, sha256, size, asOf, entries };
}

function isOneOf(classes: readonly RecordClass[], recordClass: string): boolean {
  return (classes as readonly string[]).includes(recordClass);
}
