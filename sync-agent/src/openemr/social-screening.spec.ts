import { describe, expect, it } from '@jest/globals';
import { parseAims, parseDisabilityScale, questionCode } from './social-screening.js';

describe('the scale of difficulties', () => {
  it('is read as the form writes it', () => {
    const stored = '{"seeing":{"code":"yes","notes":" with glasses "},"errands":{"code":"","notes":""}}';
    expect(parseDisabilityScale(stored)).toEqual([
      {
        key: 'seeing',
        text: 'Serious difficulty seeing, even when wearing glasses',
        answer: 'yes',
        note: 'with glasses',
      },
    ]);
  });

  it('keeps a question that nobody knows by its word', () => {
    expect(parseDisabilityScale('{"flying":{"code":"no"}}')).toEqual([
      { key: 'flying', text: 'flying', answer: 'no', note: '' },
    ]);
  });

  it.each(['', '[]', 'null', '{', '7', '{"seeing":null}', '{"seeing":{"code":{}}}', '[["a"]]'])(
    'says nothing where it is %j',
    (stored) => {
      expect(parseDisabilityScale(stored)).toEqual([]);
    },
  );
});

describe('the question of an option', () => {
  it.each([
    ['Question LOINC 88124-3', '88124-3'],
    ['LOINC:93030-5', '93030-5'],
    ['Question LOINC', undefined],
    ['a note of 12-3 words', undefined],
  ])('%j is %j', (notes, code) => {
    expect(questionCode(notes)).toBe(code);
  });
});

it.each([
  ['a job', ['a job']],
  ['[see letter]', ['[see letter]']],
  ['["a job","a home"]', ['a job', 'a home']],
  ['{"food":{"code":"1","description":"Has food"},"home":[{"text":"A home"}]}', ['Has food', 'A home']],
  ['[{"code":"1078229009"}]', []],
  ['[{"description":"cut of', []],
  ['null', []],
  ['', []],
])('aims stored as %j are %j', (stored, words) => {
  expect(parseAims(stored)).toEqual(words);
});
