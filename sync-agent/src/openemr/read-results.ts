import { z } from 'zod';
import { Id, OptionalWhole, Text, WallClock, Whole } from './column-types.js';
import { readListed } from './read-documents.js';
import type { LookupsWanted } from './read-lookups.js';
import type { Snapshot } from './snapshot.js';
import { sourceRow, type SourceRow } from './source-row.js';

export const OrderRow = z.object({
  procedure_order_id: Id,
  provider_id: Whole,
  encounter_id: Whole,
  date_collected: WallClock,
  lab_id: Whole,
  procedure_order_type: Text,
  specimen_type: Text,
});
export type OrderRow = z.infer<typeof OrderRow>;

export const OrderCodeRow = z.object({
  procedure_order_id: Id,
  procedure_order_seq: Id,
  procedure_code: Text,
  procedure_name: Text,
  procedure_type: Text,
  procedure_order_title: Text,
});
export type OrderCodeRow = z.infer<typeof OrderCodeRow>;

export const ReportRow = z.object({
  procedure_report_id: Id,
  procedure_order_id: Id,
  procedure_order_seq: Whole,
  date_collected: WallClock,
  date_collected_tz: Text,
  date_report: WallClock,
  date_report_tz: Text,
  report_status: Text,
  report_notes: Text,
  review_status: Text,
});
export type ReportRow = z.infer<typeof ReportRow>;

export const ResultRow = z.object({
  procedure_result_id: Id,
  procedure_report_id: Id,
  result_code: Text,
  result_text: Text,
  date: WallClock,
  facility: Text,
  units: Text,
  result: Text,
  range: Text,
  abnormal: Text,
  comments: Text,
  result_status: Text,
  document_id: Whole,
});
export type ResultRow = z.infer<typeof ResultRow>;

export const SpecimenRow = z.object({
  procedure_specimen_id: Id,
  procedure_order_id: Id,
  procedure_order_seq: Id,
  specimen_type: Text,
  collected_date: WallClock,
  deleted: OptionalWhole,
});
export type SpecimenRow = z.infer<typeof SpecimenRow>;

export const ProcedureTypeRow = z.object({
  procedure_type_id: Id,
  procedure_code: Text,
  lab_id: Whole,
  standard_code: Text,
  activity: Whole,
});
export type ProcedureTypeRow = z.infer<typeof ProcedureTypeRow>;

export const LabRow = z.object({ ppid: Id, name: Text, npi: Text, lab_director: Whole });
export type LabRow = z.infer<typeof LabRow>;

export interface ResultRows {
  orders: OrderRow[];
  orderCodes: OrderCodeRow[];
  reports: ReportRow[];
  results: ResultRow[];
  specimens: SpecimenRow[];
  procedureTypes: ProcedureTypeRow[];
  labs: LabRow[];
  /** of the documents that results came as, by `document_id`, those that the patient's list shows */
  listed: ReadonlySet<number>;
}

/** OpenEMR's word for a report that somebody with the right to sign has signed on its results screen. */
const SIGNED = 'reviewed';

/** Whether a clinician of the practice has seen a report, as OpenEMR knows it. */
export const isSeen = ({ review_status }: ReportRow): boolean => review_status === SIGNED;

/** Eight queries at most, whatever the number of orders. Orders that the practice deleted (`activity` 0) are left out. */
export async function readResults(
  snapshot: Snapshot,
  pid: number,
  wanted: LookupsWanted,
): Promise<{ rows: ResultRows; sources: SourceRow[] }> {
  const orders = await snapshot.select(
    'orders',
    OrderRow,
    `SELECT procedure_order_id, provider_id, encounter_id, date_collected, lab_id, procedure_order_type, specimen_type
       FROM procedure_order WHERE patient_id = ? AND activity = 1 ORDER BY procedure_order_id`,
    [pid],
  );
  const orderCodes = await snapshot.select(
    'ordered tests',
    OrderCodeRow,
    `SELECT c.procedure_order_id, c.procedure_order_seq, c.procedure_code, c.procedure_name, c.procedure_type,
            c.procedure_order_title
       FROM procedure_order o JOIN procedure_order_code c ON c.procedure_order_id = o.procedure_order_id
      WHERE o.patient_id = ? AND o.activity = 1 ORDER BY c.procedure_order_id, c.procedure_order_seq`,
    [pid],
  );
  const reports = await snapshot.select(
    'laboratory reports',
    ReportRow,
    `SELECT r.procedure_report_id, r.procedure_order_id, r.procedure_order_seq, r.date_collected, r.date_collected_tz,
            r.date_report, r.date_report_tz, r.report_status, r.report_notes, r.review_status
       FROM procedure_order o JOIN procedure_report r ON r.procedure_order_id = o.procedure_order_id
      WHERE o.patient_id = ? AND o.activity = 1 ORDER BY r.procedure_report_id`,
    [pid],
  );
  const results = await snapshot.select(
    'laboratory results',
    ResultRow,
    `SELECT s.procedure_result_id, s.procedure_report_id, s.result_code, s.result_text, s.\`date\`, s.facility, s.units,
            s.result, s.\`range\`, s.abnormal, s.comments, s.result_status, s.document_id
       FROM procedure_order o
       JOIN procedure_report r ON r.procedure_order_id = o.procedure_order_id
       JOIN procedure_result s ON s.procedure_report_id = r.procedure_report_id
      WHERE o.patient_id = ? AND o.activity = 1 ORDER BY s.procedure_result_id`,
    [pid],
  );
  const specimens = await snapshot.select(
    'specimens',
    SpecimenRow,
    `SELECT s.procedure_specimen_id, s.procedure_order_id, s.procedure_order_seq, s.specimen_type, s.collected_date,
            s.deleted
       FROM procedure_order o JOIN ${snapshot.table('procedure_specimen', 's')} ON s.procedure_order_id = o.procedure_order_id
      WHERE o.patient_id = ? AND o.activity = 1 ORDER BY s.procedure_specimen_id`,
    [pid],
  );
  const { procedureTypes, labs } = await readCatalogue(snapshot, orders, orderCodes);
  const { listed, sources } = await readListed(snapshot, pid, documentIdsOf(results));
  const rows = { orders, orderCodes, reports, results, specimens, procedureTypes, labs, listed };
  want(rows, wanted);
  return { rows, sources: [...sourcesOf(rows), ...sources] };
}

async function readCatalogue(
  snapshot: Snapshot,
  orders: readonly OrderRow[],
  orderCodes: readonly OrderCodeRow[],
): Promise<{ procedureTypes: ProcedureTypeRow[]; labs: LabRow[] }> {
  const codes = new Set(orderCodes.map((row) => row.procedure_code).filter((code) => code !== ''));
  const procedureTypes =
    codes.size === 0
      ? []
      : await snapshot.select(
          'the test catalogue',
          ProcedureTypeRow,
          `SELECT procedure_type_id, procedure_code, lab_id, standard_code, activity
             FROM procedure_type WHERE procedure_code IN (?) ORDER BY procedure_type_id`,
          [[...codes]],
        );
  const labIds = labIdsOf(orders);
  const labs =
    labIds.length === 0
      ? []
      : await snapshot.select(
          'laboratories',
          LabRow,
          'SELECT ppid, name, npi, lab_director FROM procedure_providers WHERE ppid IN (?) ORDER BY ppid',
          [labIds],
        );
  return { procedureTypes, labs };
}

const labIdsOf = (orders: readonly OrderRow[]): number[] => [
  ...new Set(orders.map((row) => row.lab_id).filter((id) => id > 0)),
];

const documentIdsOf = (results: readonly ResultRow[]): number[] => [
  ...new Set(results.map((row) => row.document_id).filter((id) => id > 0)),
];

function want(rows: ResultRows, wanted: LookupsWanted): void {
  for (const order of rows.orders) {
    wanted.user(order.provider_id);
    wanted.option('specimen_type', order.specimen_type);
  }
  for (const lab of rows.labs) {
    wanted.user(lab.lab_director);
  }
  for (const result of rows.results) {
    wanted.option('proc_res_abnormal', result.abnormal);
  }
}

function sourcesOf(rows: ResultRows): SourceRow[] {
  return [
    ...rows.orders.map((row) => sourceRow('procedure_order', row)),
    ...rows.orderCodes.map((row) => sourceRow('procedure_order_code', row)),
    ...rows.reports.map((row) => sourceRow('procedure_report', row)),
    ...rows.results.map((row) => sourceRow('procedure_result', row)),
    ...rows.specimens.map((row) => sourceRow('procedure_specimen', row)),
    ...rows.procedureTypes.map((row) => sourceRow('procedure_type', row)),
    ...labIdsOf(rows.orders).map((ppid) => sourceRow('procedure_providers', { ppid })),
  ];
}
