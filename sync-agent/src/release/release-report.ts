import type { EntityManager } from 'typeorm';
import { z } from 'zod';
import { describeRules, readRules, type Rule } from './read-rules.js';
import { AIM, STEPS, UNKNOWN } from './release-times.js';

/** How long changes of one class took. */
export interface ClassTimes {
  recordClass: string;
  changes: number;
  /** of them those of which nobody knows how long they took; they count as late */
  unknown: number;
  /** share of the changes that took no longer than the aim, 0 to 1 */
  withinAim: number;
  /** seconds that half and 95 of a hundred did not exceed, rounded up to a step; null: more than the highest */
  median: number | null;
  p95: number | null;
}

const Late = z.object({
  patientRef: z.string(),
  seq: z.coerce.number(),
  recordClass: z.string(),
  /** null when nobody knows */
  changedAt: z.string().nullable(),
  ackedAt: z.string(),
});

const Withheld = z.object({
  pid: z.coerce.number(),
  resourceId: z.string(),
  resourceType: z.string(),
  recordClass: z.string(),
  decisionId: z.number(),
  since: z.string(),
  endedAt: z.string().nullable(),
  releasedSeq: z.coerce.number().nullable(),
});

export interface ReleaseReport {
  days: number;
  /** seconds */
  aim: number;
  /** of all classes together, and of each */
  all: ClassTimes;
  classes: ClassTimes[];
  /** the newest of the changes that took longer than the aim, or nobody knows how long */
  late: z.infer<typeof Late>[];
  decisions: Rule[];
  /** entries that the practice kept out in these days, and where they are now */
  withheld: z.infer<typeof Withheld>[];
  /** entries that waited in these days because the patient wished so: no hold of the practice */
  waits: z.infer<typeof Withheld>[];
}

const LISTED = 1_000;
const INSTANT = (column: string): string => `DATE_FORMAT(${column}, '%Y-%m-%dT%H:%i:%sZ')`;
const Times = z.array(z.object({ recordClass: z.string(), within: z.number(), changes: z.coerce.number() }));

/** Chart time to portal time over the last days, and everything that was not released at once, with who decided it. */
export async function readReleaseReport(manager: EntityManager, days: number): Promise<ReleaseReport> {
  const times = Times.parse(
    await manager.query(
      `SELECT record_class AS recordClass, within, SUM(changes) AS changes FROM release_time
        WHERE day > CAST(UTC_DATE() - INTERVAL ? DAY AS CHAR) GROUP BY record_class, within ORDER BY record_class`,
      [days],
    ),
  );
  const late: unknown = await manager.query(
    `SELECT LOWER(HEX(patient_ref)) AS patientRef, seq, record_class AS recordClass,
            ${INSTANT('changed_at')} AS changedAt, ${INSTANT('acked_at')} AS ackedAt
       FROM late_release WHERE acked_at > UTC_TIMESTAMP() - INTERVAL ? DAY ORDER BY acked_at DESC LIMIT ?`,
    [days, LISTED],
  );
  const byClass = Map.groupBy(times, ({ recordClass }) => recordClass);
  return {
    ...{ days, aim: AIM, all: timesOf('all', times) },
    classes: [...byClass].map(([recordClass, ofClass]) => timesOf(recordClass, ofClass)),
    late: z.array(Late).parse(late),
    decisions: await readRules(manager, true, days),
    withheld: await readWithheld(manager, days, "d.kind <> 'wish'"),
    waits: await readWithheld(manager, days, "d.kind = 'wish'"),
  };
}

/** @param which condition on the decision, as SQL */
async function readWithheld(manager: EntityManager, days: number, which: string): Promise<z.infer<typeof Withheld>[]> {
  const rows: unknown = await manager.query(
    `SELECT w.pid, LOWER(HEX(w.resource_id)) AS resourceId, w.resource_type AS resourceType,
            w.record_class AS recordClass, w.decision_id AS decisionId, ${INSTANT('w.since')} AS since,
            ${INSTANT('w.ended_at')} AS endedAt, w.released_seq AS releasedSeq
       FROM withheld_item w JOIN release_decision d ON d.id = w.decision_id
      WHERE ${which} AND (w.ended_at IS NULL OR w.ended_at > UTC_TIMESTAMP() - INTERVAL ? DAY)
      ORDER BY w.id LIMIT ?`,
    [days, LISTED],
  );
  return z.array(Withheld).parse(rows);
}

interface Counted {
  within: number;
  changes: number;
}

/** @param times how many changes needed not more than each step */
export function timesOf(recordClass: string, times: readonly Counted[]): ClassTimes {
  const changes = times.reduce((sum, each) => sum + each.changes, 0);
  const upTo = (step: number): number =>
    times.filter(({ within }) => within > 0 && within <= step).reduce((sum, each) => sum + each.changes, 0);
  const reached = (share: number): number | null => STEPS.find((step) => upTo(step) >= changes * share) ?? null;
  const unknown = times.filter(({ within }) => within === UNKNOWN).reduce((sum, each) => sum + each.changes, 0);
  return {
    ...{ recordClass, changes, unknown, withinAim: changes === 0 ? 1 : upTo(AIM) / changes },
    ...(changes === 0 ? { median: null, p95: null } : { median: reached(0.5), p95: reached(0.95) }),
  };
}

export function describeReport({ days, aim, all, classes, late, decisions, withheld, waits }: ReleaseReport): string {
  const lines = [
    `the last ${String(days)} days, from the commit in OpenEMR to the acknowledgement by the DMZ; aim: ${String(aim)} s`,
    ...(all.changes === 0 ? ['no changes'] : [all, ...classes].map(describeTimes)),
    ...late.map(
      ({ patientRef, seq, recordClass, changedAt, ackedAt }) =>
        `late: ${recordClass} of chart ${patientRef}, push ${String(seq)}, changed ${changedAt ?? 'nobody knows when'}, in the portal ${ackedAt}`,
    ),
    ...withheld.map((item) => `held: ${describeWithheld(item)}`),
    ...waits.map((item) => `waits by the patient's own wish: ${describeWithheld(item)}`),
  ];
  return `${lines.join('\n')}\n${describeRules(decisions)}`;
}

function describeWithheld(item: z.infer<typeof Withheld>): string {
  const { pid, resourceId, resourceType, recordClass, decisionId, since, endedAt, releasedSeq } = item;
  return (
    `${resourceType} ${resourceId} of ${recordClass} of patient ${String(pid)} by decision ` +
    `${String(decisionId)} since ${since}, ${whereNow(endedAt, releasedSeq)}`
  );
}

function whereNow(endedAt: string | null, releasedSeq: number | null): string {
  if (endedAt === null) {
    return 'still inside';
  }
  return releasedSeq === null
    ? `no longer by this decision since ${endedAt}`
    : `in the portal since ${endedAt}, push ${String(releasedSeq)}`;
}

function describeTimes({ recordClass, changes, unknown, withinAim, median, p95 }: ClassTimes): string {
  const most = (seconds: number | null): string => (seconds === null ? 'longer' : `${String(seconds)} s`);
  // Cut, not rounded: one late change of many is not all of them in time.
  const share = Math.floor(withinAim * 10_000) / 100;
  const late = unknown === 0 ? '' : ` (${String(unknown)} at a time that nobody knows, counted as late)`;
  return `${recordClass}: ${String(changes)} changes${late}, ${String(share)} % within the aim, half within ${most(median)}, 95 % within ${most(p95)}`;
}
