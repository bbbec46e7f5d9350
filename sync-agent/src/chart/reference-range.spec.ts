import { describe, expect, it } from '@jest/globals';
import { measured, parseMeasurement, parseNumber, parseReferenceRange } from './reference-range.js';

const bounds = (range: string): unknown => {
  const parsed = parseReferenceRange(range, '');
  return [parsed?.low?.value, parsed?.high?.value, parsed?.text];
};

describe('reference ranges', () => {
  it.each([
    ['65-99', 65, 99],
    ['0-199', 0, 199],
    ['-2.0-2.0', -2, 2],
    ['-4--2', -4, -2],
    ['1.005 - 1.030', 1.005, 1.03],
    ['4.0 to 5.6', 4, 5.6],
    ['1,000-2,500', 1000, 2500],
    ['<150', undefined, 150],
    ['<= 5.6', undefined, 5.6],
    ['≤5', undefined, 5],
    ['>59', 59, undefined],
    ['>=60', 60, undefined],
  ])('reads the bounds of %s and keeps its words', (range, low, high) => {
    expect(bounds(range)).toEqual([low, high, range]);
  });

  it.each(['Negative', '150-65', 'M: 13-17, F: 12-15', '<', '5', '1-2-3', '<1/2', 'up to 5'])(
    'shows %s as the laboratory wrote it, without bounds',
    (range) => {
      expect(bounds(range)).toEqual([undefined, undefined, range]);
    },
  );

  it('is absent when the laboratory gave none', () => {
    expect(parseReferenceRange('', 'mg/dL')).toBeUndefined();
  });

  it('carries the unit at each bound', () => {
    expect(parseReferenceRange('65-99', 'mg/dL')?.low).toEqual({
      value: 65,
      unit: 'mg/dL',
      system: 'http://unitsofmeasure.org',
      code: 'mg/dL',
    });
  });
});

describe('measured values', () => {
  it.each([
    ['7.37', 7.37],
    ['-1.5', -1.5],
    ['.5', 0.5],
    ['1,250', 1250],
    ['0', 0],
  ])('reads %s as a number', (text, value) => {
    expect(parseNumber(text)).toBe(value);
  });

  it.each(['', '1,25', '7.37 H', '1e5', '0x10', 'Infinity', '5-6', '12:30', '++', '1.'])(
    'takes %p for no number',
    (text) => {
      expect(parseNumber(text)).toBeUndefined();
    },
  );

  it('never shows a value beyond the measurable as that value', () => {
    expect(parseMeasurement('>300', 'mg/dL')).toMatchObject({ value: 300, comparator: '>', unit: 'mg/dL' });
    expect(parseMeasurement('< 0.01', '')).toEqual({ value: 0.01, comparator: '<' });
    expect(parseMeasurement('≥5', '')).toEqual({ value: 5, comparator: '>=' });
  });

  it('leaves words to be shown as words', () => {
    expect(parseMeasurement('Negative', '')).toBeUndefined();
    expect(parseMeasurement('1:64', '')).toBeUndefined();
  });

  it('does not call acidity picohenry', () => {
    expect(measured(6.5, 'pH')).toMatchObject({ unit: 'pH', code: '[pH]' });
  });
});
