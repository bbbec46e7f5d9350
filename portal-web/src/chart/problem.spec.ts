import { describe, expect, it } from '@jest/globals';
import { readProblems } from './problem.js';

const coded = (code: string): object => ({ coding: [{ code }] });
const condition = (id: string, extra: object): object => ({
  resourceType: 'Condition',
  id,
  code: { text: `Problem ${id}` },
  ...extra,
});

describe('problems', () => {
  it.each([
    ['active', undefined, {}, true],
    ['recurrence', undefined, {}, true],
    ['resolved', undefined, {}, false],
    ['remission', undefined, {}, false],
    ['active', 'refuted', {}, false],
    ['active', 'entered-in-error', {}, false],
    [undefined, undefined, {}, true],
    [undefined, undefined, { abatementDateTime: '2020' }, false],
  ])('of status %s and verification %s %j are current: %s', (status, verification, extra, current) => {
    const [problem] = readProblems([
      condition('a', {
        ...extra,
        ...(status !== undefined && { clinicalStatus: coded(status) }),
        ...(verification !== undefined && { verificationStatus: coded(verification) }),
      }),
    ]);
    expect(problem?.current).toBe(current);
    expect(problem?.withdrawn).toBe(verification === 'entered-in-error');
  });

  it('are told apart from diagnoses of a visit, and name their visit and who wrote them down', () => {
    const read = readProblems([
      condition('list', { category: [coded('problem-list-item')], onsetDateTime: '2019' }),
      condition('visit', {
        category: [coded('encounter-diagnosis')],
        encounter: { reference: 'Encounter/e1' },
        onsetDateTime: '2021',
        recorder: { reference: 'Practitioner/p1' },
      }),
      { resourceType: 'Practitioner', id: 'p1', name: [{ given: ['Nora'], family: 'Greene' }] },
    ]);
    expect(read.map(({ id, kind, encounterId, recorded }) => [id, kind, encounterId, recorded.by])).toEqual([
      ['visit', 'visit-diagnosis', 'e1', ['Nora Greene']],
      ['list', 'problem', undefined, []],
    ]);
  });
});
