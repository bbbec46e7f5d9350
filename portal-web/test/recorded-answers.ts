import { readFileSync } from 'node:fs';
import { list, object, type Json } from '../src/chart/fhir.js';

/** OpenEMR's recorded Provenance answers, each with the entry that it is about. */
export function recordedAnswers(): { provenance: Json; entry: Json }[] {
  const recorded: unknown = JSON.parse(readFileSync(new URL('recorded-provenance.json', import.meta.url), 'utf8'));
  return list(recorded, 'answers').flatMap((answer) => {
    const [provenance, entry] = [object(answer, 'provenance'), object(answer, 'entry')];
    return provenance === undefined || entry === undefined ? [] : [{ provenance, entry }];
  });
}
