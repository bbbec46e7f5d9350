import type { Resource } from 'sync-contract/section-content';
import type { LabRow, OrderCodeRow, OrderRow, ReportRow, ResultRow, ResultRows } from '../openemr/read-results.js';
import { laboratoryCoding, parseCodes } from './coded-values.js';
import { profileMeta, resource, SYSTEMS, type CodeableConcept, type Reference } from './fhir.js';
import type { People } from './people.js';
import { parseMeasurement, parseReferenceRange } from './reference-range.js';
import type { RenderTools } from './render-tools.js';
import { interpretation, reportCategory, reportStatus, resultStatus } from './result-words.js';

/** All reports collected in one calendar year of the clinic, newest first, each followed by its results. */
export interface ResultYear {
  year: number | 'undated';
  /** number of reports */
  count: number;
  /** newest collection time; null when undated */
  newest: string | null;
  resources: Resource[];
}

interface RenderedReport {
  key: number;
  collected: string | undefined;
  resources: Resource[];
}

/** Years newest first, `undated` last. Each year carries the people and laboratories its resources name. */
export function renderResults(rows: ResultRows, tools: RenderTools, peopleOf: () => People): ResultYear[] {
  const index = new ResultIndex(rows);
  const years = new Map<number | 'undated', { people: People; reports: RenderedReport[] }>();
  for (const report of rows.reports) {
    const order = index.orders.get(report.procedure_order_id);
    if (order === undefined) {
      continue;
    }
    const collected = collectedAt(report, order, tools);
    const year = collected === undefined ? 'undated' : tools.time.year(collected);
    const group = years.get(year) ?? { people: peopleOf(), reports: [] };
    years.set(year, group);
    group.reports.push(renderReport(report, order, collected, index, { ...tools, people: group.people }));
  }
  return [...years]
    .map(([year, { people, reports }]) => {
      const newestFirst = reports.sort((a, b) => orderOf(b, tools) - orderOf(a, tools) || b.key - a.key);
      return {
        year,
        count: reports.length,
        newest: newestFirst[0]?.collected ?? null,
        resources: [...newestFirst.flatMap((report) => report.resources), ...people.resources()],
      };
    })
    .sort((a, b) => yearOrder(b.year) - yearOrder(a.year));
}

const yearOrder = (year: number | 'undated'): number => (year === 'undated' ? -Infinity : year);
const orderOf = (report: RenderedReport, tools: RenderTools): number =>
  report.collected === undefined ? 0 : tools.time.order(report.collected);

class ResultIndex {
  readonly orders: ReadonlyMap<number, OrderRow>;
  readonly labs: ReadonlyMap<number, LabRow>;
  private readonly codes: ReadonlyMap<string, OrderCodeRow>;
  private readonly resultsOf = new Map<number, ResultRow[]>();

  constructor(readonly rows: ResultRows) {
    this.orders = new Map(rows.orders.map((order) => [order.procedure_order_id, order]));
    this.labs = new Map(rows.labs.map((lab) => [lab.ppid, lab]));
    this.codes = new Map(rows.orderCodes.map((row) => [line(row.procedure_order_id, row.procedure_order_seq), row]));
    for (const result of rows.results) {
      const list = this.resultsOf.get(result.procedure_report_id) ?? [];
      list.push(result);
      this.resultsOf.set(result.procedure_report_id, list);
    }
  }

  code(report: ReportRow): OrderCodeRow | undefined {
    return this.codes.get(line(report.procedure_order_id, report.procedure_order_seq));
  }

  results(report: ReportRow): ResultRow[] {
    return this.resultsOf.get(report.procedure_report_id) ?? [];
  }

  /** The list of documents has it under the same id. */
  document({ document_id }: ResultRow, { ids }: RenderTools): Reference | undefined {
    return this.rows.listed.has(document_id) ? ids.reference('DocumentReference', 'documents', document_id) : undefined;
  }

  /** First specimen of the ordered test that was not deleted. */
  specimen(report: ReportRow): ResultRows['specimens'][number] | undefined {
    return this.rows.specimens.find(
      (row) =>
        row.deleted !== 1 &&
        row.procedure_order_id === report.procedure_order_id &&
        row.procedure_order_seq === report.procedure_order_seq,
    );
  }

  /** The catalogue may hold a test several times: the order's own laboratory first, then what is in use. */
  catalogueCode(procedureCode: string, labId: number): string {
    const entries = this.rows.procedureTypes.filter(
      (row) => row.procedure_code.toLowerCase() === procedureCode.toLowerCase() && row.standard_code !== '',
    );
    const rank = (row: (typeof entries)[number]): number =>
      (row.lab_id === labId ? 2 : 0) + (row.activity === 1 ? 1 : 0);
    return (
      entries.sort((a, b) => rank(b) - rank(a) || a.procedure_type_id - b.procedure_type_id)[0]?.standard_code ?? ''
    );
  }
}

const line = (order: number, seq: number): string => `${String(order)}|${String(seq)}`;

function collectedAt(report: ReportRow, order: OrderRow, { time }: RenderTools): string | undefined {
  return time.dateTime(report.date_collected, report.date_collected_tz) ?? time.dateTime(order.date_collected);
}

function renderReport(
  report: ReportRow,
  order: OrderRow,
  collected: string | undefined,
  index: ResultIndex,
  tools: RenderTools,
): RenderedReport {
  const code = index.code(report);
  const lab = index.labs.get(order.lab_id);
  const category = reportCategory(code?.procedure_type || code?.procedure_order_title || order.procedure_order_type);
  const specimen = index.specimen(report);
  const shared: SharedFacts = {
    collected,
    encounter: tools.ids.encounter(order.encounter_id),
    performer: lab === undefined ? tools.people.practiceOrganization() : tools.people.laboratory(lab),
    specimen:
      specimen === undefined
        ? undefined
        : tools.ids.reference('Specimen', 'procedure_specimen', specimen.procedure_specimen_id, specimen.specimen_type),
  };
  const observations = index
    .results(report)
    .filter((result) => result.result !== DO_NOT_REPORT)
    .map((result) => renderResult(result, shared, index.document(result, tools), tools));
  const diagnosticReport = resource({
    resourceType: 'DiagnosticReport',
    id: tools.ids.id('procedure_report', report.procedure_report_id),
    meta: category.code === 'LAB' ? profileMeta('us-core-diagnosticreport-lab') : undefined,
    basedOn: [tools.ids.reference('ServiceRequest', 'procedure_order', order.procedure_order_id)],
    status: reportStatus(report.report_status),
    category: [{ coding: [category] }],
    code: reportCode(code, order, index),
    subject: tools.ids.patient(tools.pid),
    encounter: shared.encounter,
    effectiveDateTime: collected,
    issued: tools.time.dateTime(report.date_report, report.date_report_tz),
    performer: [shared.performer, lab === undefined ? undefined : tools.people.laboratoryDirector(lab)],
    resultsInterpreter: [tools.people.practitioner(order.provider_id)],
    specimen: [shared.specimen],
    result: observations.map(({ id, display }) => ({ reference: `Observation/${id}`, type: 'Observation', display })),
    conclusion: report.report_notes,
  });
  return {
    key: report.procedure_report_id,
    collected,
    resources: [diagnosticReport, ...observations.map((observation) => observation.resource)],
  };
}

function reportCode(code: OrderCodeRow | undefined, order: OrderRow, index: ResultIndex): CodeableConcept {
  const procedureCode = code?.procedure_code ?? '';
  const name = code?.procedure_name ?? '';
  const standard = procedureCode === '' ? '' : index.catalogueCode(procedureCode, order.lab_id);
  const own = parseCodes(procedureCode)[0];
  const coding =
    laboratoryCoding(standard, name) ??
    (own === undefined || own.type === '' ? undefined : { ...own.coding, display: name });
  return { coding: coding === undefined ? [] : [coding], text: name || procedureCode || 'Laboratory report' };
}

/** A laboratory's "do not report": the value is not for the record. */
const DO_NOT_REPORT = 'DNR';
/** A laboratory's "test not performed": shown as that, there is no value. */
const NOT_PERFORMED = 'TNP';

interface SharedFacts {
  collected: string | undefined;
  encounter: Reference | undefined;
  performer: Reference | undefined;
  specimen: Reference | undefined;
}

function renderResult(
  row: ResultRow,
  shared: SharedFacts,
  document: Reference | undefined,
  tools: RenderTools,
): { id: string; display: string; resource: Resource } {
  const id = tools.ids.id('procedure_result', row.procedure_result_id);
  const display = row.result_text || row.result_code || 'Result';
  const coding = laboratoryCoding(row.result_code, row.result_text);
  const performed = row.result !== NOT_PERFORMED;
  return {
    id,
    display,
    resource: resource({
      resourceType: 'Observation',
      id,
      meta: profileMeta('us-core-observation-lab'),
      status: performed ? resultStatus(row.result_status) : 'cancelled',
      category: [
        {
          coding: [
            {
              system: 'http://terminology.hl7.org/CodeSystem/observation-category',
              code: 'laboratory',
              display: 'Laboratory',
            },
          ],
        },
      ],
      code: { coding: coding === undefined ? [] : [coding], text: display },
      subject: tools.ids.patient(tools.pid),
      encounter: shared.encounter,
      effectiveDateTime: shared.collected,
      issued: tools.time.dateTime(row.date),
      performer: [row.facility === '' ? shared.performer : { display: row.facility.replaceAll('~', ', ') }],
      ...value(row, performed),
      interpretation: [interpretation(row.abnormal, tools.options)],
      note: [row.comments === '' ? undefined : { text: row.comments }],
      specimen: shared.specimen,
      referenceRange: [parseReferenceRange(row.range, row.units)],
      derivedFrom: [document],
    }),
  };
}

function value(row: ResultRow, performed: boolean): Record<string, unknown> {
  if (!performed || row.result === '') {
    const coding = performed
      ? { system: SYSTEMS.dataAbsentReason, code: 'unknown', display: 'Unknown' }
      : { system: SYSTEMS.dataAbsentReason, code: 'not-performed', display: 'Not Performed' };
    return { dataAbsentReason: { coding: [coding] } };
  }
  const quantity = parseMeasurement(row.result, row.units);
  return quantity === undefined ? { valueString: row.result } : { valueQuantity: quantity };
}
