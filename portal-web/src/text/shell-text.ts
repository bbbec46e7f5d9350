import { counted } from './locale.js';

export const navText = {
  label: 'Main',
  home: 'Home',
  record: 'Health record',
  recordShort: 'Record',
  visits: 'Visits',
  messages: 'Messages',
  profile: 'Profile',
  signOut: 'Sign out',
  unread: (n: number) => counted(n, 'unread message', 'unread messages'),
};

export const themeText = { label: 'Appearance', system: 'System', light: 'Light', dark: 'Dark' };

export const asOfText = {
  current: (time: string) => `Up to date as of ${time}`,
  amber: (time: string) => `Last updated ${time}`,
  red: (time: string) => `Not updated since ${time}`,
  never: 'No update from your clinic has arrived yet',
  amberNote: 'Newer information may be missing.',
  redNote: 'This page may be out of date. For anything that matters now, call your clinic.',
  labelFrozen: 'Your clinic is checking this record.',
  frozen: (time: string) => `It is shown as of ${time} and is not updated for now.`,
  frozenBare: 'It is shown as it was and is not updated for now.',
  frozenNote:
    'Nothing is lost: messages you send are kept until the check is done, and everything newer appears here then. If something cannot wait, please call the clinic.',
  labelAmber: 'Delayed',
  labelRed: 'Out of date',
};

export const connectionText = {
  offline: 'You are offline. What you see may be out of date; messages are kept and sent when you are back.',
  reconnecting: 'The connection was interrupted. Trying again…',
  back: 'You are connected again.',
};

export const idleText = {
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
};

export const signedOutText = {
  heading: 'You are signed out',
  chosen: 'Everything that was shown has been cleared from this page.',
  idle: 'You were signed out because nothing happened for a while. Everything that was shown has been cleared.',
  ended: 'Your session has ended. Everything that was shown has been cleared.',
  elsewhere: 'You signed out in another tab. Everything that was shown here has been cleared.',
  unconfirmed:
    'We could not reach the server to end your session there. It ends by itself within 15 minutes. On a shared device, connect and sign out again.',
  shared: 'On a shared device, close the browser as well.',
  again: 'Sign in again',
};

export const notFoundText = {
  title: 'Page not found',
  body: 'There is no page at this address.',
  home: 'Go to the start page',
};
