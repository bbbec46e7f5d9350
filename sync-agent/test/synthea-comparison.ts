import { differences, likestPairs, type Difference, type Json, type JsonObject } from './golden-comparison.js';
import { jsonObject, textAt, type Entry } from './synthea-source.js';

/** What the portal shows of one thing, and what the bundle says of it. */
export interface Pair {
  source: Entry | undefined;
  ours: Entry | undefined;
}

/** A difference, with both resources for the rules that judge it. */
export interface Found extends Pair {
  label: string;
  difference: Difference;
  /** all of the bundle */
  bundle: readonly Entry[];
}

/** Others name their patient, their visit and their values: these are paired before them. */
const FIRST = ['Patient', 'Encounter', 'Observation laboratory'];

/**
 * Pairs each resource of a bundle with one of the chart by what it is and when it was; among several of the same the
 * likest. References of the chart then bear the name that the bundle has for the same thing.
 */
export function compareChart(bundle: readonly Entry[], chart: readonly Entry[]): Found[] {
  const names = new Map<string, string>();
  const pairs: Pair[] = [];
  const labels = new Set([...FIRST, ...bundle.map(({ label }) => label), ...chart.map(({ label }) => label)]);
  for (const label of labels) {
    const ofLabel = pairsOf(
      bundle.filter((entry) => entry.label === label),
      chart.filter((entry) => entry.label === label),
      names,
    );
    for (const { source, ours } of ofLabel) {
      if (source !== undefined && ours !== undefined) {
        names.set(ours.reference, source.reference);
      }
    }
    pairs.push(...ofLabel);
  }
  return pairs.flatMap((pair) =>
    differencesOf(pair, names).map((difference) => ({
      ...pair,
      label: (pair.source ?? pair.ours)?.label ?? '',
      difference,
      bundle,
    })),
  );
}

function pairsOf(sources: readonly Entry[], chart: readonly Entry[], names: ReadonlyMap<string, string>): Pair[] {
  const candidates = Map.groupBy(chart, ({ key }) => key);
  const paired = [...Map.groupBy(sources, ({ key }) => key)].flatMap(([key, alike]) => {
    const ours = candidates.get(key) ?? [];
    candidates.delete(key);
    return alike.length === 1 && ours.length === 1
      ? [{ source: alike[0], ours: ours[0] }]
      : likestOf(alike, ours, names);
  });
  return [...paired, ...[...candidates.values()].flat().map((ours) => ({ source: undefined, ours }))];
}

/** Twins that nothing tells apart are paired in their order; a chart has the newest first. */
function likestOf(
  sources: readonly Entry[],
  newestFirst: readonly Entry[],
  names: ReadonlyMap<string, string>,
): Pair[] {
  const chart = newestFirst.toReversed();
  const partners = likestPairs(
    sources.map(({ resource }) => roughly(resource)),
    chart.map(({ resource }) => roughly(named(resource, names))),
  );
  const taken = new Set(partners.values());
  return [
    ...sources.map((source, i) => ({ source, ours: chart[partners.get(i) ?? -1] })),
    ...chart.filter((_entry, j) => !taken.has(j)).map((ours) => ({ source: undefined, ours })),
  ];
}

/** Likeness does not end at a number that was rounded. */
function roughly(value: Json): Json {
  if (Array.isArray(value)) {
    return value.map(roughly);
  }
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, roughly(part)]));
  }
  return typeof value === 'number' ? Number(value.toPrecision(3)) : value;
}

/** A resource without a partner is one difference, told by what it is. */
function differencesOf({ source, ours }: Pair, names: ReadonlyMap<string, string>): Difference[] {
  if (source === undefined || ours === undefined) {
    const [what, theirs] = [nameOf(ours?.resource), nameOf(source?.resource)];
    return [
      source === undefined
        ? { kind: 'added', path: '(resource)', ours: what }
        : { kind: 'left out', path: '(resource)', theirs },
    ];
  }
  return differences(source.resource, jsonObject(named(ours.resource, names)));
}

const nameOf = (resource: JsonObject | undefined): string => textAt(resource, 'code', 'coding', 0, 'display');

function named(value: Json, names: ReadonlyMap<string, string>): Json {
  if (Array.isArray(value)) {
    return value.map((item) => named(item, names));
  }
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(
      Object.entries(value).map(([key, part]) => [
        key,
        key === 'reference' && typeof part === 'string' ? (names.get(part) ?? part) : named(part, names),
      ]),
    );
  }
  return value;
}
