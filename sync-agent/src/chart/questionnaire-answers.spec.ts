import { describe, expect, it } from '@jest/globals';
import { answersOf } from './questionnaire-answers.js';

describe('answers of a questionnaire', () => {
  it('keep questions, answers and what is nested in both, and nothing else of the stored text', () => {
    const stored = {
      resourceType: 'QuestionnaireResponse',
      id: 'inside-only',
      questionnaire: 'https://clinic.example/Questionnaire/phq2',
      subject: { reference: 'Patient/1' },
      text: { div: '<div>markup</div>' },
      item: [
        {
          linkId: '1',
          text: 'Little interest',
          answer: [
            {
              valueCoding: {
                system: 'http://loinc.org',
                code: 'LA6569-3',
                display: 'Several days',
                userSelected: true,
              },
            },
            { valueAttachment: { data: 'AAAA' } },
          ],
        },
        { linkId: '2', item: [{ linkId: '2.1', answer: [{ valueInteger: 3, item: [{ linkId: '2.1.1' }] }] }] },
      ],
    };
    expect(answersOf(JSON.stringify(stored))).toEqual({
      questionnaire: 'https://clinic.example/Questionnaire/phq2',
      item: [
        {
          linkId: '1',
          text: 'Little interest',
          answer: [{ valueCoding: { system: 'http://loinc.org', code: 'LA6569-3', display: 'Several days' } }, {}],
        },
        { linkId: '2', item: [{ linkId: '2.1', answer: [{ valueInteger: 3, item: [{ linkId: '2.1.1' }] }] }] },
      ],
    });
  });

  it.each(['', 'no JSON', 'null', '{}', '{"item":[]}', '{"item":"x"}', '{"item":[{"answer":[{"valueInteger":"x"}]}]}'])(
    'in %p cannot be read',
    (stored) => {
      expect(answersOf(stored)).toBeUndefined();
    },
  );

  it('end somewhere, however deep they are nested', () => {
    const nested = Array.from({ length: 2_000 }).reduce<object>((item) => ({ item: [item] }), { linkId: 'deepest' });
    const read = JSON.stringify(answersOf(JSON.stringify({ item: [nested] })));
    expect(read.length).toBeLessThan(200);
  });
});
