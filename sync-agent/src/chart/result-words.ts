import type { ListOptions } from './coded-values.js';
import type { CodeableConcept, Coding } from './fhir.js';

const STATUSES: ReadonlyMap<string, string> = new Map(
  Object.entries({
    final: 'final',
    review: 'final',
    prelim: 'preliminary',
    correct: 'corrected',
    cancel: 'cancelled',
    error: 'entered-in-error',
    incomplete: 'registered',
  }),
);
const FHIR_STATUSES = ['registered', 'partial', 'preliminary', 'final', 'amended', 'corrected', 'cancelled'];

/** Status of a report or result: OpenEMR's words and FHIR's own; a word nobody knows is `unknown`, never `final`. */
export function resultStatus(stored: string): string {
  const word = stored.toLowerCase();
  return STATUSES.get(word) ?? (FHIR_STATUSES.includes(word) ? word : 'unknown');
}

/** As `resultStatus`; `appended` exists for reports only. */
export const reportStatus = (stored: string): string =>
  stored.toLowerCase() === 'appended' ? 'appended' : resultStatus(stored);

const CATEGORIES: ReadonlyMap<string, Coding> = new Map(
  Object.entries({
    laboratory_test: { code: 'LAB', display: 'Laboratory' },
    imaging: { code: 'RAD', display: 'Radiology' },
  }),
);

/** `procedure_order_type` or the ordered test's own type. */
export function reportCategory(orderType: string): Coding {
  const category = CATEGORIES.get(orderType) ?? { code: 'OTH', display: 'Other' };
  return { system: 'http://terminology.hl7.org/CodeSystem/v2-0074', ...category };
}

const INTERPRETATIONS: ReadonlyMap<string, Coding> = new Map(
  Object.entries({
    N: { code: 'N', display: 'Normal' },
    A: { code: 'A', display: 'Abnormal' },
    H: { code: 'H', display: 'High' },
    L: { code: 'L', display: 'Low' },
    HU: { code: 'HU', display: 'Significantly high' },
    LU: { code: 'LU', display: 'Significantly low' },
    HH: { code: 'HH', display: 'Critical high' },
    LL: { code: 'LL', display: 'Critical low' },
    AA: { code: 'AA', display: 'Critical abnormal' },
  }),
);
/** OpenEMR's own options, for a practice whose list lost its codes. */
const ABNORMAL_OPTIONS: ReadonlyMap<string, string> = new Map(
  Object.entries({
    no: 'N',
    yes: 'A',
    high: 'H',
    low: 'L',
    vhigh: 'HH',
    vlow: 'LL',
  }),
);

/** The laboratory's flag; the list's codes first, a flag that no list knows is text. */
export function interpretation(stored: string, options: ListOptions): CodeableConcept | undefined {
  if (stored === '') {
    return undefined;
  }
  const code = options.find('proc_res_abnormal', stored)?.codes || ABNORMAL_OPTIONS.get(stored.toLowerCase()) || stored;
  return interpretationOf(code, options.title('proc_res_abnormal', stored));
}

/** HL7's code of an interpretation; one that HL7 does not have is its text, undefined when there is none. */
export function interpretationOf(code: string, text: string): CodeableConcept | undefined {
  const known = INTERPRETATIONS.get(code);
  if (known === undefined) {
    return text === '' ? undefined : { text };
  }
  const system = 'http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation';
  return { coding: [{ system, ...known }] };
}
