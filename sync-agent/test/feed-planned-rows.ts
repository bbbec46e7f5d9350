/** Classes, table, and how a row of the patient comes, changes and goes. */
type PlannedRow = readonly [recordClasses: string | readonly string[], table: string, ...changes: string[]];

export const plannedRows = (pid: number): readonly PlannedRow[] => [
  [
    'appointments',
    'openemr_postcalendar_events',
    `INSERT INTO openemr_postcalendar_events SET pc_eid = 990001, pc_pid = '${String(pid)}', pc_multiple = 0,
            pc_eventDate = '2026-12-01'`,
    "UPDATE openemr_postcalendar_events SET pc_apptstatus = 'x' WHERE pc_eid = 990001",
    'DELETE FROM openemr_postcalendar_events WHERE pc_eid = 990001',
  ],
  [
    ['billing', 'coverage'],
    'insurance_data',
    `INSERT INTO insurance_data SET id = 990001, pid = ${String(pid)}, type = 'primary', plan_name = 'A'`,
    "UPDATE insurance_data SET plan_name = 'B' WHERE id = 990001",
    'DELETE FROM insurance_data WHERE id = 990001',
  ],
  [
    'care-team',
    'care_teams and care_team_member',
    `INSERT INTO care_teams SET id = 990001, pid = ${String(pid)}`,
    "INSERT INTO care_team_member SET id = 990001, care_team_id = 990001, role = 'nurse'",
    "UPDATE care_team_member SET role = 'physician' WHERE id = 990001",
    'DELETE FROM care_team_member WHERE id = 990001',
    'DELETE FROM care_teams WHERE id = 990001',
  ],
  [
    'assessments',
    'form_observation',
    `INSERT INTO form_observation SET id = 990001, form_id = 990001, pid = ${String(pid)}`,
    "UPDATE form_observation SET ob_value = 'B' WHERE id = 990001",
    'DELETE FROM form_observation WHERE id = 990001',
  ],
  [
    'assessments',
    'questionnaire_response',
    `INSERT INTO questionnaire_response SET id = 990001, patient_id = ${String(pid)}, version = 1`,
    "UPDATE questionnaire_response SET status = 'completed' WHERE id = 990001",
    'DELETE FROM questionnaire_response WHERE id = 990001',
  ],
  [
    ['care-plan', 'goals'],
    'form_care_plan',
    `INSERT INTO form_care_plan SET id = 990001, pid = ${String(pid)}, care_plan_type = 'goal'`,
    "UPDATE form_care_plan SET description = 'B' WHERE id = 990001",
    'DELETE FROM form_care_plan WHERE id = 990001',
  ],
  [
    'billing',
    'billing',
    `INSERT INTO billing SET id = 990001, pid = ${String(pid)}, encounter = 1, fee = 1`,
    'UPDATE billing SET fee = 2 WHERE id = 990001',
    'DELETE FROM billing WHERE id = 990001',
  ],
  [
    'billing',
    'ar_activity',
    `INSERT INTO ar_activity SET pid = ${String(pid)}, encounter = 990001, sequence_no = 1, code = '', payer_type = 0,
            post_user = 1, session_id = 1, modified_time = NOW()`,
    'UPDATE ar_activity SET pay_amount = 2 WHERE encounter = 990001',
    'DELETE FROM ar_activity WHERE encounter = 990001',
  ],
];
