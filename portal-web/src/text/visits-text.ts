import { count } from './locale.js';

const ENCOUNTER_STATUS: Record<string, string> = {
  planned: 'Planned',
  arrived: 'Under way',
  triaged: 'Under way',
  'in-progress': 'Under way',
  onleave: 'Under way',
  cancelled: 'Cancelled',
};

const APPOINTMENT_STATUS: Record<string, string> = {
  proposed: 'Requested, not confirmed',
  pending: 'Waiting for the clinic',
  booked: 'Booked',
  arrived: 'You have arrived',
  fulfilled: 'Took place',
  cancelled: 'Cancelled',
  noshow: 'Missed',
  'checked-in': 'Checked in',
  waitlist: 'On the waiting list',
};

const DOC_STATUS: Record<string, string> = {
  preliminary: 'Preliminary: may still change',
  amended: 'Changed after it was final',
};

export const visitsText = {
  title: 'Visits',
  one: 'Visit',
  upcoming: 'Upcoming appointments',
  upcomingNone: 'No upcoming appointments on record.',
  otherAppointments: (n: number) => `Past and cancelled appointments (${count.format(n)})`,
  past: 'Past visits',
  none: 'Your record has no visits.',
  otherVisits: (n: number) => `Cancelled, and entered by mistake (${count.format(n)})`,
  toAll: 'All visits',
  unnamedAppointment: 'Appointment',
  status: (status: string) => APPOINTMENT_STATUS[status] ?? null,
  encounterStatus: (status: string) => ENCOUNTER_STATUS[status] ?? null,
  with: 'With',
  where: 'Where',
  phone: 'Phone',
  directions: 'How to get there',
  reason: 'Reason',
  comment: 'Note from the clinic',
  instructions: 'Before your visit',
  cancelReason: 'Reason for cancelling',
  diagnoses: 'Diagnoses',
  diagnosesUnknown: 'We cannot show all of them right now.',
  setting: 'Kind of visit',
  disposition: 'Afterwards',
  written: 'Notes and reports of this visit',
  writtenNone: 'No notes or reports of this visit on record.',
  writtenAbsent: 'Your clinic does not send notes or reports to the portal.',
  writtenUnknown: 'We cannot show notes or reports of this visit right now. This does not mean there are none.',
  notFound: 'This visit is not in your record any more. It may have been corrected.',
  notShown: 'We cannot show this visit right now. This does not mean it is gone.',
  change: 'To change or cancel an appointment, call your clinic.',
};

export const notesText = {
  title: 'Notes',
  one: 'Note',
  none: 'Your record has no notes.',
  noneCurrent: 'No current notes on record.',
  past: (n: number) => `Replaced, and entered by mistake (${count.format(n)})`,
  status: (status: string) => DOC_STATUS[status] ?? null,
  replaced: 'Replaced by a newer note',
  by: (names: string) => `by ${names}`,
  author: 'Written by',
  date: 'Date',
  issued: 'Reported',
  category: 'Kind',
  visit: 'To the visit',
  unreadable: (what: string) =>
    `This part is a file (${what}) that cannot be shown as text here. Your clinic can give you a copy.`,
  noText: 'No text has been written yet.',
  conclusion: 'Conclusion',
  filter: 'Kind of note',
  all: 'All kinds',
  notFound: 'This is not in your record any more. It may have been corrected.',
  notShown: 'We cannot show this right now. This does not mean it is gone.',
};

export const reportsText = {
  title: 'Imaging and other reports',
  one: 'Report',
  none: 'There are no imaging or other reports here.',
  ordered: 'Reports of tests that your clinic ordered, scans among them, are under',
  noneCurrent: 'No current reports on record.',
  past: (n: number) => `Cancelled, and entered by mistake (${count.format(n)})`,
  cancelled: 'Cancelled',
};
