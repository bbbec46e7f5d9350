import { count } from './locale.js';

const MEDICATION_STATUS: Record<string, string> = {
  active: 'Active',
  'on-hold': 'On hold',
  draft: 'Not started',
  completed: 'Finished',
  stopped: 'Stopped',
  cancelled: 'Cancelled',
  unknown: 'Status not known',
};

export const medicationsText = {
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
};
