import type { Connection, ResultSetHeader, RowDataPacket } from 'mysql2/promise';
import { ClinicRefusal, commitBetween, openScreen, type Commit } from './clinic-session.js';
import { insertRow } from './insert-rows.js';
import { ensureOrderable, judge, referenceRange, type Abnormal } from './lab-catalogue.js';

/** Option ids of list `proc_res_status`. */
export const RESULT_STATUSES = ['prelim', 'final', 'correct', 'incomplete', 'error', 'cancel'] as const;
export type ResultStatus = (typeof RESULT_STATUSES)[number];

export interface NewResult {
  pid: number;
  loinc: string;
  name: string;
  value: string;
  units: string;
  /** Default: the laboratory's own range for the test. */
  range?: string;
  /** Default: judged by the range. */
  abnormal?: Abnormal | 'yes';
  comment?: string;
  status?: ResultStatus;
}

export interface WrittenResult extends Commit {
  orderId: number;
  reportId: number;
  resultId: number;
}

async function findPatientVisit(
  connection: Connection,
  pid: number,
): Promise<{ encounter: number; providerId: number; username: string; facilityId: number }> {
  const [rows] = await connection.execute<RowDataPacket[]>(
    `SELECT e.encounter, p.providerID AS providerId, u.username, u.facility_id AS facilityId
       FROM patient_data AS p
       JOIN users AS u ON u.id = p.providerID
       LEFT JOIN form_encounter AS e ON e.pid = p.pid
      WHERE p.pid = ? ORDER BY e.date DESC, e.id DESC LIMIT 1`,
    [pid],
  );
  const visit = rows[0];
  if (visit === undefined) {
    throw new ClinicRefusal('there is no such patient');
  }
  return {
    encounter: Number(visit.encounter ?? 0),
    providerId: Number(visit.providerId),
    username: String(visit.username),
    facilityId: Number(visit.facilityId),
  };
}

async function placeOrder(connection: Connection, test: NewResult, now: string): Promise<number> {
  const visit = await findPatientVisit(connection, test.pid);
  const code = await ensureOrderable(connection, test);
  const orderId = await insertRow(connection, 'procedure_order', {
    date_ordered: now,
    provider_id: visit.providerId,
    lab_id: code.labId,
    date_collected: now,
    date_transmitted: now,
    order_priority: 'normal',
    order_status: 'pending',
    specimen_type: '119297000',
    billing_type: 'P',
    specimen_fasting: 'NO',
    order_psc: 0,
    patient_instructions: '',
    clinical_hx: '',
    external_id: '',
    history_order: '0',
    order_diagnosis: '',
    account: '',
    account_facility: visit.facilityId,
    provider_number: '',
    procedure_order_type: 'laboratory_test',
    patient_id: test.pid,
    encounter_id: visit.encounter,
  });
  await insertRow(connection, 'forms', {
    date: now,
    encounter: visit.encounter,
    form_name: 'Procedure Order',
    form_id: orderId,
    pid: test.pid,
    user: visit.username,
    groupname: 'Default',
    authorized: 1,
    formdir: 'procedure_order',
  });
  await insertRow(connection, 'procedure_order_code', {
    procedure_order_id: orderId,
    procedure_order_seq: 1,
    procedure_code: code.procedureCode,
    procedure_name: test.name,
    procedure_source: '1',
    diagnoses: '',
    procedure_order_title: 'laboratory_test',
    procedure_type: 'laboratory_test',
  });
  return orderId;
}

/**
 * A clinician orders one test, the laboratory's answer is entered on the results screen. Autocommitted statements in
 * the screens' order; the result row comes last.
 */
export async function newResult(connection: Connection, test: NewResult): Promise<WrittenResult> {
  const { now } = await openScreen(connection);
  const orderId = await placeOrder(connection, test, now);
  await connection.execute("UPDATE procedure_order SET order_status = 'complete' WHERE procedure_order_id = ?", [
    orderId,
  ]);
  const status = test.status ?? 'final';
  const reportId = await insertRow(connection, 'procedure_report', {
    procedure_order_id: orderId,
    procedure_order_seq: 1,
    date_report: now,
    date_collected: now,
    specimen_num: `SP${String(orderId)}`,
    report_status: status === 'prelim' ? 'prelim' : 'final',
  });
  const range = test.range ?? referenceRange(test.loinc);
  const numeric = Number(test.value);
  const abnormal = test.abnormal ?? (Number.isNaN(numeric) ? '' : judge(numeric, range));
  const [resultId, commit] = await commitBetween(connection, () =>
    insertRow(connection, 'procedure_result', {
      procedure_report_id: reportId,
      result_code: test.loinc,
      result_text: test.name,
      date: now,
      abnormal,
      result: test.value,
      range,
      units: test.units,
      facility: '',
      comments: test.comment ?? '',
      result_status: status,
      date_end: null,
    }),
  );
  return { orderId, reportId, resultId, ...commit };
}

/** A clinician signs a report on the results screen: it has been seen. */
export async function signReport(connection: Connection, reportId: number): Promise<Commit & { reportId: number }> {
  const [{ affectedRows }, commit] = await commitBetween(connection, async () => {
    const [header] = await connection.execute<ResultSetHeader>(
      "UPDATE procedure_report SET review_status = 'reviewed' WHERE procedure_report_id = ?",
      [reportId],
    );
    return header;
  });
  if (affectedRows === 0) {
    throw new ClinicRefusal('there is no such report');
  }
  return { reportId, ...commit };
}

export interface Correction {
  resultId: number;
  value: string;
  abnormal?: Abnormal | 'yes';
  comment?: string;
  status?: ResultStatus;
}

/** The results screen saves every field of the line again, with the corrected value and status `correct`. */
export async function correctResult(connection: Connection, correction: Correction): Promise<WrittenResult> {
  const { now } = await openScreen(connection);
  const [rows] = await connection.execute<RowDataPacket[]>(
    `SELECT r.*, p.procedure_order_id FROM procedure_result AS r
       JOIN procedure_report AS p ON p.procedure_report_id = r.procedure_report_id
      WHERE r.procedure_result_id = ?`,
    [correction.resultId],
  );
  const line = rows[0];
  if (line === undefined) {
    throw new ClinicRefusal('there is no such result');
  }
  const numeric = Number(correction.value);
  const judged = Number.isNaN(numeric) ? '' : judge(numeric, String(line.range));
  const [, commit] = await commitBetween(connection, () =>
    connection.execute<ResultSetHeader>(
      `UPDATE procedure_result SET procedure_report_id = ?, result_code = ?, result_text = ?, date = ?, abnormal = ?,
              result = ?, \`range\` = ?, units = ?, facility = ?, comments = ?, result_status = ?
        WHERE procedure_result_id = ?`,
      [
        line.procedure_report_id,
        line.result_code,
        line.result_text,
        now,
        correction.abnormal ?? judged,
        correction.value,
        line.range,
        line.units,
        line.facility,
        correction.comment ?? line.comments,
        correction.status ?? 'correct',
        correction.resultId,
      ],
    ),
  );
  return {
    orderId: Number(line.procedure_order_id),
    reportId: Number(line.procedure_report_id),
    resultId: correction.resultId,
    ...commit,
  };
}
