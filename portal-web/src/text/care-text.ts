import { count, counted } from './locale.js';

const PLAN_STATUS: Record<string, string> = {
  draft: 'Draft',
  'on-hold': 'On hold',
  revoked: 'Withdrawn',
  completed: 'Finished',
};

const ACTIVITY_STATUS: Record<string, string> = {
  'not-started': 'Not started',
  scheduled: 'Scheduled',
  'in-progress': 'Under way',
  'on-hold': 'On hold',
  completed: 'Done',
  cancelled: 'Cancelled',
  stopped: 'Stopped',
};

const GOAL_STATUS: Record<string, string> = {
  proposed: 'Proposed',
  planned: 'Planned',
  'on-hold': 'On hold',
  completed: 'Finished',
  cancelled: 'Given up',
  rejected: 'Not taken on',
};

const ACHIEVEMENT: Record<string, string> = {
  'in-progress': 'On the way',
  improving: 'Improving',
  worsening: 'Getting harder',
  'no-change': 'No change',
  achieved: 'Achieved',
  sustaining: 'Kept up',
  'not-achieved': 'Not achieved',
  'no-progress': 'No progress',
  'not-attainable': 'Not attainable',
};

export const careTeamText = {
  title: 'Care team',
  none: 'Your record has no care team.',
  noneCurrent: 'No current care team on record.',
  past: (n: number) => `Earlier teams (${count.format(n)})`,
  unnamed: 'Your care team',
  since: (day: string) => `since ${day}`,
  until: (day: string) => `until ${day}`,
  members: (n: number) => counted(n, 'person or place', 'people and places'),
  noMembers: 'Nobody is named in this team.',
};

export const carePlanText = {
  title: 'Care plan and goals',
  plans: 'Care plans',
  goals: 'Goals',
  nonePlans: 'Your record has no care plans.',
  noneGoals: 'Your record has no goals.',
  unnamed: 'Care plan',
  pastPlans: (n: number) => `Past care plans (${count.format(n)})`,
  pastGoals: (n: number) => `Past goals (${count.format(n)})`,
  noneCurrent: 'None that is current.',
  status: (status: string) => PLAN_STATUS[status] ?? null,
  activityStatus: (status: string) => ACTIVITY_STATUS[status] ?? null,
  goalStatus: (status: string) => GOAL_STATUS[status] ?? null,
  achievement: (status: string) => ACHIEVEMENT[status] ?? null,
  activities: 'What is planned',
  reason: 'Because of',
  due: 'By when',
  target: 'Target',
  start: 'Since',
};

export const assessmentsText = {
  title: 'Assessments',
  none: 'Your record has no assessments.',
  noneCurrent: 'No current assessments on record.',
  past: (n: number) => `Stopped, and entered by mistake (${count.format(n)})`,
  unnamed: 'Questionnaire',
  partial: 'Not finished',
  result: 'Result',
  answers: (n: number) => (n === 1 ? 'One answer' : `${count.format(n)} answers`),
  noAnswer: 'Not answered',
};

export const socialHistoryText = {
  title: 'Social history',
  none: 'Your record has no social history.',
  noneCurrent: 'No current social history on record.',
  past: (n: number) => `Earlier entries (${count.format(n)})`,
};

export const yesNoText = { yes: 'Yes', no: 'No' };
