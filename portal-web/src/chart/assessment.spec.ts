import { describe, expect, it } from '@jest/globals';
import { readAssessments } from './assessment.js';
import { readSocialHistory } from './social-history.js';

const yesNo = (value: boolean): string => (value ? 'Yes' : 'No');

describe('assessments', () => {
  it('show a score with what it consists of once, and answers below their question', () => {
    const read = readAssessments(
      [
        {
          resourceType: 'Observation',
          id: 'score',
          code: { text: 'PHQ-2 total' },
          valueQuantity: { value: 1, unit: '{score}' },
          hasMember: [{ reference: 'Observation/q1' }, { reference: 'Observation/gone' }],
          effectiveDateTime: '2026-01-01',
        },
        { resourceType: 'Observation', id: 'q1', code: { text: 'Little interest' }, valueInteger: 1 },
        {
          resourceType: 'QuestionnaireResponse',
          id: 'r',
          authored: '2026-02-01',
          item: [
            {
              text: 'Do you smoke?',
              answer: [{ valueBoolean: true, item: [{ text: 'How many?', answer: [{ valueInteger: 5 }] }] }],
            },
            { text: 'Anything else?' },
          ],
        },
      ],
      String,
      yesNo,
    );
    expect(read.map(({ id, result }) => [id, result])).toEqual([
      ['r', undefined],
      ['score', '1'],
    ]);
    expect(read[0]?.answers).toEqual([
      { question: 'Do you smoke?', answer: 'Yes', depth: 0 },
      { question: 'How many?', answer: '5', depth: 1 },
      { question: 'Anything else?', answer: undefined, depth: 0 },
    ]);
    expect(read[1]?.answers).toEqual([{ question: 'Little interest', answer: '1', depth: 0 }]);
  });
});

describe('social history', () => {
  it('says an occupation with its industry, and a due date as a day', () => {
    const read = readSocialHistory(
      [
        {
          resourceType: 'Observation',
          id: 'work',
          code: { text: 'Occupation' },
          effectivePeriod: { start: '2019-01-01', end: '2025-05-05' },
          valueCodeableConcept: { text: 'Weaver' },
          component: [{ code: { text: 'Industry' }, valueCodeableConcept: { text: 'Textiles' } }],
        },
        { resourceType: 'Observation', id: 'due', code: { text: 'Due' }, valueDateTime: '2026-12-24' },
      ],
      String,
      yesNo,
    );
    expect(read.map(({ id, value, day, effective }) => [id, value, day, effective.until])).toEqual([
      ['work', 'Weaver\nIndustry: Textiles', undefined, '2025-05-05'],
      ['due', undefined, '2026-12-24', undefined],
    ]);
  });

  it('is current in the newest fact of each kind', () => {
    const smoking = (id: string, at: string, text: string, status = 'final'): object => ({
      resourceType: 'Observation',
      id,
      status,
      code: { coding: [{ code: '72166-2' }], text: 'Smoking' },
      effectiveDateTime: at,
      valueCodeableConcept: { text },
    });
    const read = readSocialHistory(
      [
        smoking('old', '2019-01-01', 'Smoker'),
        smoking('wrong', '2026-01-01', 'Heavy smoker', 'entered-in-error'),
        smoking('new', '2025-01-01', 'Former smoker'),
        { resourceType: 'Observation', id: 'empty', code: { text: 'Pregnancy' } },
      ],
      String,
      yesNo,
    );
    expect(read.map(({ id, current, value }) => [id, current, value])).toEqual([
      ['wrong', false, 'Heavy smoker'],
      ['new', true, 'Former smoker'],
      ['old', false, 'Smoker'],
    ]);
  });
});
