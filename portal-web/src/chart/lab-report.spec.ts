import { describe, expect, it } from '@jest/globals';
import { isNewReport, outsideCount, readLabReports, scansOf, toldStatus, valuesOf } from './lab-report.js';

const format = (value: number): string => String(value);

function observation(id: string, rest: object): object {
  return {
    resourceType: 'Observation',
    id,
    status: 'final',
    code: { coding: [{ code: '2345-7' }], text: 'Glucose' },
    ...rest,
  };
}

function report(id: string, of: string[], rest: object = {}): object {
  return {
    resourceType: 'DiagnosticReport',
    id,
    status: 'final',
    code: { text: `Report ${id}` },
    result: of.map((each) => ({ reference: `Observation/${each}` })),
    ...rest,
  };
}

describe('a laboratory report', () => {
  it('in a list tells that one of its values was corrected; its own word comes first', () => {
    const status = (own: string, ...values: string[]): string[] =>
      readLabReports(
        [
          report(
            'r',
            values.map((_, place) => String(place)),
            { status: own },
          ),
          ...values.map((value, place) => observation(String(place), { status: value })),
        ],
        format,
      ).map(toldStatus);
    expect(status('final', 'final', 'corrected')).toEqual(['corrected']);
    expect(status('preliminary', 'corrected')).toEqual(['preliminary']);
    expect(status('final', 'final')).toEqual(['final']);
    expect(status('unknown', 'final')).toEqual(['unknown']);
    expect(status('final', 'final', 'cancelled')).toEqual(['final']);
    expect(status('final', 'preliminary', 'corrected')).toEqual(['corrected']);
  });

  it('of a scan says of what kind it is', () => {
    const category = (code: string, display: string): object => ({ category: [{ coding: [{ code, display }] }] });
    const read = readLabReports(
      [
        report('x', [], category('RAD', 'Radiology')),
        report('l', [], category('LAB', 'Laboratory')),
        report('o', [], category('OTH', 'Other')),
      ],
      format,
    );
    expect(new Map(read.map(({ id, kind }) => [id, kind]))).toEqual(
      new Map([
        ['x', 'Radiology'],
        ['l', undefined],
        ['o', undefined],
      ]),
    );
  });

  it('names the documents that its values came with, each once, and nothing else that they were derived from', () => {
    const from = (...references: string[]): object => ({ derivedFrom: references.map((reference) => ({ reference })) });
    const [read, without] = readLabReports(
      [
        report('r', ['1', '2', '3', '4'], { effectiveDateTime: '2026-02-01' }),
        observation('1', from('DocumentReference/b')),
        observation('2', from('Observation/x', 'DocumentReference/a', 'DocumentReference/b')),
        observation('3', { derivedFrom: 'DocumentReference/c' }),
        observation('4', { derivedFrom: [null, {}, { reference: 7 }, { reference: 'DocumentReference' }] }),
        report('s', ['5'], { effectiveDateTime: '2026-01-01' }),
        observation('5', {}),
      ],
      format,
    );
    expect(read === undefined ? null : scansOf(read)).toEqual(['b', 'a']);
    expect(without === undefined ? null : scansOf(without)).toEqual([]);
  });

  it('that was withdrawn is no report, and one whose value was withdrawn says so and keeps the others', () => {
    const sign = (resourceType: string, id: string): object => ({
      ...{ resourceType, id, meta: { security: [{ code: 'REDACTED' }] } },
    });
    const read = readLabReports(
      [
        sign('DiagnosticReport', 'gone'),
        report('r', ['a', 'b']),
        sign('Observation', 'a'),
        observation('b', { valueString: 'Negative' }),
      ],
      format,
    );
    expect(read.map(({ id, withdrawn, values }) => [id, withdrawn, values.map((value) => value.id)])).toEqual([
      ['r', ['a'], ['b']],
    ]);
  });

  it('shows the value with its unit, its own range and its flag', () => {
    const [read] = readLabReports(
      [
        report('r', ['a', 'b', 'c', 'd', 'e']),
        observation('a', {
          valueQuantity: { value: 118, unit: 'mg/dL' },
          interpretation: [{ coding: [{ code: 'HH' }] }],
          referenceRange: [{ text: '65-99', low: { value: 65 }, high: { value: 99 } }],
          note: [{ text: 'Not fasting' }],
        }),
        observation('b', {
          valueQuantity: { value: 300, unit: 'mg/dL', comparator: '>' },
          referenceRange: [{ high: { value: 199 } }],
        }),
        observation('c', { valueString: 'Negative', interpretation: [{ coding: [{ code: 'N' }] }] }),
        observation('d', { interpretation: [{ text: 'Borderline' }], dataAbsentReason: { text: 'Not performed' } }),
        observation('e', {
          valueQuantity: { value: 0, unit: 'mg/dL' },
          referenceRange: [{ low: { value: 0 }, high: { value: 1 } }],
        }),
      ],
      format,
    );
    const [high, above, negative, absent, zero] = read?.values ?? [];
    expect(high).toMatchObject({
      value: '118',
      unit: 'mg/dL',
      range: '65-99',
      flag: 'very-high',
      comments: ['Not fasting'],
    });
    expect(high?.scale).toEqual({ value: 118, low: 65, high: 99 });
    expect(above).toMatchObject({ value: '>300', range: '≤ 199', flag: null, scale: null });
    expect(negative).toMatchObject({ value: 'Negative', unit: undefined, range: undefined, flag: 'normal' });
    expect(absent).toMatchObject({ value: 'Not performed', flag: null, flagText: 'Borderline' });
    expect(zero).toMatchObject({ value: '0', range: '0 – 1', scale: { value: 0, low: 0, high: 1 } });
    expect(read === undefined ? -1 : outsideCount(read)).toBe(1);
  });

  it('names the laboratory with its address, not the person who directs it', () => {
    const [read] = readLabReports(
      [
        report('r', [], {
          performer: [{ reference: 'Practitioner/p', display: 'Dr. Director' }, { reference: 'Organization/lab' }],
        }),
        {
          resourceType: 'Organization',
          id: 'lab',
          name: 'Lab',
          address: [{ line: ['1 Way'], city: 'Town', state: 'MA', postalCode: '01' }],
        },
      ],
      format,
    );
    expect(read?.laboratory).toEqual({ name: 'Lab', address: ['1 Way', 'Town, MA 01'] });
  });

  it('loses no value: those of no report stand alone, those entered in error do not stand at all', () => {
    const read = readLabReports(
      [
        report('r', ['a', 'gone'], { effectiveDateTime: '2026-01-01T10:00:00Z' }),
        observation('a', { valueString: 'x', status: 'entered-in-error' }),
        observation('b', { valueString: 'y', effectiveDateTime: '2026-02-01T10:00:00Z' }),
        report('wrong', [], { status: 'entered-in-error' }),
      ],
      format,
    );
    expect(read.map(({ id, values }) => [id, values.length])).toEqual([
      ['b', 1],
      ['r', 0],
    ]);
  });

  it('finds every value of a test over the years, newest first', () => {
    const year = (
      section: string,
      id: string,
      at: string,
    ): { section: string; reports: ReturnType<typeof readLabReports> } => ({
      section,
      reports: readLabReports(
        [report(`r${id}`, [id], { effectiveDateTime: at }), observation(id, { valueString: id })],
        format,
      ),
    });
    const years = [
      year('results/2026', 'a', '2026-05-01'),
      year('results/2024', 'b', '2024-05-01'),
      year('results/2025', 'c', '2025-05-01'),
    ];
    const key = years[0]?.reports[0]?.values[0]?.testKey ?? '';
    expect(valuesOf(key, years).map(({ section, reportId }) => [section, reportId])).toEqual([
      ['results/2026', 'ra'],
      ['results/2025', 'rc'],
      ['results/2024', 'rb'],
    ]);
  });

  it('is new for two weeks', () => {
    const [read] = readLabReports([report('r', [], { issued: '2026-01-01T00:00:00Z' })], format);
    const now = Date.parse('2026-01-10T00:00:00Z');
    expect(read !== undefined && isNewReport(read, now)).toBe(true);
    expect(read !== undefined && isNewReport(read, now + 6 * 86_400_000)).toBe(false);
  });
});
