import type { Resource } from 'sync-contract/section-content';

/** The parts of FHIR R4 data types that the renderers write. */
export interface Coding {
  system?: string;
  code?: string;
  display?: string;
}
export interface CodeableConcept {
  coding?: Coding[];
  text?: string;
}
export interface Reference {
  reference?: string;
  type?: string;
  display?: string;
}
export interface Quantity {
  value?: number;
  comparator?: '<' | '<=' | '>=' | '>';
  unit?: string;
  system?: string;
  code?: string;
}

export const SYSTEMS = {
  loinc: 'http://loinc.org',
  rxnorm: 'http://www.nlm.nih.gov/research/umls/rxnorm',
  ndc: 'http://hl7.org/fhir/sid/ndc',
  snomed: 'http://snomed.info/sct',
  icd10cm: 'http://hl7.org/fhir/sid/icd-10-cm',
  ucum: 'http://unitsofmeasure.org',
  npi: 'http://hl7.org/fhir/sid/us-npi',
  nci: 'http://ncicb.nci.nih.gov/xml/owl/EVS/Thesaurus.owl',
  nullFlavor: 'http://terminology.hl7.org/CodeSystem/v3-NullFlavor',
  dataAbsentReason: 'http://terminology.hl7.org/CodeSystem/data-absent-reason',
} as const;

const US_CORE = 'http://hl7.org/fhir/us/core/StructureDefinition';
export const usCore = (name: string): string => `${US_CORE}/${name}`;
export const profileMeta = (name: string): { profile: string[] } => ({ profile: [usCore(name)] });

/**
 * A resource without its empty parts: undefined, empty text, empty lists and objects go, so that equal facts always
 * give equal JSON.
 */
export function resource(parts: { resourceType: string; id: string } & Record<string, unknown>): Resource {
  const { resourceType, id, ...rest } = parts;
  const kept = withoutEmpty(rest);
  return { resourceType, id, ...(isRecord(kept) ? kept : {}) };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function withoutEmpty(value: unknown): unknown {
  if (Array.isArray(value)) {
    const items = value.map(withoutEmpty).filter((item) => item !== undefined);
    return items.length === 0 ? undefined : items;
  }
  if (isRecord(value)) {
    const entries = Object.entries(value)
      .map(([key, part]): [string, unknown] => [key, withoutEmpty(part)])
      .filter(([, part]) => part !== undefined);
    return entries.length === 0 ? undefined : Object.fromEntries(entries);
  }
  return value === '' || value === null ? undefined : value;
}

/** The text itself, or undefined when empty. */
export const some = (text: string): string | undefined => (text === '' ? undefined : text);
