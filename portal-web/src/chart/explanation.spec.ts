import { describe, expect, it } from '@jest/globals';
import { explanationOf } from './explanation.js';
import type { Code } from './record-entry.js';

const code = (system: string, value: string): Code => ({ system, code: value, display: 'Asthma of Jane Doe' });

describe('the page that explains an entry', () => {
  it('is asked for by one code and its system, and by nothing else of the record', () => {
    const address = new URL(explanationOf([code('SNOMED CT', '195967001'), code('ICD-10-CM', 'J45.40')]) ?? '');
    expect(address.origin).toBe('https://connect.medlineplus.gov');
    expect(Object.fromEntries(address.searchParams)).toEqual({
      'mainSearchCriteria.v.cs': '2.16.840.1.113883.6.90',
      'mainSearchCriteria.v.c': 'J45.40',
    });
  });

  it.each([
    ['RxNorm', '313782', '2.16.840.1.113883.6.88'],
    ['NDC', '00006-0749-54', '2.16.840.1.113883.6.69'],
    ['LOINC', '4548-4', '2.16.840.1.113883.6.1'],
  ])('is found for %s', (system, value, oid) => {
    const address = new URL(explanationOf([code('', 'local'), code(system, value)]) ?? '');
    expect(address.searchParams.get('mainSearchCriteria.v.cs')).toBe(oid);
    expect(address.searchParams.get('mainSearchCriteria.v.c')).toBe(value);
  });

  it('is not there for a practice’s own codes, nor for what is no code', () => {
    for (const codes of [
      [],
      [code('', 'J45')],
      [code('CVX', '08')],
      [code('ICD-10-CM', 'Jane Doe')],
      [code('LOINC', 'https://example.org/')],
      [code('SNOMED CT', '123-45-6789')],
      [code('ICD-10-CM', 'Smith.1950')],
      [code('ICD-9-CM', '19500101')],
      [code('RxNorm', 'Doe')],
    ]) {
      expect(explanationOf(codes)).toBeUndefined();
    }
  });
});
