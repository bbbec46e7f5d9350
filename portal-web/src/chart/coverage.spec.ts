import { describe, expect, it } from '@jest/globals';
import { masked, readCoverages } from './coverage.js';

describe('insurance', () => {
  it.each([
    ['POL500123', '••••0123'],
    ['AB12', '••••12'],
    ['A', '••••'],
    ['', '••••'],
    ['••••0123', '••••0123'],
    ['*****123', '*****123'],
  ])('never shows the whole member number: %s', (identifier, shown) => {
    expect(masked(identifier)).toBe(shown);
  });

  it('stands in the order in which it is billed', () => {
    const read = readCoverages(
      [
        { resourceType: 'Coverage', id: 'second', order: 2, status: 'active', payor: [{ display: 'B' }] },
        {
          resourceType: 'Coverage',
          id: 'first',
          order: 1,
          status: 'active',
          payor: [{ display: 'A' }],
          class: [{ type: { coding: [{ code: 'plan' }] }, value: 'PPO', name: 'PPO Gold' }],
          costToBeneficiary: [{ valueMoney: { value: 20, currency: 'USD' } }],
        },
        { resourceType: 'Coverage', id: 'over', status: 'cancelled' },
      ],
      (value, currency) => `${String(value)} ${currency}`,
    );
    expect(read.map(({ id, current, plan, copay }) => [id, current, plan, copay])).toEqual([
      ['first', true, 'PPO Gold', '20 USD'],
      ['second', true, undefined, undefined],
      ['over', false, undefined, undefined],
    ]);
  });
});
