import { parseCodes } from './coded-values.js';
import type { CodeableConcept } from './fhir.js';

/** Newest first by a stored wall-clock time, rows without one last; rows of one time by their key. */
export function newestFirst<Row extends { id: number }>(
  rows: readonly Row[],
  stored: (row: Row) => string | null,
): Row[] {
  return [...rows].sort((a, b) => compare(stored(b) ?? '', stored(a) ?? '') || b.id - a.id);
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** Title and codes of an entry of the issue list; undefined when it has neither and so says nothing. */
export function entryCode(entry: { title: string; diagnosis: string }): CodeableConcept | undefined {
  const coding = parseCodes(entry.diagnosis).map((code) => code.coding);
  return entry.title === '' && coding.length === 0 ? undefined : { coding, text: entry.title };
}

/** An end date to come ends nothing. */
export function hasEnded(end: string | undefined, readOn: string): boolean {
  return end !== undefined && end.slice(0, 10) < readOn;
}

/** First visit that each entry was linked to. */
export function firstVisits(visits: readonly { list_id: number; encounter: number }[]): ReadonlyMap<number, number> {
  return new Map(visits.toReversed().map((visit) => [visit.list_id, visit.encounter]));
}

/** What a renderer of a list made of its rows; undefined stands for a row in which nothing can be read. */
export function counted<Item>(rendered: readonly (Item | undefined)[]): { shown: Item[]; skipped: number } {
  const shown = rendered.filter((each) => each !== undefined);
  return { shown, skipped: rendered.length - shown.length };
}

/** `outcome` of an entry whose trouble is over. */
export const RESOLVED = 1;
