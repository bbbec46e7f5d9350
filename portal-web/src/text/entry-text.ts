import { counted } from './locale.js';
import { FAILURES, PASSWORD_REASONS } from './failure-text.js';

export const signInText = {
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
};

export const passwordText = {
  show: 'Show',
  hide: 'Hide',
  showLabel: 'Show password',
  hideLabel: 'Hide password',
};

export const joinText = {
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
  passwordHint: 'At least 12 characters. Four random words make a strong one. Pasting from a password manager is fine.',
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
};

export const checkingText = {
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
};
