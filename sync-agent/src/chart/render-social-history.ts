import type { Resource } from 'sync-contract/section-content';
import { parseHabit, type Habit } from '../openemr/habit.js';
import type { HistoryRow, SocialHistoryRows } from '../openemr/read-social-history.js';
import { parseCodes } from './coded-values.js';
import { profileMeta, SYSTEMS } from './fhir.js';
import { parseNumber } from './reference-range.js';
import { renderOccupation, renderOrientation } from './render-personal-facts.js';
import { renderScreening } from './render-social-screening.js';
import type { RenderTools } from './render-tools.js';
import { loinc, socialObservation } from './social-observation.js';

/**
 * What the patient's history says of habits, one Observation each in the form's order, then orientation, occupation, and
 * the assessments of social needs, the newest first. A form that says nothing is no entry that cannot be read: it is saved
 * for other fields too.
 */
export function renderSocialHistory(
  rows: SocialHistoryRows,
  tools: RenderTools,
): { resources: Resource[]; skipped: number } {
  const habits = rows.histories.flatMap((row) => [
    smokingStatus(row, tools),
    packYears(row, tools),
    ...HABITS.map((habit) => renderHabit(row, habit, tools)),
  ]);
  const observations = [
    ...habits,
    ...rows.personal.map((row) => renderOrientation(row, tools)),
    ...renderOccupation(rows, tools),
    ...rows.screenings.flatMap((row) => renderScreening(row, tools)),
  ];
  return {
    resources: [...observations.filter((each) => each !== undefined), ...tools.people.resources()],
    skipped: 0,
  };
}

interface HabitField {
  column: Exclude<keyof HistoryRow, 'id' | 'date' | 'created_by'>;
  /** LOINC's code and name where LOINC has the question */
  loinc?: readonly [string, string];
  text: string;
}

const HABITS: readonly HabitField[] = [
  { column: 'alcohol', loinc: ['11331-6', 'History of Alcohol use'], text: 'Alcohol' },
  {
    column: 'recreational_drugs',
    loinc: ['11343-1', 'History of Other nonmedical drug use'],
    text: 'Recreational drugs',
  },
  { column: 'coffee', text: 'Coffee' },
  { column: 'exercise_patterns', text: 'Exercise' },
  { column: 'sleep_patterns', text: 'Sleep' },
  { column: 'seatbelt_use', text: 'Seat belt' },
  { column: 'counseling', text: 'Counseling' },
  { column: 'hazardous_activities', text: 'Hazardous activities' },
];

const STATUS_WORDS: Readonly<Record<string, string>> = {
  current: 'Current',
  quit: 'Quit',
  never: 'Never',
  not_applicable: 'Not applicable',
};

/** US Core's smoking status, with the practice's option and its SNOMED code; without an option the form's own word. */
function smokingStatus(row: HistoryRow, tools: RenderTools): Resource | undefined {
  const habit = parseHabit(row.tobacco);
  const text = tools.options.title('smoking_status', habit.option) || statusWord(habit);
  if (text === '' && habit.note === '') {
    return undefined;
  }
  const codes = parseCodes(tools.options.find('smoking_status', habit.option)?.codes ?? '');
  return observation(row, '72166-2', tools, {
    meta: profileMeta('us-core-smokingstatus'),
    code: loinc('72166-2', 'Tobacco smoking status NHIS', 'Smoking'),
    valueCodeableConcept: {
      coding: codes.map(({ coding }) => ({ ...coding, display: text })),
      text: text || habit.note,
    },
    note: notes(habit, tools),
  });
}

function packYears(row: HistoryRow, tools: RenderTools): Resource | undefined {
  const value = parseNumber(parseHabit(row.tobacco).packs);
  return value === undefined
    ? undefined
    : observation(row, '401201003', tools, {
        code: {
          coding: [{ system: SYSTEMS.snomed, code: '401201003', display: 'Cigarette pack-years (observable entity)' }],
          text: 'Cigarette pack-years',
        },
        valueQuantity: { value, unit: 'pack-years', system: SYSTEMS.ucum, code: '{pack-years}' },
      });
}

function renderHabit(
  row: HistoryRow,
  { column, loinc: code, text }: HabitField,
  tools: RenderTools,
): Resource | undefined {
  const habit = parseHabit(row[column]);
  const status = statusWord(habit);
  if (status === '' && habit.note === '') {
    return undefined;
  }
  return observation(row, column, tools, {
    code: code === undefined ? { text } : loinc(code[0], code[1], text),
    // Where the form has no status, what was written is the answer itself.
    valueCodeableConcept: { text: status || habit.note },
    note: status === '' ? [] : notes(habit, tools),
  });
}

const statusWord = ({ status }: Habit): string => STATUS_WORDS[status] ?? status;

function notes(habit: Habit, { time }: RenderTools): unknown[] {
  const date = time.date(habit.date) ?? '';
  const since = { quit: `Quit on ${date}`, current: `Since ${date}` }[habit.status] ?? date;
  return [habit.note === '' ? undefined : { text: habit.note }, date === '' ? undefined : { text: since }];
}

function observation(row: HistoryRow, part: string, tools: RenderTools, content: Record<string, unknown>): Resource {
  const written = tools.time.dateTime(row.date);
  const origin = {
    table: 'history_data',
    key: `${String(row.id)}|${part}`,
    effective: written,
    issued: written,
    performer: tools.people.practitioner(row.created_by),
  };
  return socialObservation(origin, content, tools);
}
