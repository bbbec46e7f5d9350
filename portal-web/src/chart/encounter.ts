import { conceptText, list, nested, object, ofType, string } from './fhir.js';
import type { Json } from './fhir.js';
import { codesOf, newestFirst, noteTexts } from './record-entry.js';
import type { RecordEntry } from './record-entry.js';
import { placeOf, Referred, referredId, type Place } from './referred.js';

export interface Encounter extends RecordEntry {
  /** FHIR status */
  status: string;
  /** ambulatory, emergency, … as the record words it */
  setting: string | undefined;
  start: string | undefined;
  end: string | undefined;
  reasons: string[];
  /** names that the visit itself gives */
  diagnoses: string[];
  /** ids of entries of the problem list */
  problemIds: string[];
  people: { name: string; role: string | undefined }[];
  place: Place | null;
  disposition: string | undefined;
}

const NOT_A_VISIT = new Set(['cancelled', 'entered-in-error']);

/** What an `encounters` section says, newest first. `current` means that the visit took place or takes place. */
export function readEncounters(resources: unknown[]): Encounter[] {
  const referred = new Referred(resources);
  return newestFirst(
    ofType(resources, 'Encounter').map((encounter) => readEncounter(encounter, referred)),
    ({ start }) => start,
  );
}

/** What was diagnosed or treated, in words. @param problem name of an entry of the problem list by its id */
export function diagnosesOf(
  { diagnoses, problemIds }: Encounter,
  problem: (id: string) => string | undefined,
): string[] {
  return [...new Set([...diagnoses, ...problemIds.flatMap((id) => problem(id) ?? [])])].filter((name) => name !== '');
}

function readEncounter(encounter: Json, referred: Referred): Encounter {
  const status = string(encounter, 'status') ?? '';
  const types = list(encounter, 'type');
  const period = object(encounter, 'period');
  const setting = object(encounter, 'class');
  const reasons = [
    ...list(encounter, 'reasonCode').flatMap((reason) => conceptText(reason) ?? []),
    ...referred.names(list(encounter, 'reasonReference')),
  ];
  const location = nested(encounter, 'location', 'location')[0];
  const provider = object(encounter, 'serviceProvider');
  const conditions = nested(encounter, 'diagnosis', 'condition');
  return {
    id: string(encounter, 'id') ?? '',
    name: types.map(conceptText).find((words) => words !== undefined) ?? reasons[0] ?? '',
    current: !NOT_A_VISIT.has(status),
    withdrawn: status === 'entered-in-error',
    status,
    setting: string(setting, 'display') ?? string(setting, 'code'),
    start: string(period, 'start'),
    end: string(period, 'end'),
    reasons: [...new Set(reasons)],
    diagnoses: referred.names(conditions),
    problemIds: conditions.flatMap((condition) => referredId(condition, 'Condition') ?? []),
    people: list(encounter, 'participant').flatMap((participant) => {
      const name = referred.name(object(participant, 'individual'));
      const role = list(participant, 'type')
        .map(conceptText)
        .find((words) => words !== undefined);
      return name === undefined ? [] : [{ name, role }];
    }),
    place:
      placeOf(referred.resource(location), referred.name(location)) ??
      placeOf(referred.resource(provider), referred.name(provider)),
    disposition: conceptText(object(object(encounter, 'hospitalization'), 'dischargeDisposition')),
    notes: noteTexts(encounter),
    codes: codesOf(...types, ...list(encounter, 'reasonCode')),
  };
}
