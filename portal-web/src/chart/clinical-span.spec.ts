import { describe, expect, it } from '@jest/globals';
import { ccdEntry } from '../../test/fixture-ccd.js';
import { isWithin, withinRange } from './clinical-span.js';
import { DateFormats } from './dates.js';

const dates = new DateFormats('en-US', 'America/New_York');
const isoDay = (instant: string): string | null => dates.isoDay(instant);

function kept(resource: object, from: string | null, to: string | null): boolean {
  return withinRange([resource], { from, to }, isoDay).length === 1;
}

const seen = (effectiveDateTime: string): object => ({ resourceType: 'Observation', effectiveDateTime });

describe('a range of days', () => {
  it('is the calendar of the clinic: an instant counts on the day it had there, whatever its offset says', () => {
    for (const [at, day, next] of [
      ['2026-01-01T04:59:59Z', '2025-12-31', '2026-01-01'],
      ['2026-01-01T05:00:00Z', '2026-01-01', '2026-01-02'],
      ['2026-07-01T03:59:59.999Z', '2026-06-30', '2026-07-01'],
      ['2026-01-01T23:30:00+09:00', '2026-01-01', '2026-01-02'],
    ] as const) {
      expect([at, kept(seen(at), day, day), kept(seen(at), next, null)]).toEqual([at, true, false]);
    }
  });

  it('has 23 and 25 hours where the clocks change, and loses no instant of them', () => {
    // Clocks go forward on March 8, 2026 and back on November 1, 2026.
    for (const [first, last, day] of [
      ['2026-03-08T05:00:00Z', '2026-03-09T03:59:59Z', '2026-03-08'],
      ['2026-11-01T04:00:00Z', '2026-11-02T04:59:59Z', '2026-11-01'],
    ] as const) {
      expect([first, last].map((at) => kept(seen(at), day, day))).toEqual([true, true]);
      const before = new Date(Date.parse(first) - 1).toISOString();
      const after = new Date(Date.parse(last) + 1000).toISOString();
      expect([before, after].map((at) => kept(seen(at), day, day))).toEqual([false, false]);
    }
  });

  it('takes a date without a time as that day, and a month or year as all of its days', () => {
    expect(kept(seen('2026-03-08'), '2026-03-08', '2026-03-08')).toBe(true);
    expect(kept(seen('2026-03-08'), '2026-03-09', null)).toBe(false);
    expect(kept(seen('2026-02'), '2026-02-28', '2026-03-31')).toBe(true);
    expect(kept(seen('2026-02'), '2026-03-01', null)).toBe(false);
    expect(kept(seen('2025'), '2025-12-31', null)).toBe(true);
    expect(kept(seen('2025'), null, '2024-12-31')).toBe(false);
  });

  it('takes a C-CDA as of the day it was asked for, whichever days it reports on', () => {
    const summary = ccdEntry('2026-11-23T15:00:00Z', { from: '1998-01-01', to: '1998-12-31' });
    expect(kept(summary, '2026-11-23', '2026-11-23')).toBe(true);
    expect(kept(summary, '1998-01-01', '1998-12-31')).toBe(false);
    const note = {
      resourceType: 'DocumentReference',
      date: '2026-11-23',
      context: { period: { start: '1998-02-03' } },
    };
    expect(kept(note, '1998-01-01', '1998-12-31')).toBe(true);
  });

  it('keeps what lasted into it, and leaves out what was over before or began after', () => {
    const medication = (status: string, end?: string): object => ({
      resourceType: 'MedicationRequest',
      status,
      authoredOn: '2020-05-01',
      ...(end !== undefined && { dispenseRequest: { validityPeriod: { end } } }),
    });
    expect(kept(medication('active'), '2026-01-01', null)).toBe(true);
    expect(kept(medication('stopped', '2026-01-01'), '2026-01-01', null)).toBe(true);
    expect(kept(medication('stopped', '2025-12-31'), '2026-01-01', null)).toBe(false);
    expect(kept(medication('completed'), '2026-01-01', null)).toBe(false);
    expect(kept(medication('active'), null, '2020-04-30')).toBe(false);
    const problem = { resourceType: 'Condition', onsetDateTime: '2019-03-04' };
    expect(kept(problem, '2026-01-01', null)).toBe(true);
    expect(kept({ ...problem, abatementDateTime: '2019-06' }, '2019-07-01', null)).toBe(false);
    const stay = { resourceType: 'Encounter', period: { start: '2026-01-30T10:00:00Z', end: '2026-02-02T10:00:00Z' } };
    expect(kept(stay, '2026-02-01', '2026-02-01')).toBe(true);
    expect(kept(stay, '2026-02-03', null)).toBe(false);
  });

  it('keeps what has no date, what has none that can be read, and people and places', () => {
    for (const resource of [
      { resourceType: 'Observation' },
      seen('sometime in spring'),
      { resourceType: 'Condition', onsetString: 'as a child' },
      { resourceType: 'Patient', birthDate: '1980-04-23' },
      { resourceType: 'Device', manufactureDate: '2014-12-31' },
      { resourceType: 'SomethingNew', date: '2001-01-01' },
      'no resource at all',
    ]) {
      expect(withinRange([resource], { from: '2026-01-01', to: '2026-01-02' }, isoDay)).toEqual([resource]);
    }
    expect(isWithin(null, { from: '2026-01-01', to: null }, isoDay)).toBe(true);
    expect(isWithin('2025-12-31', { from: '2026-01-01', to: null }, isoDay)).toBe(false);
  });

  it('keeps a problem or an allergy without an onset, whenever it was written down, until it is known to have ended', () => {
    const problem = { resourceType: 'Condition', recordedDate: '2026-06-01' };
    expect(kept(problem, null, '2020-12-31')).toBe(true);
    expect(kept({ resourceType: 'AllergyIntolerance', recordedDate: '2026-06-01' }, null, '2020-12-31')).toBe(true);
    expect(kept({ ...problem, abatementDateTime: '2019-03-04' }, null, '2018-12-31')).toBe(true);
    expect(kept({ ...problem, abatementDateTime: '2019-03-04' }, '2019-03-05', null)).toBe(false);
    expect(kept({ ...problem, abatementDateTime: 'some spring' }, '2019-03-05', null)).toBe(true);
  });

  it('keeps or leaves out the values and the specimen of a report with it, whenever they were taken', () => {
    const report = {
      resourceType: 'DiagnosticReport',
      id: 'r',
      effectiveDateTime: '2026-02-03',
      result: [{ reference: 'Observation/o' }, { reference: 'Observation/elsewhere' }],
      specimen: [{ reference: 'Specimen/s' }],
    };
    const all = [
      report,
      { ...seen('2026-01-31'), id: 'o' },
      { resourceType: 'Specimen', id: 's', collection: { collectedDateTime: '2026-01-30' } },
    ];
    const loose = { ...seen('2026-01-31'), id: 'loose' };
    expect(withinRange([...all, loose], { from: '2026-02-01', to: null }, isoDay)).toEqual(all);
    expect(withinRange([...all, loose], { from: null, to: '2026-01-31' }, isoDay)).toEqual([loose]);
  });

  it('keeps every fill with its prescription, and a prescription that was over when a fill of it lies within', () => {
    const fill = (id: string, whenHandedOver: string): object => ({
      resourceType: 'MedicationDispense',
      id,
      whenHandedOver,
      authorizingPrescription: [{ reference: 'MedicationRequest/m' }],
    });
    const request = { resourceType: 'MedicationRequest', id: 'm', status: 'completed', authoredOn: '2026-01-01' };
    const all = [request, fill('1', '2026-01-02'), fill('2', '2026-02-02')];
    expect(withinRange(all, { from: '2026-01-15', to: null }, isoDay)).toEqual(all);
    expect(withinRange(all, { from: null, to: '2026-01-01' }, isoDay)).toEqual(all);
    expect(withinRange(all, { from: '2026-02-03', to: null }, isoDay)).toEqual([]);
    const unknown = { ...fill('3', '2026-01-02'), authorizingPrescription: [{ reference: 'MedicationRequest/x' }] };
    expect(withinRange([unknown], { from: '2026-02-03', to: null }, isoDay)).toEqual([]);
  });

  it('that ends before it begins in the record keeps the entry on the day it began', () => {
    const odd = { resourceType: 'Condition', onsetDateTime: '2026-05-01', abatementDateTime: '2016-05-01' };
    expect(kept(odd, '2026-05-01', '2026-05-01')).toBe(true);
    expect(kept(odd, null, '2026-04-30')).toBe(false);
  });
});
