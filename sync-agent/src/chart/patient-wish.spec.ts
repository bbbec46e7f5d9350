import { describe, expect, it } from '@jest/globals';
import { ReportRow, ResultRow, type ResultRows } from '../openemr/read-results.js';
import { decisionsOnItems, type DecisionInForce } from './patient-wish.js';
import { ResourceIds } from './resource-id.js';

const ids = new ResourceIds(new Uint8Array(32));
const NONE = {
  resourceId: null,
  recordClass: null,
  codeSystem: null,
  code: null,
  sensitivity: null,
  afterReport: null,
};
const WISH: DecisionInForce = { ...NONE, id: 4, kind: 'wish', afterReport: 10 };

const report = (id: number, review_status: string): ReportRow =>
  ReportRow.parse({
    ...{ procedure_report_id: id, procedure_order_id: id, procedure_order_seq: 1, review_status },
    ...{ date_collected: null, date_collected_tz: '', date_report: null, date_report_tz: '' },
    ...{ report_status: 'final', report_notes: '' },
  });
const value = (report_id: number, document_id: number): ResultRow =>
  ResultRow.parse({
    ...{ procedure_result_id: 1, procedure_report_id: report_id, document_id, date: null, facility: '', units: '' },
    ...{ result_code: '', result_text: '', result: '', range: '', abnormal: '', comments: '', result_status: '' },
  });
const rows = (reports: ReportRow[], results: ResultRow[] = []): ResultRows => ({
  ...{ orders: [], orderCodes: [], specimens: [], procedureTypes: [], labs: [], reports, results, listed: new Set() },
});
const meant = (decisions: DecisionInForce[], of: ResultRows | undefined): (string | null)[] =>
  decisionsOnItems(decisions, of, ids).map(({ resourceId }) => resourceId);
const idOf = (id: number): string => ids.id('procedure_report', id);

describe('a patient’s wish to wait', () => {
  const all = rows([report(9, 'received'), report(11, 'received'), report(12, 'reviewed'), report(13, '')]);

  it('means new reports that nobody has signed, and none that was there when it came', () => {
    expect(meant([WISH], all)).toEqual([idOf(11), idOf(13)]);
    expect(decisionsOnItems([WISH], all, ids)[0]).toEqual({
      ...{ id: 4, kind: 'wish', resourceId: idOf(11) },
      ...{ recordClass: null, codeSystem: null, code: null, sensitivity: null },
    });
  });

  it('means no report that the patient asked for, and not itself where results were not read', () => {
    const show: DecisionInForce = { ...NONE, id: 5, kind: 'show', resourceId: idOf(13) };
    expect(meant([WISH, show], all)).toEqual([idOf(11)]);
    expect(meant([WISH, show], undefined)).toEqual([]);
    expect(meant([show], all)).toEqual([]);
  });

  it('means the files that values of such a report came as, and leaves what the practice decided as it is', () => {
    const hold: DecisionInForce = { ...NONE, id: 1, kind: 'hold', resourceId: 'x' };
    const filed = rows([report(11, 'received'), report(12, 'reviewed')], [value(11, 70), value(12, 71), value(11, 0)]);
    expect(meant([hold, WISH], filed)).toEqual(['x', idOf(11), ids.id('documents', 70)]);
  });
});
