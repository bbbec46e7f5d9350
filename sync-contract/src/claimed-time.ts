/**
 * What may be said of how current a chart is. T of the heartbeat holds for every section, a section's own `asOf` for this
 * section alone: the snapshot it was read from was opened after it. The `asOf` of a manifest says when it was made and
 * nothing of its sections, because a push may bring one of them while others cannot be read. Instants in one notation
 * compare as text.
 */

/** @param t of the chart by the heartbeat; null while the heartbeat does not know it */
export function sectionAsOf(entry: { asOf: string }, t: string | null): string {
  return t !== null && t > entry.asOf ? t : entry.asOf;
}

/** Of all sections together; null when neither heartbeat nor any section says it. */
export function chartAsOf(entries: Iterable<{ asOf: string }>, t: string | null): string | null {
  return t ?? [...entries].map(({ asOf }) => asOf).sort()[0] ?? null;
}
