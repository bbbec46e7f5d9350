import { z } from 'zod';
import { Id, OptionalWhole, Text, WallClock, Whole } from './column-types.js';
import type { LookupsWanted } from './read-lookups.js';
import { parseHabit } from './habit.js';
import { parseChoice } from './list-choice.js';
import type { Snapshot } from './snapshot.js';
import { DIFFICULTY_ANSWERS, parseDisabilityScale, SCREENING_QUESTIONS } from './social-screening.js';
import { sourceRow, type SourceRow } from './source-row.js';

/** The patient's history as it was saved last; each save of the form is a new row. */
export const HistoryRow = z.object({
  id: Id,
  date: WallClock,
  created_by: Whole,
  tobacco: Text,
  alcohol: Text,
  coffee: Text,
  recreational_drugs: Text,
  exercise_patterns: Text,
  sleep_patterns: Text,
  seatbelt_use: Text,
  counseling: Text,
  hazardous_activities: Text,
});
export type HistoryRow = z.infer<typeof HistoryRow>;

/** An assessment of social needs, disability and pregnancy; each is a row. */
export const ScreeningRow = z.object({
  id: Id,
  encounter: Whole,
  created_at: WallClock,
  created_by: Whole,
  updated_by: Whole,
  assessment_date: WallClock,
  screening_tool: Text,
  assessor: Text,
  hunger_q1: Text,
  hunger_q2: Text,
  hunger_score: OptionalWhole,
  food_insecurity: Text,
  food_insecurity_notes: Text,
  housing_instability: Text,
  housing_instability_notes: Text,
  transportation_insecurity: Text,
  transportation_insecurity_notes: Text,
  utilities_insecurity: Text,
  utilities_insecurity_notes: Text,
  interpersonal_safety: Text,
  interpersonal_safety_notes: Text,
  financial_strain: Text,
  financial_strain_notes: Text,
  social_isolation: Text,
  social_isolation_notes: Text,
  childcare_needs: Text,
  childcare_needs_notes: Text,
  digital_access: Text,
  digital_access_notes: Text,
  employment_status: Text,
  education_level: Text,
  caregiver_status: Text,
  veteran_status: Text,
  disability_status: Text,
  disability_status_notes: Text,
  disability_scale: Text,
  pregnancy_status: Text,
  pregnancy_edd: WallClock,
  pregnancy_intent: Text,
  postpartum_status: Text,
  postpartum_end: WallClock,
  goals: Text,
  interventions: Text,
  instrument_score: OptionalWhole,
  declined_flag: Whole,
});
export type ScreeningRow = z.infer<typeof ScreeningRow>;

/** What the patient works, by the options of the lists for occupations and industries. */
export const EmploymentRow = z.object({
  id: Id,
  date: WallClock,
  start_date: WallClock,
  end_date: WallClock,
  occupation: Text,
  industry: Text,
  created_by: Whole,
});
export type EmploymentRow = z.infer<typeof EmploymentRow>;

/** What the patient's own row says that FHIR tells as observations. */
export const PersonalRow = z.object({ pid: Id, sexual_orientation: Text, occupation: Text, industry: Text });
export type PersonalRow = z.infer<typeof PersonalRow>;

/** The patient's own row with each employment, or with none. */
const WorkingRow = EmploymentRow.omit({ id: true }).extend({
  id: OptionalWhole,
  pid: Id,
  sexual_orientation: Text,
  own_occupation: Text,
  own_industry: Text,
});

export interface SocialHistoryRows {
  histories: HistoryRow[];
  screenings: ScreeningRow[];
  /** in the order in which they were saved, the last first */
  employments: EmploymentRow[];
  personal: PersonalRow[];
}

/** Three queries. Of the history the newest row alone: OpenEMR's own screens show no other. Employments newest first. */
export async function readSocialHistory(
  snapshot: Snapshot,
  pid: number,
  wanted: LookupsWanted,
): Promise<{ rows: SocialHistoryRows; sources: SourceRow[] }> {
  const histories = await snapshot.selectEntries(
    'the social history',
    HistoryRow,
    `SELECT ${Object.keys(HistoryRow.shape).join(', ')}
       FROM history_data WHERE pid = ? ORDER BY id DESC LIMIT 1`,
    [pid],
  );
  const screenings = await snapshot.selectEntries(
    'assessments of social needs',
    ScreeningRow,
    `SELECT ${Object.keys(ScreeningRow.shape).join(', ')}
       FROM ${snapshot.table('form_history_sdoh')} WHERE pid = ? ORDER BY id DESC`,
    [pid],
  );
  const working = await snapshot.selectEntries(
    'orientation and occupation',
    WorkingRow,
    `SELECT e.id, e.date, e.start_date, e.end_date, e.occupation, e.industry, e.created_by,
            p.pid, p.sexual_orientation, p.occupation AS own_occupation, p.industry AS own_industry
       FROM ${snapshot.table('patient_data', 'p')} LEFT JOIN ${snapshot.table('employer_data', 'e')} ON e.pid = p.pid
      WHERE p.pid = ? ORDER BY e.date DESC, e.id DESC`,
    [pid],
  );
  const employments = working.flatMap(({ id, ...row }) => (id === null ? [] : [EmploymentRow.parse({ id, ...row })]));
  const personal = working.slice(0, 1).map(({ own_occupation, own_industry, ...row }) => ({
    pid: row.pid,
    sexual_orientation: row.sexual_orientation,
    occupation: own_occupation,
    industry: own_industry,
  }));
  const rows = { histories, screenings, employments, personal };
  wantPeopleAndOptions(rows, wanted);
  return {
    rows,
    sources: [
      ...histories.map((row) => sourceRow('history_data', row)),
      ...screenings.map((row) => sourceRow('form_history_sdoh', row)),
      ...employments.map((row) => sourceRow('employer_data', row)),
      ...personal.map((row) => sourceRow('patient_data', row)),
    ],
  };
}

/** Lists of occupations and industries, OpenEMR's present one first. */
export const OCCUPATIONS = ['OccupationODH', 'Occupation'] as const;
export const INDUSTRIES = ['IndustryODH', 'Industry'] as const;

function wantPeopleAndOptions(rows: SocialHistoryRows, wanted: LookupsWanted): void {
  for (const history of rows.histories) {
    wanted.user(history.created_by);
    wanted.option('smoking_status', parseHabit(history.tobacco).option);
  }
  for (const screening of rows.screenings) {
    wanted.user(screening.updated_by || screening.created_by);
    wantScreeningOptions(screening, wanted);
  }
  rows.employments.forEach(({ created_by }) => {
    wanted.user(created_by);
  });
  for (const { occupation, industry } of [...rows.employments, ...rows.personal]) {
    OCCUPATIONS.forEach((list) => {
      wanted.option(list, occupation);
    });
    INDUSTRIES.forEach((list) => {
      wanted.option(list, industry);
    });
  }
  rows.personal.forEach(({ sexual_orientation }) => {
    wanted.option('sexual_orientation', parseChoice(sexual_orientation).option);
  });
}

function wantScreeningOptions(screening: ScreeningRow, wanted: LookupsWanted): void {
  wanted.option('postpartum_status', screening.postpartum_status);
  for (const list of ['pregnancy_status', 'pregnancy_intent'] as const) {
    wanted.optionAmongAll(list, screening[list]);
  }
  wanted.option('sdoh_instruments', screening.screening_tool);
  for (const { column, list } of SCREENING_QUESTIONS) {
    if (list !== null) {
      wanted.option(list, screening[column]);
    }
  }
  for (const { answer } of parseDisabilityScale(screening.disability_scale)) {
    wanted.option(DIFFICULTY_ANSWERS, answer);
  }
}
