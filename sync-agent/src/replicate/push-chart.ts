import type { EntityManager } from 'typeorm';
import type { RecordClass } from 'sync-contract/classes';
import type { ChartState } from 'sync-contract/gateway-wire';
import { signManifest } from 'sync-contract/manifest';
import { statementHash } from 'sync-contract/signed';
import { crashPoint } from '../crash-point.js';
import type { GatewayClient } from '../gateway-client/gateway-client.js';
import { markDirty, RENDERED_CLASSES } from '../ledger/dirty.js';
import { readAckedSections, readUnsettled, readWithdrawn, type AckedSection, type ChartToRender } from './chart-row.js';
import { awaitFeed, type FeedProgress } from './await-feed.js';
import { assertMayPush, assertNotRevoked, claimNumber } from './claim-number.js';
import { noteDocuments } from './document-contents.js';
import { withdrawOvertaken } from './freeze-moved.js';
import type { RecentChanges } from './recent-changes.js';
import type { RenderedFrom } from './render-classes.js';
import { timed } from './render-work.js';
import { inBatches, manifestOf, sealAs, type NewSection, type SealedSection } from './seal-chart.js';
import type { Rendering } from './rendering.js';
import { addSources, settleChart } from './settle-chart.js';
import { assertDecisionsStand, settleRelease } from './settle-release.js';
import { assertMayVanish } from './vanishing.js';

/** What a push needs beside what was rendered. */
export interface PushedWith extends RenderedFrom {
  gateway: GatewayClient;
  recent: RecentChanges;
  feed: FeedProgress;
  /** bytes of sections in one push, when they shall be fewer than a request may carry */
  batchBytes?: number;
}

/**
 * Sends what a rendering has otherwise than it was acknowledged, in as many numbered steps as it takes.
 * @param lacking names of acknowledged sections whose bytes the gateway does not have
 * @param onlyHeld those of them that are not rendered now leave the chart: the gateway refuses a manifest that names them
 */
export async function pushChanges(
  replication: PushedWith,
  rendering: Rendering,
  lacking: ReadonlySet<string>,
  onlyHeld = false,
): Promise<'unchanged' | 'pushed'> {
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
  await assertMayVanish(ledger, rendering);
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
export async function pushMark(
  replication: PushedWith,
  chart: ChartToRender,
  held: ChartState['sections'],
): Promise<void> {
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

async function pushBatch(replication: PushedWith, rendering: Rendering, step: Step): Promise<AckedSection[]> {
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

async function settleUnchanged(manager: EntityManager, replication: PushedWith, rendering: Rendering): Promise<void> {
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

/** Id and hash of each. */
export function namesOf(sections: ChartState['sections']): Set<string> {
  return new Set(sections.map(({ id, sha256 }) => `${id} ${sha256}`));
}
