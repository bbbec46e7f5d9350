import { describe, expect, it } from '@jest/globals';
import { byMoment, latestOfEachKind, readingWords, readVitals } from './vital.js';

const vital = (id: string, code: string, extra: object): object => ({
  resourceType: 'Observation',
  id,
  status: 'final',
  code: { coding: [{ system: 'http://loinc.org', code }], text: `Test ${code}` },
  effectiveDateTime: '2026-05-01T09:00:00-04:00',
  ...extra,
});
const component = (code: string, value: number): object => ({
  code: { coding: [{ code }] },
  valueQuantity: { value, unit: 'mmHg', code: 'mm[Hg]' },
});
const read = (...resources: object[]): ReturnType<typeof readVitals> => readVitals(resources, (part) => part);

describe('vital signs', () => {
  it('show a blood pressure as one reading, upper value first', () => {
    const [pressure] = read(vital('bp', '85354-9', { component: [component('8462-4', 82), component('8480-6', 128)] }));
    expect(pressure?.values.map(({ part, value }) => [part, value])).toEqual([
      ['systolic', 128],
      ['diastolic', 82],
    ]);
    expect(pressure && readingWords(pressure, 'us', String)).toBe('128/82 mmHg');
  });

  it('that say nothing are left out, and oxygen saturation under two codes is one', () => {
    const kinds = read(
      vital('empty', '8289-1', { dataAbsentReason: { text: 'Unknown' } }),
      vital('o1', '2708-6', { valueQuantity: { value: 97, unit: '%' } }),
      vital('o2', '59408-5', { valueQuantity: { value: 97, unit: '%' } }),
    ).map(({ kind }) => kind);
    expect(kinds).toEqual(['oxygen']);
  });

  it('are converted for display only, to one decimal', () => {
    const [weight] = read(vital('w', '29463-7', { valueQuantity: { value: 154.25, unit: 'lb', code: '[lb_av]' } }));
    expect(weight && readingWords(weight, 'us', String)).toBe('154.25 lb');
    expect(weight && readingWords(weight, 'metric', String)).toBe('70 kg');
    const [heat] = read(vital('t', '8310-5', { valueQuantity: { value: 98.6, code: '[degF]' } }));
    expect(heat && readingWords(heat, 'metric', String)).toBe('37 °C');
  });

  it('count only when they were not withdrawn', () => {
    const readings = read(
      vital('new', '8867-4', { valueQuantity: { value: 300, unit: '/min' }, status: 'entered-in-error' }),
      vital('old', '8867-4', { valueQuantity: { value: 62, unit: '/min' }, effectiveDateTime: '2025-01-01' }),
    );
    expect(latestOfEachKind(readings).map(({ id }) => id)).toEqual(['old']);
    expect(byMoment(readings).map(({ readings: all }) => all.length)).toEqual([1, 1]);
  });

  it('keep what was given with them and the word for what is out of range', () => {
    const [oxygen] = read(
      vital('o', '59408-5', {
        valueQuantity: { value: 91, code: '%' },
        interpretation: [{ coding: [{ code: 'L', display: 'Low' }] }],
        component: [{ code: { text: 'Inhaled oxygen flow rate' }, valueQuantity: { value: 2, unit: 'L/min' } }],
      }),
    );
    expect(oxygen?.flag).toBe('Low');
    expect(oxygen && readingWords(oxygen, 'us', String)).toBe('91%, Inhaled oxygen flow rate 2 L/min');
  });

  it('of an unknown kind keep their own name', () => {
    const [other] = read(vital('x', '99999-9', { valueQuantity: { value: 1, unit: 'u' } }));
    expect([other?.kind, other?.name]).toEqual(['other-99999-9', 'Test 99999-9']);
  });
});
