import { addHours } from './clinic-time.js';
import { insertRows, type Row } from './insert-rows.js';
import { ensureOrderable, judge, orderCode, referenceRange, type OrderCode } from './lab-catalogue.js';
import { clinicTime, encounterNumber, formRow, type LoadContext } from './load-context.js';
import { LABS } from './practice.js';
import { firstCode, type SyntheaChart, type SyntheaObservation } from './synthea-bundle.js';

interface OrderedTest {
  loinc: string;
  name: string;
  results: SyntheaObservation[];
}

interface LabOrder {
  encounter: string;
  at: Date;
  labId: number;
  tests: OrderedTest[];
}

const isLab = (observation: SyntheaObservation): boolean => observation.category[0]?.coding[0]?.code === 'laboratory';

/** Each report was ordered as one panel; the other values of a visit were ordered together, one test each. */
function collectOrders(chart: SyntheaChart): LabOrder[] {
  const orders: LabOrder[] = [];
  const reported = new Set<SyntheaObservation>();
  for (const report of chart.reports) {
    const results = report.result
      .map(({ reference }) => chart.observations.get(reference))
      .filter((observation) => observation !== undefined)
      .filter(isLab);
    if (results.length > 0) {
      const { code, text } = firstCode(report.code);
      results.forEach((observation) => reported.add(observation));
      orders.push({
        encounter: report.encounter.reference,
        at: report.effectiveDateTime,
        labId: orderCode(code).labId,
        tests: [{ loinc: code, name: text, results }],
      });
    }
  }
  const single = new Map<string, LabOrder>();
  for (const observation of chart.observations.values()) {
    if (!isLab(observation) || reported.has(observation)) {
      continue;
    }
    const { code, text } = firstCode(observation.code);
    const { labId } = orderCode(code);
    const at = observation.effectiveDateTime;
    const key = `${observation.encounter.reference} ${at.toISOString()} ${String(labId)}`;
    const order = single.get(key) ?? { encounter: observation.encounter.reference, at, labId, tests: [] };
    order.tests.push({ loinc: code, name: text, results: [observation] });
    single.set(key, order);
  }
  return [...orders, ...single.values()].sort((a, b) => a.at.getTime() - b.at.getTime());
}

function orderRow(context: LoadContext, order: LabOrder): Row {
  const at = clinicTime(context, order.at);
  return {
    provider_id: context.doctor.id,
    patient_id: context.pid,
    encounter_id: encounterNumber(context, order.encounter),
    date_collected: at,
    date_ordered: clinicTime(context, addHours(order.at, -1)),
    order_priority: 'normal',
    order_status: 'complete',
    patient_instructions: '',
    activity: 1,
    lab_id: order.labId,
    specimen_type: '119297000',
    date_transmitted: at,
    external_id: '',
    billing_type: 'P',
    specimen_fasting: 'NO',
    order_psc: 0,
    account: '',
    account_facility: context.doctor.facilityId,
    provider_number: '',
    procedure_order_type: 'laboratory_test',
  };
}

function codeRow(orderId: number, seq: number, test: OrderedTest, code: OrderCode): Row {
  return {
    procedure_order_id: orderId,
    procedure_order_seq: seq,
    procedure_code: code.procedureCode,
    procedure_name: test.name,
    procedure_source: '1',
    diagnoses: '',
    procedure_order_title: 'laboratory_test',
    procedure_type: 'laboratory_test',
  };
}

/** As the recorded laboratories print numbers: at most two decimals below a hundred, always one above. */
function reportedNumber(value: number): string {
  return Math.abs(value) >= 100 ? value.toFixed(1) : String(Number(value.toFixed(2)));
}

function resultText({ valueQuantity: quantity, valueCodeableConcept: concept }: SyntheaObservation): string {
  if (quantity !== undefined) {
    return reportedNumber(quantity.value);
  }
  return concept === undefined ? '' : firstCode(concept).text;
}

/** Reports come four hours after the collection, results are stamped an hour later: three times that differ. */
const REPORT_HOURS = 4;
const RESULT_HOURS = 5;

function resultRow(context: LoadContext, reportId: number, observation: SyntheaObservation): Row {
  const { code, text } = firstCode(observation.code);
  const quantity = observation.valueQuantity;
  const range = quantity === undefined ? '' : referenceRange(code);
  return {
    procedure_report_id: reportId,
    result_data_type: quantity === undefined ? 'S' : 'N',
    result_code: code,
    result_text: text,
    date: clinicTime(context, addHours(observation.effectiveDateTime, RESULT_HOURS)),
    units: quantity?.unit ?? '',
    result: resultText(observation),
    range,
    abnormal: quantity === undefined ? '' : judge(quantity.value, range),
    comments: '',
    result_status: 'final',
  };
}

/** Level by level, so that each table takes one statement: order, form, code, specimen, report, result. */
export async function loadLabs(context: LoadContext, chart: SyntheaChart): Promise<void> {
  const { connection } = context;
  const orders = collectOrders(chart);
  const codes = new Map<string, OrderCode>();
  for (const test of orders.flatMap(({ tests }) => tests)) {
    if (!codes.has(test.loinc)) {
      codes.set(test.loinc, await ensureOrderable(connection, test));
    }
  }
  const orderIds = await insertRows(
    connection,
    'procedure_order',
    orders.map((order) => orderRow(context, order)),
  );
  const placed = orders.map((order, index) => ({ order, orderId: orderIds[index] ?? 0 }));
  await insertRows(
    connection,
    'forms',
    placed.map(({ order, orderId }) =>
      formRow(context, {
        name: 'Procedure Order',
        dir: 'procedure_order',
        formId: orderId,
        encounter: encounterNumber(context, order.encounter),
        date: clinicTime(context, order.at),
      }),
    ),
  );
  const tests = placed.flatMap(({ order, orderId }) =>
    order.tests.map((test, index) => ({ order, orderId, test, seq: index + 1 })),
  );
  await insertRows(
    connection,
    'procedure_order_code',
    tests.map(({ orderId, test, seq }) => codeRow(orderId, seq, test, codes.get(test.loinc) ?? orderCode(test.loinc))),
  );
  await loadSpecimens(context, placed);
  const reportIds = await insertRows(
    connection,
    'procedure_report',
    tests.map(({ order, orderId, seq }) => ({
      procedure_order_id: orderId,
      procedure_order_seq: seq,
      date_collected: clinicTime(context, order.at),
      date_report: clinicTime(context, addHours(order.at, REPORT_HOURS)),
      specimen_num: `SP${String(orderId)}-${String(seq)}`,
      report_status: 'final',
      review_status: 'reviewed',
      report_notes: '',
    })),
  );
  await insertRows(
    connection,
    'procedure_result',
    tests.flatMap(({ test }, index) =>
      test.results.map((observation) => resultRow(context, reportIds[index] ?? 0, observation)),
    ),
  );
}

/** The in-house laboratory records the tube it drew; the reference laboratory's orders carry none. */
async function loadSpecimens(
  context: LoadContext,
  placed: readonly { order: LabOrder; orderId: number }[],
): Promise<void> {
  await insertRows(
    context.connection,
    'procedure_specimen',
    placed
      .filter(({ order }) => order.labId === LABS[0].ppid)
      .map(({ order, orderId }) => ({
        procedure_order_id: orderId,
        procedure_order_seq: 1,
        specimen_identifier: `S-${String(orderId)}`,
        accession_identifier: `ACC-${String(orderId)}`,
        specimen_type_code: '119297000',
        specimen_type: 'Blood specimen',
        collection_method_code: '129300006',
        collection_method: 'Puncture - action',
        specimen_location_code: '368208006',
        specimen_location: 'Left upper arm',
        collected_date: clinicTime(context, order.at),
        volume_value: '5.000',
        volume_unit: 'mL',
        condition_code: 'acceptable',
        specimen_condition: 'Acceptable',
        comments: '',
        created_by: context.doctor.id,
        updated_by: context.doctor.id,
      })),
  );
}
