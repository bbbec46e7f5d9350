import { counted } from './locale.js';

/** Words about new results that wait because the patient wished so. */
export const releaseWishText = {
  title: 'When new results appear',
  linkLead: 'See new results at once, or wait until your clinician has seen them.',
  link: 'Choose when new results appear',
  lead: 'A new result can appear here as soon as the laboratory has reported it, or wait until your clinician has seen it. You can change this at any time.',
  choice: 'New results',
  choices: {
    'at-once': {
      label: 'Show them at once',
      hint: 'Sometimes before your clinician has seen them.',
    },
    wait: {
      label: 'Wait until my clinician has seen them',
      hint: 'You are told how many wait, and can open each one at any time.',
    },
  },
  save: 'Save',
  saving: 'Saving…',
  already: 'This is how it is already.',
  sent: 'Saved. It holds as soon as it has reached the clinic.',
  underWay: {
    wait: 'On its way to the clinic: new results wait until your clinician has seen them.',
    'at-once': 'On its way to the clinic: new results appear at once.',
  },
  limits: [
    'Results that you can see already stay.',
    'A result has been seen once your clinic has signed it in its own system. A clinic that does not sign results never ends the wait; then open the result yourself.',
    'While new results wait, the clinic’s system makes no C-CDA file of your record: it could not leave them out.',
    'Notes and documents that your clinic files are not kept back. Everybody who may see this record sees the same results as you.',
  ],
  mayNot: 'Your access does not include changing this.',
  unknown: 'We cannot tell right now how new results are handled.',
  waiting: (n: number) =>
    n === 0
      ? 'New results wait for your clinician, as you wished. None is waiting now.'
      : `${counted(n, 'result waits', 'results wait')} for your clinician, as you wished.`,
  waitingShort: (n: number) => `${counted(n, 'result waits', 'results wait')} for your clinician`,
  since: (day: string) => `Waiting since ${day}`,
  showNow: 'Show it now',
  asked: 'Asked for; it comes in a moment',
  change: 'Change this',
  noOthers: 'There are no other test results in your record.',
  notInFile: (n: number) =>
    `Not in this file: ${counted(n, 'new result that waits', 'new results that wait')} for the clinician, as the patient wished.`,
};
