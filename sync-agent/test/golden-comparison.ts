/** Comparison of FHIR resources leaf by leaf. */

export type Leaf = string | number | boolean | null;
export type Json = Leaf | Json[] | { [key: string]: Json };
export type JsonObject = Record<string, Json>;

export const DIFFERENCE_KINDS = ['left out', 'added', 'changed'] as const;

/** One leaf in which our resource and OpenEMR's are not the same. */
export interface Difference {
  kind: (typeof DIFFERENCE_KINDS)[number];
  /** from the resource, list positions as `[]`; `(resource)` when one side has no such resource */
  path: string;
  /** OpenEMR's value */
  theirs?: Leaf;
  ours?: Leaf;
}

const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const shapeOf = (value: Json): string => (Array.isArray(value) ? 'list' : isObject(value) ? 'object' : 'leaf');

/** Leaves as `path=value`, for likeness. */
function leaves(value: Json, path = ''): string[] {
  if (Array.isArray(value)) {
    return value.flatMap((item) => leaves(item, `${path}[]`));
  }
  if (isObject(value)) {
    return Object.entries(value).flatMap(([key, part]) => leaves(part, path === '' ? key : `${path}.${key}`));
  }
  return [`${path}=${JSON.stringify(value)}`];
}

/** Number of leaves that two values share. */
function likeness(a: Json, b: Json): number {
  const left = [...leaves(b)];
  return leaves(a).filter((leaf) => {
    const at = left.indexOf(leaf);
    if (at >= 0) {
      left.splice(at, 1);
    }
    return at >= 0;
  }).length;
}

/**
 * Differences between two values. Items of lists are paired by likeness, the likest first, whatever their positions;
 * items that share nothing are not paired, so that a swap inside an item shows as a change.
 */
export function differences(theirs: Json | undefined, ours: Json | undefined, path = ''): Difference[] {
  if (theirs !== undefined && ours !== undefined && shapeOf(theirs) !== shapeOf(ours)) {
    return [...differences(theirs, undefined, path), ...differences(undefined, ours, path)];
  }
  if (Array.isArray(theirs) || Array.isArray(ours)) {
    return listDifferences(Array.isArray(theirs) ? theirs : [], Array.isArray(ours) ? ours : [], `${path}[]`);
  }
  if (isObject(theirs) || isObject(ours)) {
    const [a, b] = [isObject(theirs) ? theirs : {}, isObject(ours) ? ours : {}];
    return [...new Set([...Object.keys(a), ...Object.keys(b)])].flatMap((key) =>
      differences(a[key], b[key], path === '' ? key : `${path}.${key}`),
    );
  }
  if (theirs === ours) {
    return [];
  }
  if (theirs === undefined) {
    return [{ kind: 'added', path, ours }];
  }
  if (ours === undefined) {
    return [{ kind: 'left out', path, theirs }];
  }
  return [{ kind: 'changed', path, theirs, ours }];
}

/** Pairs of two lists by position, the likest first; what shares no leaf with anything is in no pair. */
export function likestPairs(theirs: readonly Json[], ours: readonly Json[]): ReadonlyMap<number, number> {
  const candidates = theirs
    .flatMap((a, i) => ours.map((b, j) => ({ i, j, shared: likeness(a, b) })))
    .filter(({ shared }) => shared > 0)
    .sort((a, b) => b.shared - a.shared || a.i - b.i || a.j - b.j);
  const partners = new Map<number, number>();
  const taken = new Set<number>();
  for (const { i, j } of candidates) {
    if (!partners.has(i) && !taken.has(j)) {
      partners.set(i, j);
      taken.add(j);
    }
  }
  return partners;
}

function listDifferences(theirs: Json[], ours: Json[], path: string): Difference[] {
  const partners = likestPairs(theirs, ours);
  const taken = new Set(partners.values());
  return [
    ...theirs.flatMap((item, i) => {
      const partner = partners.get(i);
      return differences(item, partner === undefined ? undefined : ours[partner], path);
    }),
    ...ours.filter((_item, j) => !taken.has(j)).flatMap((item) => differences(undefined, item, path)),
  ];
}

/** Milliseconds of zero are the same moment written longer. */
export function sameNotation(value: Json): Json {
  if (Array.isArray(value)) {
    return value.map(sameNotation);
  }
  if (isObject(value)) {
    return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, sameNotation(part)]));
  }
  return typeof value === 'string' ? value.replace(/^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\.000(?=[+-])/, '$1') : value;
}
