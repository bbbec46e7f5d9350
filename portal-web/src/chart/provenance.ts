import { isObject, isWithdrawnSign, list, nested, object, string } from './fhir.js';
import type { Json } from './fhir.js';
import type { Referred } from './referred.js';

/** Who wrote an entry down, for which organization, and when, as far as the entry says. */
export interface Recorded {
  /** names */
  by: string[];
  /** for whom a clinician wrote it, where the entry names it */
  organization: string | undefined;
  /** a clinician wrote it, and the entry names no organization: for the practice */
  forPractice: boolean;
  on: string | undefined;
}

type Writers = (resource: Json) => readonly (Json | undefined)[];

const recorder: Writers = (resource) => [object(resource, 'recorder') ?? object(resource, 'asserter')];
const requester: Writers = (resource) => [object(resource, 'requester')];
const nobody: Writers = () => [];

/** A laboratory answers for its values before the person who directs it. */
const performers = (resource: Json): Json[] =>
  list(resource, 'performer').sort((a, b) => Number(isClinician(a)) - Number(isClinician(b)));

/**
 * Of each type of entry who wrote it down. Types that are not here have no Provenance of their own: people and places are
 * nobody's work, and what a Device's statement says of its writer holds for the Device.
 */
const WRITERS: Readonly<Record<string, Writers>> = {
  AllergyIntolerance: recorder,
  Appointment: nobody,
  CarePlan: (resource) => [object(resource, 'author')],
  CareTeam: nobody,
  Condition: recorder,
  Coverage: nobody,
  DeviceUseStatement: (resource) => [object(resource, 'source')],
  DiagnosticReport: (resource) => {
    const service = performers(resource);
    // Who interprets a laboratory's report is, in OpenEMR, who ordered it.
    return service.length > 0 ? service : list(resource, 'resultsInterpreter');
  },
  DocumentReference: (resource) => list(resource, 'author'),
  Encounter: nobody,
  Goal: (resource) => [object(resource, 'expressedBy')],
  Immunization: nobody,
  MedicationDispense: nobody,
  MedicationRequest: requester,
  Observation: performers,
  Patient: nobody,
  Procedure: (resource) => [object(resource, 'recorder')],
  QuestionnaireResponse: (resource) => [object(resource, 'author') ?? object(resource, 'source')],
  ServiceRequest: requester,
};

/** Elements with the time of writing; what happened when is another matter. */
const TIMES = ['recordedDate', 'recorded', 'recordedOn', 'issued', 'authoredOn', 'authored', 'date', 'created'];

export function recordedOf(resource: Json, referred: Referred): Recorded {
  const writers = (WRITERS[string(resource, 'resourceType') ?? '']?.(resource) ?? []).filter(isObject);
  const clinician = writers.some(isClinician);
  const organization = clinician ? referred.name(organizationOf(resource, writers)) : undefined;
  return {
    by: referred.names(writers),
    organization,
    forPractice: clinician && organization === undefined,
    on: timeOf(resource),
  };
}

/** Whoever wrote an entry down, and for whom, in words; empty where it names nobody. @param practice its name */
export function writersIn({ by, organization, forPractice }: Recorded, practice: string): string {
  const place = forPractice ? practice : organization;
  return by.length === 0
    ? ''
    : [...new Set([...by, place])].filter((name) => name !== undefined && name !== '').join(', ');
}

/** For whom its clinicians wrote an entry, where it is not simply the practice. */
const organizationOf = (resource: Json, writers: readonly Json[]): Json | undefined =>
  keeperOf(resource) ?? writers.find((writer) => typeOf(writer) === 'Organization');

const keeperOf = (resource: Json): Json | undefined =>
  object(resource, 'custodian') ?? object(resource, 'serviceProvider');

const timeOf = (resource: Json): string | undefined =>
  TIMES.map((key) => string(resource, key)).find((time) => time !== undefined);

/** The practice, as the first of its sites names it; undefined where the chart's reader may not see the practice. */
export function practiceOrganization(resources: readonly unknown[]): Json | undefined {
  return resources
    .filter(isObject)
    .map((resource) => object(resource, 'managingOrganization'))
    .find((organization) => organization !== undefined);
}

/**
 * FHIR Provenance (US Core) of an entry: who wrote it, clinicians on whose behalf, when, and that it came through the
 * practice. The entry says it; where it names no writer, who did what it is about answers for it, and where it names
 * nobody the practice does, as in OpenEMR's own answers. Null for what nobody writes, and where nobody at all can be
 * named.
 */
export function provenanceOf(resource: Json, practice: Json | undefined): fhir4.Provenance | null {
  const type = string(resource, 'resourceType') ?? '';
  const id = string(resource, 'id');
  const writers = WRITERS[type]?.(resource).filter(isObject);
  if (writers === undefined || id === undefined || isWithdrawnSign(resource)) {
    return null;
  }
  const sender = pointer(keeperOf(resource)) ?? pointer(practice);
  const authors = authorsOf(resource, writers, sender);
  const behalf = whoOf(organizationOf(resource, writers) ?? {})[0] ?? sender;
  const device = type === 'DeviceUseStatement' ? pointer(object(resource, 'device')) : undefined;
  const time = timeOf(resource);
  return authors.length === 0
    ? null
    : {
        resourceType: 'Provenance',
        id: `${type}-${id}`.slice(0, 64),
        ...(behalf === undefined && authors.some(isClinician) ? {} : { meta: { profile: [US_CORE] } }),
        target: [{ reference: `${type}/${id}`, type }, ...(device === undefined ? [] : [device])],
        ...(time !== undefined && INSTANT.test(time) ? { recorded: time } : UNKNOWN_TIME),
        agent: [
          ...authors.map((who) => agent(AUTHOR, who, isClinician(who) ? behalf : undefined)),
          ...(sender === undefined ? [] : [agent(TRANSMITTER, sender, undefined)]),
        ],
      };
}

/** It wants to know for whom a clinician wrote. */
const US_CORE = 'http://hl7.org/fhir/us/core/StructureDefinition/us-core-provenance';

const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/;

/** `recorded` is required; FHIR's own way to say that it is not known. */
const UNKNOWN_TIME = {
  _recorded: {
    extension: [{ url: 'http://hl7.org/fhir/StructureDefinition/data-absent-reason', valueCode: 'unknown' }],
  },
} as unknown as Pick<fhir4.Provenance, 'recorded'>;

/** Each writer once; else the first who did what the entry is about; else who keeps it. */
function authorsOf(
  resource: Json,
  writers: readonly Json[],
  keeper: fhir4.Reference | undefined,
): readonly fhir4.Reference[] {
  const named = new Map(writers.flatMap(whoOf).map((who) => [who.reference ?? who.display, who]));
  const doers = [...nested(resource, 'performer', 'actor'), ...nested(resource, 'participant', 'individual')];
  return named.size > 0 ? [...named.values()] : [...doers.flatMap(whoOf), keeper ?? []].flat().slice(0, 1);
}

const AUTHOR = {
  system: 'http://terminology.hl7.org/CodeSystem/provenance-participant-type',
  code: 'author',
  display: 'Author',
};
const TRANSMITTER = {
  system: 'http://hl7.org/fhir/us/core/CodeSystem/us-core-provenance-participant-type',
  code: 'transmitter',
  display: 'Transmitter',
};

const agent = (
  role: fhir4.Coding,
  who: fhir4.Reference,
  onBehalfOf: fhir4.Reference | undefined,
): fhir4.ProvenanceAgent => ({
  type: { coding: [role] },
  who,
  ...(onBehalfOf === undefined ? {} : { onBehalfOf }),
});

/** By reference, else by name alone: a laboratory that the practice knows as a name is not the practice. */
function whoOf(reference: Json): fhir4.Reference[] {
  const display = string(reference, 'display');
  const found = pointer(reference) ?? (display === undefined ? undefined : { display });
  return found === undefined ? [] : [found];
}

/** What stands inside of an entry cannot be pointed to from outside. */
const POINTS = /^([A-Z][A-Za-z]+)\/[A-Za-z0-9.-]{1,64}$/;

function pointer(reference: Json | undefined): fhir4.Reference | undefined {
  const target = string(reference, 'reference');
  const type = POINTS.exec(target ?? '')?.[1];
  const display = string(reference, 'display');
  return target === undefined || type === undefined
    ? undefined
    : { reference: target, type, ...(display === undefined ? {} : { display }) };
}

const typeOf = (reference: unknown): string | undefined =>
  POINTS.exec(string(reference, 'reference') ?? '')?.[1] ?? string(reference, 'type');

/** Somebody who writes for an organization; an organization, a patient or a bare name speaks for itself. */
const isClinician = (reference: unknown): boolean => /^Practitioner(Role)?$/.test(typeOf(reference) ?? '');
