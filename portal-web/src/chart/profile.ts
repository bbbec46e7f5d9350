import { addressLines, conceptText, list, object, ofType, string } from './fhir.js';
import type { Json } from './fhir.js';
import { humanName } from './referred.js';

export interface Profile {
  name: string | undefined;
  /** how to greet the person */
  calledBy: string | undefined;
  earlierNames: string[];
  birthDate: string | undefined;
  gender: string | undefined;
  addresses: string[][];
  contacts: { kind: string; use: string | undefined; value: string }[];
  languages: string[];
  maritalStatus: string | undefined;
  race: string[];
  ethnicity: string[];
  recordNumber: string | undefined;
  clinician: string | undefined;
}

const RACE = 'http://hl7.org/fhir/us/core/StructureDefinition/us-core-race';
const ETHNICITY = 'http://hl7.org/fhir/us/core/StructureDefinition/us-core-ethnicity';

/** The Patient resource of a `profile` section; null when there is none. */
export function readProfile(resources: unknown[]): Profile | null {
  const patient = ofType(resources, 'Patient')[0];
  if (patient === undefined) {
    return null;
  }
  const names = list(patient, 'name');
  const current =
    names.find((name) => string(name, 'use') === 'official') ?? names.find((name) => !isOld(name)) ?? names[0];
  const preferred = names.find((name) => ['usual', 'nickname'].includes(string(name, 'use') ?? ''));
  return {
    name: humanName(current),
    calledBy: firstGiven(preferred) ?? string(preferred, 'text') ?? firstGiven(current) ?? humanName(current),
    earlierNames: names.filter(isOld).flatMap((name) => humanName(name) ?? []),
    birthDate: string(patient, 'birthDate'),
    gender: string(patient, 'gender'),
    addresses: list(patient, 'address')
      .filter((address) => string(address, 'use') !== 'old')
      .map(addressLines)
      .filter((lines) => lines.length > 0),
    contacts: list(patient, 'telecom').flatMap((telecom) => {
      const value = string(telecom, 'value');
      return value === undefined
        ? []
        : [{ kind: string(telecom, 'system') ?? 'other', use: string(telecom, 'use'), value }];
    }),
    languages: list(patient, 'communication').flatMap((entry) => conceptText(object(entry, 'language')) ?? []),
    maritalStatus: conceptText(object(patient, 'maritalStatus')),
    race: extensionTexts(patient, RACE),
    ethnicity: extensionTexts(patient, ETHNICITY),
    recordNumber: list(patient, 'identifier')
      .map((identifier) => string(identifier, 'value'))
      .find((value) => value !== undefined),
    clinician: string(list(patient, 'generalPractitioner')[0], 'display'),
  };
}

function isOld(name: Json): boolean {
  return ['old', 'maiden'].includes(string(name, 'use') ?? '');
}

function firstGiven(name: Json | undefined): string | undefined {
  const given = name?.['given'];
  const first: unknown = Array.isArray(given) ? given[0] : undefined;
  return typeof first === 'string' && first !== '' ? first : undefined;
}

function extensionTexts(patient: Json, url: string): string[] {
  const extension = list(patient, 'extension').find((entry) => string(entry, 'url') === url);
  const parts = list(extension, 'extension');
  const texts = parts
    .filter((part) => string(part, 'url') === 'text')
    .flatMap((part) => string(part, 'valueString') ?? []);
  return texts.length > 0 ? texts : parts.flatMap((part) => string(object(part, 'valueCoding'), 'display') ?? []);
}
