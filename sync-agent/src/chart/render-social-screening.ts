import type { Resource } from 'sync-contract/section-content';
import type { ScreeningRow } from '../openemr/read-social-history.js';
import {
  DIFFICULTY_ANSWERS,
  parseAims,
  parseDisabilityScale,
  questionCode,
  SCREENING_QUESTIONS,
  type ScreeningQuestion,
} from '../openemr/social-screening.js';
import { profileMeta, SYSTEMS, type CodeableConcept } from './fhir.js';
import type { RenderTools } from './render-tools.js';
import { loinc, screeningKind, socialObservation, SURVEY } from './social-observation.js';

/** An assessment as a whole, and each answer that was given, in the form's order; pregnancy first. */
export function renderScreening(row: ScreeningRow, tools: RenderTools): Resource[] {
  const answers = [
    ...SCREENING_QUESTIONS.flatMap((question) => answer(row, question, tools)),
    ...difficulties(row, tools),
    ...hungerScore(row, tools),
  ];
  const ofPregnancy = pregnancy(row, tools);
  const aims = aimsOf(row, [...ofPregnancy, ...answers], tools);
  const asked = [...answers, ...aims];
  return [...ofPregnancy, ...whole(row, asked, ofPregnancy, tools), ...asked];
}

const PREGNANCY = [
  ['pregnancy_status', '82810-3', 'Pregnancy status', 'us-core-observation-pregnancystatus'],
  ['pregnancy_intent', '86645-9', 'Pregnancy intent', 'us-core-observation-pregnancyintent'],
] as const;

/** Status and intent as US Core has them, when it ends, and what came after it. */
function pregnancy(row: ScreeningRow, tools: RenderTools): Resource[] {
  const coded = PREGNANCY.flatMap(([column, code, text, profile]) => {
    const value = tools.options.distinctConcept(column, row[column]);
    return value === undefined
      ? []
      : [
          observation(row, code, tools, {
            meta: profileMeta(profile),
            code: loinc(code, text),
            valueCodeableConcept: value,
          }),
        ];
  });
  const due = tools.time.date(row.pregnancy_edd);
  const postpartum = tools.options.concept('postpartum_status', row.postpartum_status);
  const until = tools.time.date(row.postpartum_end);
  return [
    ...coded,
    ...(due === undefined
      ? []
      : [
          observation(row, 'pregnancy_edd', tools, {
            code: loinc('11778-8', 'Delivery date Estimated', 'Estimated due date'),
            valueDateTime: due,
          }),
        ]),
    ...(postpartum === undefined && until === undefined
      ? []
      : [
          observation(row, 'postpartum_status', tools, {
            code: { text: 'Postpartum status' },
            valueCodeableConcept: postpartum,
            note: [until === undefined ? undefined : { text: `Until ${until}` }],
          }),
        ]),
  ];
}

function answer(
  row: ScreeningRow,
  { column, list, text, loinc: code }: ScreeningQuestion,
  tools: RenderTools,
): Resource[] {
  const stored = row[column];
  const note = notesOf(row)[column] ?? '';
  if (stored + note === '') {
    return [];
  }
  const asked = code ?? questionCode(list === null ? '' : (tools.options.find(list, stored)?.notes ?? ''));
  return [
    screening(row, column, tools, {
      code: { coding: asked === undefined ? [] : [{ system: SYSTEMS.loinc, code: asked }], text },
      valueCodeableConcept: answerConcept(list, stored, tools),
      note: [note === '' ? undefined : { text: note }],
    }),
  ];
}

/** What was written beside the answers; not every question has room for it. */
function notesOf(row: ScreeningRow): Partial<Record<ScreeningQuestion['column'], string>> {
  return {
    food_insecurity: row.food_insecurity_notes,
    housing_instability: row.housing_instability_notes,
    transportation_insecurity: row.transportation_insecurity_notes,
    utilities_insecurity: row.utilities_insecurity_notes,
    interpersonal_safety: row.interpersonal_safety_notes,
    financial_strain: row.financial_strain_notes,
    social_isolation: row.social_isolation_notes,
    childcare_needs: row.childcare_needs_notes,
    digital_access: row.digital_access_notes,
    disability_status: row.disability_status_notes,
  };
}

const PLAIN_ANSWERS: Readonly<Record<string, string>> = { yes: 'Yes', no: 'No' };

/** The option with its codes; an answer that its list does not know as it was stored. */
function answerConcept(list: string | null, stored: string, tools: RenderTools): CodeableConcept | undefined {
  const known = list !== null && tools.options.find(list, stored) !== undefined;
  return known ? tools.options.concept(list, stored) : { text: PLAIN_ANSWERS[stored] ?? stored };
}

function difficulties(row: ScreeningRow, tools: RenderTools): Resource[] {
  return parseDisabilityScale(row.disability_scale).map(({ key, text, answer: stored, note }) =>
    screening(row, `disability_scale ${key}`, tools, {
      category: [SURVEY, DISABILITY],
      code: { text },
      valueCodeableConcept: answerConcept(DIFFICULTY_ANSWERS, stored, tools),
      note: [note === '' ? undefined : { text: note }],
    }),
  );
}

/** The form counts what was answered, and so has a score of 0 where nothing was. */
function hungerScore(row: ScreeningRow, tools: RenderTools): Resource[] {
  return row.hunger_score === null || row.hunger_q1 + row.hunger_q2 === ''
    ? []
    : [screening(row, 'hunger_score', tools, { code: { text: 'Hunger score' }, valueInteger: row.hunger_score })];
}

const membersOf = (answers: readonly Resource[]): unknown[] =>
  answers.map(({ id }) => ({ reference: `Observation/${id}`, type: 'Observation' }));

/** Aims and help that was agreed. They follow from the answers, and so are not shown where one of those is kept out. */
function aimsOf(row: ScreeningRow, answers: readonly Resource[], tools: RenderTools): Resource[] {
  const named = [
    ['goals', 'Goals'],
    ['interventions', 'Interventions'],
  ] as const;
  return named.flatMap(([column, text]) => {
    const valueString = parseAims(row[column]).join('; ');
    return valueString === ''
      ? []
      : [screening(row, column, tools, { code: { text }, valueString, derivedFrom: membersOf(answers) })];
  });
}

/** Tool and score, and that the patient did not want to answer. Of pregnancy alone nothing makes an assessment. */
function whole(
  row: ScreeningRow,
  answers: readonly Resource[],
  ofPregnancy: readonly Resource[],
  tools: RenderTools,
): Resource[] {
  const tool = tools.options.title('sdoh_instruments', row.screening_tool);
  const notes = [
    tool === '' ? '' : `Screening tool: ${tool}`,
    row.declined_flag > 0 ? 'The patient declined to answer' : '',
  ].filter((note) => note !== '');
  if (notes.length === 0 && answers.length === 0) {
    return [];
  }
  return [
    screening(row, 'assessment', tools, {
      code: { text: 'Assessment of social needs' },
      valueInteger: row.instrument_score ?? undefined,
      note: notes.map((text) => ({ text })),
      hasMember: membersOf([...ofPregnancy, ...answers]),
    }),
  ];
}

const SDOH = screeningKind('sdoh', 'SDOH');
const DISABILITY = screeningKind('disability-status', 'Disability Status');

function screening(row: ScreeningRow, part: string, tools: RenderTools, content: Record<string, unknown>): Resource {
  const own = {
    meta: profileMeta('us-core-observation-screening-assessment'),
    category: [SURVEY, part === 'disability_status' ? DISABILITY : SDOH],
    ...(row.assessor === '' ? {} : { performer: [{ display: row.assessor }] }),
  };
  return observation(row, part, tools, { ...own, ...content });
}

function observation(row: ScreeningRow, part: string, tools: RenderTools, content: Record<string, unknown>): Resource {
  const written = tools.time.dateTime(row.created_at);
  const origin = {
    table: 'form_history_sdoh',
    key: `${String(row.id)}|${part}`,
    effective: tools.time.date(row.assessment_date) ?? written,
    issued: written,
    performer: tools.people.practitioner(row.updated_by || row.created_by),
  };
  return socialObservation(origin, { encounter: tools.ids.encounter(row.encounter), ...content }, tools);
}
