import { describe, expect, it } from '@jest/globals';
import { occurrences, repetitionWindow, type Repetition } from './occurrences.js';

/** As PHP writes an array of texts. */
const serialized = (values: Record<string, string>): string =>
  `a:${String(Object.keys(values).length)}:{${Object.entries(values)
    .map(([key, value]) => `s:${String(key.length)}:"${key}";s:${String(value.length)}:"${value}";`)
    .join('')}}`;
const every = (frequency: string, unit: string, more: Record<string, string> = {}): Partial<Repetition> => ({
  pc_recurrtype: unit === '6' ? 3 : 1,
  pc_recurrspec: serialized({ event_repeat_freq: frequency, event_repeat_freq_type: unit, ...more }),
});
const event = (given: Partial<Repetition>): Repetition => ({
  pc_eventDate: '2026-01-30',
  pc_endDate: null,
  pc_recurrtype: 1,
  pc_recurrspec: '',
  ...given,
});
const YEAR = { from: '2026-01-01', to: '2026-12-31' };

describe('days of a series', () => {
  it('follow each other at the interval, to its last day', () => {
    expect(occurrences(event({ ...every('2', '1'), pc_endDate: '2026-03-01' }), YEAR)).toEqual([
      '2026-01-30',
      '2026-02-13',
      '2026-02-27',
    ]);
    expect(occurrences(event({ ...every('3', '0'), pc_endDate: '2026-02-05' }), YEAR)).toEqual([
      '2026-01-30',
      '2026-02-02',
      '2026-02-05',
    ]);
    expect(occurrences(event({ ...every('1', '3') }), { from: '2028-01-01', to: '2029-12-31' })).toEqual([
      '2028-01-30',
      '2029-01-30',
    ]);
  });

  it('move on, like OpenEMR’s own calendar, when a month is too short', () => {
    expect(occurrences(event({ ...every('1', '2'), pc_endDate: '2026-04-30' }), YEAR)).toEqual([
      '2026-01-30',
      '2026-03-02',
      '2026-04-02',
    ]);
  });

  it('leave out weekends when they are work days, and single days that were struck out', () => {
    expect(occurrences(event({ ...every('1', '4'), pc_endDate: '2026-02-04' }), YEAR)).toEqual([
      '2026-01-30',
      '2026-02-02',
      '2026-02-03',
      '2026-02-04',
    ]);
    const spec = every('7', '0', { exdate: '20260206,20260220' });
    expect(occurrences(event({ ...spec, pc_endDate: '2026-02-28' }), YEAR)).toEqual([
      '2026-01-30',
      '2026-02-13',
      '2026-02-27',
    ]);
  });

  it('are those of the week that were ticked', () => {
    expect(occurrences(event({ ...every('3,5', '6'), pc_endDate: '2026-02-12' }), YEAR)).toEqual([
      '2026-01-30',
      '2026-02-03',
      '2026-02-05',
      '2026-02-10',
      '2026-02-12',
    ]);
  });

  it.each([
    ['2', '2', ['2026-02-10', '2026-04-14']],
    ['5', '2', ['2026-02-24', '2026-04-28']],
  ])('are the %s. Tuesday of every other month, the last where there is none', (nth, weekday, days) => {
    const spec = { event_repeat_on_num: nth, event_repeat_on_day: weekday, event_repeat_on_freq: '2' };
    const monthly = event({ pc_eventDate: '2026-02-01', pc_recurrtype: 2, pc_recurrspec: serialized(spec) });
    expect(occurrences({ ...monthly, pc_endDate: '2026-05-01' }, YEAR)).toEqual(days);
  });

  it('lie in the window, also of a series that began long ago and has no end', () => {
    const daily = event({ ...every('1', '0'), pc_eventDate: '1990-01-01', pc_endDate: '0000-00-00' });
    expect(occurrences(daily, { from: '2026-05-01', to: '2026-05-03' })).toEqual([
      '2026-05-01',
      '2026-05-02',
      '2026-05-03',
    ]);
  });

  it.each([
    ['', '0'],
    ['0', '0'],
    ['1', '9'],
    ['9', '6'],
  ])('are the event’s own day when the details (%p, %p) say nothing', (frequency, unit) => {
    expect(occurrences(event(every(frequency, unit)), YEAR)).toEqual(['2026-01-30']);
  });

  it('are the event’s own day when the details cannot be read', () => {
    expect(occurrences(event({ pc_recurrspec: '<script>' }), YEAR)).toEqual(['2026-01-30']);
    expect(occurrences(event({ pc_recurrtype: 2, pc_recurrspec: 'N;' }), YEAR)).toEqual(['2026-01-30']);
  });
});

it('the window is whole months, a year back and a year ahead', () => {
  expect(repetitionWindow('2026-02-28')).toEqual({ from: '2025-02-01', to: '2027-02-28' });
  expect(repetitionWindow('2027-02-10')).toEqual({ from: '2026-02-01', to: '2028-02-29' });
});
