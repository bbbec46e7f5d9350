import { describe, expect, it } from '@jest/globals';
import { readAllergies } from './allergy.js';

describe('allergies', () => {
  it('tell substance, reaction and severity; the dangerous come first', () => {
    const read = readAllergies([
      { resourceType: 'AllergyIntolerance', id: 'mild', code: { text: 'Pollen' }, recordedDate: '2026-01-01' },
      {
        resourceType: 'AllergyIntolerance',
        id: 'severe',
        code: { text: 'Penicillin' },
        recordedDate: '2010-01-01',
        reaction: [
          {
            manifestation: [{ text: 'Hives' }, { text: 'Hives' }, { coding: [{ display: 'Short of breath' }] }],
            severity: 'severe',
          },
          {},
        ],
      },
      { resourceType: 'AllergyIntolerance', id: 'high', code: { text: 'Nuts' }, criticality: 'high' },
    ]);
    expect(read.map(({ id }) => id)).toEqual(['severe', 'high', 'mild']);
    expect(read[0]?.reactions).toEqual([
      { manifestations: ['Hives', 'Short of breath'], severity: 'severe', description: undefined },
    ]);
  });

  it('that were entered in error or are over do not count as current', () => {
    const coded = (code: string): object => ({ coding: [{ code }] });
    const read = readAllergies([
      { resourceType: 'AllergyIntolerance', id: 'a', verificationStatus: coded('entered-in-error') },
      { resourceType: 'AllergyIntolerance', id: 'b', clinicalStatus: coded('resolved') },
      { resourceType: 'AllergyIntolerance', id: 'c' },
    ]);
    expect(read.map(({ id, current, withdrawn }) => [id, current, withdrawn])).toEqual([
      ['a', false, true],
      ['b', false, false],
      ['c', true, false],
    ]);
  });
});
