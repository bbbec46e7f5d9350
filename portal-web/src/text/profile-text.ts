import { counted } from './locale.js';

export const profileText = {
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
};
