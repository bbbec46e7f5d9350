import { describe, expect, it } from '@jest/globals';
import { freshnessNow, laterOf } from './freshness.js';

const MINUTE = 60_000;
const now = Date.parse('2026-01-01T12:00:00.000Z');
const ago = (minutes: number): string => new Date(now - minutes * MINUTE).toISOString();

describe('how current a page is', () => {
  it.each([
    [0, 'current'],
    [14.9, 'current'],
    [15, 'amber'],
    [59.9, 'amber'],
    [60, 'red'],
  ] as const)('%p minutes old is %p by age alone', (minutes, expected) => {
    expect(freshnessNow(ago(minutes), 'current', now)).toBe(expected);
  });

  it('is never better than the server said, and red without any time', () => {
    expect(freshnessNow(ago(1), 'amber', now)).toBe('amber');
    expect(freshnessNow(ago(1), 'red', now)).toBe('red');
    expect(freshnessNow(null, 'current', now)).toBe('red');
    expect(freshnessNow('rubbish', 'current', now)).toBe('red');
  });

  it('is not called current by a clock that is far behind it', () => {
    expect(freshnessNow(ago(-4.9), 'current', now)).toBe('current');
    expect(freshnessNow(ago(-6), 'current', now)).toBe('amber');
    expect(freshnessNow(ago(-6), 'red', now)).toBe('red');
  });

  it('goes by the later of two times', () => {
    expect(laterOf(ago(5), ago(3))).toBe(ago(3));
    expect(laterOf(null, ago(3))).toBe(ago(3));
    expect(laterOf(ago(3), null)).toBe(ago(3));
  });
});
