import type { FailureCode } from './api/problem.js';
import { accessHistoryText } from './text/access-history-text.js';
import { assessmentsText, carePlanText, careTeamText, socialHistoryText, yesNoText } from './text/care-text.js';
import { billingText } from './text/billing-text.js';
import { ccdText } from './text/ccd-text.js';
import { coverageText, practiceText } from './text/clinic-text.js';
import { documentsText } from './text/documents-text.js';
import { downloadText } from './text/download-text.js';
import { checkingText, joinText, passwordText, signInText } from './text/entry-text.js';
import { FAILURES } from './text/failure-text.js';
import { allergiesText, devicesText, immunizationsText, problemsText, proceduresText } from './text/health-text.js';
import { homeText } from './text/home-text.js';
import { counted } from './text/locale.js';
import { medicationsText } from './text/medications-text.js';
import { messagesText } from './text/messages-text.js';
import { profileText } from './text/profile-text.js';
import { recordText } from './text/record-text.js';
import { releaseWishText } from './text/release-wish-text.js';
import { resultsText } from './text/results-text.js';
import {
  asOfText,
  connectionText,
  idleText,
  navText,
  notFoundText,
  signedOutText,
  themeText,
} from './text/shell-text.js';
import { notesText, reportsText, visitsText } from './text/visits-text.js';
import { trendText, vitalsText } from './text/vitals-text.js';

/** Every word the pages say, one file per page in `text/`. Another language is another object of the type `Text`. */
export const text = {
  appName: 'Patient portal',
  pageTitle: (page: string, practice: string) => `${page} – ${practice === '' ? 'Patient portal' : practice}`,
  skipLink: 'Skip to main content',
  loading: 'Loading…',
  tryAgain: 'Try again',
  back: 'Back',
  close: 'Close',
  unknownPractice: 'Your clinic',
  failure: (code: FailureCode) => FAILURES[code],
  failureHeading: 'This did not load',
  waitSeconds: (seconds: number) =>
    seconds < 90
      ? `You can try again in ${counted(seconds, 'second', 'seconds')}.`
      : seconds < 90 * 60
        ? `You can try again in ${counted(Math.ceil(seconds / 60), 'minute', 'minutes')}.`
        : `You can try again in ${counted(Math.ceil(seconds / 3600), 'hour', 'hours')}.`,
  required: 'Please fill this in.',
  newInformation: 'New information from your clinic has arrived.',
  updatedNow: 'Updated just now',

  nav: navText,
  theme: themeText,
  asOf: asOfText,
  connection: connectionText,
  idle: idleText,
  signedOut: signedOutText,
  signIn: signInText,
  password: passwordText,
  join: joinText,
  checking: checkingText,
  home: homeText,
  medications: medicationsText,
  results: resultsText,
  messages: messagesText,
  profile: profileText,
  accessHistory: accessHistoryText,
  releaseWish: releaseWishText,
  record: recordText,
  problems: problemsText,
  allergies: allergiesText,
  immunizations: immunizationsText,
  procedures: proceduresText,
  devices: devicesText,
  vitals: vitalsText,
  trend: trendText,
  visits: visitsText,
  notes: notesText,
  reports: reportsText,
  careTeam: careTeamText,
  carePlan: carePlanText,
  assessments: assessmentsText,
  socialHistory: socialHistoryText,
  yesNo: yesNoText,
  documents: documentsText,
  download: downloadText,
  ccd: ccdText,
  billing: billingText,
  coverage: coverageText,
  practice: practiceText,
  notFound: notFoundText,
};

export type Text = typeof text;
