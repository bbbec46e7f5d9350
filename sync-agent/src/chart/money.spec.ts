import { describe, expect, it } from '@jest/globals';
import { amountOf, cents, sum } from './money.js';

describe('amounts', () => {
  it.each([
    ['0.00', 0n],
    ['12.50', 1250n],
    ['-12.05', -1205n],
    ['-0.01', -1n],
    ['9999999999.99', 999999999999n],
  ])('%s is %p cents, there and back', (amount, value) => {
    expect(cents(amount)).toBe(value);
    expect(amountOf(value)).toBe(amount);
  });

  it.each(['', '12', '12.5', '1,200.00', 'NaN', '1e3'])('%p is none', (text) => {
    expect(() => cents(text)).toThrow(TypeError);
  });

  it('add up exactly, where floating point does not', () => {
    expect(amountOf(sum(Array.from({ length: 10 }, () => cents('0.10'))))).toBe('1.00');
  });
});
