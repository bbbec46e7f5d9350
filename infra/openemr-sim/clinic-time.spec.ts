import { expect, test } from '@jest/globals';
import { toClinicDateTime, utcOffset } from './clinic-time.js';

test.each([
  ['2026-07-01T03:30:00Z', 'America/New_York', '2026-06-30 23:30:00', '-04:00'],
  ['2026-11-22T05:00:00Z', 'America/New_York', '2026-11-22 00:00:00', '-05:00'],
  ['1957-04-17T02:39:21Z', 'UTC', '1957-04-17 02:39:21', '+00:00'],
  ['2026-01-01T00:00:00.999Z', 'Asia/Kolkata', '2026-01-01 05:30:00', '+05:30'],
])('%s is on the clock of %s: %s, ahead of UTC by %4$s', (instant, zone, wall, offset) => {
  expect(toClinicDateTime(new Date(instant), zone)).toBe(wall);
  expect(utcOffset(new Date(instant), zone)).toBe(offset);
});
