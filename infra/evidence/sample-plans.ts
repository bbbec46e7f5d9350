import type { ChartRows } from 'sync-agent/src/openemr/read-chart';
import { AppointmentRow } from 'sync-agent/src/openemr/read-appointments';
import { AssessmentRow, FilledQuestionnaireRow } from 'sync-agent/src/openemr/read-assessments';
import { PlanLineRow } from 'sync-agent/src/openemr/read-care-plan';
import { CareTeamMemberRow, CareTeamRow, ContactTelecomRow } from 'sync-agent/src/openemr/read-care-team';
import { InsuranceRow, InsurerRow } from 'sync-agent/src/openemr/read-coverage';
import { filled, option } from './sample-row.js';

export const SAMPLE_PLAN_OPTIONS = [
  option('apptstat', 'x', '', ''),
  option('apptstat', 'SMS', '', ''),
  option('sub_relation', 'child', '', ''),
  option('care_team_roles', 'physician', '', 'SNOMED-CT:158965000'),
  option('Plan_of_Care_Type', 'instructions', '', ''),
  option('Observation_Types', 'survey', '', ''),
];

export function sampleAppointments(): NonNullable<ChartRows['appointments']> {
  const appointment = (pc_eid: number, given: Record<string, unknown>): AppointmentRow =>
    filled(AppointmentRow, {
      ...{ pc_eid, pc_aid: '1', pc_eventDate: '2026-07-06', pc_endDate: null, pc_duration: 1800, pc_recurrtype: 0 },
      ...{ pc_recurrspec: '', pc_startTime: '09:00:00', pc_endTime: '09:30:00', pc_apptstatus: '*', pc_facility: 2 },
      ...{ pc_catid: 5, pc_constant_id: 'office_visit', pc_catname: 'Office Visit', ...given },
    });
  const weekly = 'a:2:{s:17:"event_repeat_freq";s:1:"1";s:22:"event_repeat_freq_type";s:1:"1";}';
  return {
    appointments: [
      appointment(1, {}),
      appointment(2, { pc_apptstatus: 'x', pc_endTime: '09:00:00' }),
      appointment(3, { pc_apptstatus: 'SMS' }),
      appointment(4, { pc_recurrtype: 1, pc_recurrspec: weekly, pc_endDate: '2026-07-20' }),
    ],
  };
}

export function sampleCoverage(): NonNullable<ChartRows['coverage']> {
  const insurance = (id: number, given: Record<string, unknown>): InsuranceRow =>
    filled(InsuranceRow, {
      ...{ id, type: 'primary', provider: '9', policy_number: 'MEMBER-0815', subscriber_relationship: 'child' },
      ...{ copay: '20.00', date: '2026-01-01', date_end: '2026-12-31', ...given },
    });
  return {
    insurances: [
      insurance(1, {}),
      insurance(2, { type: 'secondary', provider: '', subscriber_relationship: 'cousin', date_end: '2026-02-28' }),
    ],
    insurers: [filled(InsurerRow, { id: 9, cqm_sop: 349, ins_type_code: 2 })],
  };
}

export function sampleCareTeam(): NonNullable<ChartRows['care-team']> {
  const member = (id: number, given: Record<string, unknown>): CareTeamMemberRow =>
    filled(CareTeamMemberRow, {
      ...{ id, care_team_id: 1, user_id: 0, facility_id: 0, contact_id: 0, role: 'physician', status: 'active' },
      ...{ provider_since: '2024-02-01', person_id: null, first_name: '', middle_name: '', last_name: '', ...given },
    });
  return {
    teams: [filled(CareTeamRow, { id: 1, status: 'active' })],
    members: [
      member(1, { user_id: 1, facility_id: 2 }),
      member(2, { facility_id: 2 }),
      member(3, { contact_id: 7, person_id: 8, first_name: 'Ada', middle_name: 'B', last_name: 'Sample' }),
    ],
    telecoms: [
      filled(ContactTelecomRow, { id: 1, contact_id: 7, system: 'phone', use: 'mobile' }),
      filled(ContactTelecomRow, { id: 2, contact_id: 7, system: 'carrier pigeon', use: '' }),
    ],
  };
}

export function sampleCarePlan(): NonNullable<ChartRows['care-plan']> {
  const planLine = (id: number, given: Record<string, unknown>): PlanLineRow =>
    filled(PlanLineRow, {
      ...{ id, form_row: id, encounter: '7', user: 'greene', date: '2026-01-02 10:00:00', plan_status: 'active' },
      ...{ date_end: '2026-12-31 00:00:00', proposed_date: '2026-11-30 00:00:00', care_plan_type: 'plan_of_care' },
      ...{ code: 'SNOMED-CT:409002', reason_code: 'SNOMED-CT:38341003', ...given },
    });
  return {
    lines: [
      planLine(1, {}),
      planLine(2, { care_plan_type: 'instructions', code: '', codetext: '', plan_status: 'on-hold', encounter: '' }),
      planLine(1, { care_plan_type: 'goal' }),
      planLine(3, { care_plan_type: 'goal', date_end: null, plan_status: '', code: '', codetext: '' }),
    ],
  };
}

export function sampleAssessments(): NonNullable<ChartRows['assessments']> {
  const observation = (id: number, given: Record<string, unknown>): AssessmentRow =>
    filled(AssessmentRow, {
      ...{ id, form_row: id, date: '2026-01-02 10:00:00', encounter: '7', user: 'greene', code: 'LOINC:44261-6' },
      ...{ ob_code: 'LOINC:44261-6', ob_value: '8', ob_unit: '{score}', ob_type: 'survey', ob_status: 'final' },
      ...{ parent_observation_id: 0, ...given },
    });
  const answers = [
    ...[
      { valueCoding: { system: 'http://loinc.org', code: 'LA6569-3', display: 'Several days' } },
      { valueInteger: 3 },
    ],
    ...[{ valueString: 'words' }, { valueBoolean: true }, { valueDecimal: 1.5 }, { valueDate: '2026-01-02' }],
    ...[
      { valueDateTime: '2026-01-02T10:00:00Z' },
      { valueTime: '10:00:00' },
      { valueQuantity: { value: 3, unit: 'kg' } },
    ],
  ];
  const item = [{ linkId: '1', text: 'A question', answer: answers, item: [{ linkId: '1.1', text: 'Another' }] }];
  // Filled in by staff, and by the patient in OpenEMR's own portal.
  const filledIn = (id: number, creator: number): FilledQuestionnaireRow =>
    filled(FilledQuestionnaireRow, {
      ...{ id, creator_user_id: creator, create_time: '2026-01-03 10:00:00', status: 'completed', encounter: 7 },
      questionnaire_response: JSON.stringify({ questionnaire: 'https://clinic.example/phq2', item }),
    });
  return {
    observations: [
      observation(1, {}),
      observation(2, { parent_observation_id: 1, ob_unit: '', ob_value: 'Independent', ob_type: 'cognitive-status' }),
      observation(3, { ob_value: 'SNOMED-CT:373066001', ob_code: '', ob_status: 'strange' }),
      observation(4, { ob_value: '' }),
    ],
    questionnaires: [filledIn(1, 1), filledIn(2, 0)],
  };
}
