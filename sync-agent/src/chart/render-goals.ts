import type { Resource } from 'sync-contract/section-content';
import { GOAL, type CarePlanRows, type PlanLineRow } from '../openemr/read-care-plan.js';
import { profileMeta, resource } from './fhir.js';
import { codeOf, goalId, inOrder } from './plan-lines.js';
import type { RenderTools } from './render-tools.js';

/** The state of a plan in the words that FHIR has for goals. */
const LIFECYCLE: Readonly<Record<string, string>> = {
  draft: 'proposed',
  active: 'active',
  'on-hold': 'on-hold',
  revoked: 'cancelled',
  completed: 'completed',
  'entered-in-error': 'entered-in-error',
};

/** Each goal of the care plan forms as a Goal, the newest first. */
export function renderGoals({ lines }: CarePlanRows, tools: RenderTools): { resources: Resource[]; skipped: number } {
  const goals = inOrder(lines).filter(({ care_plan_type }) => care_plan_type === GOAL);
  const readable = goals.filter(({ description, codetext, code }) => description + codetext + code !== '');
  const rendered = new Map(readable.map((line) => [goalId(line, tools.ids), renderGoal(line, tools)]));
  return {
    resources: [...rendered.values(), ...tools.people.resources()],
    skipped: goals.length - readable.length,
  };
}

function renderGoal(line: PlanLineRow, tools: RenderTools): Resource {
  const measure = codeOf(line.code, line.codetext);
  const dueDate = tools.time.date(line.date_end) ?? tools.time.date(line.proposed_date);
  const description = line.description || line.codetext || line.code;
  return resource({
    resourceType: 'Goal',
    id: goalId(line, tools.ids),
    meta: profileMeta('us-core-goal'),
    lifecycleStatus: LIFECYCLE[line.plan_status] ?? 'active',
    description: { coding: measure?.coding, text: description },
    subject: tools.ids.patient(tools.pid),
    startDate: tools.time.date(line.date),
    target: [{ measure, detailString: measure === undefined ? undefined : description, dueDate }],
    expressedBy: tools.people.practitionerNamed(line.user),
  });
}
