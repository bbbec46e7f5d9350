import { conceptText, list, object, ofType, string } from './fhir.js';
import type { Json } from './fhir.js';
import { recordedOf, type Recorded } from './provenance.js';
import { codesOf, newestFirst, noteTexts, statusOf, timing } from './record-entry.js';
import type { Code, RecordEntry, Timing } from './record-entry.js';
import { Referred, referredId } from './referred.js';

export type ProblemKind = 'problem' | 'concern' | 'visit-diagnosis';

export interface Problem extends RecordEntry {
  kind: ProblemKind;
  /** FHIR clinical status; empty when none is given */
  status: string;
  /** FHIR verification status; empty when none is given */
  verification: string;
  severity: string | undefined;
  bodySites: string[];
  onset: Timing;
  abatement: Timing;
  recorded: Recorded;
  encounterId: string | undefined;
}

const OVER = new Set(['inactive', 'remission', 'resolved']);

/** What a `problems` section says, newest first. */
export function readProblems(resources: unknown[]): Problem[] {
  const referred = new Referred(resources);
  return newestFirst(
    ofType(resources, 'Condition').map((condition) => readProblem(condition, referred)),
    (problem) => problem.onset.at ?? problem.recorded.on,
  );
}

/** Names by id of what a `problems` section lists, without what was ruled out or entered by mistake. */
export function problemNames(resources: unknown[]): ReadonlyMap<string, string> {
  return new Map(believed(resources).map(({ id, name }) => [id, name]));
}

/** The same by code; of several with one code the newest. */
export function problemNamesByCode(resources: unknown[]): (code: Code) => string | undefined {
  const problems = believed(resources).filter(({ name }) => name !== '');
  return ({ system, code }) =>
    problems.find(({ codes }) => codes.some((each) => each.system === system && each.code === code))?.name;
}

function believed(resources: unknown[]): Problem[] {
  return readProblems(resources).filter(({ withdrawn, verification }) => !withdrawn && verification !== 'refuted');
}

function readProblem(condition: Json, referred: Referred): Problem {
  const status = statusOf(condition, 'clinicalStatus');
  const verification = statusOf(condition, 'verificationStatus');
  const onset = timing(condition, 'onset');
  const abatement = timing(condition, 'abatement');
  const ended = abatement.at !== undefined || abatement.words !== undefined;
  const withdrawn = verification === 'entered-in-error';
  return {
    id: string(condition, 'id') ?? '',
    name: conceptText(object(condition, 'code')) ?? '',
    kind: kindOf(condition),
    current: !withdrawn && verification !== 'refuted' && (status === '' ? !ended : !OVER.has(status)),
    withdrawn,
    status,
    verification,
    severity: conceptText(object(condition, 'severity')),
    bodySites: list(condition, 'bodySite').flatMap((site) => conceptText(site) ?? []),
    onset,
    abatement,
    recorded: recordedOf(condition, referred),
    encounterId: referredId(object(condition, 'encounter'), 'Encounter'),
    notes: noteTexts(condition),
    codes: codesOf(object(condition, 'code')),
  };
}

function kindOf(condition: Json): ProblemKind {
  const codes = list(condition, 'category').flatMap((category) => codesOf(category).map(({ code }) => code));
  return codes.includes('problem-list-item')
    ? 'problem'
    : codes.includes('health-concern')
      ? 'concern'
      : codes.includes('encounter-diagnosis')
        ? 'visit-diagnosis'
        : 'problem';
}
