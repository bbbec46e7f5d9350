import { describe, expect, it } from '@jest/globals';
import { RowChanges } from './row-changes.js';

const plain = (changes: RowChanges): object => ({
  pids: Object.fromEntries([...changes.pids].map(([pid, classes]) => [pid, [...classes]])),
  keyed: [...changes.keyed.keys()],
  names: [...changes.portalUsernames.keys()],
  everybody: [...changes.everybody].sort(),
});

/** The classes that a row of OpenEMR's issue list may belong to. */
const OF_LISTS = ['problems', 'medications', 'allergies', 'procedures', 'devices', 'encounters'];

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

  it('names a row by the key of an older OpenEMR only where it has no other', () => {
    const moved = (...images: Record<string, unknown>[]): unknown => {
      const changes = new RowChanges();
      changes.add('issue_encounter', images);
      return changes.moved.map(({ keys, from, to }) => ({ keys, from, to }));
    };
    const between = { from: { by: 'pid', pid: 5 }, to: { by: 'pid', pid: 6 } };
    const row = { pid: 5, list_id: 8, encounter: 9 };
    expect(moved(row, { ...row, pid: 6 })).toEqual([{ keys: ['5|8|9'], ...between }]);
    expect(moved({ id: 1, ...row }, { id: 1, ...row, pid: 6 })).toEqual([{ keys: ['1'], ...between }]);
    // A partial image: the key stands before the change alone.
    expect(moved({ id: 1, pid: 5 }, { id: null, ...row, pid: 6 })).toEqual([{ keys: ['1'], ...between }]);
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

describe('what a changed row says about moving between patients', () => {
  const moved = (...changed: [string, ...Record<string, unknown>[]][]): object[] => {
    const changes = new RowChanges();
    changed.forEach(([table, ...images]) => {
      changes.add(table, images);
    });
    return changes.moved;
  };
  const pid = (number: number): object => ({ by: 'pid', pid: number });

  it('is told by an update of the pid, and once for all rows of a table', () => {
    const rows = [1, 2].map((id): [string, ...object[]] => ['lists', { id, pid: 5 }, { id, pid: 6 }]) as [
      string,
      ...Record<string, unknown>[],
    ][];
    expect(moved(...rows)).toEqual([{ table: 'lists', keys: ['1', '2'], from: pid(5), to: pid(6) }]);
  });

  it('is told by a row that is deleted and comes again under its key', () => {
    const document = { id: 3, name: 'a letter' };
    expect(moved(['documents', { ...document, foreign_id: 5 }], ['documents', { ...document, foreign_id: 6 }])).toEqual(
      [{ table: 'documents', keys: ['3'], from: pid(5), to: pid(6) }],
    );
    expect(moved(['documents', { ...document, foreign_id: 5 }], ['documents', { ...document, foreign_id: 5 }])).toEqual(
      [],
    );
  });

  it.each([
    ['from nobody to a patient', { id: 3, foreign_id: 0 }, { id: 3, foreign_id: 6 }],
    ['from a patient to nobody', { id: 3, foreign_id: 5 }, { id: 3, foreign_id: 0 }],
  ])('is not told of a row that goes %s', (_name, before, after) => {
    expect(moved(['documents', before, after])).toEqual([]);
  });

  it('leaves to those who used the row whose it was when the image before does not say so', () => {
    expect(moved(['documents', { id: 3, foreign_id: null }, { id: 3, foreign_id: 6 }])).toEqual([
      { table: 'documents', keys: ['3'], from: { by: 'row', table: 'documents', key: '3' }, to: pid(6) },
    ]);
  });

  it('is not lost with a transaction that changes nothing which a class shows', () => {
    const changes = new RowChanges();
    const form = { id: 1, formdir: 'procedure_order' };
    changes.add('forms', [{ ...form, pid: 5 }]);
    expect(changes.empty).toBe(true);
    changes.add('forms', [
      { ...form, pid: 5 },
      { ...form, pid: 6 },
    ]);
    expect(plain(changes)).toEqual({ pids: {}, keyed: [], names: [], everybody: [] });
    expect([changes.empty, changes.moved.length]).toEqual([false, 1]);
  });

  it('is told by a mail that gets another owner, whatever the case of the name', () => {
    const mail = (owner: string): Record<string, unknown> => ({ id: 4, owner });
    expect(moved(['onsite_mail', mail('Pat1'), mail('Sam2')])).toMatchObject([{ table: 'onsite_mail', keys: ['4'] }]);
    expect(moved(['onsite_mail', mail('Pat1'), mail('pat1')])).toEqual([]);
  });

  it('is told by a report that is given to another order', () => {
    const report = (order: number): Record<string, unknown> => ({ procedure_report_id: 9, procedure_order_id: order });
    expect(moved(['procedure_report', report(1), report(2)])).toEqual([
      {
        ...{ table: 'procedure_report', keys: ['9'] },
        from: { by: 'row', table: 'procedure_order', key: '1' },
        to: { by: 'row', table: 'procedure_order', key: '2' },
      },
    ]);
  });

  it('is not told by an appointment that the calendar gives away, only by one whose pid alone changes', () => {
    const event = (number: number, time: string): Record<string, unknown> => ({
      ...{ pc_eid: 7, pc_pid: String(number), pc_time: time },
    });
    const table = 'openemr_postcalendar_events';
    expect(moved([table, event(5, '2026-01-01 10:00:00'), event(6, '2026-01-02 11:00:00')])).toEqual([]);
    expect(moved([table, event(5, '2026-01-01 10:00:00'), event(6, '2026-01-01 10:00:00')])).toHaveLength(1);
  });

  it('is never dropped: past its limits it stands for all rows of the table, and in the end for everybody', () => {
    const changes = new RowChanges();
    for (let id = 1; id <= 600; id += 1) {
      changes.add('lists', [
        { id, pid: 5 },
        { id, pid: 6 },
      ]);
    }
    expect(changes.moved).toEqual([{ table: 'lists', keys: null, from: pid(5), to: pid(6) }]);
    for (let id = 1; id <= 20_001; id += 1) {
      changes.add('lists', [
        { id, pid: id },
        { id, pid: id + 100_000 },
      ]);
    }
    expect(changes.movedBeyondLimit).toBe(true);
  });
});
