import { describe, expect, it } from '@jest/globals';
import { DateFormats } from './dates.js';

const newYork = new DateFormats('en-US', 'America/New_York');
const plain = (text: string): string => text.replaceAll('\u202F', ' ');

describe('dates', () => {
  it('without a time never shift, and are shown as precisely as they are given', () => {
    for (const zone of ['Pacific/Kiritimati', 'Pacific/Pago_Pago', 'America/New_York']) {
      const dates = new DateFormats('en-US', zone);
      expect(dates.day('1980-04-23')).toBe('Apr 23, 1980');
      expect(dates.moment('1980-04-23')).toBe('Apr 23, 1980');
      expect(dates.day('1980-04')).toBe('Apr 1980');
      expect(dates.day('1980')).toBe('1980');
    }
  });

  it('with a time are in the time zone of the clinic, with the zone and daylight saving of that day', () => {
    expect(plain(newYork.moment('2026-07-01T03:30:00Z', { zone: true }))).toBe('Jun 30, 2026, 11:30 PM EDT');
    expect(plain(newYork.moment('2026-12-01T03:30:00Z', { zone: true }))).toBe('Nov 30, 2026, 10:30 PM EST');
    expect(newYork.day('2026-07-01T03:30:00Z')).toBe('Jun 30, 2026');
  });

  it('of today are shown as times, by the day of the clinic', () => {
    const now = Date.parse('2026-07-01T03:30:00Z');
    expect(plain(newYork.recent('2026-06-30T14:00:00Z', now))).toBe('10:00 AM');
    expect(plain(newYork.recent('2026-07-01T05:00:00Z', now))).toBe('Jul 1, 2026, 1:00 AM');
    expect(newYork.brief('2026-02-03T14:00:00Z', now)).toBe('Feb 3');
    expect(newYork.brief('2024-02-03T14:00:00Z', now)).toBe('Feb 3, 2024');
    expect(newYork.hour(now)).toBe(23);
  });

  it('that are no dates are shown as they came', () => {
    expect(newYork.day('soon')).toBe('soon');
    expect(newYork.moment('T-soon')).toBe('T-soon');
  });
});
