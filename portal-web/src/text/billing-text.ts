import { count } from './locale.js';

/** `sign` of an amount that the patient owes: above zero owed, below zero paid in advance. */
const balanceIs = (sign: number, money: string): string =>
  sign > 0 ? `${money} to pay` : sign < 0 ? `${money} paid in advance` : 'Nothing to pay';

export const billingText = {
  title: 'Bills and payments',
  lead: 'Your account as your clinic has it. This page takes no payments; your clinic tells you how to pay.',
  none: 'Your clinic has charged nothing to your account.',
  noneCurrent: 'No bill is open.',
  past: (n: number) => `Settled (${count.format(n)})`,
  account: 'Your account',
  balance: (sign: number) => (sign < 0 ? 'You have paid in advance' : 'You owe now'),
  balanceIs,
  notCurrent: 'This was your account when it was last updated. It may have changed since.',
  withInsurance: (money: string) => `Together with what your insurance has yet to settle: ${money}.`,
  withInsuranceLead: 'Until your insurance has settled a visit, you owe no more for it than your copay.',
  ask: 'Ask your clinic about a bill',
  open: 'Open',
  visitOn: (day: string) => `Visit on ${day}`,
  visitUndated: 'Visit without a date',
  toVisit: 'To the visit',
  waiting: 'With your insurance',
  settled: 'Settled',
  charged: 'Charged',
  byInsurance: 'Insurance paid',
  byPatient: 'You paid',
  adjusted: 'Reduced by',
  stillOpen: 'Still open',
  due: (sign: number) => (sign < 0 ? 'Paid in advance' : 'You owe now'),
  items: 'Services and payments',
  itemsOf: (visit: string) => `Services and payments: ${visit}`,
  columns: { what: 'What', amount: 'Amount' },
  units: (n: number) => `${count.format(n)} times`,
  code: (code: string) => `Code ${code}`,
  lines: { patient: 'Paid by you', insurance: 'Paid by insurance', adjustment: 'Need not be paid' },
};
