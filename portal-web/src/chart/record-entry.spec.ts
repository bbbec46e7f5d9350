import { describe, expect, it } from '@jest/globals';
import { codesOf, newestFirst, timing } from './record-entry.js';

describe('codes', () => {
  it('are named by their system, each once, and say nothing where a code is missing', () => {
    const concept = {
      coding: [
        { system: 'http://snomed.info/sct', code: '38341003', display: 'Hypertension' },
        { system: 'http://snomed.info/sct', code: '38341003', display: 'Hypertension' },
        { system: 'http://terminology.hl7.org/CodeSystem/v3-NullFlavor', code: 'UNK' },
        { system: 'urn:local', code: 'X1' },
      ],
    };
    expect(codesOf(concept, undefined)).toEqual([
      { system: 'SNOMED CT', code: '38341003', display: 'Hypertension' },
      { system: '', code: 'X1', display: undefined },
    ]);
  });
});

describe('newest first', () => {
  it('goes by instant and keeps what has no date at the end, in its order', () => {
    const dates = ['2026-03-08T01:30:00-05:00', undefined, '2026-03-08T03:10:00-04:00', 'no date', '2026'];
    expect(newestFirst(dates, (at) => at)).toEqual([
      '2026-03-08T03:10:00-04:00',
      '2026-03-08T01:30:00-05:00',
      '2026',
      undefined,
      'no date',
    ]);
  });
});

describe('when something was', () => {
  it.each([
    [{ onsetDateTime: '2020-05' }, { at: '2020-05', until: undefined, words: undefined }],
    [{ onsetPeriod: { start: '2020', end: '2021' } }, { at: '2020', until: '2021', words: undefined }],
    [{ onsetString: 'as a child' }, { at: undefined, until: undefined, words: 'as a child' }],
    [{ onsetAge: { value: 12, unit: 'years' } }, { at: undefined, until: undefined, words: '12 years' }],
    [{}, { at: undefined, until: undefined, words: undefined }],
  ])('is read from %j', (resource, expected) => {
    expect(timing(resource, 'onset')).toEqual(expected);
  });
});
