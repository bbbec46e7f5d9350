import type { RecordClass } from 'sync-contract/classes';

/** A row a chart was made of: its table and its primary key as `rowKey` writes it. */
export interface SourceRow {
  table: string;
  key: string;
}

export interface WatchedTable {
  table: string;
  /** Columns of the primary key in order; where the table has none declared, the unique column that takes its place. */
  primaryKey: readonly string[];
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
  /** Rows of the practice that many charts use: only charts that used the row are concerned. */
  shared: boolean;
}

const LAB_TABLE = { pid: null, classes: ['results'], shared: false } as const;

/** Every table the sections are made of. A table that is missing here would let a change go unseen. */
export const WATCHED_TABLES = [
  { table: 'patient_data', primaryKey: ['pid'], pid: 'pid', classes: ['profile'], shared: false },
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
  { table: 'prescriptions', primaryKey: ['id'], pid: 'patient_id', classes: ['medications'], shared: false },
  { table: 'lists', primaryKey: ['id'], pid: 'pid', classes: ['medications'], shared: false },
  {
    table: 'lists_medication',
    primaryKey: ['id'],
    pid: null,
    parent: { table: 'lists', columns: ['list_id'] },
    classes: ['medications'],
    shared: false,
  },
  { table: 'drug_sales', primaryKey: ['sale_id'], pid: 'pid', classes: ['medications'], shared: false },
  {
    table: 'procedure_order',
    primaryKey: ['procedure_order_id'],
    pid: 'patient_id',
    classes: ['results'],
    shared: false,
  },
  {
    ...LAB_TABLE,
    table: 'procedure_order_code',
    primaryKey: ['procedure_order_id', 'procedure_order_seq'],
    parent: { table: 'procedure_order', columns: ['procedure_order_id'] },
  },
  {
    ...LAB_TABLE,
    table: 'procedure_report',
    primaryKey: ['procedure_report_id'],
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
  { table: 'drugs', primaryKey: ['drug_id'], pid: null, classes: ['medications'], shared: true },
  { table: 'procedure_type', primaryKey: ['procedure_type_id'], pid: null, classes: ['results'], shared: true },
  { table: 'procedure_providers', primaryKey: ['ppid'], pid: null, classes: ['results'], shared: true },
  {
    table: 'users',
    primaryKey: ['id'],
    pid: null,
    classes: ['profile', 'medications', 'results'],
    shared: true,
  },
  { table: 'facility', primaryKey: ['id'], pid: null, classes: ['medications', 'results'], shared: true },
  {
    table: 'list_options',
    primaryKey: ['list_id', 'option_id'],
    pid: null,
    classes: ['profile', 'medications', 'results'],
    shared: true,
  },
  {
    table: 'globals',
    primaryKey: ['gl_name', 'gl_index'],
    pid: null,
    classes: ['profile', 'medications', 'results', 'messages'],
    shared: true,
  },
] as const satisfies readonly WatchedTable[];

export type WatchedTableName = (typeof WATCHED_TABLES)[number]['table'];

const KEY_SEPARATOR = '|';

/** Primary key of a row as one text, from the row itself (binlog image or select). @throws when a part is missing */
export function rowKey(primaryKey: readonly string[], row: Readonly<Record<string, unknown>>): string {
  return primaryKey
    .map((column) => {
      const part = row[column];
      if (typeof part !== 'string' && typeof part !== 'number' && typeof part !== 'bigint') {
        throw new TypeError(`row has no ${column}`);
      }
      return String(part).replaceAll('%', '%25').replaceAll(KEY_SEPARATOR, '%7C');
    })
    .join(KEY_SEPARATOR);
}

const PRIMARY_KEYS = new Map<string, readonly string[]>(
  WATCHED_TABLES.map((watched) => [watched.table, watched.primaryKey]),
);

/** What the ledger keeps for a row that a chart used. */
export function sourceRow(table: WatchedTableName, row: Readonly<Record<string, unknown>>): SourceRow {
  const primaryKey = PRIMARY_KEYS.get(table);
  if (primaryKey === undefined) {
    throw new TypeError(`table ${table} is not watched`);
  }
  return { table, key: rowKey(primaryKey, row) };
}

/** Columns the reader selects, by table: what the version check looks for and what the reader account must be granted. */
export const READER_COLUMNS = {
  globals: ['gl_name', 'gl_index', 'gl_value'],
  patient_data: [
    'pid',
    'title',
    'fname',
    'mname',
    'lname',
    'suffix',
    'preferred_name',
    'birth_fname',
    'birth_mname',
    'birth_lname',
    'DOB',
    'sex',
    'status',
    'language',
    'interpreter_needed',
    'race',
    'ethnicity',
    'deceased_date',
    'pubpid',
    'providerID',
    'street',
    'street_line_2',
    'city',
    'county',
    'state',
    'postal_code',
    'country_code',
    'phone_home',
    'phone_biz',
    'phone_cell',
    'phone_contact',
    'contact_relationship',
    'email',
    'email_direct',
    'guardiansname',
    'guardianrelationship',
    'guardianphone',
    'guardianworkphone',
    'guardianemail',
    'guardianaddress',
    'guardiancity',
    'guardianstate',
    'guardianpostalcode',
    'guardiancountry',
  ],
  patient_history: [
    'id',
    'pid',
    'history_type_key',
    'previous_name_prefix',
    'previous_name_first',
    'previous_name_middle',
    'previous_name_last',
    'previous_name_suffix',
    'previous_name_enddate',
  ],
  contact: ['id', 'foreign_table_name', 'foreign_id'],
  contact_address: ['id', 'contact_id', 'address_id', 'type', 'use', 'status', 'period_start', 'period_end'],
  addresses: ['id', 'line1', 'line2', 'city', 'district', 'state', 'zip', 'plus_four', 'country'],
  prescriptions: [
    'id',
    'patient_id',
    'date_added',
    'provider_id',
    'encounter',
    'start_date',
    'end_date',
    'drug',
    'drug_id',
    'rxnorm_drugcode',
    'form',
    'dosage',
    'quantity',
    'size',
    'unit',
    'route',
    'interval',
    'substitute',
    'refills',
    'per_refill',
    'note',
    'active',
    'prn',
    'usage_category',
    'usage_category_title',
    'request_intent',
    'drug_dosage_instructions',
    'diagnosis',
    'indication',
  ],
  lists: ['id', 'pid', 'type', 'date', 'title', 'begdate', 'enddate', 'diagnosis', 'activity', 'comments', 'user'],
  lists_medication: [
    'id',
    'list_id',
    'drug_dosage_instructions',
    'usage_category',
    'usage_category_title',
    'request_intent',
    'medication_adherence',
    'medication_adherence_information_source',
    'medication_adherence_date_asserted',
    'prescription_id',
  ],
  drug_sales: [
    'sale_id',
    'pid',
    'drug_id',
    'prescription_id',
    'encounter',
    'user',
    'sale_date',
    'quantity',
    'trans_type',
    'pharmacy_supply_type',
    'notes',
  ],
  drugs: ['drug_id', 'name', 'ndc_number', 'drug_code', 'form'],
  procedure_order: [
    'procedure_order_id',
    'patient_id',
    'provider_id',
    'encounter_id',
    'date_collected',
    'lab_id',
    'activity',
    'procedure_order_type',
    'specimen_type',
  ],
  procedure_order_code: [
    'procedure_order_id',
    'procedure_order_seq',
    'procedure_code',
    'procedure_name',
    'procedure_type',
    'procedure_order_title',
  ],
  procedure_report: [
    'procedure_report_id',
    'procedure_order_id',
    'procedure_order_seq',
    'date_collected',
    'date_collected_tz',
    'date_report',
    'date_report_tz',
    'report_status',
    'report_notes',
  ],
  procedure_result: [
    'procedure_result_id',
    'procedure_report_id',
    'result_code',
    'result_text',
    'date',
    'facility',
    'units',
    'result',
    'range',
    'abnormal',
    'comments',
    'result_status',
  ],
  procedure_specimen: [
    'procedure_specimen_id',
    'procedure_order_id',
    'procedure_order_seq',
    'specimen_type',
    'collected_date',
    'deleted',
  ],
  procedure_type: ['procedure_type_id', 'procedure_code', 'lab_id', 'standard_code', 'activity'],
  procedure_providers: ['ppid', 'name', 'npi', 'lab_director'],
  users: [
    'id',
    'username',
    'title',
    'fname',
    'mname',
    'lname',
    'suffix',
    'npi',
    'organization',
    'street',
    'streetb',
    'city',
    'state',
    'zip',
    'phonew1',
  ],
  facility: [
    'id',
    'name',
    'phone',
    'street',
    'city',
    'state',
    'postal_code',
    'country_code',
    'facility_npi',
    'primary_business_entity',
  ],
  list_options: ['list_id', 'option_id', 'title', 'notes', 'codes'],
  patient_access_onsite: ['id', 'pid', 'portal_username'],
  onsite_mail: [
    'id',
    'date',
    'owner',
    'sender_id',
    'sender_name',
    'title',
    'body',
    'deleted',
    'message_status',
    'mail_chain',
    'reply_mail_chain',
    'is_msg_encrypted',
  ],
} as const satisfies Record<WatchedTableName, readonly string[]>;
