import { conceptText, list, nested, object, ofType, string } from './fhir.js';
import type { Json } from './fhir.js';
import { codesOf, newestFirst, noteTexts, timing } from './record-entry.js';
import { recordedOf, type Recorded } from './provenance.js';
import type { RecordEntry, Timing } from './record-entry.js';
import { Referred } from './referred.js';

export interface Procedure extends RecordEntry {
  /** FHIR status */
  status: string;
  performed: Timing;
  performers: string[];
  recorded: Recorded;
  place: string | undefined;
  reasons: string[];
  bodySites: string[];
  outcome: string | undefined;
  report: string[];
}

const NOT_DONE = new Set(['not-done', 'entered-in-error', 'stopped']);

/** What a `procedures` section says, newest first. `current` means that it was done, is under way or is planned. */
export function readProcedures(resources: unknown[]): Procedure[] {
  const referred = new Referred(resources);
  return newestFirst(
    ofType(resources, 'Procedure').map((procedure) => readProcedure(procedure, referred)),
    (procedure) => procedure.performed.at,
  );
}

function readProcedure(procedure: Json, referred: Referred): Procedure {
  const status = string(procedure, 'status') ?? '';
  return {
    id: string(procedure, 'id') ?? '',
    name: conceptText(object(procedure, 'code')) ?? '',
    current: !NOT_DONE.has(status),
    withdrawn: status === 'entered-in-error',
    status,
    performed: timing(procedure, 'performed'),
    performers: referred.names(nested(procedure, 'performer', 'actor')),
    recorded: recordedOf(procedure, referred),
    place: referred.name(object(procedure, 'location')),
    reasons: [
      ...list(procedure, 'reasonCode').flatMap((reason) => conceptText(reason) ?? []),
      ...referred.names(list(procedure, 'reasonReference')),
    ],
    bodySites: list(procedure, 'bodySite').flatMap((site) => conceptText(site) ?? []),
    outcome: conceptText(object(procedure, 'outcome')),
    report: referred.names(list(procedure, 'report')),
    notes: noteTexts(procedure),
    codes: codesOf(object(procedure, 'code')),
  };
}
