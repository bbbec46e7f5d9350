import { describe, expect, it } from '@jest/globals';
import { reconciliationDay } from './clinic-day.js';

describe('the day of a nightly comparison', () => {
  it.each([
    ['2026-11-22 01:59:59', 2, '2026-11-21'],
    ['2026-11-22 02:00:00', 2, '2026-11-22'],
    ['2026-11-22 23:30:00', 23, '2026-11-22'],
    ['2026-11-23 00:30:00', 23, '2026-11-22'],
    ['2026-01-01 00:00:00', 0, '2026-01-01'],
    ['2026-01-01 00:00:00', 1, '2025-12-31'],
  ])('at %s with hour %i is %s', (now, hour, day) => {
    expect(reconciliationDay(now, hour)).toBe(day);
  });
});
