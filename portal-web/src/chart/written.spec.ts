import { describe, expect, it } from '@jest/globals';
import { readEncounters } from './encounter.js';
import { readPractice } from './practice-info.js';
import { readNotes, readReports } from './written.js';

describe('notes', () => {
  it('belong to their visit; a replaced one is not current, a mistaken one is withdrawn', () => {
    const note = (id: string, status: string): object => ({
      resourceType: 'DocumentReference',
      id,
      status,
      type: { text: 'Progress note' },
      date: `2026-0${String(id.length)}-01`,
      author: [{ display: 'Dr. Greene' }, { display: 'Dr. Greene' }],
      context: { encounter: [{ reference: 'Encounter/e1' }] },
    });
    const read = readNotes([note('a', 'current'), note('bb', 'superseded'), note('ccc', 'entered-in-error')]);
    expect(read.map(({ id, current, withdrawn }) => [id, current, withdrawn])).toEqual([
      ['ccc', false, true],
      ['bb', false, false],
      ['a', true, false],
    ]);
    expect(read[0]).toMatchObject({ authors: ['Dr. Greene'], encounterId: 'e1', attachments: [] });
  });
});

describe('reports', () => {
  it('keep conclusion, text and who read the pictures', () => {
    const [report] = readReports([
      {
        resourceType: 'DiagnosticReport',
        id: 'r',
        status: 'final',
        code: { text: 'Chest X-ray' },
        category: [{ coding: [{ display: 'Radiology' }] }],
        issued: '2026-01-01T10:00:00Z',
        resultsInterpreter: [{ reference: 'Practitioner/p' }],
        conclusion: 'Clear.',
        presentedForm: [{ contentType: 'text/plain', data: 'QQ==' }],
      },
      { resourceType: 'Practitioner', id: 'p', name: [{ text: 'Dr. Ray' }] },
    ]);
    expect(report).toMatchObject({ category: 'Radiology', authors: ['Dr. Ray'], conclusion: 'Clear.', at: undefined });
    expect(report?.attachments.length).toBe(1);
  });
});

describe('visits', () => {
  it('say when, why, with whom and where, and a mistaken one is no visit', () => {
    const [visit, wrong] = readEncounters([
      {
        resourceType: 'Encounter',
        id: 'e1',
        status: 'finished',
        type: [{ text: 'Check-up' }],
        class: { code: 'AMB' },
        period: { start: '2026-01-01T10:00:00Z', end: '2026-01-01T10:30:00Z' },
        reasonCode: [{ text: 'Cough' }, { text: 'Cough' }],
        participant: [{ individual: { display: 'Dr. Greene' } }, { individual: { reference: 'Practitioner/gone' } }],
        serviceProvider: { reference: 'Organization/o' },
      },
      { resourceType: 'Encounter', id: 'e2', status: 'entered-in-error' },
      { resourceType: 'Organization', id: 'o', name: 'Main office', address: [{ city: 'Town' }] },
    ]);
    expect(visit).toMatchObject({
      name: 'Check-up',
      current: true,
      reasons: ['Cough'],
      people: [{ name: 'Dr. Greene' }],
      place: { name: 'Main office', address: ['Town'] },
    });
    expect(wrong).toMatchObject({ current: false, withdrawn: true });
  });
});

describe('the practice', () => {
  it('names each place once, and nobody without a name', () => {
    const read = readPractice([
      { resourceType: 'Location', id: 'l', name: 'Main office', address: { city: 'Town' } },
      { resourceType: 'Organization', id: 'o', name: 'Main Office', address: [{ city: 'Town' }] },
      { resourceType: 'Organization', id: 'off', name: 'Closed office', active: false },
      { resourceType: 'Practitioner', id: 'b', name: [{ text: 'B' }] },
      { resourceType: 'Practitioner', id: 'a', name: [{ text: 'A' }] },
      { resourceType: 'Practitioner', id: 'n' },
    ]);
    expect(read.sites.map(({ name }) => name)).toEqual(['Main office']);
    expect(read.people.map(({ name }) => name)).toEqual(['A', 'B']);
  });
});
