import type { FailureCode } from './api/problem.js';
import type { Flag } from './chart/lab-report.js';
import type { ReceiptState } from './chart/section-content.js';

/** Every word the pages say. Another language is another object of the type `Text`. */
export const locale = 'en-US';

const plural = new Intl.PluralRules(locale);
const count = new Intl.NumberFormat(locale);

function counted(n: number, one: string, other: string): string {
  return `${count.format(n)} ${plural.select(n) === 'one' ? one : other}`;
}

const FAILURES: Record<FailureCode, string> = {
  'body-refused': 'Something you entered was not accepted. Please check the fields and try again.',
  'body-too-large': 'This is too long to send. Please shorten it.',
  'body-not-json': 'The request was not understood. Please reload the page and try again.',
  'request-refused': 'The request was refused for safety. Please reload the page and try again.',
  'not-found': 'This is not available to you, or no longer exists.',
  'signed-out': 'You are signed out. Please sign in again.',
  'too-many-tries': 'Too many tries. Please wait before you try again.',
  busy: 'The portal is busy right now. Please try again in a moment.',
  'switched-off': 'The clinic has switched the portal off. Please telephone the clinic.',
  unexpected: 'Something went wrong on our side. Please try again.',
  'invite-mistyped':
    'This code is not complete or has a typing error. Compare it with your letter, character by character.',
  'invite-unknown': 'We do not know this code. Check it again, or ask your clinic for a new one.',
  'invite-used': 'This code has been used already. If that was you, sign in. If it was not you, call your clinic.',
  'invite-expired': 'This code has expired. Codes are valid for three days. Please ask your clinic for a new one.',
  'name-refused': "Use 3 to 254 characters without spaces: letters, digits, and . _ % + @ ' - only.",
  'name-taken': 'This sign-in name is taken. Please choose another.',
  'password-refused': 'This password cannot be used. Please choose another.',
  'totp-setup-expired': 'The set-up of the authenticator took too long. We have made a new key: please scan it again.',
  'totp-refused': 'This code does not match. Wait for the next one in your authenticator app and type that.',
  'date-of-birth-not-asked': 'The clinic has already answered. Please reload the page.',
  'clinic-keys-missing': 'The clinic has not finished setting up the portal. Please try again later.',
  'clinic-catching-up': 'The portal is being restored. Please try again in a few minutes.',
  'sign-in-failed': 'Sign-in name or password is not right.',
  'code-refused': 'This code is not right, or was used already. Wait for the next one in your app.',
  'sign-in-expired': 'That took too long. Please enter your name and password again.',
  'section-not-found': 'There is nothing here yet.',
  'chart-not-ready': 'Your clinic is still preparing your record. This page fills in by itself.',
  'replica-unverified':
    'We could not confirm that this information is genuine and complete, so we are not showing it. Please try again later or call your clinic.',
  'scope-missing': 'Your access does not include this.',
  'idempotency-conflict':
    'This message was changed while it was being sent. Please check the thread before you send again.',
  'idempotency-key-missing': 'The message could not be sent. Please reload the page and try again.',
  'thread-not-found': 'This conversation no longer exists. Please start a new message.',
  'connection-lost': 'No connection. Check your internet connection and try again.',
};

/** The server's reasons against a password, by its own words for them. */
const PASSWORD_REASONS: Record<string, string> = {
  'must have at least 12 characters': 'This password is too short. Use at least 12 characters.',
  'must have at most 256 characters': 'This password is too long. Use at most 256 characters.',
  'contains characters that cannot be typed again':
    'This password has characters that cannot be typed again. Please choose another.',
  'repeats too few different characters':
    'This password repeats the same few characters. Use at least five different ones.',
  'is too close to your sign-in name or to the name of the practice':
    'This password is too close to your sign-in name or to the name of the clinic. Please choose another.',
  'is on the list of passwords that are tried first':
    'This password is on the list of passwords that attackers try first. Please choose another.',
};

const FLAG_WORDS: Record<Flag, string> = {
  normal: 'In range',
  high: 'High',
  low: 'Low',
  'very-high': 'Very high',
  'very-low': 'Very low',
  abnormal: 'Not typical',
  critical: 'Critical',
};

const RECEIPTS: Record<ReceiptState, string> = {
  saved: 'Saved. The clinic collects it in a moment.',
  collected: 'Collected by the clinic',
  'with-staff': 'With the clinic’s staff',
  decided: 'Answered by the clinic',
  'in-chart': 'In your record',
  refused: 'Could not be delivered',
};

const REPORT_STATUS: Record<string, string> = {
  registered: 'Not ready yet',
  partial: 'Partial: more values to come',
  preliminary: 'Preliminary: may still change',
  amended: 'Changed after it was final',
  corrected: 'Corrected after it was final',
  appended: 'Added to after it was final',
  cancelled: 'Cancelled',
  unknown: 'Status not known',
};

const MEDICATION_STATUS: Record<string, string> = {
  active: 'Active',
  'on-hold': 'On hold',
  draft: 'Not started',
  completed: 'Finished',
  stopped: 'Stopped',
  cancelled: 'Cancelled',
  unknown: 'Status not known',
};

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

  nav: {
    label: 'Main',
    home: 'Home',
    medications: 'Medications',
    medicationsShort: 'Meds',
    results: 'Results',
    messages: 'Messages',
    profile: 'Profile',
    signOut: 'Sign out',
    unread: (n: number) => counted(n, 'unread message', 'unread messages'),
  },

  theme: { label: 'Appearance', system: 'System', light: 'Light', dark: 'Dark' },

  asOf: {
    current: (time: string) => `Up to date as of ${time}`,
    amber: (time: string) => `Last updated ${time}`,
    red: (time: string) => `Not updated since ${time}`,
    never: 'No update from your clinic has arrived yet',
    amberNote: 'Newer information may be missing.',
    redNote: 'This page may be out of date. For anything that matters now, call your clinic.',
    frozen: 'Your clinic is checking this record. It is shown as it was, and is not being updated for now.',
    labelAmber: 'Delayed',
    labelRed: 'Out of date',
  },

  connection: {
    offline: 'You are offline. What you see may be out of date; messages are kept and sent when you are back.',
    reconnecting: 'The connection was interrupted. Trying again…',
    back: 'You are connected again.',
  },

  idle: {
    heading: 'Are you still there?',
    body: 'To protect your information you will be signed out soon.',
    remaining: (seconds: number) =>
      seconds >= 60
        ? `${counted(Math.floor(seconds / 60), 'minute', 'minutes')} ${counted(seconds % 60, 'second', 'seconds')} left`
        : `${counted(seconds, 'second', 'seconds')} left`,
    draftLost: 'You have a message that is not sent. It is lost when you are signed out.',
    stay: 'Stay signed in',
    leave: 'Sign out now',
    stillHere: 'You stay signed in.',
  },

  signedOut: {
    heading: 'You are signed out',
    chosen: 'Everything that was shown has been cleared from this page.',
    idle: 'You were signed out because nothing happened for a while. Everything that was shown has been cleared.',
    ended: 'Your session has ended. Everything that was shown has been cleared.',
    elsewhere: 'You signed out in another tab. Everything that was shown here has been cleared.',
    unconfirmed:
      'We could not reach the server to end your session there. It ends by itself within 15 minutes. On a shared device, connect and sign out again.',
    shared: 'On a shared device, close the browser as well.',
    again: 'Sign in again',
  },

  signIn: {
    title: 'Sign in',
    lead: 'Your medications, results and messages, from your clinic.',
    name: 'Sign-in name',
    password: 'Password',
    submit: 'Continue',
    codeTitle: 'Enter your code',
    codeLead: 'Open your authenticator app and type the six digits it shows for this portal.',
    code: 'Six-digit code',
    codeSubmit: 'Sign in',
    startOver: 'Use another name',
    join: 'I have an invitation code',
    help: 'Forgotten your password or lost your phone? Call your clinic; they can invite you again after checking who you are.',
    checking: 'Checking…',
    codeFormat: 'Type the six digits.',
  },

  password: {
    show: 'Show',
    hide: 'Hide',
    showLabel: 'Show password',
    hideLabel: 'Hide password',
  },

  join: {
    title: 'Join the portal',
    steps: ['Your code', 'Your account', 'Your second key'] as const,
    progress: (step: number, total: number, name: string) => `Step ${String(step)} of ${String(total)}: ${name}`,
    codeLead: 'Your clinic gave you a code on paper or on screen. Type it here, or open the link you were given.',
    code: 'Invitation code',
    codeHint: 'Seven groups of five letters and digits. Capitals, spaces and hyphens do not matter.',
    codeSubmit: 'Check code',
    haveAccount: 'I already have an account',
    accountLead: 'Choose how you will sign in.',
    name: 'Sign-in name',
    nameHint: 'An e-mail address or any name you will remember, without spaces. It is not shown to anybody.',
    password: 'Password',
    passwordHint:
      'At least 12 characters. Four random words make a strong one. Pasting from a password manager is fine.',
    passwordShort: (missing: number) => `${counted(missing, 'more character', 'more characters')} needed.`,
    passwordFair: 'Long enough. Longer is stronger.',
    passwordStrong: 'Good length.',
    passwordTooShort: 'Use at least 12 characters.',
    passwordLong: (over: number) => `${counted(over, 'character', 'characters')} too many.`,
    passwordTooLong: 'Use at most 256 characters. Nothing was cut from what you typed or pasted.',
    passwordRefused: (reasons: readonly string[]) =>
      reasons.map((reason) => PASSWORD_REASONS[reason]).find((words) => words !== undefined) ??
      FAILURES['password-refused'],
    dateOfBirth: 'Date of birth',
    dateHint:
      'Your clinic compares it with your record, so that nobody else can use your code. The portal does not keep it.',
    month: 'Month',
    day: 'Day',
    year: 'Year',
    monthPlaceholder: 'MM',
    dayPlaceholder: 'DD',
    yearPlaceholder: 'YYYY',
    dateInvalid: 'Enter a date like 4 / 23 / 1980.',
    accountSubmit: 'Continue',
    totpLead:
      'A second key keeps your record safe if somebody learns your password. You need an authenticator app on your phone or in your password manager.',
    totpScan: 'Scan this picture with the app',
    totpQr: 'QR code for your authenticator app. The same key is written below as text.',
    totpType: 'Or type this key into the app',
    copy: 'Copy key',
    copied: 'Key copied.',
    copyFailed: 'Copying did not work. Please mark the key and copy it.',
    totpOpen: 'Open in an authenticator app on this device',
    totpCode: 'Code from the app',
    totpCodeHint: 'Six digits that change every 30 seconds.',
    submit: 'Create account',
    creating: 'Creating your account…',
  },

  checking: {
    title: 'Checking with the clinic',
    lead: 'Your account is made. Your clinic is now comparing your code and date of birth with your record.',
    usually: 'This usually takes a few seconds. You can leave this page open, or sign in later: it goes on by itself.',
    wrongTitle: 'The date of birth does not match',
    wrongLead: 'It differs from the one in your clinic’s record. Please enter it again.',
    triesLeft: (n: number) => (n === 1 ? 'One try is left.' : `${counted(n, 'try', 'tries')} left.`),
    retry: 'Check again',
    voidTitle: 'This invitation is no longer valid',
    voidLead:
      'The date of birth was wrong too often, or your clinic has withdrawn the invitation. Nothing about you was shown to anybody.',
    voidNext: 'Call your clinic and ask for a new code. They will check who you are first.',
    noRecordTitle: 'No record is open to you right now',
    noRecordLead:
      'Your account is in order, but your clinic has no record open to it. If you joined a moment ago, it opens here by itself.',
    noRecordNext: 'If this stays, call your clinic.',
    sent: 'Sent to the clinic.',
  },

  home: {
    title: 'Home',
    morning: (name: string) => `Good morning, ${name}`,
    afternoon: (name: string) => `Good afternoon, ${name}`,
    evening: (name: string) => `Good evening, ${name}`,
    welcome: 'Welcome',
    results: 'Latest results',
    resultsNone: 'No lab results in your record so far.',
    resultsAll: 'All results',
    isNew: 'New',
    outside: (n: number) => counted(n, 'value outside its range', 'values outside their range'),
    medications: 'Medications',
    medicationsActive: (n: number) => counted(n, 'active medication', 'active medications'),
    medicationsNone: 'No active medications in your record.',
    medicationsAll: 'All medications',
    more: (n: number) => `and ${count.format(n)} more`,
    messages: 'Messages',
    unread: (n: number) => counted(n, 'unread message', 'unread messages'),
    noUnread: 'No unread messages.',
    messagesAll: 'All messages',
    write: 'Write a message',
    underWay: 'Under way',
    underWayNone: 'Nothing is waiting.',
    underWayUnknown: 'We could not check what is on its way. This does not mean that nothing is.',
    underWayLead: 'What you sent and where it is now',
    staleNone: 'Nothing to show. This page may be out of date, so there may be information we do not have.',
  },

  medications: {
    title: 'Medications',
    active: 'Active',
    stopped: (n: number) => `Stopped and finished (${count.format(n)})`,
    none: 'Your record has no medications.',
    noneActive: 'No active medications in your record.',
    noneStale: 'We cannot show medications right now. This does not mean there are none.',
    unnamed: 'Medication without a name',
    status: (status: string) => MEDICATION_STATUS[status] ?? status,
    instructions: 'How to take it',
    dose: 'Dose',
    route: 'Route',
    frequency: 'How often',
    asNeeded: 'As needed',
    prescriber: 'Prescribed by',
    written: 'Prescribed',
    starts: 'From',
    ends: 'Until',
    lastFilled: 'Last filled',
    quantity: 'Quantity',
    reason: 'For',
    note: 'Note',
    refillsLeft: 'Refills left',
    refills: 'Refills prescribed',
    refillsOf: (left: number, allowed: number) => `${count.format(left)} of ${count.format(allowed)}`,
    caution: 'Do not change how you take a medication because of this page alone. Ask your clinic or pharmacist.',
  },

  results: {
    title: 'Lab results',
    one: 'Result',
    lead: 'Results appear as soon as the laboratory has reported them, sometimes before your clinician has seen them.',
    none: 'Your record has no lab results.',
    noneStale: 'We cannot show lab results right now. This does not mean there are none.',
    years: 'Years',
    undated: 'Without a date',
    reports: (n: number) => counted(n, 'report', 'reports'),
    values: (n: number) => counted(n, 'value', 'values'),
    collected: 'Collected',
    reported: 'Reported',
    laboratory: 'Laboratory',
    orderedBy: 'Ordered by',
    specimen: 'Specimen',
    unnamed: 'Laboratory report',
    flag: (flag: Flag) => FLAG_WORDS[flag],
    range: 'Range',
    noRange: 'No range given',
    comment: 'Comment',
    noteHeading: 'Notes of the laboratory or clinic',
    status: (status: string) => REPORT_STATUS[status] ?? null,
    outside: (n: number) => `${count.format(n)} outside range`,
    allInside: 'In range',
    earlier: 'Other values of this test',
    earlierNone: 'No other values of this test in your record.',
    earlierUnknown: 'We cannot show other values of this test right now. This does not mean there are none.',
    earlierSome: 'Some years are missing here or may be out of date, so there may be more values.',
    earlierLoading: 'Looking through the other years…',
    test: 'Test',
    value: 'Value',
    print: 'Print',
    notFound: 'This report is not in your record any more. It may have been corrected.',
    notShown: 'We cannot show this report right now. This does not mean it is gone.',
    toAll: 'All results',
    noDate: 'Date not given',
    askAbout: 'Ask about this result',
    askSubject: (title: string, day: string) => (day === '' ? title : `${title}, ${day}`),
    noValues: 'This report has no values yet.',
  },

  messages: {
    title: 'Messages',
    one: 'Conversation',
    none: 'No messages yet.',
    noneStale: 'We cannot show messages right now. This does not mean there are none.',
    write: 'New message',
    unread: (n: number) => counted(n, 'unread', 'unread'),
    you: 'You',
    practice: 'Clinic',
    noSubject: 'No subject',
    underWay: 'On its way',
    messagesIn: (n: number) => counted(n, 'message', 'messages'),
    reply: 'Reply',
    replyLabel: 'Your reply',
    send: 'Send',
    sending: 'Sending…',
    waiting: 'No connection. Your message is kept here and sent as soon as the connection is back.',
    waitingBusy: 'The portal did not answer. Your message is kept here and sent again by itself.',
    tooMany:
      'Your message was not sent: this portal takes only so many messages in a time. What you wrote stays here until you sign out.',
    retryNow: 'Try now',
    edit: 'Change the text',
    editDoubt:
      'The version before your change may have been saved already. If it shows in the thread, send only what is missing.',
    topic: 'Topic',
    topicChoose: 'Choose a topic',
    topicMissing: 'Please choose a topic.',
    subject: 'Subject',
    subjectHint: 'Optional, up to 120 characters',
    subjectLong: 'Please keep the subject to 120 characters.',
    body: 'Message',
    bodyMissing: 'Please write your message.',
    bodyLong: (over: number) => `Please shorten your message by ${counted(over, 'character', 'characters')}.`,
    charactersLeft: (n: number) => counted(n, 'character left', 'characters left'),
    notEmergencies: 'Not for emergencies.',
    notEmergenciesBody: 'Staff read messages during opening hours. In an emergency call 911.',
    urgent:
      'This sounds urgent. If you or someone else is in danger, call 911 now (or 988 for the Suicide & Crisis Lifeline). You can still send this message.',
    discard: 'Discard draft',
    discarded: 'Draft discarded.',
    receipt: (state: ReceiptState) => RECEIPTS[state],
    receiptLabel: 'Status',
    notFound: 'This conversation is not in your record any more.',
    notShown: 'We cannot show this conversation right now. This does not mean it is gone.',
    toAll: 'All messages',
    draft: 'Draft',
    sentAt: 'Sent',
    topics: {
      General: 'General question',
      Appointment: 'Appointment',
      Medication: 'Medication',
      Results: 'Test results',
      Billing: 'Billing',
      Insurance: 'Insurance',
      Other: 'Something else',
    } as Record<string, string>,
    notAllowed: 'Your access does not include writing messages.',
  },

  profile: {
    title: 'Profile',
    lead: 'This is what your clinic has on record. To change anything, tell your clinic.',
    person: 'You',
    name: 'Name',
    earlierNames: 'Earlier names',
    birthDate: 'Date of birth',
    gender: 'Sex',
    genders: { male: 'Male', female: 'Female', other: 'Other', unknown: 'Not known' } as Record<string, string>,
    maritalStatus: 'Marital status',
    language: 'Language',
    race: 'Race',
    ethnicity: 'Ethnicity',
    recordNumber: 'Record number',
    clinician: 'Your clinician',
    reach: 'How to reach you',
    address: 'Address',
    contactKinds: {
      phone: 'Phone',
      email: 'E-mail',
      fax: 'Fax',
      sms: 'Text message',
      pager: 'Pager',
      url: 'Web',
      other: 'Other',
    } as Record<string, string>,
    contactUses: { home: 'home', work: 'work', mobile: 'mobile', old: 'old', temp: 'temporary' } as Record<
      string,
      string
    >,
    session: 'This sign-in',
    sessionEnds: (time: string, idleMinutes: number) =>
      `You are signed in until ${time} at the latest. After ${counted(idleMinutes, 'minute', 'minutes')} without use you are signed out automatically.`,
    tellClinic: 'Tell the clinic about a change',
    changeSubject: 'Change of my details',
    none: 'Your clinic has not sent your details yet.',
    noneStale: 'We cannot show your details right now.',
  },

  notFound: {
    title: 'Page not found',
    body: 'There is no page at this address.',
    home: 'Go to the start page',
  },
};

export type Text = typeof text;

/** Words that bring up the notice about emergencies. They never block sending. */
const URGENT = [
  /chest (pain|tightness|pressure)/,
  /(can.?t|cannot|can not|hard to|trouble|difficulty) breath/,
  /short(ness)? of breath/,
  /\bstroke\b/,
  /\b(suicid|kill myself|end my life|hurt myself|self.?harm)/,
  /\boverdos/,
  /\bunconscious|passed out|faint(ed|ing)\b/,
  /(heavy|severe|won.?t stop|can.?t stop|a lot of) bleed|bleeding (heavily|a lot)/,
  /\bemergency\b|\b911\b/,
  /swollen (tongue|throat|face)|throat (is )?clos/,
  /\banaphyla/,
  /\bseizure/,
];

export function soundsUrgent(typed: string): boolean {
  const plain = typed.toLowerCase().replaceAll('’', "'");
  return URGENT.some((pattern) => pattern.test(plain));
}
