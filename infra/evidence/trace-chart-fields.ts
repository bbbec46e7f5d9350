import { renderChart, type RenderedSection } from 'sync-agent/src/chart/render-chart';
import { threadMapper } from 'sync-agent/src/openemr/mail-thread';
import { CLASSES_BESIDE_PROFILE } from 'sync-agent/src/openemr/read-chart';
import { LINKS, ROW_KINDS, type ChartPart, type RenderInput, type Row, type RowKind } from './chart-rows.js';
import { sampleInput } from './sample-chart.js';
import { OTHER_SCALE, OTHER_UDI } from './sample-lists.js';
import { countsOf, fieldsOf } from './section-fields.js';

/** A field that leaves the inside in a section, and the columns it comes from. */
export interface ChartField {
  section: string;
  path: string;
  /** columns whose values show in the field, as they are or in other words */
  sources: string[];
  /** for a field that no column changes: what always stands there */
  fixed?: string[];
}

export interface ChartTrace {
  fields: ChartField[];
  /** columns that decide whether a row is shown, without any field showing them */
  deciding: string[];
}

/** The real renderers, as the agent calls them. */
export function renderInput({ chart, threads, settings }: RenderInput): RenderedSection[] {
  const key = Buffer.from(settings.resourceIdKey);
  return renderChart(chart, {
    siteId: settings.siteId,
    resourceIdKey: key,
    timeZone: chart.timeZone,
    threadOf: threadMapper(key, chart.pid, threads),
  });
}

const DATE = /^\d{4}-\d{2}-\d{2}/;
/** Words that a column understands and a word made up here would not reach. */
const WORDS: Readonly<Record<string, readonly string[]>> = {
  'globals.gl_value': ['America/Chicago'],
  'patient_data.sex': ['male'],
  'patient_data.interpreter_needed': ['no'],
  'patient_data.race': ['decline_to_specify'],
  'prescriptions.dosage': ['2', '3-4', '7 mL'],
  'prescriptions.quantity': ['9'],
  'prescriptions.request_intent': ['option'],
  'prescriptions.rxnorm_drugcode': ['42'],
  'prescriptions.diagnosis': ['SNOMED-CT:22298006'],
  'lists.diagnosis': ['RXCUI:42', 'RXCUI:316672;SNOMED-CT:22298006'],
  'lists.type': ['medical_problem', 'health_concern'],
  'lists.subtype': ['sdoh', 'another'],
  'lists.verification': ['confirmed', 'asked', 'entered-in-error'],
  'lists.reaction': ['hives', 'unassigned'],
  'lists.severity_al': ['mild', 'severe'],
  'lists.udi_data': [OTHER_UDI],
  'history_data.tobacco': ['|nevertobacco||4|', 'a note|currenttobacco|2016-06-06|3|13'],
  'history_data.alcohol': ['another|quitalcohol|2019-01-01'],
  'history_data.recreational_drugs': ['a note|currentrecreational_drugs|'],
  'form_history_sdoh.disability_scale': [OTHER_SCALE],
  'form_history_sdoh.hunger_q1': ['sometimes'],
  'form_history_sdoh.caregiver_status': ['yes'],
  'immunizations.completion_status': ['Completed', 'Refused', 'Partially_Administered'],
  'immunizations.refusal_reason': ['religious'],
  'immunizations.information_source': ['new', 'recall'],
  'immunizations.reason_code': ['ICD10:Z28.1'],
  'immunizations.amount_administered_unit': ['mL', 'mg'],
  'procedure_order.order_status': ['pending', 'canceled'],
  'procedure_order.order_diagnosis': ['ICD10:I10'],
  'procedure_order_code.diagnoses': ['ICD10:I10'],
  'lists_medication.request_intent': ['option'],
  'lists_medication.medication_adherence_information_source': ['compliant', 'patient'],
  'categories.codes': ['LOINC:42348-3', 'LOINC:1-8'],
  'drugs.drug_code': ['42'],
  'procedure_order.procedure_order_type': ['laboratory_test'],
  'procedure_order_code.procedure_code': ['SNOMED-CT:22298006'],
  'procedure_order_code.procedure_type': ['imaging'],
  'procedure_order_code.procedure_order_title': ['laboratory_test'],
  'procedure_report.date_collected_tz': ['-0700'],
  'procedure_report.date_report_tz': ['-0700'],
  'procedure_report.report_status': ['prelim'],
  'procedure_result.result': ['7.5', '<5', 'negative', 'DNR', 'TNP'],
  'procedure_result.result_status': ['prelim'],
  'procedure_result.result_code': ['1-8'],
  'procedure_result.abnormal': ['low', 'vodd'],
  'procedure_result.range': ['3-4', '<5'],
  'procedure_type.standard_code': ['LOINC:1-8'],
  'openemr_postcalendar_events.pc_apptstatus': ['>', '?', 'SMS', 'x'],
  'openemr_postcalendar_events.pc_startTime': ['08:00:00'],
  'openemr_postcalendar_events.pc_endTime': ['10:00:00', '08:00:00'],
  'openemr_postcalendar_events.pc_recurrspec': [
    'a:2:{s:17:"event_repeat_freq";s:1:"1";s:22:"event_repeat_freq_type";s:1:"0";}',
    'a:3:{s:17:"event_repeat_freq";s:1:"2";s:22:"event_repeat_freq_type";s:1:"1";}',
  ],
  'insurance_data.type': ['secondary', 'tertiary'],
  'insurance_data.subscriber_relationship': ['self'],
  'insurance_data.copay': ['7.5'],
  'form_vitals.bps': ['7'],
  'form_vitals.bpd': ['7'],
  'form_vital_details.vitals_column': ['bpd', 'weight'],
  'form_vital_details.interpretation_codes': ['L', 'odd'],
  'form_vital_details.interpretation_option_id': ['LL', 'odd'],
  'form_clinical_notes.code': ['LOINC:11506-3'],
  'form_clinical_notes.clinical_notes_type': ['progress_note', 'odd'],
  'form_clinical_notes.clinical_notes_category': ['radiology', 'odd'],
  'form_encounter.class_code': ['AMB', 'FLD'],
  'form_encounter.sensitivity': ['high', 'normal'],
  'form_encounter.discharge_disposition': ['home', 'hospice', 'snf', 'odd'],
  'form_encounter.encounter_type_code': ['new-patient', 'odd'],
  'list_options.notes': ['2054-5', 'Question LOINC 1-8', 'S', 'CP', 'PA', 'RE', '00', '01', '04'],
  'care_teams.status': ['suspended', 'entered-in-error'],
  'care_team_member.status': ['inactive'],
  'contact_telecom.system': ['email'],
  'contact_telecom.use': ['home'],
  'form_care_plan.care_plan_type': ['goal', 'instructions'],
  'form_care_plan.plan_status': ['completed', 'on-hold'],
  'form_care_plan.code': ['SNOMED-CT:22298006'],
  'form_care_plan.reason_code': ['SNOMED-CT:22298006'],
  'form_observation.code': ['LOINC:1-8'],
  'form_observation.ob_code': ['LOINC:1-8'],
  'form_observation.ob_value': ['7.5', 'SNOMED-CT:22298006', 'Dependent'],
  'form_observation.ob_type': ['functional-status'],
  'form_observation.ob_status': ['preliminary'],
  'questionnaire_response.status': ['amended'],
  'questionnaire_response.questionnaire_response': [
    `{"questionnaire":"https://clinic.example/other","item":[{"linkId":"2","text":"Other","answer":[${[
      ...['{"valueCoding":{"system":"s","code":"c","display":"d"}}', '{"valueInteger":4}', '{"valueString":"other"}'],
      ...['{"valueBoolean":false}', '{"valueDecimal":2.5}', '{"valueDate":"2025-01-02"}', '{"valueTime":"11:00:00"}'],
      ...['{"valueDateTime":"2025-01-02T10:00:00Z"}', '{"valueQuantity":{"value":4,"unit":"g"}}'],
    ].join()}],"item":[{"linkId":"2.1","text":"One more"}]}]}`,
  ],
  'form_encounter.date': ['2025-12-31 10:00:00'],
  'billing.fee': ['7.50', '0.00'],
  'billing.code_type': ['COPAY', 'CPT4'],
  'ar_activity.pay_amount': ['7.50', '0.00'],
  'ar_activity.adj_amount': ['7.50'],
  'drug_sales.fee': ['7.50', '0.00'],
  'insurance_data.provider': ['0'],
  'list_options.codes': ['SNOMED-CT:22298006', 'L'],
  'onsite_mail.message_status': ['Read', 'Delete'],
  'onsite_mail.sender_id': ['sample1'],
  'onsite_mail.title': ['Billing: another'],
};

function otherValues(source: string, value: unknown): unknown[] {
  if (typeof value === 'number') {
    return [0, 1, 2, 17, value + 1000, null];
  }
  if (typeof value === 'string' && DATE.test(value)) {
    const time = value.slice(10);
    return [`2026-07-07${time}`, `2019-02-07${time}`, null];
  }
  return ['', `${String(value)} zz`, '8', ...(WORDS[source] ?? [])];
}

/**
 * Changes one column of one row at a time and looks which fields of the rendered sections change: what feeds a field is
 * found, not declared. Where a change makes a resource or message come or go, the column decides what is shown, and the
 * fields that came or went say nothing about it. What a render never read cannot change it and is not tried.
 */
export function traceChartFields(): ChartTrace {
  const found = new Map<string, Set<string>>();
  const deciding = new Set<string>();
  for (const kind of ROW_KINDS) {
    for (const part of kind.parts) {
      const input = inputOf(part);
      const rows = kind.rows(input) as readonly Row[];
      const read = readColumns(input, rows, kind.columns);
      const before = look(renderInput(input), part);
      for (const key of before.fields.keys()) {
        found.set(key, found.get(key) ?? new Set());
      }
      const changeable = isLookedUp(kind) ? rows.filter((row) => wasFound(kind, read.get(row))) : rows;
      for (const [column, changing] of changesOf(kind.columns, changeable, read)) {
        const source = kind.source(column);
        for (const after of changedRenders(input, part, changing, column, source)) {
          if (after.counts !== before.counts) {
            deciding.add(source);
            continue;
          }
          for (const key of changedFields(before.fields, after.fields)) {
            if (!LINKS.has(source) || IDENTITY.test(key)) {
              found.set(key, (found.get(key) ?? new Set()).add(source));
            }
          }
        }
      }
    }
  }
  const all = fieldsOf(renderInput(sampleInput()));
  const shown = new Set([...found.values()].flatMap((sources) => [...sources]));
  return {
    fields: [...found].map(([key, sources]) => fieldOf(key, sources, all.get(key)?.values ?? [])).sort(bySection),
    deciding: [...deciding].filter((source) => !shown.has(source)).sort(),
  };
}

/** Rows that many parts share and find by their key, like options of lists. */
const isLookedUp = ({ parts, columns }: RowKind): boolean => parts.length > 1 && columns.length > 1;
/** Of a looked-up row that was passed over, only the key was read. */
const wasFound = ({ source }: RowKind, read: ReadonlySet<string> = new Set()): boolean =>
  [...read].some((column) => !LINKS.has(source(column)));

/** One row after the other, then all: what belongs to one year moves as a whole only with all its rows. */
function* changesOf(
  columns: readonly string[],
  rows: readonly Row[],
  read: ReadonlyMap<Row, ReadonlySet<string>>,
): Generator<[column: string, changing: readonly Row[]]> {
  for (const column of columns) {
    const reading = rows.filter((row) => read.get(row)?.has(column));
    for (const row of reading) {
      yield [column, [row]];
    }
    if (reading.length > 1) {
      yield [column, reading];
    }
  }
}

/** What one render reads of the rows. */
function readColumns(input: RenderInput, rows: readonly Row[], columns: readonly string[]): Map<Row, Set<string>> {
  const read = new Map(rows.map((row) => [row, new Set<string>()]));
  const values = rows.map((row) => ({ ...row }));
  rows.forEach((row, index) => {
    for (const column of columns) {
      const get = (): unknown => {
        read.get(row)?.add(column);
        return values[index]?.[column];
      };
      Object.defineProperty(row, column, { get, enumerable: true, configurable: true });
    }
  });
  renderInput(input);
  rows.forEach((row, index) => {
    for (const column of columns) {
      const value = values[index]?.[column];
      Object.defineProperty(row, column, { value, writable: true, enumerable: true, configurable: true });
    }
  });
  return read;
}

const IDENTITY = /(^|[ .])(id|reference|threadId)$/;

/** The sample with one part besides the profile: the others cannot show what is changed in it. */
function inputOf(part: ChartPart): RenderInput {
  const input = sampleInput();
  for (const other of CLASSES_BESIDE_PROFILE) {
    if (other !== part) {
      input.chart[other] = undefined;
    }
  }
  return input;
}

interface Look {
  fields: ReturnType<typeof fieldsOf>;
  counts: string;
}
function look(sections: readonly RenderedSection[], part: ChartPart): Look {
  const own = sections.filter(({ recordClass }) => recordClass === part);
  return { fields: fieldsOf(own), counts: countsOf(own) };
}

/** Fields that count rows: a row more changes them, and so no column of a row does. */
const COUNTS: Readonly<Record<string, string>> = {
  'results years[].count': 'number of rows in procedure_report',
  'vitals years[].count': 'number of rows in form_vitals',
  'messages threads[].messages': 'number of rows in onsite_mail',
};

function fieldOf(key: string, sources: ReadonlySet<string>, values: readonly string[]): ChartField {
  const space = key.indexOf(' ');
  const counted = COUNTS[key];
  const all = counted === undefined ? [...sources].sort() : [counted];
  const field = { section: key.slice(0, space), path: key.slice(space + 1), sources: all };
  return all.length > 0 ? field : { ...field, fixed: [...new Set(values)] };
}

/** The input is as it was when the last one has been taken. */
function* changedRenders(
  input: RenderInput,
  part: ChartPart,
  rows: readonly Row[],
  column: string,
  source: string,
): Generator<Look> {
  const values = rows.map((row) => row[column]);
  for (const other of otherValues(source, values[0])) {
    rows.forEach((row) => (row[column] = other));
    const sections = rendered(input);
    rows.forEach((row, index) => (row[column] = values[index]));
    if (sections !== undefined) {
      yield look(sections, part);
    }
  }
}

/** A value that no reader would let through may end a render: it says nothing. */
function rendered(input: RenderInput): RenderedSection[] | undefined {
  try {
    return renderInput(input);
  } catch {
    return undefined;
  }
}

function changedFields(before: ReturnType<typeof fieldsOf>, after: ReturnType<typeof fieldsOf>): string[] {
  const keys = new Set([...before.keys(), ...after.keys()]);
  return [...keys].filter((key) => before.get(key)?.values.join() !== after.get(key)?.values.join());
}

const bySection = (a: ChartField, b: ChartField): number => compare(a.section, b.section) || compare(a.path, b.path);
const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
