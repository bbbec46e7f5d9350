import { readBundles } from 'infra/openemr-sim/sim-data';
import { z } from 'zod';
import type { Json, JsonObject } from './golden-comparison.js';

/** One resource of a bundle or of a rendered chart. */
export interface Entry {
  /** type, of Observations with their category: what the lines of the reviewed file begin with */
  label: string;
  /** the facts that two descriptions of the same thing share: what it is, and when */
  key: string;
  /** how other entries refer to it */
  reference: string;
  resource: JsonObject;
}

function isJson(value: unknown): value is Json {
  if (Array.isArray(value)) {
    return value.every(isJson);
  }
  if (typeof value === 'object' && value !== null) {
    return Object.values(value).every(isJson);
  }
  return value === null || ['string', 'number', 'boolean'].includes(typeof value);
}

export function jsonObject(value: unknown): JsonObject {
  if (!isJson(value) || typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new TypeError('not an object of JSON');
  }
  return value;
}

const MOMENT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)$/;

/** Times of whatever offset as the same moment in UTC. */
export function inUtc(value: Json): Json {
  if (Array.isArray(value)) {
    return value.map(inUtc);
  }
  if (typeof value === 'object' && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, inUtc(part)]));
  }
  return typeof value === 'string' && MOMENT.test(value) ? new Date(value).toISOString() : value;
}

/** The leaf at a path as text; empty when there is none. */
export function textAt(value: Json | undefined, ...path: readonly (string | number)[]): string {
  let found: Json | undefined = value;
  for (const step of path) {
    if (typeof found !== 'object' || found === null) {
      return '';
    }
    found = Array.isArray(found) ? found[Number(step)] : found[step];
  }
  return typeof found === 'object' || found === undefined ? '' : String(found);
}

const wallClock = new Intl.DateTimeFormat('sv-SE', {
  timeZone: 'America/New_York',
  dateStyle: 'short',
  timeStyle: 'medium',
});

/** What the clinic's clock showed: OpenEMR keeps no more of a moment, and an hour in autumn passes twice. */
export const onTheClock = (moment: string): string =>
  moment === '' ? '' : wallClock.format(new Date(moment)).replaceAll(' ', ' ');

const codeOf = (resource: JsonObject): string => textAt(resource, 'code', 'coding', 0, 'code');

/** Measurements for which Synthea has another code than OpenEMR. */
const SAME_MEASUREMENT: Readonly<Record<string, string>> = {
  '55284-4': '85354-9',
  '8331-1': '8310-5',
};

const FACTS: Readonly<Record<string, (resource: JsonObject) => readonly string[]>> = {
  Encounter: (visit) => [onTheClock(textAt(visit, 'period', 'start')), reasonOf(visit)],
  Condition: (problem) => [codeOf(problem), onTheClock(textAt(problem, 'onsetDateTime'))],
  AllergyIntolerance: (allergy) => [codeOf(allergy), onTheClock(textAt(allergy, 'recordedDate'))],
  MedicationRequest: (request) => [
    textAt(request, 'medicationCodeableConcept', 'coding', 0, 'code'),
    onTheClock(textAt(request, 'authoredOn')),
  ],
  Immunization: (shot) => [
    textAt(shot, 'vaccineCode', 'coding', 0, 'code'),
    onTheClock(textAt(shot, 'occurrenceDateTime')),
  ],
  Procedure: (procedure) => [codeOf(procedure), onTheClock(textAt(procedure, 'performedPeriod', 'start'))],
  DiagnosticReport: (report) => [codeOf(report), onTheClock(textAt(report, 'effectiveDateTime'))],
  Observation: (observation) => [
    SAME_MEASUREMENT[codeOf(observation)] ?? codeOf(observation),
    onTheClock(textAt(observation, 'effectiveDateTime')),
  ],
  CarePlan: (plan) => [onTheClock(textAt(plan, 'period', 'start'))],
  Goal: (goal) => [textAt(goal, 'description', 'text'), textAt(goal, 'startDate')],
  Practitioner: (person) => [textAt(person, 'identifier', 0, 'value')],
  Organization: (organization) => [textAt(organization, 'name')],
  ExplanationOfBenefit: (bill) => [onTheClock(textAt(bill, 'date'))],
};

/** Why the patient came; what kind of visit it was, where nobody said why. */
export const reasonOf = (visit: JsonObject): string =>
  textAt(visit, 'reasonCode', 0, 'text') ||
  textAt(visit, 'reasonCode', 0, 'coding', 0, 'display') ||
  textAt(visit, 'type', 0, 'text');

/** Synthea asks about smoking in a survey and files pain under vital signs; OpenEMR's forms have them the other way. */
const OTHER_CATEGORY: Readonly<Record<string, string>> = { '72166-2': 'social-history', '72514-3': 'survey' };
const MISSPELT: Readonly<Record<string, string>> = { 'vital-sign': 'vital-signs' };

function labelOf(resource: JsonObject): string {
  const type = textAt(resource, 'resourceType');
  const category = textAt(resource, 'category', 0, 'coding', 0, 'code');
  return type === 'Observation'
    ? `Observation ${OTHER_CATEGORY[codeOf(resource)] ?? MISSPELT[category] ?? category}`
    : type;
}

export function entryOf(reference: string, resource: JsonObject): Entry {
  const facts = FACTS[textAt(resource, 'resourceType')];
  return { label: labelOf(resource), key: facts?.(resource).join(' ') ?? '', reference, resource };
}

const Bundle = z.object({ entry: z.array(z.object({ fullUrl: z.string(), resource: z.unknown() })) });

/** The resources of each bundle that comes with the project. */
export function readSource(): { bundle: unknown; entries: Entry[] }[] {
  return readBundles().map((bundle) => {
    const entries = Bundle.parse(bundle).entry.map(({ fullUrl, resource }) =>
      entryOf(fullUrl, jsonObject(inUtc(jsonObject(resource)))),
    );
    return { bundle, entries: [...entries.map((entry) => withTime(entry, entries)), ACCOUNT] };
  });
}

/** Everybody has an account; the bundles know only the bills. */
const ACCOUNT = entryOf('account', { resourceType: 'Section billing' });

/** What has no time of its own has that of what it belongs to. */
function withTime(entry: Entry, entries: readonly Entry[]): Entry {
  switch (entry.label) {
    case 'Goal':
      return ofItsPlan(entry, entries);
    case 'ExplanationOfBenefit':
      return { ...entry, key: onTheClock(textAt(visitOf(entry, entries)?.resource, 'period', 'start')) };
    default:
      return entry;
  }
}

/** The visit that a bill is for. */
export function visitOf({ resource }: Entry, entries: readonly Entry[]): Entry | undefined {
  const reference = textAt(resource, 'item', 0, 'encounter', 0, 'reference');
  return entries.find((entry) => entry.reference === reference);
}

/** A goal has no time of its own: the plan that names it has. */
function ofItsPlan(goal: Entry, entries: readonly Entry[]): Entry {
  const plan = entries.find(
    ({ label, resource }) => label === 'CarePlan' && JSON.stringify(resource['goal'] ?? '').includes(goal.reference),
  );
  const day = onTheClock(textAt(plan?.resource, 'period', 'start')).slice(0, 10);
  return { ...goal, key: `${textAt(goal.resource, 'description', 'text')} ${day}` };
}
