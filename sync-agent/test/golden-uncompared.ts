import { existsSync } from 'node:fs';
import { simDataPath } from 'infra/openemr-sim/sim-data';
import type { JsonObject } from './golden-comparison.js';
import { goldenPatients, isCompared, recordedResources, type Recording } from './golden-set.js';

/** What OpenEMR answers and is not held to our sections: how much of it was recorded, and why. */
interface Uncompared {
  /** type, and where only some of a type are left out, the category that they have */
  what: string;
  reason: string;
  count: Record<Recording['set'], number>;
}

const uncompared = (what: string, [utc, newYork]: readonly [number, number], reason: string): Uncompared => ({
  what,
  reason,
  count: { utc, newYork },
});

const ORDER =
  'What was ordered is shown by what came of it: reports and values name the order, a procedure stands for one without. An order that nothing came of is in no section.';
const PREFERENCE =
  "The patient's preferences for treatment and care came with USCDI v4; they are in no section, and the reader may not see their tables.";
const PRACTICE =
  'Of the practice, not of a patient: entries name the people and places that they need, with their names.';

/** All of it; the recordings have nothing else. */
export const UNCOMPARED: readonly Uncompared[] = [
  uncompared('ServiceRequest', [213, 68], ORDER),
  uncompared(
    'Specimen',
    [49, 16],
    'A report and its values name the kind of the specimen; its container and numbers are in no section.',
  ),
  uncompared(
    'Observation observation-adi-documentation',
    [2, 1],
    'OpenEMR makes it of a document with its category, dated by the day of the request; the document itself is shown.',
  ),
  uncompared('Observation treatment-intervention-preference', [2, 1], PREFERENCE),
  uncompared('Observation care-experience-preference', [2, 1], PREFERENCE),
  uncompared('Practitioner', [4, 0], PRACTICE),
  uncompared('Organization', [8, 0], PRACTICE),
  uncompared('Location', [2, 0], PRACTICE),
  uncompared(
    'Person',
    [9, 0],
    'Users of OpenEMR, among them portals and programs; who is staff is in the section of the practice.',
  ),
  uncompared('Medication', [2, 0], 'Of the practice: what a patient got names its drug with its code.'),
  uncompared('Questionnaire', [2, 0], 'Forms without answers; an answered one is shown with its questions.'),
];

/** What was recorded and is not compared, as `UNCOMPARED` names it. */
export function countUncompared(recording: Recording): Record<string, number> {
  const labels = [...goldenPatients(recording).map(({ label }) => label), '_practice'].filter((label) =>
    existsSync(simDataPath(`${recording.folder}/${label}`)),
  );
  const found = labels.flatMap((label) => recordedResources(recording, label).filter((each) => !isCompared(each)));
  return Object.fromEntries(
    [...Map.groupBy(found, nameOf)].map(([what, resources]): [string, number] => [what, resources.length]).sort(),
  );
}

function nameOf(resource: JsonObject): string {
  const type = JSON.stringify(resource['resourceType']).replaceAll('"', '');
  const code = /"code":"([^"]+)"/.exec(JSON.stringify(resource['category'] ?? null))?.[1];
  return type === 'Observation' || type === 'DiagnosticReport' ? `${type} ${code ?? 'without category'}` : type;
}
