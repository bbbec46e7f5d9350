import { conceptText, list, object, ofType, string, strings } from './fhir.js';
import type { Json } from './fhir.js';
import { codesOf, newestFirst, noteTexts, statusOf, timing } from './record-entry.js';
import { recordedOf, type Recorded } from './provenance.js';
import type { RecordEntry, Timing } from './record-entry.js';
import { Referred } from './referred.js';

export interface Reaction {
  manifestations: string[];
  /** mild, moderate or severe */
  severity: string | undefined;
  description: string | undefined;
}

export interface Allergy extends RecordEntry {
  status: string;
  verification: string;
  /** FHIR criticality: low, high, unable-to-assess */
  criticality: string | undefined;
  /** FHIR type: allergy or intolerance */
  type: string | undefined;
  categories: string[];
  reactions: Reaction[];
  onset: Timing;
  lastOccurrence: string | undefined;
  recorded: Recorded;
}

/** What an `allergies` section says: the dangerous first, then newest first. */
export function readAllergies(resources: unknown[]): Allergy[] {
  const referred = new Referred(resources);
  const newest = newestFirst(
    ofType(resources, 'AllergyIntolerance').map((allergy) => readAllergy(allergy, referred)),
    (allergy) => allergy.onset.at ?? allergy.recorded.on,
  );
  return newest.sort((a, b) => Number(isSevere(b)) - Number(isSevere(a)));
}

/** High criticality, or a reaction that was severe. */
export function isSevere(allergy: Allergy): boolean {
  return allergy.criticality === 'high' || allergy.reactions.some(({ severity }) => severity === 'severe');
}

function readAllergy(allergy: Json, referred: Referred): Allergy {
  const status = statusOf(allergy, 'clinicalStatus');
  const verification = statusOf(allergy, 'verificationStatus');
  const withdrawn = verification === 'entered-in-error';
  const code = object(allergy, 'code');
  const substances = list(allergy, 'reaction').map((reaction) => object(reaction, 'substance'));
  return {
    id: string(allergy, 'id') ?? '',
    name: conceptText(code) ?? substances.map(conceptText).find((words) => words !== undefined) ?? '',
    current: !withdrawn && verification !== 'refuted' && status !== 'inactive' && status !== 'resolved',
    withdrawn,
    status,
    verification,
    criticality: string(allergy, 'criticality'),
    type: string(allergy, 'type'),
    categories: strings(allergy, 'category'),
    reactions: list(allergy, 'reaction')
      .map(readReaction)
      .filter(({ manifestations, description }) => manifestations.length > 0 || description !== undefined),
    onset: timing(allergy, 'onset'),
    lastOccurrence: string(allergy, 'lastOccurrence'),
    recorded: recordedOf(allergy, referred),
    notes: noteTexts(allergy),
    codes: codesOf(code, ...substances),
  };
}

function readReaction(reaction: Json): Reaction {
  return {
    manifestations: [...new Set(list(reaction, 'manifestation').flatMap((words) => conceptText(words) ?? []))],
    severity: string(reaction, 'severity'),
    description: string(reaction, 'description'),
  };
}
