import { withAdmin } from 'infra/services/mariadb-server';

/** What the rows of one table are made of: how many there are, and the columns that are not left at their defaults. */
interface Filling {
  /** rows per patient, or of the practice */
  each: number;
  /**
   * SQL over `n`, the patient's number from 1 on, `k`, the row's number of that patient or of the practice from 1 on, and
   * `id`, its number among all of the table
   */
  columns: Readonly<Record<string, string>>;
}
type Fillings = Readonly<Record<string, Filling>>;

/** Behind all numbers that the recorded rows have. */
const FIRST = 10_000_000;
export const FIRST_PID = FIRST + 1;

const DRUG_ID = `${String(FIRST)} + 1 + id % 1000`;
const PID = `${String(FIRST)} + n`;
/** The second of a patient's two visits has the forms. */
const VISIT = `${String(FIRST)} + n * 2`;
const DAY = `DATE'2015-01-01' + INTERVAL (id % 4000) DAY`;
const NAME = `CONCAT('patient-', n)`;
const TEXT = `REPEAT('text of a record ', 12)`;
const FORMS = `ELT(1 + (n + k) % 6, 'newpatient', 'vitals', 'soap', 'clinical_notes', 'care_plan', 'observation')`;
const ISSUES = `ELT(1 + id % 7, 'medical_problem', 'medication', 'allergy', 'surgery', 'medical_device', 'health_concern', 'dental')`;
const STAFF_ID = `${String(FIRST)} + 1 + id % 500`;

/** What a practice has however many patients there are: staff and address book, catalogues, codes, insurers. */
const OF_THE_PRACTICE: Fillings = {
  users: { each: 3_000, columns: { id: 'id', username: `IF(k <= 500, CONCAT('staff-', k), '')`, active: '1' } },
  facility: { each: 20, columns: { id: 'id', name: `CONCAT('site ', k)` } },
  drugs: { each: 1_000, columns: { drug_id: 'id', name: `CONCAT('drug ', k)` } },
  codes: { each: 50_000, columns: { id: 'id', code: 'k', code_type: 'ELT(1 + k % 4, 1, 2, 100, 102)' } },
  procedure_type: { each: 5_000, columns: { procedure_type_id: 'id', procedure_code: 'k % 3000' } },
  procedure_providers: { each: 20, columns: { ppid: 'id', name: `CONCAT('laboratory ', k)` } },
  insurance_companies: { each: 300, columns: { id: 'id', name: `CONCAT('insurer ', k)` } },
  categories: {
    each: 60,
    columns: { id: 'id', name: `CONCAT('category ', k)`, aco_spec: `'patients|docs'`, parent: '1' },
  },
};

/** Tables with rows of patients that the reader reads: a few of each patient, spread as a practice's are. */
const OF_PATIENTS: Fillings = {
  patient_data: {
    each: 1,
    columns: { id: 'id', pid: PID, fname: NAME, lname: NAME, DOB: DAY, allow_patient_portal: `'YES'` },
  },
  patient_history: { each: 1, columns: { id: 'id', pid: PID, history_type_key: `'name_history'` } },
  contact: {
    each: 2,
    columns: { id: 'id', foreign_table_name: `ELT(k, 'patient_data', 'person')`, foreign_id: `IF(k = 1, ${PID}, id)` },
  },
  contact_address: {
    each: 1,
    columns: { id: 'id', contact_id: `${String(FIRST)} + n * 2 - 1`, address_id: 'id', status: `'A'` },
  },
  contact_telecom: { each: 1, columns: { id: 'id', contact_id: `${String(FIRST)} + n * 2`, status: `'A'` } },
  contact_relation: {
    each: 1,
    columns: { id: 'id', contact_id: VISIT, target_table: `'patient_data'`, target_id: PID, active: '1' },
  },
  addresses: { each: 1, columns: { id: 'id', foreign_id: PID } },
  person: { each: 1, columns: { id: `${String(FIRST)} + n * 2`, first_name: NAME, last_name: NAME } },
  care_teams: { each: 1, columns: { id: 'id', pid: PID, status: `'active'` } },
  care_team_member: {
    each: 1,
    columns: { id: 'id', care_team_id: PID, user_id: STAFF_ID, contact_id: `IF(n % 2, 0, ${VISIT})` },
  },
  prescriptions: { each: 1, columns: { id: 'id', patient_id: PID, drug_id: DRUG_ID, provider_id: STAFF_ID } },
  drug_sales: { each: 1, columns: { sale_id: 'id', pid: PID, drug_id: DRUG_ID, trans_type: '1', sale_date: DAY } },
  lists: { each: 3, columns: { id: 'id', pid: PID, type: ISSUES, title: NAME } },
  lists_medication: { each: 1, columns: { id: 'id', list_id: `${String(FIRST)} + n * 3` } },
  issue_encounter: { each: 1, columns: { id: 'id', pid: PID, list_id: `${String(FIRST)} + n * 3`, encounter: VISIT } },
  history_data: { each: 1, columns: { id: 'id', pid: PID } },
  form_history_sdoh: { each: 1, columns: { id: 'id', pid: PID } },
  employer_data: { each: 1, columns: { id: 'id', pid: PID, occupation: NAME } },
  immunizations: { each: 1, columns: { id: 'id', patient_id: PID, cvx_code: 'id % 200' } },
  procedure_order: {
    each: 1,
    columns: { procedure_order_id: 'id', patient_id: PID, activity: '1', date_ordered: DAY },
  },
  procedure_order_code: {
    each: 1,
    columns: { procedure_order_id: 'id', procedure_order_seq: 'k', procedure_code: 'id % 300' },
  },
  procedure_specimen: {
    each: 1,
    columns: { procedure_specimen_id: 'id', procedure_order_id: PID, procedure_order_seq: 'k' },
  },
  procedure_report: {
    each: 1,
    columns: { procedure_report_id: 'id', procedure_order_id: PID, procedure_order_seq: 'k' },
  },
  procedure_result: { each: 2, columns: { procedure_result_id: 'id', procedure_report_id: PID, result: 'k' } },
  form_encounter: { each: 2, columns: { id: 'id', pid: PID, encounter: 'id', date: DAY } },
  forms: {
    each: 4,
    columns: {
      id: 'id',
      pid: PID,
      encounter: `IF(k = 1, ${VISIT} - 1, ${VISIT})`,
      formdir: FORMS,
      form_id: PID,
      deleted: '0',
    },
  },
  form_vitals: { each: 1, columns: { id: 'id', pid: PID, date: DAY } },
  form_vital_details: { each: 1, columns: { id: 'id', form_id: PID } },
  form_soap: { each: 1, columns: { id: 'id', pid: PID, activity: '1', subjective: TEXT } },
  form_clinical_notes: {
    each: 1,
    columns: { id: 'id', form_id: PID, pid: PID, encounter: VISIT, activity: '1', description: TEXT },
  },
  form_care_plan: {
    each: 1,
    columns: { id: PID, pid: PID, encounter: VISIT, description: TEXT, plan_status: `'active'`, date: DAY },
  },
  form_observation: { each: 1, columns: { id: 'id', form_id: PID, pid: PID, encounter: VISIT, date: DAY } },
  questionnaire_response: {
    each: 1,
    columns: {
      id: 'id',
      response_id: `CONCAT('response-', id)`,
      patient_id: PID,
      questionnaire_id: 'id % 50',
      questionnaire_response: `REPEAT(${TEXT}, 4)`,
    },
  },
  patient_access_onsite: { each: 1, columns: { id: 'id', pid: PID, portal_username: NAME } },
  onsite_mail: { each: 1, columns: { id: 'id', owner: NAME, body: TEXT } },
  openemr_postcalendar_events: {
    each: 3,
    columns: {
      pc_eid: 'id',
      pc_pid: PID,
      pc_catid: '1 + id % 10',
      pc_aid: STAFF_ID,
      pc_eventDate: DAY,
      pc_eventstatus: '1',
    },
  },
  insurance_data: {
    each: 1,
    columns: { id: 'id', pid: PID, type: `ELT(1 + n % 2, 'primary', 'secondary')`, provider: '1 + id % 40', date: DAY },
  },
  documents: { each: 1, columns: { id: 'id', foreign_id: PID, name: NAME } },
  categories_to_documents: { each: 1, columns: { category_id: '1 + id % 30', document_id: 'id' } },
  billing: { each: 1, columns: { id: 'id', pid: PID, encounter: VISIT, activity: '1' } },
  ar_activity: { each: 1, columns: { pid: PID, encounter: VISIT, sequence_no: 'k', session_id: 'id' } },
  ar_session: { each: 1, columns: { session_id: 'id', patient_id: PID, deposit_date: DAY } },
};

export const TABLES_OF_PATIENTS: ReadonlySet<string> = new Set(Object.keys(OF_PATIENTS));

/** Fills the tables of an OpenEMR that is still empty with those of a practice, past the binlog: no change feed follows. */
export async function fillPractice(socket: string, database: string, patients: number): Promise<void> {
  await withAdmin(socket, async (connection) => {
    await connection.query('USE ??', [database]);
    // Into an empty table and with neither check InnoDB sorts and builds instead of inserting row by row.
    await connection.query('SET SESSION sql_log_bin = 0, unique_checks = 0, foreign_key_checks = 0');
    for (const [fillings, times] of [
      [OF_THE_PRACTICE, 1],
      [OF_PATIENTS, patients],
    ] as const) {
      for (const [table, filling] of Object.entries(fillings)) {
        await connection.query(fillSql(table, filling, times));
        await connection.query(`ANALYZE TABLE ${table}`);
      }
    }
  });
}

function fillSql(table: string, { each, columns }: Filling, times: number): string {
  const names = Object.keys(columns).map((name) => `\`${name}\``);
  return `INSERT INTO ${table} (${names.join(', ')}) SELECT ${Object.values(columns).join(', ')}
            FROM (SELECT CEIL(seq / ${String(each)}) AS n, (seq - 1) % ${String(each)} + 1 AS k, ${String(FIRST)} + seq AS id
                    FROM seq_1_to_${String(times * each)}) AS numbered`;
}
