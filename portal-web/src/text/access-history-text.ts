import { counted } from './locale.js';

/** What the log's words mean to a person: when it went through, and when it did not. */
interface ActionWords {
  done: string;
  refused?: string;
}

const ACTIONS: Record<string, ActionWords> = {
  'chart-read': { done: 'Looked at the health record' },
  'chart-download': { done: 'Downloaded the health record' },
  'document-view': { done: 'Opened a document' },
  'document-download': { done: 'Downloaded a document' },
  'own-copies-read': { done: 'Looked at what is on its way to the clinic' },
  submission: { done: 'Sent something to the clinic' },
  join: { done: 'Account created', refused: 'Creating an account was refused' },
  'date-of-birth-retry': { done: 'Date of birth entered again' },
  'sign-in': { done: 'Signed in', refused: 'Sign-in stopped at the six-digit code' },
  'sign-in-password': { done: 'Password accepted, sign-in not finished', refused: 'Sign-in stopped at the password' },
  'sign-out': { done: 'Signed out' },
  'access-refused': { done: 'A request was refused', refused: 'A request was refused' },
  'access-history': { done: 'Looked at this access history' },
};

export const accessHistoryText = {
  title: 'Access history',
  lead: 'Who signed in with your account, and what was looked at, downloaded or sent. If you do not recognize something here, call your clinic.',
  link: 'See who looked at your record',
  linkLead: 'Every sign-in, every look at your record and every download is written down.',
  none: 'Nothing has been written down yet.',
  more: 'Show earlier',
  added: (n: number) => `${counted(n, 'earlier line', 'earlier lines')} added`,
  end: 'This is the beginning of your access history.',
  action: (action: string, ok: boolean): string => {
    const words = ACTIONS[action];
    if (words === undefined) {
      return `${ok ? 'Other access' : 'Other access, refused'} (${action})`;
    }
    return ok ? words.done : (words.refused ?? `${words.done}: refused`);
  },
  parts: (names: readonly string[]) => names.join(', '),
  otherParts: (n: number) => counted(n, 'part that cannot be named now', 'parts that cannot be named now'),
  times: (n: number) => counted(n, 'time', 'times'),
  between: (first: string, last: string) => `${first} – ${last}`,
  from: (address: string) => `from ${address}`,
  someoneElse: 'Another person with access to your record',
  otherRecord: 'Record of a person you act for',
  thisSession: 'This sign-in',
  refused: 'Did not go through',
  /** classes of records that have no page of their own */
  classes: {
    profile: 'Your details',
    appointments: 'Appointments',
    'care-plan': 'Care plan',
    goals: 'Goals',
    receipts: 'Answers of your clinic',
    provenance: 'Where entries come from',
  } as Record<string, string>,
};
