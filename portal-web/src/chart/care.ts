import { conceptText, list, nested, object, ofType, string } from './fhir.js';
import type { Json } from './fhir.js';
import { codesOf, newestFirst, noteTexts, statusOf, timing } from './record-entry.js';
import { recordedOf, type Recorded } from './provenance.js';
import type { RecordEntry, Timing } from './record-entry.js';
import { placeOf, Referred, type Place } from './referred.js';

export interface CareMember {
  name: string;
  roles: string[];
  organization: string | undefined;
  phones: string[];
  since: string | undefined;
  until: string | undefined;
}

export interface CareTeam {
  id: string;
  name: string;
  current: boolean;
  withdrawn: boolean;
  members: CareMember[];
  notes: string[];
}

/** What a `care-team` section says. */
export function readCareTeams(resources: unknown[]): CareTeam[] {
  const referred = new Referred(resources);
  return ofType(resources, 'CareTeam').map((team) => {
    const status = string(team, 'status') ?? '';
    return {
      id: string(team, 'id') ?? '',
      name: string(team, 'name') ?? '',
      current: status !== 'inactive' && status !== 'entered-in-error',
      withdrawn: status === 'entered-in-error',
      members: list(team, 'participant').flatMap((participant) => readMember(participant, referred)),
      notes: noteTexts(team),
    };
  });
}

function readMember(participant: Json, referred: Referred): CareMember[] {
  const member = object(participant, 'member');
  const organization = referred.name(object(participant, 'onBehalfOf'));
  const place: Place | null = placeOf(referred.resource(member), referred.name(member));
  const given = list(participant, 'role').flatMap((role) => conceptText(role) ?? []);
  const related = list(referred.resource(member), 'relationship').flatMap((each) => conceptText(each) ?? []);
  const roles = given.length > 0 ? given : related;
  // Somebody whose name the record does not have is known by the role.
  const name = place?.name ?? organization ?? roles[0];
  const period = object(participant, 'period');
  return name === undefined
    ? []
    : [
        {
          name,
          roles: roles.filter((role) => role !== name),
          organization: organization === name ? undefined : organization,
          phones: place?.phones ?? [],
          since: string(period, 'start'),
          until: string(period, 'end'),
        },
      ];
}

export interface CarePlan extends RecordEntry {
  status: string;
  period: Timing;
  description: string | undefined;
  recorded: Recorded;
  reasons: string[];
  activities: { what: string; status: string; scheduled: Timing }[];
}

const PLAN_OVER = new Set(['completed', 'revoked', 'entered-in-error']);

/** What a `care-plan` section says, newest first. */
export function readCarePlans(resources: unknown[]): CarePlan[] {
  const referred = new Referred(resources);
  return newestFirst(
    ofType(resources, 'CarePlan').map((plan) => readCarePlan(plan, referred)),
    ({ period }) => period.at,
  );
}

function readCarePlan(plan: Json, referred: Referred): CarePlan {
  const status = string(plan, 'status') ?? '';
  const period = object(plan, 'period');
  const activities = list(plan, 'activity').flatMap((activity) => readActivity(activity));
  const description = string(plan, 'description');
  // OpenEMR repeats the activities as description.
  const repeated = description?.split('\n').every((line) => activities.some(({ what }) => what.includes(line.trim())));
  return {
    id: string(plan, 'id') ?? '',
    name: string(plan, 'title') ?? '',
    current: !PLAN_OVER.has(status),
    withdrawn: status === 'entered-in-error',
    status,
    period: { at: string(period, 'start'), until: string(period, 'end'), words: undefined },
    description: repeated === true ? undefined : description,
    recorded: recordedOf(plan, referred),
    reasons: [...nested(plan, 'activity', 'detail'), plan].flatMap((owner) =>
      list(owner, 'reasonCode').flatMap((reason) => conceptText(reason) ?? []),
    ),
    activities,
    notes: noteTexts(plan),
    codes: codesOf(
      ...list(plan, 'category'),
      ...nested(plan, 'activity', 'detail').map((detail) => object(detail, 'code')),
    ),
  };
}

function readActivity(activity: Json): CarePlan['activities'] {
  const detail = object(activity, 'detail');
  const name = conceptText(object(detail, 'code'));
  const description = string(detail, 'description');
  const what =
    name === undefined || description?.includes(name) === true ? (description ?? name) : [name, description].join('\n');
  return what === undefined
    ? []
    : [{ what: what.trim(), status: string(detail, 'status') ?? '', scheduled: timing(detail ?? {}, 'scheduled') }];
}

export interface Goal extends RecordEntry {
  status: string;
  achievement: string;
  start: string | undefined;
  targets: { words: string | undefined; due: string | undefined }[];
  recorded: Recorded;
}

const GOAL_OVER = new Set(['completed', 'cancelled', 'rejected', 'entered-in-error']);

/** What a `goals` section says, newest first. */
export function readGoals(resources: unknown[]): Goal[] {
  const referred = new Referred(resources);
  return newestFirst(
    ofType(resources, 'Goal').map((goal) => readGoal(goal, referred)),
    (goal) => goal.start ?? goal.targets[0]?.due,
  );
}

function readGoal(goal: Json, referred: Referred): Goal {
  const status = string(goal, 'lifecycleStatus') ?? '';
  const description = object(goal, 'description');
  const name = conceptText(description) ?? '';
  return {
    id: string(goal, 'id') ?? '',
    name,
    current: !GOAL_OVER.has(status),
    withdrawn: status === 'entered-in-error',
    status,
    achievement: statusOf(goal, 'achievementStatus'),
    start: string(goal, 'startDate'),
    targets: list(goal, 'target').map((target) => {
      const words = string(target, 'detailString') ?? conceptText(object(target, 'detailCodeableConcept'));
      return { words: words === name ? undefined : words, due: string(target, 'dueDate') };
    }),
    recorded: recordedOf(goal, referred),
    notes: noteTexts(goal),
    codes: codesOf(description),
  };
}
