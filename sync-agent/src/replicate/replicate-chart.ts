import type { RecordClass } from 'sync-contract/classes';
import { compareVersions, type Version } from 'sync-contract/identifiers';
import { ChartConflict } from 'sync-contract/gateway-wire';
import { Conflict } from '../gateway-client/gateway-failures.js';
import { judgePatient, type Verdict } from '../enrol/judge-patient.js';
import { RENDERED_CLASSES } from '../ledger/dirty.js';
import { Patient } from '../ledger/patient.entity.js';
import type { OpenEmrTables } from '../openemr/writer-tables.js';
import {
  readAckedSections,
  readChartToMark,
  readChartToRender,
  readOwedSections,
  type ChartToRender,
} from './chart-row.js';
import { FrozenMeanwhile } from './claim-number.js';
import { namesOf, pushChanges, pushMark, type PushedWith } from './push-chart.js';
import { RecordInDoubt, renderClasses } from './render-classes.js';
import { stopChart } from './replica-ahead.js';
import type { Rendering } from './rendering.js';
import { DecisionsChanged } from './settle-release.js';

export interface Replication extends PushedWith {
  /** OpenEMR's tables as the ledger's account names them */
  tables: OpenEmrTables;
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
  const known: readonly string[] = [...rendering.classes, ...rendering.large];
  if (lacking.some(({ recordClass }) => !known.includes(recordClass))) {
    // Only what is too large may leave the chart: what could not be read now can be read again soon.
    throwIfPartial(rendering);
  }
  const outcome = await pushChanges(replication, rendering, new Set(lacking.map(({ name }) => name)), true);
  throwIfPartial(rendering);
  return outcome;
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
