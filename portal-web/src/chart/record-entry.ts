import { conceptCode, conceptText, isObject, list, number, object, string } from './fhir.js';
import type { Json } from './fhir.js';

/** What entries of most parts of the record have in common. */
export interface RecordEntry {
  id: string;
  /** empty when the resource names nothing */
  name: string;
  /** false: over, inactive, not done, or entered by mistake */
  current: boolean;
  /** the clinic has marked the entry as a mistake */
  withdrawn: boolean;
  notes: string[];
  codes: Code[];
}

export interface Code {
  /** `SNOMED CT`, `ICD-10-CM`; empty for a system without a common name */
  system: string;
  code: string;
  display: string | undefined;
}

/** When something was: a FHIR date or period, or words where the record has no date. */
export interface Timing {
  at: string | undefined;
  until: string | undefined;
  words: string | undefined;
}

const SYSTEMS: Record<string, string> = {
  'http://snomed.info/sct': 'SNOMED CT',
  'http://loinc.org': 'LOINC',
  'http://hl7.org/fhir/sid/icd-10-cm': 'ICD-10-CM',
  'http://hl7.org/fhir/sid/icd-10': 'ICD-10',
  'http://hl7.org/fhir/sid/icd-9-cm': 'ICD-9-CM',
  'http://www.nlm.nih.gov/research/umls/rxnorm': 'RxNorm',
  'http://hl7.org/fhir/sid/cvx': 'CVX',
  'http://hl7.org/fhir/sid/ndc': 'NDC',
  'http://www.ama-assn.org/go/cpt': 'CPT',
  'https://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets': 'HCPCS',
};

/** Systems that say why a code is missing; that is no code of the record. */
const NO_CODE = /v3-NullFlavor|data-absent-reason/;

/** Every code of the concepts, each once. */
export function codesOf(...concepts: (Json | undefined)[]): Code[] {
  const seen = new Map<string, Code>();
  for (const coding of concepts.flatMap((concept) => list(concept, 'coding'))) {
    const code = string(coding, 'code');
    const uri = string(coding, 'system') ?? '';
    if (code !== undefined && !NO_CODE.test(uri)) {
      const system = SYSTEMS[uri] ?? '';
      seen.set(`${uri}|${code}`, { system, code, display: string(coding, 'display') });
    }
  }
  return [...seen.values()];
}

/** `onset`, `performed`, `occurrence`, `effective`: whichever of FHIR's choices the resource has. */
export function timing(resource: Json, stem: string): Timing {
  const period = object(resource, `${stem}Period`);
  const age = object(resource, `${stem}Age`);
  const years = number(age, 'value');
  return {
    at:
      string(resource, `${stem}DateTime`) ??
      string(resource, `${stem}Instant`) ??
      string(resource, `${stem}Date`) ??
      string(period, 'start'),
    until: string(period, 'end'),
    words:
      string(resource, `${stem}String`) ??
      (years === undefined ? undefined : `${String(years)} ${string(age, 'unit') ?? 'years'}`),
  };
}

export function noteTexts(resource: Json): string[] {
  return list(resource, 'note').flatMap((note) => string(note, 'text') ?? []);
}

/** A status given as code or as a concept, in words where the practice made one up; empty when there is none. */
export function statusOf(resource: Json, key: string): string {
  const value = resource[key];
  return (isObject(value) ? (conceptCode(value) ?? conceptText(value)) : string(resource, key)) ?? '';
}

/** By instant, so that offsets count; what has no date comes last, in the order it was given. */
export function newestFirst<T>(items: readonly T[], at: (item: T) => string | undefined): T[] {
  return items
    .map((item) => ({ item, key: instantOf(at(item)) }))
    .sort((a, b) => (a.key === b.key ? 0 : b.key > a.key ? 1 : -1))
    .map(({ item }) => item);
}

function instantOf(value: string | undefined): number {
  const instant = value === undefined ? Number.NaN : Date.parse(value);
  return Number.isNaN(instant) ? Number.NEGATIVE_INFINITY : instant;
}
