import { count, counted } from './locale.js';

/** What the pages of the record have in common, and their overview. */
export const recordText = {
  title: 'Health record',
  lead: 'Everything your clinic shares with you, by kind.',
  absent: 'Your clinic does not send this part of your record to the portal. What it says, your clinic can tell you.',
  noneStale: 'We cannot show this part of your record right now. This does not mean that there is nothing in it.',
  unknownNow: 'Not available right now',
  notSent: 'Not sent by your clinic',
  failed: 'Could not be loaded',
  groups: {
    everyday: 'Your health',
    care: 'Your care',
    reading: 'Visits, notes and reports',
    other: 'Clinic and insurance',
  },
  newest: (day: string) => `newest ${day}`,
  noneRecorded: 'None on record',
  onRecord: (n: number) => `${count.format(n)} on record`,
  active: (n: number) => `${count.format(n)} active`,
  reports: (n: number) => counted(n, 'report', 'reports'),
  showMore: (n: number) => `Show ${count.format(n)} more`,
  shownOf: (shown: number, all: number) => `Showing ${count.format(shown)} of ${count.format(all)}`,
  withdrawn: 'Entered by mistake',
  withdrawnLead: 'Your clinic has marked this entry as a mistake. It does not count.',
  recalled: 'Withdrawn for correction',
  recalledEntry: 'An entry of your record',
  recalledLead: 'Your clinic has taken this entry back to correct it. Ask your clinic if you have a question about it.',
  skipped: (n: number) =>
    `${count.format(n)} ${n === 1 ? 'entry' : 'entries'} of your record cannot be shown here. Please ask the clinic.`,
  skippedToo: (n: number) => `${count.format(n)} cannot be shown`,
  recalledToo: (n: number) => `${count.format(n)} withdrawn for correction`,
  codes: 'Codes',
  learnMore: 'Learn more',
  explanation: 'Read about it at MedlinePlus',
  explanationLead:
    'A website of the U.S. National Library of Medicine. It sees one of the codes below and your internet address, but not your name.',
  opensInNewTab: 'opens in a new tab',
  codeUnknownSystem: 'Code',
  note: 'Note',
  recorded: (who: string, day: string | undefined) =>
    who === ''
      ? { label: 'Recorded', value: day }
      : { label: 'Recorded by', value: day === undefined ? who : `${who}, on ${day}` },
  noDate: 'Date not given',
  print: 'Print',
  born: (day: string) => `born ${day}`,
  unnamed: 'Entry without a name',
  from: (day: string) => `from ${day}`,
  between: (from: string, to: string) => `${from} – ${to}`,
};
