import type { Flag } from '../chart/lab-report.js';
import { count, counted } from './locale.js';

const FLAG_WORDS: Record<Flag, string> = {
  normal: 'In range',
  high: 'High',
  low: 'Low',
  'very-high': 'Very high',
  'very-low': 'Very low',
  abnormal: 'Not typical',
  critical: 'Critical',
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

export const resultsText = {
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
  print: 'Print',
  notFound: 'This report is not in your record any more. It may have been corrected.',
  notShown: 'We cannot show this report right now. This does not mean it is gone.',
  toAll: 'All results',
  noDate: 'Date not given',
  askAbout: 'Ask about this result',
  askSubject: (title: string, day: string) => (day === '' ? title : `${title}, ${day}`),
  noValues: 'This report has no values yet.',
};
