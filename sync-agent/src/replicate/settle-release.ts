import { canonicalBytes } from 'sync-contract/canonical-json';
import { ResourcesContent } from 'sync-contract/section-content';
import type { EntityManager } from 'typeorm';
import { CcdRequest } from '../ledger/ccd-request.entity.js';
import { endContentDifferences } from '../reconcile/note-differences.js';
import { noteWithheld } from '../release/note-withheld.js';
import { readDecisions } from '../release/read-decisions.js';
import { noteReleaseTimes, type ReleasedClass } from '../release/release-times.js';
import type { ChartToRender } from './chart-row.js';
import type { Rendering } from './rendering.js';

/** A decision about the chart began or ended after it was rendered: what was rendered is not sent. */
export class DecisionsChanged extends Error {
  readonly code = 'release-decisions-changed';
  readonly logLevel = 'warn';
  constructor() {
    super('a decision about what may be in the portal has changed meanwhile; the chart is rendered again');
  }
}

/**
 * In the transaction that claims a push's number: a decision that was committed before is part of what is pushed. What
 * was claimed before the decision is on its way, and the next render takes it back.
 * @throws DecisionsChanged
 */
export async function assertDecisionsStand(manager: EntityManager, { chart, decisions }: Rendering): Promise<void> {
  if (decisions === null) {
    return;
  }
  const now = await readDecisions(manager, chart.pid);
  if (!canonicalBytes(now).equals(canonicalBytes(decisions))) {
    throw new DecisionsChanged();
  }
}

/**
 * In the transaction that settles a chart: what was kept out of it, and how long what is new in it took. A chart's first
 * push says nothing about time. While a decision is in force the request for a C-CDA ends: OpenEMR would put into it what
 * was decided about, and nobody waits for it for months.
 * @param push null when the sections were found unchanged; `changed`: classes of which a section was pushed
 */
export async function settleRelease(
  manager: EntityManager,
  rendering: Rendering,
  push: { seq: number; changed: ReadonlySet<string> } | null,
): Promise<void> {
  const { chart, classes, withheld } = rendering;
  if (withheld !== null) {
    const isShown = (id: string): boolean => shows(rendering, id);
    await noteWithheld(manager, { pid: chart.pid, classes, withheld, isShown, seq: push?.seq ?? null });
  }
  // Of now: a request that came after the decision had ended stays.
  if (rendering.files !== null && (await readDecisions(manager, chart.pid)).length > 0) {
    await manager.delete(CcdRequest, { patientRef: chart.patientRef });
  }
  if (push !== null && chart.seq > 0) {
    const changes = oldestChanges(chart, push.changed);
    const repaired = await endContentDifferences(
      manager,
      chart.patientRef,
      changes.map(({ recordClass }) => recordClass),
    );
    const released = changes.map((each) => ({ ...each, foundLater: repaired.includes(each.recordClass) }));
    await noteReleaseTimes(manager, { ...chart, seq: push.seq }, released);
  }
}

function shows({ sections }: Rendering, id: string): boolean {
  return sections.some(({ content }) =>
    ResourcesContent.pick({ resources: true })
      .loose()
      .safeParse(content)
      .data?.resources.some((each) => each.id === id),
  );
}

/** Receipts are the ledger's own and no change of the chart. */
function oldestChanges({ dirty }: ChartToRender, changed: ReadonlySet<string>): Omit<ReleasedClass, 'foundLater'>[] {
  const oldest = new Map<string, Omit<ReleasedClass, 'foundLater'>>();
  for (const { recordClass, position } of dirty) {
    const known = oldest.get(recordClass)?.changedAfter;
    const isOlder =
      known === undefined ||
      position.file < known.file ||
      (position.file === known.file && position.offset < known.offset);
    if (recordClass !== 'receipts' && changed.has(recordClass) && isOlder) {
      oldest.set(recordClass, { recordClass, changedAfter: position });
    }
  }
  return [...oldest.values()];
}
