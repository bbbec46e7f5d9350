import type { Resource } from 'sync-contract/section-content';
import type { OrderedProcedureRow, ProcedureReportRow, ProcedureRows, SurgeryRow } from '../openemr/read-procedures.js';
import { parseCodes } from './coded-values.js';
import { profileMeta, resource, type CodeableConcept } from './fhir.js';
import { counted, entryCode, firstVisits } from './list-entries.js';
import type { RenderTools } from './render-tools.js';
import { reportStatus } from './result-words.js';

interface RenderedProcedure {
  /** stored time, to order by */
  performed: string;
  resource: Resource;
}

/** Surgeries of the issue list and ordered procedures, newest first. */
export function renderProcedures(rows: ProcedureRows, tools: RenderTools): { resources: Resource[]; skipped: number } {
  const visits = firstVisits(rows.visits);
  const { shown, skipped } = counted([
    ...rows.surgeries.map((row) => renderSurgery(row, visits.get(row.id), tools)),
    ...rows.ordered.map((row) => renderOrdered(row, reportsOf(row, rows.reports), tools)),
  ]);
  const procedures = shown.sort((a, b) => compare(b.performed, a.performed) || compare(a.resource.id, b.resource.id));
  return { resources: [...procedures.map((each) => each.resource), ...tools.people.resources()], skipped };
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** An entry of the list of surgeries was done, unless its date is still to come. */
function renderSurgery(row: SurgeryRow, visit: number | undefined, tools: RenderTools): RenderedProcedure | undefined {
  const code = entryCode(row);
  if (code === undefined) {
    return undefined;
  }
  const start = tools.time.dateOrDateTime(row.begdate);
  const end = tools.time.dateOrDateTime(row.enddate);
  const toCome = start !== undefined && start.slice(0, 10) > tools.readOn;
  return {
    performed: row.begdate ?? row.date ?? '',
    resource: resource({
      resourceType: 'Procedure',
      id: tools.ids.id('lists', row.id),
      meta: profileMeta('us-core-procedure'),
      status: toCome ? 'preparation' : 'completed',
      code,
      subject: tools.ids.patient(tools.pid),
      encounter: visit === undefined ? undefined : tools.ids.encounter(visit),
      ...(end === undefined ? { performedDateTime: start } : { performedPeriod: { start, end } }),
      recorder: tools.people.practitionerNamed(row.user),
      outcome: { text: tools.options.title('outcome', row.outcome) },
      note: [row.comments === '' ? undefined : { text: row.comments }],
    }),
  };
}

function reportsOf(row: OrderedProcedureRow, reports: readonly ProcedureReportRow[]): ProcedureReportRow[] {
  return reports.filter(
    (report) =>
      report.procedure_order_id === row.procedure_order_id && report.procedure_order_seq === row.procedure_order_seq,
  );
}

function renderOrdered(
  row: OrderedProcedureRow,
  reports: readonly ProcedureReportRow[],
  tools: RenderTools,
): RenderedProcedure | undefined {
  const code = orderedCode(row);
  if (code === undefined) {
    return undefined;
  }
  const newest = reports.at(-1);
  const status = orderedStatus(row, newest);
  const performed =
    tools.time.dateTime(newest?.date_collected ?? null, newest?.date_collected_tz) ??
    tools.time.dateTime(row.date_collected);
  return {
    performed: newest?.date_collected ?? row.date_collected ?? row.date_ordered ?? '',
    resource: resource({
      resourceType: 'Procedure',
      id: tools.ids.id('procedure_order_code', `${String(row.procedure_order_id)}|${String(row.procedure_order_seq)}`),
      meta: profileMeta('us-core-procedure'),
      basedOn: [tools.ids.reference('ServiceRequest', 'procedure_order', row.procedure_order_id)],
      status,
      code,
      subject: tools.ids.patient(tools.pid),
      encounter: tools.ids.encounter(row.encounter_id),
      performedDateTime: status === 'completed' ? performed : undefined,
      // The ordering provider, of whom no row says that he performed it.
      recorder: tools.people.practitioner(row.provider_id),
      reasonCode: reasons(row),
      report: reports.map((report) =>
        tools.ids.reference('DiagnosticReport', 'procedure_report', report.procedure_report_id),
      ),
      note: reports.map((report) => (report.report_notes === '' ? undefined : { text: report.report_notes })),
    }),
  };
}

function orderedCode(row: OrderedProcedureRow): CodeableConcept | undefined {
  const text = row.procedure_name || row.procedure_code;
  return text === ''
    ? undefined
    : {
        coding: parseCodes(row.procedure_code).map(({ coding }) => ({ ...coding, display: row.procedure_name })),
        text,
      };
}

const ORDER_STATUSES: Readonly<Record<string, string>> = {
  complete: 'completed',
  canceled: 'not-done',
  pending: 'preparation',
  routed: 'preparation',
};

/** A final report shows that it was done, whatever the order still says. */
function orderedStatus(row: OrderedProcedureRow, newest: ProcedureReportRow | undefined): string {
  const reported = newest !== undefined && reportStatus(newest.report_status) === 'final';
  return reported ? 'completed' : (ORDER_STATUSES[row.order_status.toLowerCase()] ?? 'unknown');
}

function reasons(row: OrderedProcedureRow): CodeableConcept[] {
  const codes = new Map(
    parseCodes(`${row.diagnoses};${row.order_diagnosis}`).map(({ coding }) => [JSON.stringify(coding), coding]),
  );
  return [...codes.values()].map((coding) => ({ coding: [coding] }));
}
