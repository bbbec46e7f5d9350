import type { DayRange } from '../chart/clinical-span.js';
import { isWhole } from '../chart/clinical-span.js';
import type { Freshness } from '../chart/freshness.js';
import { asOfText } from './shell-text.js';
import { count } from './locale.js';

const UNDATED = 'Entries without a date, and people and places, are in it whatever days were chosen.';
const NOT_FILES = 'The files of documents are not in it; they can be saved from the page Documents.';

/** Words of the page that makes files of the record, and of what is written into them. */
export const downloadText = {
  title: 'Download my record',
  open: 'Download my record',
  lead: 'Your record as one file, made on this device out of what your clinic shares with you. Making it is noted in the access history.',
  what: 'What to put in',
  whole: 'Everything shared with this account',
  days: 'Only certain days',
  from: 'First day',
  to: 'Last day',
  daysHint: 'In the clinic’s time. Leave one empty for no limit.',
  undated:
    'What lasted into these days is in it too, such as a medication begun earlier. What has no date is always in it.',
  daysWrong: 'The last day is before the first day.',
  dayUnknown: 'This is not a complete, existing date. Correct it, or empty the field for no limit.',
  daysMissing: 'Choose a first day, a last day, or both.',
  form: 'Kind of file',
  pdf: 'PDF, to read and print',
  bundle: 'FHIR, for apps and other clinics (JSON)',
  pdfHint: 'Everything including messages and bills.',
  bundleHint: 'Entries with their codes, unchanged. Messages and bills are not part of it.',
  notFiles: NOT_FILES,
  careful:
    'The file is not protected by your password. Do not save it on a device that others use, and be careful whom you send it to.',
  start: 'Make the file',
  cancel: 'Cancel',
  cancelled: 'Cancelled. Nothing was saved.',
  gathering: 'Gathering your record…',
  writing: 'Writing the file…',
  gathered: (done: number, total: number) => `${count.format(done)} of ${count.format(total)} parts`,
  saved: (name: string) => `Saved as ${name}. Look where your browser keeps downloads.`,
  failed: 'The file was not made. What has come is kept here; trying again goes on from there.',
  age: (age: Freshness | 'frozen', at: string | null): string => {
    if (at === null) {
      return `${asOfText.never}.`;
    }
    switch (age) {
      case 'current':
        return `${asOfText.current(at)}.`;
      case 'amber':
        return `${asOfText.labelAmber}. ${asOfText.amber(at)}. ${asOfText.amberNote}`;
      case 'red':
        return `${asOfText.labelRed}. ${asOfText.red(at)}. Newer information may be missing. For anything that matters now, call your clinic.`;
      case 'frozen':
        return `${asOfText.labelFrozen} ${asOfText.frozen(at)}`;
    }
  },
  range: ({ from, to }: DayRange, day: (value: string) => string) =>
    from === null
      ? to === null
        ? 'Everything shared with this account.'
        : `Only what was until ${day(to)}.`
      : to === null
        ? `Only what was from ${day(from)} on.`
        : `Only what was from ${day(from)} to ${day(to)}.`,
  absent: (parts: readonly string[]) =>
    `Not shared with this account, or not sent by your clinic: ${parts.join(', ')}.`,
  bundleNotices: (range: DayRange, absent: readonly string[]): string[] => [
    ...(isWhole(range) ? [] : [`${downloadText.range(range, (day) => day)} ${UNDATED}`]),
    'Messages and bills are no FHIR resources in this portal and are not in this Bundle.',
    NOT_FILES,
    ...(absent.length === 0 ? [] : [downloadText.absent(absent)]),
  ],
  bundleSkipped: (n: number) =>
    `${count.format(n)} more ${n === 1 ? 'entry' : 'entries'} could not be put into this Bundle. Please ask the clinic.`,
  withdrawnEntry: (reference: string) =>
    `${reference} has been withdrawn by the clinic for correction and is not in this Bundle.`,
  pdfText: {
    title: 'Health record',
    madeOn: (at: string) => `${at}, from the patient portal`,
    patient: 'Patient',
    birthDate: 'Date of birth',
    recordNumber: 'Record number',
    clinic: 'Clinic',
    made: 'Made',
    appointments: 'Appointments',
    days: 'Days',
    undated: UNDATED,
    notFiles: NOT_FILES,
    page: (page: number, pages: number) => `Page ${String(page)} of ${String(pages)}`,
    noneInDays: 'Nothing from the days chosen.',
    withdrawn: (n: number) =>
      `${count.format(n)} ${n === 1 ? 'entry has' : 'entries have'} been withdrawn by your clinic for correction.`,
    skipped: (n: number) =>
      `${count.format(n)} more ${n === 1 ? 'entry' : 'entries'} cannot be shown. Please ask the clinic.`,
    columns: { what: 'What', when: 'When', details: 'Details' },
    value: 'Value',
    test: 'Test',
    notes: 'Notes',
    who: 'Who',
    message: 'Message',
    detail: (label: string, value: string) => `${label}: ${value}`,
  },
};
