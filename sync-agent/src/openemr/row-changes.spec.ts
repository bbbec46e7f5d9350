import { describe, expect, it } from '@jest/globals';
import { RowChanges } from './row-changes.js';

const plain = (changes: RowChanges): object => ({
  pids: Object.fromEntries([...changes.pids].map(([pid, classes]) => [pid, [...classes]])),
  keyed: [...changes.keyed.keys()],
  names: [...changes.portalUsernames.keys()],
  everybody: [...changes.everybody].sort(),
});

/** The classes that a row of OpenEMR's issue list may belong to. */
const OF_LISTS = ['problems', 'medications', 'allergies', 'procedures', 'devices'];

describe('what a changed row says about charts', () => {
  it('names both pids of an update that moves a row', () => {
    const changes = new RowChanges();
    changes.add('lists', [
      { id: 1, pid: 5 },
      { id: 1, pid: 6 },
    ]);
    expect(plain(changes)).toMatchObject({ pids: { 5: OF_LISTS, 6: OF_LISTS }, keyed: [] });
  });

  it('falls back on the key when an image has no pid, as with a partial row image', () => {
    const changes = new RowChanges();
    changes.add('lists', [
      { id: 1, pid: null },
      { id: null, pid: 6 },
    ]);
    expect(plain(changes)).toMatchObject({ pids: { 6: OF_LISTS }, keyed: ['lists 1'] });
  });

  it('falls back on the key when an update of a mail does not say whose it is', () => {
    const changes = new RowChanges();
    changes.add('onsite_mail', [
      { id: 7, owner: null, message_status: null },
      { id: null, owner: null, message_status: 'Read' },
    ]);
    expect(plain(changes)).toEqual({ pids: {}, keyed: ['onsite_mail 7'], names: [], everybody: [] });
  });

  it('takes a contact for a patient only when it is one, and leaves others to those who used the row', () => {
    const changes = new RowChanges();
    changes.add('contact', [{ id: 1, foreign_table_name: 'person', foreign_id: 5 }]);
    expect(plain(changes)).toEqual({ pids: {}, keyed: ['contact 1'], names: [], everybody: [] });
    changes.add('contact', [{ id: 2, foreign_table_name: 'patient_data', foreign_id: 5 }]);
    expect(plain(changes)).toMatchObject({ pids: { 5: ['profile'] } });
  });

  it('tells by its kind which classes a form concerns, and all of them when the kind is not told', () => {
    const form = (formdir: unknown): unknown => {
      const changes = new RowChanges();
      changes.add('forms', [{ id: 1, pid: 5, formdir }]);
      return plain(changes);
    };
    for (const formdir of ['vitals', Buffer.from('vitals')]) {
      expect(form(formdir)).toMatchObject({ pids: { 5: ['vitals'] } });
    }
    expect(form('clinical_notes')).toMatchObject({ pids: { 5: ['notes', 'reports'] } });
    expect(form('care_plan')).toMatchObject({ pids: { 5: ['care-plan', 'goals'] } });
    expect(form('observation')).toMatchObject({ pids: { 5: ['assessments'] } });
    expect(form('procedure_order')).toMatchObject({ pids: {}, everybody: [] });
    expect(form(null)).toMatchObject({ pids: { 5: expect.arrayContaining(['vitals', 'encounters', 'notes']) } });
  });

  it('keeps the rows that a row without pid belongs to, before and after', () => {
    const changes = new RowChanges();
    changes.add('procedure_result', [
      { procedure_result_id: 9, procedure_report_id: 1 },
      { procedure_result_id: 9, procedure_report_id: 2 },
    ]);
    expect(changes.keyed.get('procedure_result 9')?.parents).toEqual([
      { table: 'procedure_report', key: '1' },
      { table: 'procedure_report', key: '2' },
    ]);
  });

  it('counts a row whose key cannot be told as a change of its classes for everybody', () => {
    const changes = new RowChanges();
    changes.add('procedure_result', [{ procedure_result_id: null, procedure_report_id: null }]);
    expect(plain(changes)).toMatchObject({ everybody: ['results'], keyed: [] });
  });

  it('ignores rows of nobody and tables it does not watch', () => {
    const changes = new RowChanges();
    changes.add('lists', [{ id: 1, pid: 0 }]);
    changes.add('api_log', [{ id: 1, pid: 5 }]);
    changes.add('onsite_mail', [{ id: 1, owner: '' }]);
    expect(changes.empty).toBe(true);
  });

  it('stays bounded: past the limit it is everybody, and nothing is forgotten', () => {
    const changes = new RowChanges();
    changes.add('prescriptions', [{ id: 1, patient_id: 5 }]);
    for (let id = 0; id < 6_000; id += 1) {
      changes.add('procedure_result', [{ procedure_result_id: id, procedure_report_id: id }]);
    }
    expect(changes.keyed.size).toBeLessThan(5_001);
    expect(plain(changes)).toMatchObject({ pids: {}, everybody: ['medications', 'results'] });
  });
});
