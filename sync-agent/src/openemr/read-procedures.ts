import { z } from 'zod';
import { Id, Text, WallClock, Whole } from './column-types.js';
import {
  IssueRow,
  issueSources,
  readIssues,
  readIssueVisits,
  visitSources,
  type IssueVisitRow,
} from './read-issues.js';
import type { LookupsWanted } from './read-lookups.js';
import type { Snapshot } from './snapshot.js';
import { sourceRow, type SourceRow } from './source-row.js';

export const SurgeryRow = IssueRow.extend({ outcome: Whole });
export type SurgeryRow = z.infer<typeof SurgeryRow>;

/** One ordered procedure: an order and one of its lines. */
export const OrderedProcedureRow = z.object({
  procedure_order_id: Id,
  procedure_order_seq: Id,
  provider_id: Whole,
  encounter_id: Whole,
  date_collected: WallClock,
  date_ordered: WallClock,
  order_status: Text,
  order_diagnosis: Text,
  procedure_code: Text,
  procedure_name: Text,
  diagnoses: Text,
});
export type OrderedProcedureRow = z.infer<typeof OrderedProcedureRow>;

export const ProcedureReportRow = z.object({
  procedure_report_id: Id,
  procedure_order_id: Id,
  procedure_order_seq: Whole,
  date_collected: WallClock,
  date_collected_tz: Text,
  report_status: Text,
  report_notes: Text,
});
export type ProcedureReportRow = z.infer<typeof ProcedureReportRow>;

export interface ProcedureRows {
  surgeries: SurgeryRow[];
  visits: IssueVisitRow[];
  ordered: OrderedProcedureRow[];
  reports: ProcedureReportRow[];
}

/** Laboratory tests are results; what an order is says its line, then the line's title, then the order. */
const NOT_LABORATORY = `COALESCE(NULLIF(c.procedure_type, ''), NULLIF(c.procedure_order_title, ''),
                                 o.procedure_order_type, '') NOT IN ('', 'laboratory_test')`;

/** Four queries. Orders that the practice deleted (`activity` 0) are left out. */
export async function readProcedures(
  snapshot: Snapshot,
  pid: number,
  wanted: LookupsWanted,
): Promise<{ rows: ProcedureRows; sources: SourceRow[] }> {
  const surgeries = await readIssues(snapshot, 'surgeries', SurgeryRow, pid, ['surgery']);
  const visits = await readIssueVisits(snapshot, 'visits of surgeries', pid, ['surgery']);
  const ordered = await snapshot.selectEntries(
    'ordered procedures',
    OrderedProcedureRow,
    `SELECT c.procedure_order_id, c.procedure_order_seq, o.provider_id, o.encounter_id, o.date_collected,
            o.date_ordered, o.order_status, o.order_diagnosis, c.procedure_code, c.procedure_name, c.diagnoses
       FROM procedure_order o JOIN procedure_order_code c ON c.procedure_order_id = o.procedure_order_id
      WHERE o.patient_id = ? AND o.activity = 1 AND ${NOT_LABORATORY}
      ORDER BY c.procedure_order_id, c.procedure_order_seq`,
    [pid],
  );
  const reports = await snapshot.select(
    'reports of procedures',
    ProcedureReportRow,
    `SELECT r.procedure_report_id, r.procedure_order_id, r.procedure_order_seq, r.date_collected, r.date_collected_tz,
            r.report_status, r.report_notes
       FROM procedure_order o
       JOIN procedure_order_code c ON c.procedure_order_id = o.procedure_order_id
       JOIN procedure_report r ON r.procedure_order_id = o.procedure_order_id
                              AND r.procedure_order_seq = c.procedure_order_seq
      WHERE o.patient_id = ? AND o.activity = 1 AND ${NOT_LABORATORY}
      ORDER BY r.procedure_report_id`,
    [pid],
  );
  const rows = { surgeries, visits, ordered, reports };
  want(rows, wanted);
  return { rows, sources: sourcesOf(pid, rows) };
}

function want({ surgeries, ordered }: ProcedureRows, wanted: LookupsWanted): void {
  for (const surgery of surgeries) {
    wanted.username(surgery.user);
    wanted.option('outcome', surgery.outcome);
  }
  for (const order of ordered) {
    wanted.user(order.provider_id);
  }
}

function sourcesOf(pid: number, { surgeries, visits, ordered, reports }: ProcedureRows): SourceRow[] {
  return [
    ...issueSources(surgeries),
    ...visitSources(pid, visits),
    ...[...new Set(ordered.map((row) => row.procedure_order_id))].map((procedure_order_id) =>
      sourceRow('procedure_order', { procedure_order_id }),
    ),
    ...ordered.map((row) => sourceRow('procedure_order_code', row)),
    ...reports.map((row) => sourceRow('procedure_report', row)),
  ];
}
