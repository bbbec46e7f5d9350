import type { GatheredChart } from '../chart/gathered-chart.js';
import { text } from '../text.js';

/** What each section of a chart is called in its files, in the order of the pages. */
export const PART_TITLES = {
  profile: text.profile.person,
  allergies: text.allergies.title,
  problems: text.problems.title,
  medications: text.medications.title,
  immunizations: text.immunizations.title,
  procedures: text.procedures.title,
  devices: text.devices.title,
  results: text.results.title,
  reports: text.reports.title,
  vitals: text.vitals.title,
  'care-team': text.careTeam.title,
  'care-plan': text.carePlan.plans,
  goals: text.carePlan.goals,
  assessments: text.assessments.title,
  'social-history': text.socialHistory.title,
  appointments: text.download.pdfText.appointments,
  encounters: text.visits.title,
  notes: text.notes.title,
  documents: text.documents.title,
  messages: text.messages.title,
  coverage: text.coverage.title,
  billing: text.billing.title,
  practice: text.practice.title,
} as const;

export type PartName = keyof typeof PART_TITLES;

/** Titles of those that the chart does not have: which and why is for its reader to know. */
export function absentTitles(chart: GatheredChart): string[] {
  return Object.entries(PART_TITLES)
    .filter(([name]) => !chart.sections.has(name))
    .map(([, title]) => title);
}
