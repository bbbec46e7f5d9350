import { conceptText, list, object, ofType, string } from './fhir.js';
import type { Json } from './fhir.js';
import { valueWords } from './observation-value.js';
import { recordedOf, type Recorded } from './provenance.js';
import { codesOf, newestFirst, noteTexts, timing } from './record-entry.js';
import type { RecordEntry } from './record-entry.js';
import { Referred, referredId } from './referred.js';

export interface Answer {
  question: string;
  answer: string | undefined;
  /** 0 for a question, 1 for one below it, … */
  depth: number;
}

export interface Assessment extends RecordEntry {
  status: string;
  at: string | undefined;
  recorded: Recorded;
  /** score or finding of the whole */
  result: string | undefined;
  answers: Answer[];
}

type Words = (owner: Json) => string | undefined;

/** What an `assessments` section says, newest first: questionnaires as answered, and scores with what they consist of. */
export function readAssessments(
  resources: unknown[],
  formatNumber: (value: number) => string,
  yesNo: (value: boolean) => string,
): Assessment[] {
  const referred = new Referred(resources);
  const words: Words = (owner) => valueWords(owner, formatNumber, yesNo);
  const observations = ofType(resources, 'Observation');
  const members = new Map(observations.map((observation) => [string(observation, 'id') ?? '', observation]));
  const inside = new Set(
    observations.flatMap((observation) =>
      list(observation, 'hasMember').flatMap((member) => referredId(member, 'Observation') ?? []),
    ),
  );
  return newestFirst(
    [
      ...observations
        .filter((observation) => !inside.has(string(observation, 'id') ?? ''))
        .map((observation) => readObservation(observation, members, referred, words)),
      ...ofType(resources, 'QuestionnaireResponse').map((response) => readResponse(response, referred, words)),
    ],
    ({ at }) => at,
  );
}

function readObservation(
  observation: Json,
  members: ReadonlyMap<string, Json>,
  referred: Referred,
  words: Words,
): Assessment {
  const status = string(observation, 'status') ?? '';
  const parts = [
    ...list(observation, 'component'),
    ...list(observation, 'hasMember')
      .map((member) => members.get(referredId(member, 'Observation') ?? ''))
      .filter((member) => member !== undefined),
  ];
  return {
    id: string(observation, 'id') ?? '',
    name: conceptText(object(observation, 'code')) ?? '',
    current: status !== 'entered-in-error' && status !== 'cancelled',
    withdrawn: status === 'entered-in-error',
    status,
    at: timing(observation, 'effective').at,
    recorded: recordedOf(observation, referred),
    result: words(observation),
    answers: parts.map((part) => ({
      question: conceptText(object(part, 'code')) ?? '',
      answer: words(part),
      depth: 0,
    })),
    notes: noteTexts(observation),
    codes: codesOf(object(observation, 'code')),
  };
}

function readResponse(response: Json, referred: Referred, words: Words): Assessment {
  const status = string(response, 'status') ?? '';
  const title = list(object(response, '_questionnaire'), 'extension')
    .map((extension) => string(extension, 'valueString'))
    .find((text) => text !== undefined);
  return {
    id: string(response, 'id') ?? '',
    name: title ?? '',
    current: status !== 'entered-in-error' && status !== 'stopped',
    withdrawn: status === 'entered-in-error',
    status,
    at: string(response, 'authored'),
    recorded: recordedOf(response, referred),
    result: undefined,
    answers: answersOf(response, 0, words),
    notes: [],
    codes: [],
  };
}

/** Deeper than any questionnaire goes; what is deeper is left out. */
const DEEPEST = 8;

function answersOf(owner: Json, depth: number, words: Words): Answer[] {
  if (depth > DEEPEST) {
    return [];
  }
  return list(owner, 'item').flatMap((item) => {
    const answers = list(item, 'answer');
    const said = answers.flatMap((answer) => words(answer) ?? []);
    return [
      {
        question: string(item, 'text') ?? string(item, 'linkId') ?? '',
        answer: said.length === 0 ? undefined : said.join(', '),
        depth,
      },
      ...answersOf(item, depth + 1, words),
      ...answers.flatMap((answer) => answersOf(answer, depth + 1, words)),
    ];
  });
}
