import type { Resource } from 'sync-contract/section-content';
import { GOAL, type CarePlanRows, type PlanLineRow } from '../openemr/read-care-plan.js';
import { profileMeta, resource, usCore } from './fhir.js';
import { codeOf, goalId, inOrder } from './plan-lines.js';
import type { RenderTools } from './render-tools.js';

const STATUSES = ['draft', 'active', 'on-hold', 'revoked', 'completed', 'entered-in-error', 'unknown'];
/** The state of a plan in the words that FHIR has for something planned. */
const ACTIVITY_STATUS: Readonly<Record<string, string>> = {
  draft: 'not-started',
  active: 'in-progress',
  'on-hold': 'on-hold',
  revoked: 'cancelled',
  completed: 'completed',
  'entered-in-error': 'entered-in-error',
};

/** Each care plan form as a CarePlan with all that is planned in it, the newest first. */
export function renderCarePlan(
  { lines }: CarePlanRows,
  tools: RenderTools,
): { resources: Resource[]; skipped: number } {
  const forms = new Map<number, PlanLineRow[]>();
  let skipped = 0;
  for (const line of inOrder(lines).filter(({ care_plan_type }) => care_plan_type !== GOAL)) {
    if (line.description + line.code + line.codetext === '') {
      skipped += 1;
    } else {
      forms.set(line.id, [...(forms.get(line.id) ?? []), line]);
    }
  }
  const goals = inOrder(lines).filter(({ care_plan_type }) => care_plan_type === GOAL);
  const plans = [...forms.values()].map((planned) => renderPlan(planned, goals, tools));
  return { resources: [...plans, ...tools.people.resources()], skipped };
}

function renderPlan(planned: readonly PlanLineRow[], goals: readonly PlanLineRow[], tools: RenderTools): Resource {
  const [first] = planned;
  const { id, encounter, user } = first ?? { id: 0, encounter: '', user: '' };
  const dates = planned.map(({ date }) => date ?? '').sort();
  const ends = planned.map(({ date_end }) => date_end ?? '').sort();
  const ofEncounter = goals.filter((goal) => goal.id === id || (encounter !== '' && goal.encounter === encounter));
  const reasons = new Map(planned.map((line) => [line.reason_code + line.reason_description, reasonOf(line)]));
  return resource({
    resourceType: 'CarePlan',
    id: tools.ids.id('form_care_plan', id),
    meta: profileMeta('us-core-careplan'),
    status: statusOf(planned),
    intent: 'plan',
    category: [
      {
        coding: [
          { system: usCore('careplan-category').replace('StructureDefinition', 'CodeSystem'), code: 'assess-plan' },
        ],
      },
    ],
    description: planned.map(({ description, codetext }) => description || codetext).join('\n'),
    subject: tools.ids.patient(tools.pid),
    encounter: /^\d{1,15}$/.test(encounter) ? tools.ids.encounter(Number(encounter)) : undefined,
    period: {
      start: tools.time.dateTime(dates.find((date) => date !== '') ?? null),
      end: tools.time.dateOrDateTime(ends.at(-1) ?? null),
    },
    author: tools.people.practitionerNamed(user),
    goal: [...new Set(ofEncounter.map((goal) => goalId(goal, tools.ids)))].map((goal) => ({
      reference: `Goal/${goal}`,
      type: 'Goal',
    })),
    activity: planned.map((line) => activity(line, tools)),
    reasonCode: [...reasons.values()],
  });
}

/** A plan of which something still goes on goes on. */
function statusOf(planned: readonly PlanLineRow[]): string {
  const statuses = planned.map(({ plan_status }) => (STATUSES.includes(plan_status) ? plan_status : 'unknown'));
  return statuses.includes('active') ? 'active' : (statuses[0] ?? 'unknown');
}

const reasonOf = (line: PlanLineRow): unknown => codeOf(line.reason_code, line.reason_description);

function activity(line: PlanLineRow, tools: RenderTools): unknown {
  const kind = tools.options.title('Plan_of_Care_Type', line.care_plan_type);
  const performer = tools.people.practitionerNamed(line.user);
  const coded = codeOf(line.code, line.codetext);
  return {
    detail: {
      kind: line.code === '' ? undefined : 'ServiceRequest',
      code: coded ?? { text: kind },
      status: ACTIVITY_STATUS[line.plan_status] ?? 'unknown',
      scheduledPeriod: {
        start: tools.time.dateTime(line.date),
        end: tools.time.dateOrDateTime(line.date_end),
      },
      performer: [performer],
      description: line.description,
    },
  };
}
