import { RecordClass } from 'sync-contract/classes';
import { RENDERED_CLASSES } from '../ledger/dirty.js';
import { awaitFeed } from './await-feed.js';
import { readAckedSections, readChartToRender, type ChartToRender } from './chart-row.js';
import { renderClasses } from './render-classes.js';
import type { Replication } from './replicate-chart.js';

export interface ContentComparison {
  pid: number;
  sections: number;
  /** sections whose content differs, that are missing, or that ought not to be there */
  differing: number;
  /** of the differing sections */
  classes: RecordClass[];
}

/**
 * Reads and renders a whole chart and compares it with what the DMZ acknowledged. Pushes nothing and settles nothing. A
 * difference counts only when the change feed has read as far as the snapshot and still knows of no change: else it is
 * a change on its way, or nobody knows. When polling nobody knows of a change before the next full pass, which compares and mends the same.
 * @returns null when the chart is not clean, a class of it cannot be read, or it differs and polling has yet to see why
 * @throws OpenEmrReadFailed, PatientRowMissing, FeedBehind when it differs and the feed does not get there
 */
export async function compareContent(replication: Replication, patientRef: string): Promise<ContentComparison | null> {
  const { manager } = replication.ledger;
  const chart = await readChartToRender(manager, patientRef);
  if (chart === null || !isClean(chart)) {
    return null;
  }
  const rendering = await renderClasses(replication, chart, RENDERED_CLASSES);
  if (rendering.failure !== null) {
    return null;
  }
  const acked = await readAckedSections(manager, patientRef);
  const before = new Map(acked.map(({ name, contentHash }) => [name, contentHash]));
  const after = new Map(rendering.sections.map(({ name, contentHash }) => [name, contentHash]));
  const differing = [
    ...acked.filter(({ name }) => !after.has(name)),
    ...rendering.sections.filter(({ name, contentHash }) => before.get(name) !== contentHash),
  ];
  if (differing.length > 0 && chart.polledAt !== null) {
    return null;
  }
  if (differing.length > 0 && rendering.position !== null) {
    await awaitFeed(replication.feed, rendering.position);
  }
  const now = await readChartToRender(manager, patientRef);
  if (now === null || !isClean(now) || now.seq !== chart.seq || now.generation !== chart.generation) {
    return null;
  }
  const classes = [...new Set(differing.map(({ recordClass }) => RecordClass.parse(recordClass)))];
  return { pid: chart.pid, sections: acked.length, differing: differing.length, classes };
}

function isClean({ seq, attemptedSeq, dirty }: ChartToRender): boolean {
  return seq > 0 && attemptedSeq === seq && dirty.length === 0;
}
