import { z } from 'zod';

/** The questions of OpenEMR's form about social needs, in its order. */
const QUESTIONS = [
  {
    column: 'hunger_q1',
    list: 'vital_signs_answers',
    text: 'Within the past 12 months, we worried whether our food would run out before we got money to buy more',
    loinc: '88122-7',
  },
  {
    column: 'hunger_q2',
    list: 'vital_signs_answers',
    text: "Within the past 12 months, the food we bought just didn't last and we didn't have money to get more",
    loinc: '88123-5',
  },
  { column: 'food_insecurity', list: 'sdoh_food_insecurity_risk', text: 'Food insecurity' },
  { column: 'housing_instability', list: 'sdoh_housing_worry', text: 'Housing instability' },
  { column: 'transportation_insecurity', list: 'sdoh_transportation_barrier', text: 'Transportation insecurity' },
  { column: 'utilities_insecurity', list: 'sdoh_utilities_shutoff', text: 'Utilities insecurity' },
  { column: 'interpersonal_safety', list: 'sdoh_ipv_yesno', text: 'Interpersonal safety' },
  { column: 'financial_strain', list: 'sdoh_financial_strain', text: 'Financial strain' },
  { column: 'social_isolation', list: 'sdoh_social_isolation_freq', text: 'Social isolation' },
  { column: 'childcare_needs', list: 'sdoh_childcare_needs', text: 'Childcare needs' },
  { column: 'digital_access', list: 'sdoh_digital_access', text: 'Digital access' },
  { column: 'employment_status', list: 'sdoh_employment_status', text: 'Employment status' },
  { column: 'education_level', list: 'sdoh_education_level', text: 'Education level' },
  { column: 'caregiver_status', list: null, text: 'Caregiver' },
  { column: 'veteran_status', list: null, text: 'Veteran' },
  { column: 'disability_status', list: 'disability_status', text: 'Disability status' },
] as const;

export interface ScreeningQuestion {
  /** of `form_history_sdoh`, with the answer; what was written beside it stands in `<column>_notes` */
  column: (typeof QUESTIONS)[number]['column'];
  /** list that the answer is an option of; null where the form has words of its own */
  list: string | null;
  text: string;
  /** LOINC's code where the form itself names it; the options of most lists name that of their question */
  loinc?: string;
}
export const SCREENING_QUESTIONS: readonly ScreeningQuestion[] = QUESTIONS;

/** The six questions about difficulties, by the word that stands for each in `disability_scale`. */
const DIFFICULTIES: ReadonlyMap<string, string> = new Map([
  ['walk_climb', 'Serious difficulty walking or climbing stairs'],
  ['seeing', 'Serious difficulty seeing, even when wearing glasses'],
  ['hearing', 'Serious difficulty hearing'],
  ['cognitive', 'Serious difficulty concentrating, remembering, or making decisions'],
  ['dressing_bathing', 'Difficulty dressing or bathing'],
  ['errands', 'Difficulty doing errands alone'],
]);
/** List of the answers to them. */
export const DIFFICULTY_ANSWERS = 'sdoh_ipv_yesno';

export interface Difficulty {
  key: string;
  text: string;
  /** option of `DIFFICULTY_ANSWERS`, or what stands in its place */
  answer: string;
  note: string;
}

const Scale = z.record(
  z.string(),
  z.object({ code: z.string().catch(''), notes: z.string().catch('') }).catch({ code: '', notes: '' }),
);

/** `disability_scale`: JSON of question → answer and note. A question that nobody knows keeps the word that stands for it. */
export function parseDisabilityScale(stored: string): Difficulty[] {
  const scale = Scale.safeParse(jsonOf(stored)).data ?? {};
  return Object.entries(scale)
    .map(([key, { code, notes }]) => ({
      key,
      text: DIFFICULTIES.get(key) ?? key,
      answer: code.trim(),
      note: notes.trim(),
    }))
    .filter(({ answer, note }) => answer + note !== '');
}

/**
 * What `goals` and `interventions` say. OpenEMR's form stores JSON, of which the descriptions alone are words for people;
 * what is no JSON was typed and stands as it is.
 */
export function parseAims(stored: string): string[] {
  const text = stored.trim();
  const json = jsonOf(text);
  if (json !== null) {
    return [...new Set(wordsIn(json))];
  }
  return text === '' || text === 'null' || /^(\{\s*"|\[\s*[{["])/.test(text) ? [] : [text];
}

function wordsIn(value: unknown): string[] {
  if (typeof value === 'string' || typeof value === 'number') {
    return [String(value).trim()].filter((word) => word !== '');
  }
  if (Array.isArray(value)) {
    return value.flatMap(wordsIn);
  }
  const fields = Fields.safeParse(value).data ?? {};
  const named = fields['description'] ?? fields['text'];
  return named === undefined
    ? Object.values(fields).flatMap((field) => (typeof field === 'object' ? wordsIn(field) : []))
    : wordsIn(named);
}

const Fields = z.record(z.string(), z.unknown());

function jsonOf(stored: string): unknown {
  try {
    return JSON.parse(stored);
  } catch {
    return null;
  }
}

/** `Question LOINC 88124-3`, as the notes of an option say which question it answers. */
export function questionCode(optionNotes: string): string | undefined {
  return /\bLOINC:? ?(\d{1,7}-\d)\b/.exec(optionNotes)?.[1];
}
