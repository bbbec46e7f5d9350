import type { RecordedRow } from 'infra/openemr-sim/sim-data';
import type { Difference, Leaf } from './golden-comparison.js';
import type { ComparedType, GoldenRows, Recording } from './golden-set.js';

/** One difference with the recorded rows it goes back to, for a check that knows nothing of the renderers. */
export interface DifferenceFacts {
  difference: Difference;
  /** the row the resource was made of */
  row: RecordedRow;
  rows: GoldenRows;
  timeZone: Recording['timeZone'];
}

/**
 * A difference between our resources and OpenEMR's FHIR answers that was looked at and is wanted: how often it occurs
 * in each recording, and why ours is right. `holds` says what must be true of every occurrence; two lines may share
 * type, path and kind when they have different reasons, an occurrence counts for the first line that holds.
 */
export interface ExpectedDifference {
  type: ComparedType;
  path: string;
  kind: Difference['kind'];
  reason: string;
  count: Record<Recording['set'], number>;
  holds: (facts: DifferenceFacts) => boolean;
}

export type Holds = ExpectedDifference['holds'];

export const ours =
  (...values: Leaf[]): Holds =>
  ({ difference }) =>
    values.includes(difference.ours ?? null);
export const theirs =
  (...values: Leaf[]): Holds =>
  ({ difference }) =>
    values.includes(difference.theirs ?? null);
export const both =
  (...checks: Holds[]): Holds =>
  (facts) =>
    checks.every((check) => check(facts));
export const theirsMatches =
  (pattern: RegExp): Holds =>
  ({ difference }) =>
    typeof difference.theirs === 'string' && pattern.test(difference.theirs);

/** A column of the resource's own row, of its report, order, ordered test, or of anything else it points to. */
export const oursIs =
  (expected: (row: RecordedRow, facts: DifferenceFacts) => Leaf | undefined): Holds =>
  (facts) =>
    facts.difference.ours !== undefined && facts.difference.ours === expected(facts.row, facts);
export const oursIsColumn = (column: string): Holds => oursIs((row) => row[column]);

export const reportOf = ({ row, rows }: DifferenceFacts): RecordedRow =>
  'result_code' in row
    ? (rows.find('procedure_report', { procedure_report_id: row['procedure_report_id'] ?? null }) ?? {})
    : row;
export const orderOf = (facts: DifferenceFacts): RecordedRow =>
  facts.rows.find('procedure_order', { procedure_order_id: reportOf(facts)['procedure_order_id'] ?? null }) ?? {};
export const orderedTestOf = (facts: DifferenceFacts): RecordedRow => {
  const { procedure_order_id = null, procedure_order_seq = null } = reportOf(facts);
  return facts.rows.find('procedure_order_code', { procedure_order_id, procedure_order_seq }) ?? {};
};
export const labOf = (facts: DifferenceFacts): RecordedRow =>
  facts.rows.find('procedure_providers', { ppid: orderOf(facts)['lab_id'] ?? null }) ?? {};
export const userOf = (facts: DifferenceFacts, id: Leaf | undefined): RecordedRow =>
  facts.rows.find('users', { id: typeof id === 'number' ? id : null }) ?? {};
export const optionOf = (facts: DifferenceFacts, list_id: string, option: Leaf | undefined): RecordedRow =>
  facts.rows.find('list_options', { list_id, option_id: String(option) }) ?? {};
export const saleOrPrescription = ({ row, rows }: DifferenceFacts): RecordedRow =>
  'sale_id' in row ? (rows.find('prescriptions', { id: row['prescription_id'] ?? null }) ?? {}) : row;
export const personName = (user: RecordedRow): string => {
  const name = [user['fname'], user['mname'], user['lname']].filter((part) => part !== '' && part !== null).join(' ');
  return user['suffix'] === null || user['suffix'] === '' ? name : `${name}, ${String(user['suffix'])}`;
};
export const uuidOf = (row: RecordedRow): string =>
  String(row['uuid'])
    .replace('hex:', '')
    .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
/** Who wrote an entry of the issue list. */
export const userNamed = ({ row, rows }: DifferenceFacts): RecordedRow =>
  rows.find('users', { username: row['user'] ?? null }) ?? {};
export const ownRecorder: Holds = oursIs((_row, facts) => `Practitioner/${uuidOf(userNamed(facts))}`);
/** Codes of an entry of the issue list. */
export const codesOf = (row: RecordedRow): { type: string; code: string }[] =>
  String(row['diagnosis'] ?? '')
    .split(';')
    .map((part) => ({ type: part.split(':')[0] ?? '', code: part.split(':')[1] ?? '' }));
/** FHIR's system for one of OpenEMR's code types. */
export const systemOf = (type: string): string | undefined =>
  ({
    'SNOMED-CT': 'http://snomed.info/sct',
    ICD10: 'http://hl7.org/fhir/sid/icd-10-cm',
    CPT4: 'http://www.ama-assn.org/go/cpt',
    RXCUI: 'http://www.nlm.nih.gov/research/umls/rxnorm',
  })[type];
export const form = (facts: DifferenceFacts): Leaf | undefined =>
  optionOf(facts, 'drug_form', saleOrPrescription(facts)['form'])['title'];

/** The stored wall-clock time with the offset of its own day, computed by the platform and not by our library. */
export function withOffset(stored: Leaf | undefined, timeZone: string): string {
  const [date = '', time = ''] = String(stored).split(' ');
  const offsetAt = (moment: Date): string => {
    const name = new Intl.DateTimeFormat('en-US', { timeZone, timeZoneName: 'longOffset' })
      .formatToParts(moment)
      .find((part) => part.type === 'timeZoneName')?.value;
    return name === 'GMT' || name === undefined ? '+00:00' : name.replace('GMT', '');
  };
  const guess = offsetAt(new Date(`${date}T${time}Z`));
  return `${date}T${time}${offsetAt(new Date(`${date}T${time}${guess}`))}`;
}
export const oursIsTime = (stored: (facts: DifferenceFacts) => Leaf | undefined): Holds =>
  oursIs((_row, facts) => withOffset(stored(facts), facts.timeZone));
/** Same digits on the clinic's clock; only OpenEMR's offset is that of the day of the recording. */
export const sameWallClock: Holds = ({ difference }) =>
  String(difference.theirs).slice(0, 19) === String(difference.ours).slice(0, 19) &&
  difference.theirs !== difference.ours;
export const sameDay: Holds = ({ difference }) =>
  difference.theirs !== undefined && String(difference.theirs).slice(0, 10) === difference.ours;

export const dose = (facts: DifferenceFacts): string => String(saleOrPrescription(facts)['dosage']);

export const NO_VERSION =
  'The resource id and the section version identify content; OpenEMR answers "1" for every version.';
export const NO_LAST_UPDATED =
  'Canonical content has no column that moves by itself or repeats another; the section says how current it is.';
export const ONE_PROFILE = 'A resource claims its profile once; OpenEMR repeats the same claim for several versions.';
export const UCUM = 'http://unitsofmeasure.org';
export const STRENGTH =
  "OpenEMR's size and unit are the strength of one tablet, not a dose; the dose is the prescribed amount of the form, and a drug's text names its strength.";
export const STRENGTH_IN_QUANTITY =
  'The quantity is a number of tablets or capsules; OpenEMR labels it with the unit of the strength.';
export const SSN = 'The social security number never leaves the practice.';
export const DISPLAY = 'References carry the name, so that a page needs no other resource to show it.';
export const WRONG_OFFSET = "OpenEMR gives every date the offset of the day of the request; ours has the date's own.";
export const NOT_THE_PERFORMER =
  'The ordering provider did not perform the test; the laboratory did, and laboratory law wants it named.';
export const DRUG_CODE_IS_NO_REASON = 'The RxNorm code of a list entry is the drug and no reason to take it.';
export const EMPTY_EXTENSION = 'An extension that says "unknown" for a column nobody filled says nothing.';
export const UNKNOWN_CODE = 'A test without a catalogue code has its name as text instead of a code for "unknown".';
export const COLLECTED =
  'What was measured was true when the specimen was collected; OpenEMR gives the time of the report.';
export const GUARDIAN =
  "The guardian and the emergency telephone number are the patient's contacts; OpenEMR's FHIR drops them.";
export const RANGE =
  "The laboratory's range is kept whole; OpenEMR's FHIR drops one-sided ranges and those with a bound of zero.";
export const COMPARATOR = 'A value beyond the measurable is a quantity with a comparator and keeps its unit.';
export const REFILLS = 'OpenEMR hands out a first fill and refills of another size; its FHIR knows neither.';
export const ICD10_CM = 'US practices code in ICD-10-CM, which US Core names by its own system.';
export const SPECIMEN = 'The specimen of the results is that of their report too.';
export const RANGE_ADDED = /^(?:<|>|<=|>=|0(?:\.0+)?-|-\d)/;

export const rangeBound =
  (side: 'low' | 'high'): Holds =>
  ({ row, difference }) => {
    const stored = String(row['range']);
    const [low, high] = stored.startsWith('<')
      ? [undefined, Number(stored.slice(1))]
      : stored.startsWith('>')
        ? [Number(stored.slice(1)), undefined]
        : (/^(-?[\d.]+)-(-?[\d.]+)$/.exec(stored) ?? []).slice(1).map(Number);
    return RANGE_ADDED.test(stored) && difference.ours === (side === 'low' ? low : high);
  };
export const rangeUnit: Holds = both(oursIsColumn('units'), ({ row }) => RANGE_ADDED.test(String(row['range'])));

export const line = (
  type: ComparedType,
  path: string,
  kind: Difference['kind'],
  [utc, newYork]: readonly [number, number],
  reason: string,
  holds: Holds,
): ExpectedDifference => ({ type, path, kind, reason, count: { utc, newYork }, holds });

export const metaLines = (type: ComparedType, count: readonly [number, number]): ExpectedDifference[] => [
  line(type, 'meta.versionId', 'left out', count, NO_VERSION, theirs('1')),
  line(type, 'meta.lastUpdated', 'left out', count, NO_LAST_UPDATED, theirsMatches(/^\d{4}-\d\d-\d\dT/)),
];
