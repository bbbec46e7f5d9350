import { conceptKey, conceptText, list, object, ofType, string } from './fhir.js';
import type { Json } from './fhir.js';
import { valueWords } from './observation-value.js';
import { recordedOf, type Recorded } from './provenance.js';
import { codesOf, newestFirst, noteTexts, timing } from './record-entry.js';
import type { RecordEntry, Timing } from './record-entry.js';
import { Referred } from './referred.js';

export interface SocialFact extends RecordEntry {
  value: string | undefined;
  /** where the value is a day, as of a due date */
  day: string | undefined;
  effective: Timing;
  recorded: Recorded;
}

/** What a `social-history` section says, newest first. `current` is the newest fact of each kind that counts. */
export function readSocialHistory(
  resources: unknown[],
  formatNumber: (value: number) => string,
  yesNo: (value: boolean) => string,
): SocialFact[] {
  const referred = new Referred(resources);
  const newest = newestFirst(
    ofType(resources, 'Observation').map((observation) => ({
      key: conceptKey(object(observation, 'code')),
      fact: readFact(observation, referred, formatNumber, yesNo),
    })),
    ({ fact }) => fact.effective.at,
  ).filter(({ fact }) => fact.value !== undefined || fact.day !== undefined || fact.notes.length > 0);
  const seen = new Set<string>();
  return newest.map(({ key, fact }) => {
    const current = !fact.withdrawn && !seen.has(key);
    if (current) {
      seen.add(key);
    }
    return { ...fact, current };
  });
}

function readFact(
  observation: Json,
  referred: Referred,
  formatNumber: (value: number) => string,
  yesNo: (value: boolean) => string,
): SocialFact {
  const parts = list(observation, 'component').flatMap((component) => {
    const value = valueWords(component, formatNumber, yesNo);
    const name = conceptText(object(component, 'code'));
    return value === undefined ? [] : [name === undefined ? value : `${name}: ${value}`];
  });
  const day = string(observation, 'valueDateTime');
  const own = day === undefined ? valueWords(observation, formatNumber, yesNo) : undefined;
  const values = [...(own === undefined ? [] : [own]), ...parts];
  return {
    id: string(observation, 'id') ?? '',
    name: conceptText(object(observation, 'code')) ?? '',
    current: true,
    withdrawn: string(observation, 'status') === 'entered-in-error',
    value: values.length === 0 ? undefined : values.join('\n'),
    day,
    effective: timing(observation, 'effective'),
    recorded: recordedOf(observation, referred),
    notes: noteTexts(observation),
    codes: codesOf(object(observation, 'code'), object(observation, 'valueCodeableConcept')),
  };
}
