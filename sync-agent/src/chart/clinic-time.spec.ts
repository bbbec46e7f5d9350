import { describe, expect, it } from '@jest/globals';
import { ClinicTime } from './clinic-time.js';

const newYork = new ClinicTime('America/New_York');
const utc = new ClinicTime('UTC');

describe('clinic time', () => {
  it.each([
    ['2026-07-04 09:30:00', '2026-07-04T09:30:00-04:00'],
    ['2026-12-04 09:30:00', '2026-12-04T09:30:00-05:00'],
    // the night the clocks go forward and back
    ['2026-03-08 01:59:59', '2026-03-08T01:59:59-05:00'],
    ['2026-03-08 03:00:00', '2026-03-08T03:00:00-04:00'],
    ['2026-11-01 00:59:59', '2026-11-01T00:59:59-04:00'],
    ['2026-11-01 02:00:00', '2026-11-01T02:00:00-05:00'],
    // daylight saving time began in April until 2006
    ['2006-03-20 12:00:00', '2006-03-20T12:00:00-05:00'],
    ['2007-03-20 12:00:00', '2007-03-20T12:00:00-04:00'],
  ])('gives %s the offset of its own day', (stored, expected) => {
    expect(newYork.dateTime(stored)).toBe(expected);
  });

  it('keeps an hour that does not exist on the clinic’s clock as a valid moment', () => {
    expect(newYork.dateTime('2026-03-08 02:30:00')).toBe('2026-03-08T03:30:00-04:00');
  });

  it.each([
    null,
    '',
    '0000-00-00 00:00:00',
    '0000-00-00',
    '2026-02-31 10:00:00',
    '2026-13-01 00:00:00',
    'soon',
    '26-1-1',
  ])('reads no date from %p', (stored) => {
    expect(newYork.dateTime(stored)).toBeUndefined();
    expect(newYork.date(stored)).toBeUndefined();
    expect(newYork.instant(stored)).toBeUndefined();
  });

  it('keeps what is known of a date without month or day', () => {
    expect(utc.date('1987-00-00')).toBe('1987');
    expect(utc.date('1987-05-00')).toBe('1987-05');
    expect(utc.dateTime('1987-05-00 00:00:00')).toBe('1987-05');
  });

  it('takes midnight for a plain date only where screens write it so', () => {
    expect(newYork.dateOrDateTime('2019-10-15 00:00:00')).toBe('2019-10-15');
    expect(newYork.dateOrDateTime('2019-10-15 08:00:00')).toBe('2019-10-15T08:00:00-04:00');
    expect(newYork.dateTime('2020-01-01 00:00:00')).toBe('2020-01-01T00:00:00-05:00');
  });

  it('prefers the offset a laboratory sent, and ignores one that cannot be', () => {
    expect(newYork.dateTime('2026-07-04 09:30:00', '-0700')).toBe('2026-07-04T09:30:00-07:00');
    expect(newYork.dateTime('2026-07-04 09:30:00', '+0530')).toBe('2026-07-04T09:30:00+05:30');
    expect(newYork.dateTime('2026-07-04 09:30:00', '-9900')).toBe('2026-07-04T09:30:00-04:00');
    expect(newYork.dateTime('2026-07-04 09:30:00', 'EST')).toBe('2026-07-04T09:30:00-04:00');
  });

  it('counts the year by the clinic’s clock', () => {
    expect(newYork.year('2026-01-01T01:00:00+00:00')).toBe(2025);
    expect(newYork.year('2025-12-31T23:00:00-05:00')).toBe(2025);
    expect(utc.year('1987')).toBe(1987);
  });

  it('gives instants in UTC', () => {
    expect(newYork.instant('2026-07-04 09:30:00')).toBe('2026-07-04T13:30:00.000Z');
  });

  it('refuses a zone nobody knows', () => {
    expect(() => new ClinicTime('Mars/Olympus')).toThrow(RangeError);
  });
});
