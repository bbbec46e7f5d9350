import { judge, referenceRange } from 'infra/openemr-sim/lab-catalogue';
import { readRecordedRows, type RecordedRow } from 'infra/openemr-sim/sim-data';
import type { Json, Leaf } from './golden-comparison.js';
import { BILL_RULES } from './synthea-bills.js';
import type { Found } from './synthea-comparison.js';
import { onTheClock, reasonOf, textAt, type Entry } from './synthea-source.js';

export type Rule = (found: Found) => boolean;

/** Ours is what can be worked out from the source resource. */
const oursIs =
  (expected: (source: Json, found: Found) => Leaf | undefined): Rule =>
  (found) =>
    found.source !== undefined && found.difference.ours === expected(found.source.resource, found);

const oursMatches =
  (pattern: RegExp): Rule =>
  ({ difference: { ours } }) =>
    typeof ours === 'string' && pattern.test(ours);

const at =
  (...path: readonly (string | number)[]) =>
  (source: Json): string =>
    textAt(source, ...path);

/** Ours is the number that must have become of Synthea's; with a code: of that measurement. */
const number =
  (expected: (theirs: number) => number, code?: string): Rule =>
  ({ difference: { theirs, ours }, source }) =>
    typeof theirs === 'number' &&
    ours === expected(theirs) &&
    (code === undefined || textAt(source?.resource, 'code', 'coding', 0, 'code') === code);

const rounded = (value: number, digits: number): number => Number(value.toFixed(digits));

const hoursAfter = (hours: number, moment: string): string =>
  new Date(Date.parse(moment) + hours * 3_600_000).toISOString();
const dayOf = (moment: string): string => onTheClock(moment).slice(0, 10);

const rangeOf = (source: Json): string => referenceRange(textAt(source, 'code', 'coding', 0, 'code'));
const boundsOf = (source: Json): { low: number | undefined; high: number | undefined } => {
  const range = rangeOf(source);
  const [, low, high] = /^(.+)-(.+)$/.exec(range) ?? [];
  const limit = Number(range.slice(1));
  return low === undefined
    ? { low: range.startsWith('>') ? limit : undefined, high: range.startsWith('<') ? limit : undefined }
    : { low: Number(low), high: Number(high) };
};
const FLAGS: Readonly<Record<string, readonly [string, string]>> = {
  no: ['N', 'Normal'],
  low: ['L', 'Low'],
  high: ['H', 'High'],
  vhigh: ['HH', 'Critical high'],
};
const flagOf = (source: Json): readonly [string, string] | undefined =>
  FLAGS[judge(Number(textAt(source, 'valueQuantity', 'value')), rangeOf(source))];

const vaccines = new Map(
  readRecordedRows('golden', 'codes').map((row: RecordedRow) => [String(row['code']), row['code_text']]),
);

const activities = (source: Json): string[] => {
  const list = typeof source === 'object' && source !== null && !Array.isArray(source) ? source['activity'] : [];
  return Array.isArray(list) ? list.map((each) => textAt(each, 'detail', 'code', 'text')) : [];
};

const sameKind = (source: Entry | undefined, bundle: readonly Entry[]): Entry[] =>
  bundle.filter(
    ({ label, resource }) =>
      label === source?.label &&
      textAt(resource, 'code', 'coding', 0, 'code') === textAt(source.resource, 'code', 'coding', 0, 'code'),
  );

/** The first problem that a plan or a prescription is for. */
const problemsOf = (source: Entry | undefined, bundle: readonly Entry[]): Entry[] => {
  const reason =
    textAt(source?.resource, 'addresses', 0, 'reference') ||
    textAt(source?.resource, 'reasonReference', 0, 'reference');
  return bundle.filter(({ reference }) => reference === reason);
};

const OWN = ['Practitioner', 'Organization', 'Location', 'ServiceRequest', 'Specimen'];
const DOCTORS = ['Hannah M Greene, MD', 'Mateo Lopez, MD'];
const LABORATORIES = ['Riverbend Clinical Lab (synthetic)', 'Statewide Reference Lab (synthetic)'];

/** What must be true of every occurrence that a line of the reviewed file counts; none of it uses the renderers. */
export const RULES: Readonly<Record<string, Rule>> = {
  'an id of ours': oursMatches(/^[0-9a-f]{32}$/),
  ...Object.fromEntries(OWN.map((type) => [`${type} of ours`, oursMatches(new RegExp(`^${type}/[0-9a-f]{32}$`))])),
  "a doctor's name": ({ difference: { ours } }) => DOCTORS.includes(String(ours)),
  "a laboratory's name": ({ difference: { ours } }) => LABORATORIES.includes(String(ours)),

  'two decimals, one above a hundred': number((value) => rounded(value, Math.abs(value) >= 100 ? 1 : 2)),
  'whole number': number(Math.round),
  'at most two decimals': number((value) => rounded(value, 2)),
  'inches with two decimals': number((value) => rounded(value / 2.54, 2), '8302-2'),
  'pounds with two decimals': number((value) => rounded(value * 2.204_622_6, 2), '29463-7'),
  'body mass index with one decimal': number((value) => rounded(value, 1), '39156-5'),
  'ejection fraction with two decimals': number((value) => rounded(value, 2), '10230-1'),
  'degrees Fahrenheit with one decimal': number((value) => rounded(value * 1.8 + 32, 1), '8331-1'),

  'the whole second': ({ difference: { theirs, ours } }) => ours === String(theirs).replace(/\.\d{3}Z$/, '.000Z'),
  'four hours after the collection': oursIs((source) => hoursAfter(4, textAt(source, 'effectiveDateTime'))),
  'five hours after the collection': oursIs((source) => hoursAfter(5, textAt(source, 'effectiveDateTime'))),
  'the same day': ({ difference: { theirs, ours } }) => ours === dayOf(String(theirs)),
  'the time of recording': oursIs(at('recordedDate')),
  'the time of the injection': oursIs(at('occurrenceDateTime')),
  'the day of the injection': oursIs((source) => dayOf(textAt(source, 'occurrenceDateTime'))),
  'next June': oursIs(
    (source) => `${String(Number(dayOf(textAt(source, 'occurrenceDateTime')).slice(0, 4)) + 1)}-06-30`,
  ),
  'the day of the prescription': oursIs((source) => dayOf(textAt(source, 'authoredOn'))),
  'thirty days later': oursIs((source) => dayOf(hoursAfter(30 * 24, textAt(source, 'authoredOn')))),
  'the beginning of the plan': oursIs(at('period', 'start')),
  'the last day of the plan': oursIs((source) => dayOf(textAt(source, 'period', 'end'))),
  'the first day of its plan': ({ difference: { ours }, source }) => source?.key.endsWith(` ${String(ours)}`) === true,

  'the reason of the visit': oursIs(
    (source) => textAt(source, 'reasonCode', 0, 'coding', 0, 'display') || reasonOf({ type: typeOf(source) }),
  ),
  'a condition of the bundle that names this visit': ({ difference: { ours }, source, bundle }) =>
    bundle.some(
      ({ label, reference, resource }) =>
        label === 'Condition' && reference === ours && textAt(resource, 'encounter', 'reference') === source?.reference,
    ),
  'the name of the vaccine in the code set': oursIs((source) =>
    vaccines.get(textAt(source, 'vaccineCode', 'coding', 0, 'code')),
  ),
  'a lot': oursMatches(/^LOT\d{6,}$/),
  'the words of one activity': ({ difference: { ours }, source }) =>
    source !== undefined && activities(source.resource).includes(String(ours)),
  'the words of all activities': ({ difference: { ours }, source }) =>
    source !== undefined &&
    String(ours).split('\n').sort().join('\n') === activities(source.resource).sort().join('\n'),
  'the name of the value': oursIs(at('code', 'text')),
  'the words of the answer': oursIs(at('valueCodeableConcept', 'text')),
  'the unit of the value': oursIs(at('valueQuantity', 'unit')),
  "the practice's range": oursIs(rangeOf),
  'the lower bound of the range': oursIs((source) => boundsOf(source).low),
  'the upper bound of the range': oursIs((source) => boundsOf(source).high),
  'the flag by the range': oursIs((source) => flagOf(source)?.[0]),
  'the word of the flag': oursIs((source) => flagOf(source)?.[1]),
  'an address made of the name': oursMatches(/^[a-z]+\.[a-z]+@patients\.example$/),
  'a number of the practice': oursMatches(/^SYN-1\d{3}$/),

  'the code of the problem': ({ difference: { ours }, source, bundle }) =>
    problemsOf(source, bundle).some((problem) => textAt(problem.resource, 'code', 'coding', 0, 'code') === ours),
  'the name of the problem': ({ difference: { ours }, source, bundle }) =>
    problemsOf(source, bundle).some((problem) => textAt(problem.resource, 'code', 'text') === ours),
  ...BILL_RULES,
  'a newer answer to it': ({ source, bundle }) =>
    sameKind(source, bundle).some(
      ({ resource }) => textAt(resource, 'effectiveDateTime') > textAt(source?.resource, 'effectiveDateTime'),
    ),
  'a single value': ({ ours, bundle }) => {
    const values = bundle.filter(({ label, key }) => label === 'Observation laboratory' && key === ours?.key);
    const reports = bundle
      .filter(({ label }) => label === 'DiagnosticReport')
      .map(({ resource }) => JSON.stringify(resource['result']));
    return values.some(({ reference }) => !reports.some((report) => report.includes(reference)));
  },
};

const typeOf = (source: Json): Json =>
  typeof source === 'object' && source !== null && !Array.isArray(source) ? (source['type'] ?? []) : [];
