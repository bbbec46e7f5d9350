import { describe, expect, it } from '@jest/globals';
import { problemNamesByCode } from './problem.js';
import { lackWords, reasonsOf, reasonWords } from './reason.js';

const SNOMED = 'http://snomed.info/sct';

function condition(id: string, code: string, text: string, verification = 'confirmed'): object {
  return {
    resourceType: 'Condition',
    id,
    verificationStatus: { coding: [{ code: verification }] },
    code: { coding: [{ system: SNOMED, code }], text },
  };
}

describe('why something was prescribed', () => {
  const reasons = reasonsOf({
    reasonCode: [
      { coding: [{ system: SNOMED, code: '1' }] },
      { coding: [{ system: SNOMED, code: '2' }] },
      { coding: [{ system: SNOMED, code: '3', display: 'Cough' }] },
      { text: 'Cough' },
      {},
    ],
  });

  it('is told in the words of the record, else of the problem list, else by its code', () => {
    const problems = problemNamesByCode([condition('a', '1', 'Arthritis of the hand')]);
    expect(lackWords(reasons)).toBe(true);
    expect(reasonWords(reasons, problems)).toEqual(['Arthritis of the hand', 'SNOMED CT 2', 'Cough']);
  });

  it('is told by no problem that was ruled out or entered by mistake, and by none of another system', () => {
    const problems = problemNamesByCode([
      condition('a', '1', 'Ruled out', 'refuted'),
      condition('b', '2', 'A mistake', 'entered-in-error'),
      { resourceType: 'Condition', id: 'c', code: { coding: [{ system: 'urn:other', code: '1' }], text: 'Other' } },
    ]);
    expect(reasonWords(reasons, problems)).toEqual(['SNOMED CT 1', 'SNOMED CT 2', 'Cough']);
  });

  it('needs no problem list where all have words', () => {
    expect(lackWords(reasonsOf({ reasonCode: [{ text: 'Pain' }] }))).toBe(false);
  });
});
