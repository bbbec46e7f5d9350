import { addressLines, boolean, conceptText, list, object, ofType, string } from './fhir.js';
import type { Json } from './fhir.js';
import { humanName } from './referred.js';

export interface Profile {
  name: string | undefined;
  /** how to greet the person */
  calledBy: string | undefined;
  earlierNames: string[];
  birthDate: string | undefined;
  gender: string | undefined;
  /** the sex the person says, where the record has it apart from the one it was told first */
  saidSex: string | undefined;
  genderIdentity: string | undefined;
  pronouns: string | undefined;
  /** a date, or true without one */
  deceased: string | true | undefined;
  interpreter: string | undefined;
  addresses: string[][];
  contacts: ContactPoint[];
  languages: string[];
  maritalStatus: string | undefined;
  race: string[];
  ethnicity: string[];
  tribes: string[];
  recordNumber: string | undefined;
  clinician: string | undefined;
  related: RelatedPerson[];
}

/** Somebody who is called or decides for the person. */
export interface RelatedPerson {
  name: string | undefined;
  /** what they are to the person: mother, guardian, emergency contact */
  roles: string[];
  addresses: string[][];
  contacts: ContactPoint[];
}

export interface ContactPoint {
  kind: string;
  use: string | undefined;
  value: string;
}

const RACE = 'http://hl7.org/fhir/us/core/StructureDefinition/us-core-race';
const ETHNICITY = 'http://hl7.org/fhir/us/core/StructureDefinition/us-core-ethnicity';
const TRIBE = 'http://hl7.org/fhir/us/core/StructureDefinition/us-core-tribal-affiliation';
const SEX = 'http://hl7.org/fhir/us/core/StructureDefinition/us-core-sex';
const GENDER_IDENTITY = 'http://hl7.org/fhir/us/core/StructureDefinition/us-core-genderIdentity';
const PRONOUNS = 'http://hl7.org/fhir/StructureDefinition/individual-pronouns';
const INTERPRETER = 'http://hl7.org/fhir/us/core/StructureDefinition/us-core-interpreter-needed';

/** The Patient of a `profile` section with the people who belong to them; null when there is none. */
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
    saidSex: string(object(extensions(patient, SEX)[0], 'valueCoding'), 'display'),
    genderIdentity: conceptText(object(extensions(patient, GENDER_IDENTITY)[0], 'valueCodeableConcept')),
    pronouns: extensions(patient, PRONOUNS).flatMap(partConcepts)[0],
    deceased: string(patient, 'deceasedDateTime') ?? (boolean(patient, 'deceasedBoolean') === true ? true : undefined),
    interpreter: string(object(extensions(patient, INTERPRETER)[0], 'valueCoding'), 'display'),
    addresses: addressesOf(list(patient, 'address')),
    contacts: contactPoints(patient),
    languages: list(patient, 'communication').flatMap((entry) => conceptText(object(entry, 'language')) ?? []),
    maritalStatus: conceptText(object(patient, 'maritalStatus')),
    race: extensionTexts(patient, RACE),
    ethnicity: extensionTexts(patient, ETHNICITY),
    tribes: extensions(patient, TRIBE).flatMap(partConcepts),
    recordNumber: list(patient, 'identifier')
      .map((identifier) => string(identifier, 'value'))
      .find((value) => value !== undefined),
    clinician: string(list(patient, 'generalPractitioner')[0], 'display'),
    related: relatedTo(patient, resources),
  };
}

/** The record's contacts, and persons it keeps by themselves; of a contact nothing but a role is nobody. */
function relatedTo(patient: Json, resources: unknown[]): RelatedPerson[] {
  const contacts = list(patient, 'contact').map((contact) => ({
    ...relatedPerson(contact, humanName(object(contact, 'name'))),
    addresses: addressesOf([object(contact, 'address') ?? {}]),
  }));
  const persons = ofType(resources, 'RelatedPerson')
    .filter((person) => boolean(person, 'active') !== false)
    .map((person) => ({
      ...relatedPerson(person, humanName(list(person, 'name')[0])),
      addresses: addressesOf(list(person, 'address')),
    }));
  return [...contacts, ...persons].filter(({ name, contacts: points }) => name !== undefined || points.length > 0);
}

function relatedPerson(resource: Json, name: string | undefined): Omit<RelatedPerson, 'addresses'> {
  const roles = list(resource, 'relationship').flatMap((role) => conceptText(role) ?? []);
  return { name, roles: [...new Set(roles)], contacts: contactPoints(resource) };
}

function contactPoints(owner: Json): ContactPoint[] {
  return list(owner, 'telecom').flatMap((telecom) => {
    const value = string(telecom, 'value');
    return value === undefined
      ? []
      : [{ kind: string(telecom, 'system') ?? 'other', use: string(telecom, 'use'), value }];
  });
}

function addressesOf(addresses: Json[]): string[][] {
  return addresses
    .filter((address) => string(address, 'use') !== 'old')
    .map(addressLines)
    .filter((lines) => lines.length > 0);
}

const extensions = (patient: Json, url: string): Json[] =>
  list(patient, 'extension').filter((entry) => string(entry, 'url') === url);

const partConcepts = (extension: Json): string[] =>
  list(extension, 'extension').flatMap((part) => conceptText(object(part, 'valueCodeableConcept')) ?? []);

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
