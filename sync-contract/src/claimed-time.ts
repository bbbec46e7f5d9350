import { TIMES } from './limits.js';

/**
 * What may be said of how current a chart is. T of the heartbeat holds for every section, a section's own `asOf` for this
 * section alone: the snapshot it was read from was opened after it. The `asOf` of a manifest says when it was made and
 * nothing of its sections, because a push may bring one of them while others cannot be read.
 *
 * These times come from the inside's clock, which may be wrong. One that lay ahead of the DMZ's clock when it came, or lies
 * ahead of the reader's, says nothing, nor does one of a manifest that was made ahead. Instants in one notation compare as
 * text.
 */

/** A chart's times as the DMZ holds them. */
export interface HeldTimes {
  /** of the newest manifest */
  madeAt: string;
  /** of the newest manifest, by the DMZ's clock, ms */
  receivedAt: number;
  /** of the chart by the heartbeat; null while the heartbeat does not know it */
  t: string | null;
  /** the reader's clock, ms */
  now: number;
}

/** Whether an instant of the inside lies further ahead of a clock than clocks differ. @param clock ms */
export function isAhead(instant: string, clock: number): boolean {
  return Date.parse(instant) > clock + TIMES.clockAhead;
}

/** Null when nothing is known. */
export function sectionAsOf(entry: { asOf: string }, held: HeldTimes): string | null {
  const own = ownTime(entry, held);
  const t = chartTime(held);
  return own === null || (t !== null && t > own) ? t : own;
}

/**
 * Of all sections together; null when nothing is known. A heartbeat that knows the chart has the last word, also when it says
 * that its time is unknown: the sections' own times say nothing of one that has yet to come.
 */
export function chartAsOf(entries: Iterable<{ asOf: string }>, held: HeldTimes): string | null {
  if (held.t !== null) {
    return chartTime(held);
  }
  const own = [...entries].map((entry) => ownTime(entry, held));
  return own.includes(null) ? null : (own.sort()[0] ?? null);
}

function chartTime({ t, now }: HeldTimes): string | null {
  return t === null || isUnknown(t) || isAhead(t, now) ? null : t;
}

function ownTime({ asOf }: { asOf: string }, { madeAt, receivedAt, now }: HeldTimes): string | null {
  return isUnknown(asOf) || isAhead(madeAt, receivedAt) || asOf > madeAt || isAhead(asOf, now) ? null : asOf;
}

/** The inside writes the beginning of time where it knows none. */
function isUnknown(instant: string): boolean {
  return Date.parse(instant) <= 0;
}
