import {
  addressLines,
  conceptKey,
  conceptText,
  list,
  number,
  object,
  ofType,
  resolve,
  string,
  withdrawnIds,
} from './fhir.js';
import type { Json } from './fhir.js';
import { codesOf, newestFirst, noteTexts } from './record-entry.js';
import type { Code } from './record-entry.js';
import { referredId } from './referred.js';

export type Flag = 'normal' | 'high' | 'low' | 'very-high' | 'very-low' | 'abnormal' | 'critical';

export interface LabValue {
  id: string;
  /** same for every measurement of the same test */
  testKey: string;
  test: string;
  value: string;
  unit: string | undefined;
  /** the value as an exact number; null for words and for `<5` */
  amount: number | null;
  /** numeric value and bounds, when all are numbers, for the range bar */
  scale: { value: number; low: number | null; high: number | null } | null;
  /** the range that came with this very result */
  range: string | undefined;
  flag: Flag | null;
  /** the laboratory's own word when the flag is none of ours */
  flagText: string | undefined;
  status: string;
  comments: string[];
  /** FHIR dateTime of collection */
  at: string | undefined;
  codes: Code[];
  /** ids of the documents that the value came with, as the list of documents has them */
  documents: string[];
}

export interface LabReport {
  id: string;
  title: string;
  /** of what kind, where it is no laboratory's: `Radiology` */
  kind: string | undefined;
  status: string;
  collectedAt: string | undefined;
  reportedAt: string | undefined;
  laboratory: { name: string; address: string[] } | null;
  orderedBy: string | undefined;
  specimen: string | undefined;
  notes: string[];
  values: LabValue[];
  /** ids of its values that the clinic has withdrawn for correction */
  withdrawn: string[];
}

const FLAGS: Record<string, Flag> = {
  N: 'normal',
  H: 'high',
  HU: 'high',
  L: 'low',
  LU: 'low',
  HH: 'very-high',
  LL: 'very-low',
  A: 'abnormal',
  AA: 'critical',
  POS: 'abnormal',
};

/** What a `results/<year>` section says, newest collection first. Values of no report become a report of their own. */
export function readLabReports(resources: unknown[], formatNumber: (value: number) => string): LabReport[] {
  const everything = [
    ...ofType(resources, 'Organization'),
    ...ofType(resources, 'Practitioner'),
    ...ofType(resources, 'Specimen'),
  ];
  const observations = new Map(
    ofType(resources, 'Observation').map((observation) => [string(observation, 'id') ?? '', observation]),
  );
  const signs = new Set(withdrawnIds({ resources }));
  const used = new Set<string>();
  const reports = ofType(resources, 'DiagnosticReport')
    .filter((report) => string(report, 'status') !== 'entered-in-error')
    .map((report) => ({
      ...readReport(report, observations, used, everything, formatNumber),
      withdrawn: resultIds(report).filter((id) => signs.has(id)),
    }));
  const loose = [...observations].filter(([id]) => !used.has(id)).map(([, observation]) => observation);
  return newestFirst(
    [...reports, ...loose.map((observation) => readLooseValue(observation, everything, formatNumber))],
    (report) => report.collectedAt ?? report.reportedAt,
  );
}

function resultIds(report: Json): string[] {
  return list(report, 'result').map(
    (reference) => string(reference, 'reference')?.split('/').at(-1)?.replace('#', '') ?? '',
  );
}

function readReport(
  report: Json,
  observations: Map<string, Json>,
  used: Set<string>,
  everything: Json[],
  formatNumber: (value: number) => string,
): Omit<LabReport, 'withdrawn'> {
  const values = resultIds(report).flatMap((id) => {
    const observation =
      observations.get(id) ?? list(report, 'contained').find((contained) => string(contained, 'id') === id);
    used.add(id);
    return observation === undefined ? [] : [readValue(observation, formatNumber)];
  });
  const conclusion = string(report, 'conclusion');
  return {
    id: string(report, 'id') ?? '',
    title: conceptText(object(report, 'code')) ?? values[0]?.test ?? '',
    kind: kindOf(report),
    status: string(report, 'status') ?? 'unknown',
    collectedAt: string(report, 'effectiveDateTime') ?? string(object(report, 'effectivePeriod'), 'start'),
    reportedAt: string(report, 'issued'),
    laboratory: readLaboratory(list(report, 'performer'), report, everything),
    orderedBy: list(report, 'resultsInterpreter')
      .map((person) => string(person, 'display'))
      .find((display) => display !== undefined),
    specimen: list(report, 'specimen')
      .map(
        (specimen) => string(specimen, 'display') ?? conceptText(object(resolve(specimen, report, everything), 'type')),
      )
      .find((display) => display !== undefined),
    notes: [...(conclusion === undefined ? [] : [conclusion]), ...noteTexts(report)],
    values: values.filter((value) => value.status !== 'entered-in-error'),
  };
}

function readLooseValue(observation: Json, everything: Json[], formatNumber: (value: number) => string): LabReport {
  const value = readValue(observation, formatNumber);
  return {
    id: value.id,
    title: value.test,
    kind: undefined,
    status: value.status,
    collectedAt: value.at,
    reportedAt: string(observation, 'issued'),
    laboratory: readLaboratory(list(observation, 'performer'), observation, everything),
    orderedBy: undefined,
    specimen: string(object(observation, 'specimen'), 'display'),
    notes: [],
    values: [value],
    withdrawn: [],
  };
}

const NO_KIND = ['LAB', 'OTH'];

/** Words of the category; a laboratory's is what everybody expects here, and "other" says nothing. */
function kindOf(report: Json): string | undefined {
  const [category] = list(report, 'category');
  return codesOf(category).some(({ code }) => NO_KIND.includes(code)) ? undefined : conceptText(category);
}

/** The performing organisation with its address, as the law asks of a laboratory report. */
function readLaboratory(performers: Json[], owner: Json, everything: Json[]): LabReport['laboratory'] {
  const candidates = performers.map((performer) => ({
    display: string(performer, 'display'),
    type: string(performer, 'type') ?? string(performer, 'reference')?.split('/')[0],
    resource: resolve(performer, owner, everything),
  }));
  const chosen =
    candidates.find(({ resource, type }) => resource?.['resourceType'] === 'Organization' || type === 'Organization') ??
    candidates[0];
  const name = string(chosen?.resource, 'name') ?? chosen?.display;
  if (name === undefined) {
    return null;
  }
  return { name, address: addressLines(list(chosen?.resource, 'address')[0]) };
}

function readValue(observation: Json, formatNumber: (value: number) => string): LabValue {
  const quantity = object(observation, 'valueQuantity');
  const amount = number(quantity, 'value');
  const exact = amount === undefined || string(quantity, 'comparator') !== undefined ? null : amount;
  const range = list(observation, 'referenceRange')[0];
  const low = number(object(range, 'low'), 'value') ?? null;
  const high = number(object(range, 'high'), 'value') ?? null;
  const interpretation = list(observation, 'interpretation')[0];
  const code = list(interpretation, 'coding')
    .map((coding) => string(coding, 'code'))
    .find((found) => found !== undefined);
  const flag = code === undefined ? null : (FLAGS[code] ?? null);
  return {
    id: string(observation, 'id') ?? '',
    testKey: conceptKey(object(observation, 'code')),
    test: conceptText(object(observation, 'code')) ?? '',
    value: valueText(observation, formatNumber),
    unit: string(quantity, 'unit') ?? string(quantity, 'code'),
    amount: exact,
    scale: exact === null || (low === null && high === null) ? null : { value: exact, low, high },
    range: string(range, 'text') ?? rangeText(low, high, formatNumber),
    flag,
    flagText: flag === null ? conceptText(interpretation) : undefined,
    status: string(observation, 'status') ?? 'unknown',
    comments: noteTexts(observation),
    at: string(observation, 'effectiveDateTime') ?? string(object(observation, 'effectivePeriod'), 'start'),
    codes: codesOf(object(observation, 'code')),
    documents: list(observation, 'derivedFrom').flatMap((each) => referredId(each, 'DocumentReference') ?? []),
  };
}

function valueText(observation: Json, formatNumber: (value: number) => string): string {
  const quantity = object(observation, 'valueQuantity');
  const amount = number(quantity, 'value');
  if (quantity !== undefined && amount !== undefined) {
    return `${string(quantity, 'comparator') ?? ''}${formatNumber(amount)}`;
  }
  const integer = number(observation, 'valueInteger');
  return (
    string(observation, 'valueString') ??
    conceptText(object(observation, 'valueCodeableConcept')) ??
    (integer === undefined ? undefined : formatNumber(integer)) ??
    conceptText(object(observation, 'dataAbsentReason')) ??
    ''
  );
}

function rangeText(
  low: number | null,
  high: number | null,
  formatNumber: (value: number) => string,
): string | undefined {
  if (low !== null && high !== null) {
    return `${formatNumber(low)} – ${formatNumber(high)}`;
  }
  if (high !== null) {
    return `≤ ${formatNumber(high)}`;
  }
  return low === null ? undefined : `≥ ${formatNumber(low)}`;
}

export interface DatedValue {
  reportId: string;
  section: string;
  value: LabValue;
  at: string | undefined;
}

/** Every measurement of the same test, this one among them, newest first. */
export function valuesOf(testKey: string, years: { section: string; reports: LabReport[] }[]): DatedValue[] {
  if (testKey === '') {
    return [];
  }
  return newestFirst(
    years.flatMap(({ section, reports }) =>
      reports.flatMap((report) =>
        report.values
          .filter((value) => value.testKey === testKey)
          .map((value) => ({ reportId: report.id, section, value, at: value.at ?? report.collectedAt })),
      ),
    ),
    ({ at }) => at,
  );
}

/** Of values, the first that is true of one; a test that was not performed says nothing of the others. */
const TOLD = ['corrected', 'amended', 'preliminary'] as const;

/** FHIR status to be told of a report in a list: its own, else what is true of one of its values. */
export function toldStatus({ status, values }: LabReport): string {
  const ofValues = TOLD.find((told) => values.some((value) => value.status === told));
  return status === 'final' || status === 'unknown' ? (ofValues ?? status) : status;
}

/** Ids of the documents that came with the report's values, each once, in the order of the values. */
export function scansOf({ values }: LabReport): string[] {
  return [...new Set(values.flatMap(({ documents }) => documents))];
}

const NEW_MS = 14 * 86_400_000;

/** Reported or collected within the last two weeks. */
export function isNewReport(report: LabReport, now: number): boolean {
  const at = Date.parse(report.reportedAt ?? report.collectedAt ?? '');
  return now - at < NEW_MS;
}

export function outsideCount(report: LabReport): number {
  return report.values.filter((value) => value.flag !== null && value.flag !== 'normal').length;
}
