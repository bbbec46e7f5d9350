import { z } from 'zod';
import { Id, Text, WallClock, Whole } from './column-types.js';
import type { LookupsWanted } from './read-lookups.js';
import type { Snapshot } from './snapshot.js';
import { sourceRow, type SourceRow } from './source-row.js';

/** A line of an observation form: a score, a status, an answer; the parts of a score name it as their parent. */
export const AssessmentRow = z.object({
  id: Id,
  form_row: Id,
  date: WallClock,
  encounter: Text,
  user: Text,
  code: Text,
  ob_code: Text,
  description: Text,
  observation: Text,
  ob_value: Text,
  ob_value_code_description: Text,
  ob_unit: Text,
  ob_type: Text,
  ob_status: Text,
  parent_observation_id: Whole,
});
export type AssessmentRow = z.infer<typeof AssessmentRow>;

/** A questionnaire that was filled in; its answers are a FHIR QuestionnaireResponse as text. */
export const FilledQuestionnaireRow = z.object({
  id: Id,
  questionnaire_name: Text,
  creator_user_id: Whole,
  create_time: WallClock,
  status: Text,
  encounter: Whole,
  questionnaire_response: Text,
});
export type FilledQuestionnaireRow = z.infer<typeof FilledQuestionnaireRow>;

export interface AssessmentRows {
  observations: AssessmentRow[];
  questionnaires: FilledQuestionnaireRow[];
}

/**
 * Two queries: lines of forms that nobody deleted, and filled-in questionnaires. OpenEMR has no index by whom the answers
 * are of, but one that contains the patient: what is read whole is that, without everybody's answers.
 */
export async function readAssessments(
  snapshot: Snapshot,
  pid: number,
  wanted: LookupsWanted,
): Promise<{ rows: AssessmentRows; sources: SourceRow[] }> {
  const observations = await snapshot.selectEntries(
    'assessments',
    AssessmentRow,
    `SELECT o.id, f.id AS form_row, o.date, o.encounter, o.user, o.code, o.ob_code, o.description, o.observation,
            o.ob_value, o.ob_value_code_description, o.ob_unit, o.ob_type, o.ob_status, o.parent_observation_id
       FROM ${snapshot.table('form_observation', 'o')}
       JOIN forms f ON f.form_id = o.form_id AND f.pid = o.pid AND f.formdir = 'observation' AND f.deleted = 0
      WHERE o.pid = ? ORDER BY o.id`,
    [pid],
  );
  const questionnaires = await snapshot.selectEntries(
    'questionnaires',
    FilledQuestionnaireRow,
    `SELECT r.id, r.questionnaire_name, r.creator_user_id, r.create_time, r.status, r.encounter, r.questionnaire_response
       FROM questionnaire_response k STRAIGHT_JOIN questionnaire_response r ON r.id = k.id
      WHERE k.patient_id = ? ORDER BY r.id`,
    [pid],
  );
  for (const row of observations) {
    wanted.username(row.user);
    wanted.option('Observation_Types', row.ob_type);
  }
  for (const row of questionnaires) {
    wanted.user(row.creator_user_id);
  }
  return {
    rows: { observations, questionnaires },
    sources: [
      ...observations.flatMap((row) => [sourceRow('form_observation', row), sourceRow('forms', { id: row.form_row })]),
      ...questionnaires.map((row) => sourceRow('questionnaire_response', row)),
    ],
  };
}
