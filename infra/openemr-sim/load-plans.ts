import type { RowDataPacket } from 'mysql2/promise';
import { toClinicDate } from './clinic-time.js';
import { insertRow, insertRows, type Row } from './insert-rows.js';
import { clinicTime, encounterNumber, formRow, type LoadContext } from './load-context.js';
import { firstCode, type SyntheaCarePlan, type SyntheaChart, type SyntheaGoal } from './synthea-bundle.js';

const FIRST_FORM = 30_001;

/** The clinic puts the patient's doctor into a care team when the patient is registered. */
export async function loadCareTeam(context: LoadContext, registered: Date): Promise<void> {
  const at = clinicTime(context, registered);
  const by = { date_created: at, date_updated: at, created_by: 1, updated_by: 1 };
  const team = await insertRow(context.connection, 'care_teams', {
    ...{ pid: context.pid, status: 'active', team_name: 'default', note: '', ...by },
  });
  await insertRow(context.connection, 'care_team_member', {
    care_team_id: team,
    user_id: context.doctor.id,
    contact_id: null,
    role: 'primary_care_provider',
    facility_id: context.doctor.facilityId,
    provider_since: toClinicDate(registered, context.timeZone),
    status: 'active',
    ...by,
    note: '',
  });
}

/** Each care plan of the bundle as a care plan form: a line for each activity and each goal. */
export async function loadCarePlans(context: LoadContext, chart: SyntheaChart): Promise<void> {
  const [newest] = await context.connection.query<RowDataPacket[]>(
    'SELECT MAX(id) AS id FROM form_care_plan FOR UPDATE',
  );
  let next = Math.max(Number(newest[0]?.id ?? 0) + 1, FIRST_FORM);
  const forms = [...chart.carePlans]
    .sort((a, b) => a.period.start.getTime() - b.period.start.getTime())
    .map((plan) => ({ plan, formId: next++ }));
  await insertRows(
    context.connection,
    'forms',
    forms.map(({ plan, formId }) =>
      formRow(context, {
        name: 'Care Plan Form',
        dir: 'care_plan',
        formId,
        encounter: encounterNumber(context, plan.encounter.reference),
        date: clinicTime(context, plan.period.start),
      }),
    ),
  );
  await insertRows(
    context.connection,
    'form_care_plan',
    forms.flatMap(({ plan, formId }) => planRows(context, chart, plan, formId)),
  );
}

function planRows(context: LoadContext, chart: SyntheaChart, plan: SyntheaCarePlan, formId: number): Row[] {
  const goals = plan.goal.flatMap(({ reference }) => chart.goals.get(reference) ?? []);
  const reason = chart.conditions.get(plan.addresses[0]?.reference ?? '');
  const why = reason === undefined ? { code: '', text: '' } : firstCode(reason.code);
  return [
    ...plan.activity.map(({ detail }) => {
      const { code, text } = firstCode(detail.code);
      return lineRow(context, plan, formId, {
        ...{ code: `SNOMED-CT:${code}`, codetext: text, description: text, care_plan_type: 'plan_of_care' },
        ...{ reason_code: why.code === '' ? '' : `SNOMED-CT:${why.code}`, reason_description: why.text },
      });
    }),
    ...goals.map((goal) => lineRow(context, plan, formId, goalLine(goal))),
  ];
}

const goalLine = (goal: SyntheaGoal): Row => ({
  ...{ code: '', codetext: '', description: goal.description.text, care_plan_type: 'goal' },
  ...{ reason_code: '', reason_description: '' },
});

function lineRow(context: LoadContext, plan: SyntheaCarePlan, formId: number, line: Row): Row {
  const { end } = plan.period;
  return {
    id: formId,
    date: clinicTime(context, plan.period.start),
    pid: context.pid,
    encounter: String(encounterNumber(context, plan.encounter.reference)),
    user: context.doctor.username,
    groupname: 'Default',
    authorized: 1,
    activity: 1,
    ...line,
    external_id: '',
    note_related_to: '',
    date_end: end === undefined ? null : `${toClinicDate(end, context.timeZone)} 00:00:00`,
    plan_status: plan.status === 'completed' ? 'completed' : 'active',
  };
}
