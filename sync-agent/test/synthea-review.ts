import type { Found } from './synthea-comparison.js';
import { RULES } from './synthea-rules.js';

/**
 * A line of the reviewed file: `label | path | what | count | reason`. What is `left out`, `added <value>`,
 * `changed <value> to <value>`, or `added by <rule>`, `changed by <rule>`, `left out by <rule>`, which says of every
 * occurrence what it must be.
 */
export interface ReviewedLine {
  label: string;
  path: string;
  what: string;
  count: number;
  reason: string;
}

const SEPARATOR = ' | ';
const UNEXPLAINED = '?';

export function readReviewed(text: string): ReviewedLine[] {
  return text
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => {
      const [label, path, what, count, reason, ...more] = line.split(SEPARATOR);
      if (label === undefined || path === undefined || what === undefined || reason === undefined || more.length > 0) {
        throw new TypeError(`not a reviewed difference: ${line}`);
      }
      return { label, path, what, count: Number(count), reason };
    });
}

const HEADER = `# What the charts of the 120 synthetic patients do not show of their bundles, show in another form, or show besides.
# label | path | what | how often | why. Counted anew by synthea.int.spec.ts; sync-agent/README.md says how to change it.
`;

const printed = ({ label, path, what, count, reason }: ReviewedLine): string =>
  [label, path, what, String(count), reason].join(SEPARATOR);

/** The difference itself in the words of a line. */
export function exactly({ difference: { kind, theirs, ours } }: Found): string {
  const value = (leaf: typeof ours): string => JSON.stringify(leaf ?? null).replaceAll('|', '\\u007c');
  switch (kind) {
    case 'changed':
      return `changed ${value(theirs)} to ${value(ours)}`;
    case 'added':
      return `added ${value(ours)}`;
    case 'left out':
      return `left out ${value(theirs)}`;
  }
}

/** The line that a difference counts for: the one with its values, else one whose rule holds, else the plain one. */
function lineOf(found: Found, lines: readonly ReviewedLine[]): ReviewedLine | undefined {
  const { kind } = found.difference;
  return (
    lines.find(({ what }) => what === exactly(found)) ??
    lines.find(({ what }) => what.startsWith(`${kind} by `) && ruleOf(what.slice(`${kind} by `.length))(found)) ??
    lines.find(({ what }) => what === 'left out' && kind === 'left out')
  );
}

function ruleOf(name: string): (found: Found) => boolean {
  const rule = RULES[name];
  if (rule === undefined) {
    throw new TypeError(`the reviewed differences name a rule that is none: ${name}`);
  }
  return rule;
}

/** Values that many different ones stand for are not listed one by one in the proposal. */
const MOST_VALUES = 16;

export interface Review {
  /** what changed against the reviewed lines, in their own form; empty when nothing did */
  changes: string[];
  /** the file as it would be, with `?` where a reason is missing */
  proposal: string;
}

/** Counts the differences by the reviewed lines. */
export function review(found: readonly Found[], reviewed: readonly ReviewedLine[]): Review {
  const byPlace = Map.groupBy(reviewed, ({ label, path }) => label + SEPARATOR + path);
  const counts = new Map<ReviewedLine, number>();
  const unexplained: Found[] = [];
  for (const each of found) {
    const line = lineOf(each, byPlace.get(each.label + SEPARATOR + each.difference.path) ?? []);
    if (line === undefined) {
      unexplained.push(each);
    } else {
      counts.set(line, (counts.get(line) ?? 0) + 1);
    }
  }
  const kept = reviewed.flatMap((line) => (counts.has(line) ? { ...line, count: counts.get(line) ?? 0 } : []));
  const lines = [...kept, ...proposed(unexplained)].map(printed).sort();
  const known = new Set(reviewed.map(printed));
  return {
    changes: [
      ...[...known].filter((line) => !lines.includes(line)).map((line) => `- ${line}`),
      ...lines.filter((line) => !known.has(line)).map((line) => `+ ${line}`),
    ],
    proposal: `${HEADER}${lines.join('\n')}\n`,
  };
}

function proposed(unexplained: readonly Found[]): ReviewedLine[] {
  const places = Map.groupBy(unexplained, ({ label, difference: { path, kind } }) => [label, path, kind].join('\n'));
  return [...places.values()].flatMap((atPlace) => {
    const values = Map.groupBy(atPlace, exactly);
    const [first] = atPlace;
    if (first === undefined) {
      return [];
    }
    const { label, difference } = first;
    const at = { label, path: difference.path };
    return values.size > MOST_VALUES
      ? [{ ...at, what: `${difference.kind} by ${UNEXPLAINED}`, count: atPlace.length, reason: example(atPlace) }]
      : [...values].map(([what, same]) => ({ ...at, what, count: same.length, reason: example(same) }));
  });
}

function example(found: readonly Found[]): string {
  const several = found
    .slice(0, 3)
    .map((each) => `${exactly(each)} in ${(each.source ?? each.ours)?.reference ?? ''}`)
    .join(', ');
  return `${UNEXPLAINED} e.g. ${several}`;
}
