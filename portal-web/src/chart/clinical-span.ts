import { ccdRange } from './ccd.js';
import { list, object, string, type Json } from './fhir.js';
import { statusOf, timing } from './record-entry.js';

/** Days in the clinic's time zone, `2026-11-03`, both inclusive; null is open. */
export interface DayRange {
  from: string | null;
  to: string | null;
}

/** From the first to the last day of something, as far as the record says. */
interface Span {
  first: string;
  last: string;
}

interface Bounds {
  at: string | undefined;
  until?: string | undefined;
}

const ENDLESS = '9999-12-31';
const EVER = '0000-01-01';

/** Of each dated type when it was, clinically; types that are not here (people, places, devices) have no date. */
const BOUNDS: Record<string, (resource: Json) => Bounds> = {
  Observation: (resource) => timed(resource, 'effective', string(resource, 'issued')),
  DiagnosticReport: (resource) => timed(resource, 'effective', string(resource, 'issued')),
  Specimen: (resource) => timed(object(resource, 'collection') ?? {}, 'collected'),
  Immunization: (resource) => timed(resource, 'occurrence', string(resource, 'recorded')),
  Procedure: (resource) => timed(resource, 'performed'),
  Encounter: (resource) => periodOf(resource, 'period'),
  Appointment: (resource) => ({ at: string(resource, 'start'), until: string(resource, 'end') }),
  // A C-CDA was when it was asked for; its period is what it reports on.
  DocumentReference: (resource) => ({
    at:
      (ccdRange(resource) === null ? string(object(object(resource, 'context'), 'period'), 'start') : undefined) ??
      string(resource, 'date'),
  }),
  QuestionnaireResponse: (resource) => ({ at: string(resource, 'authored') }),
  MedicationDispense: (resource) => ({ at: string(resource, 'whenHandedOver') ?? string(resource, 'whenPrepared') }),
  Provenance: (resource) => ({ at: string(resource, 'recorded') }),
  // When they were written down says nothing of when they began.
  Condition: (resource) => ({ at: timing(resource, 'onset').at, until: timing(resource, 'abatement').at }),
  AllergyIntolerance: (resource) => ({ at: timing(resource, 'onset').at }),
  MedicationRequest: (resource) => {
    const validity = object(object(resource, 'dispenseRequest'), 'validityPeriod');
    return { at: string(resource, 'authoredOn') ?? string(validity, 'start'), until: string(validity, 'end') };
  },
  CarePlan: (resource) => periodOf(resource, 'period'),
  CareTeam: (resource) => periodOf(resource, 'period'),
  Goal: (resource) => ({ at: string(resource, 'startDate') }),
  Coverage: (resource) => periodOf(resource, 'period'),
  DeviceUseStatement: (resource) => timed(resource, 'timing'),
};

/** What lasts until the record gives it an end, by the status that it has once it is over. */
const LASTING: Record<string, { status: string; over: ReadonlySet<string> }> = {
  // When a problem or an allergy ended is not known without a date: it stays in.
  Condition: { status: 'clinicalStatus', over: new Set() },
  AllergyIntolerance: { status: 'clinicalStatus', over: new Set() },
  MedicationRequest: { status: 'status', over: new Set(['completed', 'stopped', 'cancelled', 'entered-in-error']) },
  CarePlan: { status: 'status', over: new Set(['completed', 'revoked', 'entered-in-error']) },
  CareTeam: { status: 'status', over: new Set(['inactive', 'entered-in-error']) },
  Goal: { status: 'lifecycleStatus', over: new Set(['completed', 'cancelled', 'rejected', 'entered-in-error']) },
  Coverage: { status: 'status', over: new Set(['cancelled', 'entered-in-error']) },
  DeviceUseStatement: { status: 'status', over: new Set(['completed', 'stopped', 'entered-in-error']) },
};

export const isWhole = ({ from, to }: DayRange): boolean => from === null && to === null;

/**
 * Those that were within the range at some time; what has no date stays in. Values and specimens go with their report,
 * whenever they were taken, and fills with their prescription, which stays in when one of them was within the range.
 * @param isoDay the clinic's calendar day of an instant
 */
export function withinRange(
  resources: readonly unknown[],
  range: DayRange,
  isoDay: (instant: string) => string | null,
): unknown[] {
  if (isWhole(range)) {
    return [...resources];
  }
  const deciding = decidedByOthers(resources);
  const isIn = (resource: unknown): boolean => {
    const span = spanOf(resource, isoDay);
    return span === null || overlaps(span, range);
  };
  return resources.filter((resource) => (deciding.get(resource) ?? [resource]).some(isIn));
}

/** Of what does not stand alone those that say when it was. */
function decidedByOthers(resources: readonly unknown[]): Map<unknown, unknown[]> {
  const byReference = new Map<string, unknown[]>();
  for (const resource of resources) {
    const reference = `${string(resource, 'resourceType') ?? ''}/${string(resource, 'id') ?? ''}`;
    byReference.set(reference, [...(byReference.get(reference) ?? []), resource]);
  }
  const referred = (owner: unknown, key: string): unknown[] =>
    list(owner, key).flatMap(
      (each) => byReference.get(string(each, 'reference')?.split('/').slice(-2).join('/') ?? '') ?? [],
    );
  const deciding = new Map<unknown, unknown[]>();
  const decide = (led: readonly unknown[], leaders: readonly unknown[]): void => {
    for (const each of led) {
      deciding.set(each, [...(deciding.get(each) ?? []), ...leaders]);
    }
  };
  for (const report of resources.filter((each) => string(each, 'resourceType') === 'DiagnosticReport')) {
    decide([...referred(report, 'result'), ...referred(report, 'specimen')], [report]);
  }
  for (const [request, fills] of fillsByRequest(resources, referred)) {
    decide([request, ...fills], [request, ...fills]);
  }
  return deciding;
}

function fillsByRequest(
  resources: readonly unknown[],
  referred: (owner: unknown, key: string) => unknown[],
): Map<unknown, unknown[]> {
  const fills = new Map<unknown, unknown[]>();
  for (const fill of resources.filter((each) => string(each, 'resourceType') === 'MedicationDispense')) {
    for (const request of referred(fill, 'authorizingPrescription')) {
      fills.set(request, [...(fills.get(request) ?? []), fill]);
    }
  }
  return fills;
}

/** Whether a date, or an instant in the clinic's calendar, is within the range; without one it is. */
export function isWithin(
  value: string | null | undefined,
  range: DayRange,
  isoDay: (instant: string) => string | null,
): boolean {
  const first = firstDay(value ?? undefined, isoDay);
  return first === null || overlaps({ first, last: lastDay(value ?? undefined, isoDay) ?? first }, range);
}

const overlaps = ({ first, last }: Span, { from, to }: DayRange): boolean =>
  (from === null || last >= from) && (to === null || first <= to);

function spanOf(resource: unknown, isoDay: (instant: string) => string | null): Span | null {
  const type = string(resource, 'resourceType') ?? '';
  const bounds = BOUNDS[type]?.(resource as Json);
  const lasting = LASTING[type];
  const until = lastDay(bounds?.until, isoDay);
  // What lasted until some day and has no beginning may have begun at any time.
  const openStart = lasting !== undefined && bounds?.at === undefined && until !== null;
  const first = openStart ? EVER : firstDay(bounds?.at ?? bounds?.until, isoDay);
  if (first === null) {
    return null;
  }
  const goesOn = lasting !== undefined && !lasting.over.has(statusOf(resource as Json, lasting.status));
  const end = until ?? (goesOn ? ENDLESS : lastDay(bounds?.at, isoDay));
  // An end before the beginning is a slip of the pen; the entry is not lost for it.
  return { first, last: end === null || end < first ? first : end };
}

function timed(resource: Json, stem: string, otherwise?: string): Bounds {
  const { at, until } = timing(resource, stem);
  return { at: at ?? otherwise, until };
}

function periodOf(resource: Json, key: string): Bounds {
  const period = object(resource, key);
  return { at: string(period, 'start'), until: string(period, 'end') };
}

const YEAR = /^\d{4}$/;
const MONTH = /^\d{4}-\d{2}$/;
const DAY = /^\d{4}-\d{2}-\d{2}$/;

function firstDay(value: string | undefined, isoDay: (instant: string) => string | null): string | null {
  if (value === undefined) {
    return null;
  }
  return YEAR.test(value)
    ? `${value}-01-01`
    : MONTH.test(value)
      ? `${value}-01`
      : DAY.test(value)
        ? value
        : isoDay(value);
}

/** Of a month the 31st, which sorts after every day of it. */
function lastDay(value: string | undefined, isoDay: (instant: string) => string | null): string | null {
  return value === undefined
    ? null
    : YEAR.test(value)
      ? `${value}-12-31`
      : MONTH.test(value)
        ? `${value}-31`
        : firstDay(value, isoDay);
}
