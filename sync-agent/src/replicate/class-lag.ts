import type { EntityManager } from 'typeorm';
import { z } from 'zod';
import { RENDERED_CLASSES } from '../ledger/dirty.js';
import { INSTANT, PLACE, UNKNOWN, markerBefore, readMarkers, toInstant, type Marker } from './currency.js';

/**
 * By class of records: seconds since the oldest change that the DMZ does not have, 0 when nothing waits, null when a change
 * waits of which nobody knows the time. All classes that are rendered are there.
 */
export type ClassLags = Readonly<Record<string, number | null>>;

/** What waits of one class. */
const WaitingClass = z.object({
  recordClass: z.string(),
  /** of the oldest change behind the first marker; null when there is none */
  place: z.string().nullable(),
  /** of the charts with changes that are older than every marker, the least current one's time; null when there is none */
  knownUntil: z.string().nullable(),
});
type WaitingClass = z.infer<typeof WaitingClass>;
const WaitingClasses = z.array(WaitingClass);

/** `UNKNOWN`, in milliseconds. */
const NEVER = 0;

/**
 * A change counts from the last clock marker before it; one that is older than the markers that are kept, an hour, from the
 * time of its chart. So the age is too great by seconds, or by what another class of the same chart waits longer, and never
 * too small.
 *
 * Left out are charts that the DMZ does not have yet, as of a first load, and those that wait for a person: they say
 * nothing about the way to the DMZ. What the feed has not read is not known here; the replica's T tells of it.
 *
 * Goes through the rows that wait, by their key, and through no chart without one.
 * @param now milliseconds, by the database's clock
 */
export async function readClassLags(manager: EntityManager, now: number): Promise<ClassLags> {
  // Before the rows: what is marked meanwhile lies behind the last of them.
  const markers = await readMarkers(manager);
  const first = markers.at(0)?.place ?? null;
  const rows: unknown = await manager.query(
    `SELECT d.record_class AS recordClass, MIN(IF(${PLACE} > ?, ${PLACE}, NULL)) AS place,
            ${INSTANT(`MIN(IF(${PLACE} > ?, NULL, COALESCE(c.failed_t, ${UNKNOWN})))`)} AS knownUntil
       FROM dirty d STRAIGHT_JOIN chart c ON c.pid = d.pid STRAIGHT_JOIN patient p ON p.pid = c.pid
       LEFT JOIN held_loss h ON h.patient_ref = c.patient_ref AND h.allowed_at IS NULL
      WHERE c.seq > 0 AND c.stopped_reason IS NULL AND p.state IN ('invited', 'enrolled') AND h.patient_ref IS NULL
      GROUP BY d.record_class`,
    [first, first],
  );
  return classLagsOf(markers, WaitingClasses.parse(rows), now);
}

/** @param markers in the order of their places @param now milliseconds */
export function classLagsOf(markers: readonly Marker[], waiting: readonly WaitingClass[], now: number): ClassLags {
  const lags: Record<string, number | null> = Object.fromEntries(RENDERED_CLASSES.map((name) => [name, 0]));
  for (const { recordClass, place, knownUntil } of waiting) {
    const since = [knownUntil, place === null ? null : markerBefore(markers, place)].filter((at) => at !== null);
    const oldest = Math.min(...since.map((at) => Date.parse(toInstant(at))));
    lags[recordClass] = oldest === NEVER ? null : Math.max(0, Math.round((now - oldest) / 1_000));
  }
  return lags;
}

/** Of the classes that lag, the one that does most first; undefined when none does. */
export function describeClassLags(lags: ClassLags): string | undefined {
  const behind = Object.entries(lags)
    .filter(([, seconds]) => seconds !== 0)
    .sort(([, a], [, b]) => (b ?? Infinity) - (a ?? Infinity) || 0)
    .map(([name, seconds]) => `${name} ${seconds === null ? 'nobody knows how far' : `${String(seconds)} s`}`);
  return behind.length === 0 ? undefined : `classes behind: ${behind.join(', ')}`;
}
