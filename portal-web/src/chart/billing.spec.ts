import { describe, expect, it } from '@jest/globals';
import { negated, readAccount, signOf } from './billing.js';
import type { BillingContent, BillingStatement } from './section-content.js';

const statement = (given: Partial<BillingStatement>): BillingStatement => ({
  ...{ id: 'e1', date: '2026-01-02T10:00:00-05:00', withInsurer: false, charges: [], payments: [], adjustments: [] },
  ...{ charged: '0.00', paid: '0.00', adjusted: '0.00', open: '0.00', due: '0.00' },
  ...given,
});

const account = (given: Partial<BillingContent>): BillingContent => ({
  ...{ currency: 'USD', balance: '0.00', balanceWithInsurance: '0.00', statements: [] },
  ...given,
});

describe('the account', () => {
  it('says what insurers have yet to settle only where that makes a difference', () => {
    expect(readAccount(account({ balance: '5.00', balanceWithInsurance: '5.00' })).withInsurance).toBeNull();
    expect(readAccount(account({ balance: '5.00', balanceWithInsurance: '7.10' })).withInsurance).toBe('7.10');
  });

  it('adds up who paid to the cent, also what no double holds', () => {
    const [read] = readAccount(
      account({
        statements: [
          statement({
            payments: [
              { id: '1', date: null, from: 'patient', method: '', amount: '0.10' },
              { id: '2', date: null, from: 'patient', method: '', amount: '0.20' },
              { id: '3', date: null, from: 'insurance', method: '', amount: '99999999999999.98' },
              { id: '4', date: null, from: 'insurance', method: '', amount: '0.01' },
              { id: '5', date: null, from: 'patient', method: '', amount: '-0.35' },
            ],
          }),
        ],
      }),
    ).statements;
    expect(read).toMatchObject({ paidByPatient: '-0.05', paidByInsurance: '99999999999999.99' });
  });

  it('lists payments and reductions as what lowers the bill, the oldest first', () => {
    const [read] = readAccount(
      account({
        statements: [
          statement({
            payments: [
              { id: 'p2', date: '2026-03-01', from: 'insurance', method: 'Check', amount: '80.00' },
              { id: 'p1', date: '2026-01-02', from: 'patient', method: '', amount: '-5.00' },
            ],
            adjustments: [{ id: 'a', date: '2026-02-01', amount: '12.05' }],
          }),
        ],
      }),
    ).statements;
    expect(read?.lines.map(({ kind, amount }) => `${kind} ${amount}`)).toEqual([
      'patient 5.00',
      'adjustment -12.05',
      'insurance -80.00',
    ]);
  });

  it('tells what is open, paid in advance, with the insurer, or settled', () => {
    const read = (given: Partial<BillingStatement>): { current?: boolean; waiting?: boolean } => {
      const [{ current, waiting } = {}] = readAccount(account({ statements: [statement(given)] })).statements;
      return { ...(current === undefined ? {} : { current }), ...(waiting === undefined ? {} : { waiting }) };
    };
    expect(read({ open: '10.00', due: '10.00' })).toEqual({ current: true, waiting: false });
    expect(read({ open: '10.00', due: '0.00', withInsurer: true })).toEqual({ current: true, waiting: true });
    expect(read({ open: '0.00', due: '-20.00', withInsurer: true })).toEqual({ current: true, waiting: true });
    expect(read({ withInsurer: true })).toEqual({ current: false, waiting: false });
  });
});

it('amounts have a sign, and the other one when negated', () => {
  expect((['-0.01', '0.00', '0.01'] as const).map(signOf)).toEqual([-1, 0, 1]);
  expect((['-0.05', '0.00', '120.50', '-1234.00'] as const).map(negated)).toEqual([
    '0.05',
    '0.00',
    '-120.50',
    '1234.00',
  ]);
});
