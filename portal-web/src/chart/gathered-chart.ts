import { freshnessNow, type Freshness } from './freshness.js';
import { isObject } from './fhir.js';

/** Every section of the chart that its reader may see, fetched one after the other. */
export interface GatheredChart {
  /** content by section name, in the order of the chart's status, parts behind their index */
  sections: ReadonlyMap<string, unknown>;
  /** T of all of them together: the earliest; null when one has none */
  asOf: string | null;
  /** age of T by the server's clock, which is the better one */
  freshness: Freshness;
  /** the practice finds out whose chart this is */
  frozen: boolean;
}

/** What a file of the chart says about its age. A frozen chart makes no claim to be complete. */
export function ageOf({ asOf, freshness, frozen }: GatheredChart, now: number): Freshness | 'frozen' {
  return frozen ? 'frozen' : freshnessNow(asOf, freshness, now);
}

/** Sections that stand in an index: years of results and vitals, conversations. */
export function partsIn(content: unknown): string[] {
  if (!isObject(content)) {
    return [];
  }
  const of = (key: string): unknown[] => (Array.isArray(content[key]) ? content[key] : []);
  return [
    ...of('years').flatMap((year) => (isObject(year) && typeof year['section'] === 'string' ? [year['section']] : [])),
    ...of('threads').flatMap((thread) =>
      isObject(thread) && typeof thread['threadId'] === 'string' ? [`messages/${thread['threadId']}`] : [],
    ),
  ];
}

/** How many entries of a section the inside could not put into it. */
export function skippedIn(content: unknown): number {
  return isObject(content) && typeof content['skipped'] === 'number' ? content['skipped'] : 0;
}

/** FHIR resources of a section; none for an index, a conversation or the account. */
export function resourcesIn(content: unknown): unknown[] {
  const resources = isObject(content) ? content['resources'] : undefined;
  return Array.isArray(resources) ? resources : [];
}
