import { count } from './locale.js';

const COVERAGE_STATUS: Record<string, string> = { cancelled: 'Ended', draft: 'Not yet valid' };

const DAYS: Record<string, string> = {
  mon: 'Monday',
  tue: 'Tuesday',
  wed: 'Wednesday',
  thu: 'Thursday',
  fri: 'Friday',
  sat: 'Saturday',
  sun: 'Sunday',
};

export const coverageText = {
  title: 'Insurance',
  lead: 'What your clinic has on file. If something changed, tell your clinic before your next visit.',
  none: 'Your clinic has no insurance on file for you.',
  noneCurrent: 'No current insurance on file.',
  past: (n: number) => `Ended (${count.format(n)})`,
  unnamed: 'Insurance',
  order: (order: number) => (order === 1 ? 'Primary' : order === 2 ? 'Secondary' : order === 3 ? 'Third' : null),
  status: (status: string) => COVERAGE_STATUS[status] ?? null,
  memberId: 'Member number',
  maskedNote: 'Of a member number only the last characters are shown.',
  group: 'Group',
  plan: 'Plan',
  kind: 'Kind',
  relationship: 'You are',
  relationships: {
    self: 'the insured person',
    child: 'a child of the insured person',
    spouse: 'the spouse of the insured person',
    parent: 'a parent of the insured person',
  } as Record<string, string>,
  subscriber: 'Insured person',
  period: 'Valid',
  copay: 'Copay',
};

export const practiceText = {
  title: 'Your clinic',
  none: 'Your clinic has not given its address here.',
  sites: 'Where to find us',
  people: 'Who works here',
  answersMessages: 'Answers portal messages',
  noMessages: 'Your clinic takes no messages through the portal right now. Please call it.',
  phone: 'Phone',
  hours: 'Opening hours',
  allDay: 'open all day',
  day: (day: string) => DAYS[day] ?? day,
  zone: (zone: string) => `Times on these pages are in the clinic’s time zone, ${zone}.`,
};
