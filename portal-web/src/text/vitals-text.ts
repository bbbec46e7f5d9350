import { count, counted } from './locale.js';

const KINDS: Record<string, string> = {
  'blood-pressure': 'Blood pressure',
  'heart-rate': 'Heart rate',
  breathing: 'Breathing rate',
  temperature: 'Body temperature',
  'temperature-site': 'Temperature taken',
  oxygen: 'Oxygen saturation',
  weight: 'Weight',
  height: 'Height',
  bmi: 'Body mass index',
  head: 'Head circumference',
  waist: 'Waist',
  'head-percentile': 'Head circumference, percentile',
  'bmi-percentile': 'Body mass index, percentile',
  'weight-for-length': 'Weight for length, percentile',
};

export const vitalsText = {
  title: 'Vitals',
  none: 'Your record has no vital signs.',
  kind: (kind: string, name: string) => KINDS[kind] ?? name,
  part: (part: 'systolic' | 'diastolic') => (part === 'systolic' ? 'Upper (systolic)' : 'Lower (diastolic)'),
  latest: 'Latest',
  all: 'All measurements',
  undated: 'Without a date',
  measurings: (n: number) => counted(n, 'measurement', 'measurements'),
  units: 'Units',
  us: 'lb, in, °F',
  metric: 'kg, cm, °C',
  converted: 'Shown in the units you chose; converted values are rounded to one decimal.',
  notFound: 'There are no measurements of this kind in the years looked at.',
};

/** Charts over time of results and vitals. */
export const trendText = {
  heading: 'Over time',
  date: 'Date',
  value: 'Value',
  tooFew: 'A chart needs at least two values with numbers in the same unit.',
  leftOut: (n: number) =>
    `${counted(n, 'value is', 'values are')} only in the table: not an exact number, or in another unit.`,
  describe: (name: string, n: number, from: string, to: string, low: string, high: string, unit: string) =>
    `Chart of ${name}: ${count.format(n)} values from ${from} to ${to}, between ${low} and ${high} ${unit}. All values are in the table below.`,
  band: (words: string) => `The shaded band is the range of the newest value: ${words}.`,
  earlier: (n: number) => `Look at ${counted(n, 'earlier year', 'earlier years')}`,
  loading: 'Looking through the years…',
  unsure: 'Some years are missing here or may be out of date, so there may be more values.',
  unknown: 'We cannot show the values right now. This does not mean there are none.',
};
