import { describe, expect, it } from '@jest/globals';
import { timesOf } from './release-report.js';
import { BEYOND, UNKNOWN } from './release-times.js';
import { describeRules } from './read-rules.js';
import {
  parseClass,
  parseCode,
  parseDuration,
  parseItem,
  parseReason,
  parseWhole,
  unfitForRule,
} from './rule-options.js';

describe('what a person types about release', () => {
  it.each([
    ['loinc:75622-1', { system: 'http://loinc.org', code: '75622-1' }],
    ['LOINC:75622-1', { system: 'http://loinc.org', code: '75622-1' }],
    ['icd10:F1*', { system: 'http://hl7.org/fhir/sid/icd-10-cm', code: 'F1*' }],
    ['local:HIV AB', { system: '', code: 'HIV AB' }],
  ])('names a code as %s', (text, code) => {
    expect(parseCode(text)).toEqual(code);
  });

  it.each([
    [() => parseCode('loinc:HIV'), 'HIV is no loinc code, so nothing could ever match it'],
    [() => parseCode('zodiac:1'), 'the systems are loinc,'],
    [() => parseCode('75622-1'), 'the systems are loinc,'],
    [() => parseCode('icd10:*'), 'is no icd10 code'],
    [() => parseClass('messages'), 'must be one of problems,'],
    [() => parseDuration('soon'), 'must be hours or days'],
    [() => parseDuration('401d'), 'must be hours or days'],
    [() => parseDuration('0h'), 'must be hours or days'],
    [() => parseReason('because'), '171.202(e) privacy'],
    [() => parseReason('toString'), 'must be a provision'],
    [() => parseItem('the last one'), 'as `release items` prints it'],
    [() => parseWhole('1e3'), 'must be a whole number above 0'],
  ])('is refused with a sentence that says what would do: %#', (parse, sentence) => {
    expect(parse).toThrow(sentence);
  });

  it('is no rule without anything that it asks for, nor an individual reason for everybody', () => {
    expect(unfitForRule({ reason: '171.203' })).toContain('needs --class, --code or --sensitivity');
    expect(unfitForRule({ reason: '171.201(c)(1)', class: 'notes' })).toContain('is decided for one patient');
    expect(unfitForRule({ reason: '171.201(c)(1)', class: 'notes', pid: 7 })).toBeNull();
    expect(unfitForRule({ reason: '171.202(b)', sensitivity: 'high' })).toBeNull();
  });

  it('may be hours, days, or until somebody lifts it', () => {
    expect([parseDuration('36h'), parseDuration('7d'), parseDuration('ever')]).toEqual([36, 168, 'ever']);
  });
});

describe('the report on time', () => {
  it('counts what took longer than every step against the aim, and rounds no figure up to its advantage', () => {
    const times = [
      { within: 5, changes: 94 },
      { within: 120, changes: 1 },
      { within: 300, changes: 4 },
      { within: BEYOND, changes: 1 },
    ];
    expect(timesOf('results', times)).toEqual({
      ...{ recordClass: 'results', changes: 100, unknown: 0, withinAim: 0.95, median: 5, p95: 120 },
    });
    expect(timesOf('results', [{ within: BEYOND, changes: 2 }])).toMatchObject({
      withinAim: 0,
      median: null,
      p95: null,
    });
    const unknown = [
      { within: 5, changes: 3 },
      { within: UNKNOWN, changes: 1 },
    ];
    expect(timesOf('results', unknown)).toEqual({
      ...{ recordClass: 'results', changes: 4, unknown: 1, withinAim: 0.75, median: 5, p95: null },
    });
    expect(timesOf('all', [])).toMatchObject({ changes: 0, median: null });
  });

  it('says that nothing is held', () => {
    expect(describeRules([])).toBe('nothing is held: everything goes out at once\n');
  });
});
