import type { RecordClass } from 'sync-contract/classes';

export interface WatchedTable {
  table: string;
  /** Columns of the primary key in order; where the table has none declared, the unique column that takes its place. */
  primaryKey: readonly string[];
  /** The key in an older OpenEMR, of another number of columns. */
  formerKey?: readonly string[];
  /** Column with the patient's pid, null where a row does not say whose it is. */
  pid: string | null;
  /** The pid column holds a pid only in rows where this column has this value. */
  pidWhen?: { column: string; value: string };
  /** Column with `patient_access_onsite.portal_username` of the row's patient. */
  portalUsername?: string;
  /** The row belongs to whom the row of this table with this key belongs to; for rows that no render has seen yet. */
  parent?: { table: string; columns: readonly string[] };
  /** Classes of records whose sections may change with the row. */
  classes: readonly RecordClass[];
  /**
   * Where a column tells the kinds of rows apart: the classes of each kind. A row of a kind that is not named here
   * concerns those of `classes` that no kind names.
   */
  kinds?: { column: string; classes: Readonly<Record<string, readonly RecordClass[]>> };
  /**
   * A screen gives such a row to another patient as everyday work and then writes this column anew; what corrects or
   * merges records leaves it.
   */
  givenAwayBy?: string;
  /**
   * Column with the time of the row's last change, kept by the server or by OpenEMR's programs; only where `pid` has an
   * index, for polling looks at it every few seconds.
   */
  moves?: string;
  /** No index leads to `primaryKey`. */
  keyWithoutIndex?: true;
  /** Rows of the practice that many charts use: only charts that used the row are concerned. */
  shared: boolean;
}

const LAB_TABLE = { pid: null, classes: ['results'], shared: false } as const;

/** Every table the sections are made of. A table that is missing here would let a change go unseen. */
export const WATCHED_TABLES = [
  {
    table: 'patient_data',
    primaryKey: ['pid'],
    pid: 'pid',
    classes: ['profile', 'social-history'],
    shared: false,
  },
  { table: 'patient_history', primaryKey: ['id'], pid: 'pid', classes: ['profile'], shared: false },
  {
    table: 'contact',
    primaryKey: ['id'],
    pid: 'foreign_id',
    pidWhen: { column: 'foreign_table_name', value: 'patient_data' },
    classes: ['profile'],
    shared: false,
  },
  {
    table: 'contact_address',
    primaryKey: ['id'],
    pid: null,
    parent: { table: 'contact', columns: ['contact_id'] },
    classes: ['profile'],
    shared: false,
  },
  { table: 'addresses', primaryKey: ['id'], pid: null, classes: ['profile'], shared: false },
  {
    table: 'prescriptions',
    primaryKey: ['id'],
    pid: 'patient_id',
    moves: 'date_modified',
    classes: ['medications'],
    shared: false,
  },
  {
    table: 'lists',
    primaryKey: ['id'],
    pid: 'pid',
    moves: 'modifydate',
    classes: ['problems', 'medications', 'allergies', 'procedures', 'devices', 'encounters'],
    shared: false,
  },
  {
    table: 'issue_encounter',
    primaryKey: ['id'],
    formerKey: ['pid', 'list_id', 'encounter'],
    pid: 'pid',
    classes: ['problems', 'procedures', 'encounters'],
    shared: false,
  },
  { table: 'history_data', primaryKey: ['id'], pid: 'pid', classes: ['social-history'], shared: false },
  { table: 'form_history_sdoh', primaryKey: ['id'], pid: 'pid', classes: ['social-history'], shared: false },
  { table: 'employer_data', primaryKey: ['id'], pid: 'pid', classes: ['social-history'], shared: false },
  {
    table: 'immunizations',
    primaryKey: ['id'],
    pid: 'patient_id',
    moves: 'update_date',
    classes: ['immunizations'],
    shared: false,
  },
  {
    table: 'lists_medication',
    primaryKey: ['id'],
    pid: null,
    parent: { table: 'lists', columns: ['list_id'] },
    classes: ['medications'],
    shared: false,
  },
  { table: 'drug_sales', primaryKey: ['sale_id'], pid: 'pid', classes: ['medications', 'billing'], shared: false },
  {
    table: 'procedure_order',
    primaryKey: ['procedure_order_id'],
    pid: 'patient_id',
    classes: ['results', 'procedures'],
    shared: false,
  },
  {
    ...LAB_TABLE,
    table: 'procedure_order_code',
    primaryKey: ['procedure_order_id', 'procedure_order_seq'],
    classes: ['results', 'procedures'],
    parent: { table: 'procedure_order', columns: ['procedure_order_id'] },
  },
  {
    ...LAB_TABLE,
    table: 'procedure_report',
    primaryKey: ['procedure_report_id'],
    classes: ['results', 'procedures'],
    parent: { table: 'procedure_order', columns: ['procedure_order_id'] },
  },
  {
    ...LAB_TABLE,
    table: 'procedure_result',
    primaryKey: ['procedure_result_id'],
    parent: { table: 'procedure_report', columns: ['procedure_report_id'] },
  },
  {
    ...LAB_TABLE,
    table: 'procedure_specimen',
    primaryKey: ['procedure_specimen_id'],
    parent: { table: 'procedure_order', columns: ['procedure_order_id'] },
  },
  { table: 'patient_access_onsite', primaryKey: ['id'], pid: 'pid', classes: ['messages'], shared: false },
  {
    table: 'onsite_mail',
    primaryKey: ['id'],
    pid: null,
    portalUsername: 'owner',
    classes: ['messages'],
    shared: false,
  },
  {
    table: 'openemr_postcalendar_events',
    primaryKey: ['pc_eid'],
    pid: 'pc_pid',
    givenAwayBy: 'pc_time',
    classes: ['appointments'],
    shared: false,
  },
  { table: 'care_teams', primaryKey: ['id'], pid: 'pid', classes: ['care-team'], shared: false },
  {
    table: 'care_team_member',
    primaryKey: ['id'],
    pid: null,
    parent: { table: 'care_teams', columns: ['care_team_id'] },
    classes: ['care-team'],
    shared: false,
  },
  // Persons of a patient's own: what a chart used is known by its source rows; until then nobody shows them.
  { table: 'person', primaryKey: ['id'], pid: null, classes: ['profile', 'care-team'], shared: false },
  {
    table: 'contact_relation',
    primaryKey: ['id'],
    pid: null,
    parent: { table: 'contact', columns: ['contact_id'] },
    classes: ['profile'],
    shared: false,
  },
  {
    table: 'contact_telecom',
    primaryKey: ['id'],
    pid: null,
    parent: { table: 'contact', columns: ['contact_id'] },
    classes: ['profile', 'care-team'],
    shared: false,
  },
  {
    table: 'forms',
    primaryKey: ['id'],
    pid: 'pid',
    classes: ['vitals', 'encounters', 'notes', 'reports', 'care-plan', 'goals', 'assessments'],
    kinds: {
      column: 'formdir',
      classes: {
        vitals: ['vitals'],
        newpatient: ['encounters'],
        clinical_notes: ['notes', 'reports'],
        soap: ['notes'],
        care_plan: ['care-plan', 'goals'],
        observation: ['assessments'],
      },
    },
    shared: false,
  },
  // No key is declared: the lines of a form share its id.
  {
    table: 'form_care_plan',
    primaryKey: ['id'],
    keyWithoutIndex: true,
    pid: 'pid',
    classes: ['care-plan', 'goals'],
    shared: false,
  },
  { table: 'form_observation', primaryKey: ['id'], pid: 'pid', classes: ['assessments'], shared: false },
  {
    table: 'questionnaire_response',
    primaryKey: ['id'],
    pid: 'patient_id',
    classes: ['assessments'],
    shared: false,
  },
  { table: 'billing', primaryKey: ['id'], pid: 'pid', classes: ['billing'], shared: false },
  {
    table: 'ar_activity',
    primaryKey: ['pid', 'encounter', 'sequence_no'],
    pid: 'pid',
    classes: ['billing'],
    shared: false,
  },
  // A payment is everybody's to whose visits it was posted: known by their source rows, and each posting is a change of its own.
  { table: 'ar_session', primaryKey: ['session_id'], pid: null, classes: ['billing'], shared: false },
  { table: 'insurance_data', primaryKey: ['id'], pid: 'pid', classes: ['coverage', 'billing'], shared: false },
  {
    table: 'form_vitals',
    primaryKey: ['id'],
    pid: 'pid',
    moves: 'last_updated',
    classes: ['vitals'],
    shared: false,
  },
  {
    table: 'form_vital_details',
    primaryKey: ['id'],
    pid: null,
    parent: { table: 'form_vitals', columns: ['form_id'] },
    classes: ['vitals'],
    shared: false,
  },
  { table: 'form_clinical_notes', primaryKey: ['id'], pid: 'pid', classes: ['notes', 'reports'], shared: false },
  { table: 'form_soap', primaryKey: ['id'], pid: 'pid', classes: ['notes'], shared: false },
  { table: 'form_encounter', primaryKey: ['id'], pid: 'pid', classes: ['encounters', 'billing'], shared: false },
  {
    table: 'openemr_postcalendar_categories',
    primaryKey: ['pc_catid'],
    pid: null,
    classes: ['appointments', 'encounters'],
    shared: true,
  },
  { table: 'insurance_companies', primaryKey: ['id'], pid: null, classes: ['coverage'], shared: true },
  { table: 'insurance_type_codes', primaryKey: ['id'], pid: null, classes: ['coverage'], shared: true },
  { table: 'codes', primaryKey: ['id'], pid: null, classes: ['immunizations'], shared: true },
  // A result names the document that it came as for as long as the list shows that.
  { table: 'documents', primaryKey: ['id'], pid: 'foreign_id', classes: ['documents', 'results'], shared: false },
  {
    table: 'categories_to_documents',
    primaryKey: ['category_id', 'document_id'],
    pid: null,
    parent: { table: 'documents', columns: ['document_id'] },
    classes: ['documents', 'results'],
    shared: false,
  },
  { table: 'categories', primaryKey: ['id'], pid: null, classes: ['documents', 'results'], shared: true },
  { table: 'drugs', primaryKey: ['drug_id'], pid: null, classes: ['medications', 'billing'], shared: true },
  { table: 'procedure_type', primaryKey: ['procedure_type_id'], pid: null, classes: ['results'], shared: true },
  { table: 'procedure_providers', primaryKey: ['ppid'], pid: null, classes: ['results'], shared: true },
  {
    table: 'users',
    primaryKey: ['id'],
    pid: null,
    classes: [
      'profile',
      'medications',
      'results',
      'appointments',
      'vitals',
      'encounters',
      'problems',
      'allergies',
      'immunizations',
      'procedures',
      'devices',
      'social-history',
      'notes',
      'reports',
      'care-team',
      'care-plan',
      'goals',
      'assessments',
      'practice',
    ],
    shared: true,
  },
  {
    table: 'facility',
    primaryKey: ['id'],
    pid: null,
    classes: [
      'medications',
      'results',
      'appointments',
      'encounters',
      'documents',
      'notes',
      'reports',
      'care-team',
      'practice',
    ],
    shared: true,
  },
  {
    table: 'list_options',
    primaryKey: ['list_id', 'option_id'],
    pid: null,
    classes: [
      'profile',
      'medications',
      'results',
      'appointments',
      'coverage',
      'encounters',
      'problems',
      'allergies',
      'immunizations',
      'procedures',
      'devices',
      'social-history',
      'notes',
      'reports',
      'care-team',
      'care-plan',
      'goals',
      'assessments',
      'billing',
    ],
    shared: true,
  },
  {
    table: 'globals',
    primaryKey: ['gl_name', 'gl_index'],
    pid: null,
    classes: [
      'profile',
      'medications',
      'results',
      'messages',
      'appointments',
      'coverage',
      'vitals',
      'encounters',
      'problems',
      'allergies',
      'immunizations',
      'procedures',
      'devices',
      'documents',
      'social-history',
      'notes',
      'reports',
      'care-team',
      'care-plan',
      'goals',
      'assessments',
      'practice',
      'billing',
    ],
    shared: true,
  },
] as const satisfies readonly WatchedTable[];

export type WatchedTableName = (typeof WATCHED_TABLES)[number]['table'];
