import type { z } from 'zod';
import type { KnownThreads } from 'sync-agent/src/openemr/mail-thread';
import { READABLE_CLASSES, type ChartRows, type ReadableClass } from 'sync-agent/src/openemr/read-chart';
import { AppointmentRow } from 'sync-agent/src/openemr/read-appointments';
import {
  BilledVisitRow,
  ChargeRow,
  InsuredPeriodRow,
  PostingRow,
  SoldProductRow,
} from 'sync-agent/src/openemr/read-billing';
import { SiteRow, StaffRow, SwitchRow } from 'sync-agent/src/openemr/read-practice';
import { AssessmentRow, FilledQuestionnaireRow } from 'sync-agent/src/openemr/read-assessments';
import { PlanLineRow } from 'sync-agent/src/openemr/read-care-plan';
import { CareTeamMemberRow, CareTeamRow, ContactTelecomRow } from 'sync-agent/src/openemr/read-care-team';
import { InsuranceRow, InsurerRow } from 'sync-agent/src/openemr/read-coverage';
import { EncounterRow, VisitCategoryRow } from 'sync-agent/src/openemr/read-encounters';
import { AllergyRow } from 'sync-agent/src/openemr/read-allergies';
import { DeviceRow } from 'sync-agent/src/openemr/read-devices';
import { ImmunizationRow, VaccineRow } from 'sync-agent/src/openemr/read-immunizations';
import { IssueVisitRow } from 'sync-agent/src/openemr/read-issues';
import { FacilityRow, ListOptionRow, UserRow } from 'sync-agent/src/openemr/read-lookups';
import { DocumentRow, FiledRow } from 'sync-agent/src/openemr/read-documents';
import { DrugRow, DrugSaleRow, ListMedicationRow, PrescriptionRow } from 'sync-agent/src/openemr/read-medications';
import { MailRow } from 'sync-agent/src/openemr/read-messages';
import { ProblemRow } from 'sync-agent/src/openemr/read-problems';
import { OrderedProcedureRow, ProcedureReportRow, SurgeryRow } from 'sync-agent/src/openemr/read-procedures';
import { EmploymentRow, HistoryRow, PersonalRow, ScreeningRow } from 'sync-agent/src/openemr/read-social-history';
import { ClinicalNoteRow, SoapRow } from 'sync-agent/src/openemr/read-notes';
import { PatientRow, PreviousNameRow } from 'sync-agent/src/openemr/read-profile';
import { KeptAddressRow, PersonTelecomRow, RelatedPersonRow } from 'sync-agent/src/openemr/read-related-persons';
import {
  LabRow,
  OrderCodeRow,
  OrderRow,
  ProcedureTypeRow,
  ReportRow,
  ResultRow,
  SpecimenRow,
} from 'sync-agent/src/openemr/read-results';
import { VitalDetailRow, VitalsRow } from 'sync-agent/src/openemr/read-vitals';

/** All a render is made of: rows of OpenEMR, and what the ledger knows of the patient's threads. */
export interface RenderInput {
  chart: ChartRows;
  threads: { -readonly [Part in keyof KnownThreads]: KnownThreads[Part][number][] };
  settings: { siteId: string; resourceIdKey: string };
}

export type Row = Record<string, unknown>;

/** The parts of a chart that are rendered apart from each other. */
export type ChartPart = ReadableClass;
const ALL = READABLE_CLASSES;

/** Rows of one kind in a render's input, and the table and column that each of their columns was read from. */
export interface RowKind {
  /** the parts that may show them */
  parts: readonly ChartPart[];
  columns: readonly string[];
  rows: (input: RenderInput) => readonly object[];
  source: (column: string) => string;
}

function kind(
  parts: readonly ChartPart[],
  schema: z.ZodObject,
  rows: RowKind['rows'],
  table: string,
  exceptions: Record<string, string> = {},
): RowKind {
  const source = (column: string): string => exceptions[column] ?? `${table}.${column}`;
  return { parts, columns: Object.keys(schema.shape), rows, source };
}

/** What the issue list's classes have in common. */
const LIST_CLASSES = ['problems', 'allergies', 'immunizations', 'procedures', 'devices', 'social-history'] as const;

const from = (table: string, columns: readonly string[]): Record<string, string> =>
  Object.fromEntries(columns.map((column) => [column, `${table}.${column}`]));

const KEPT_ADDRESS = {
  contact_id: 'contact.id',
  foreign_table_name: 'contact.foreign_table_name',
  foreign_id: 'contact.foreign_id',
  contact_address_id: 'contact_address.id',
  address_id: 'addresses.id',
  ...from('contact_address', ['type', 'use', 'period_start', 'period_end']),
};

/** Which encounter a note belongs to, its form alone knows. */
const NOTE_FORM = { encounter: 'forms.encounter', form_row: 'forms.id' };

/** Every row a render may see. Where one row comes from a join, each column says its own table. */
export const ROW_KINDS: readonly RowKind[] = [
  { parts: ALL, columns: ['timeZone'], rows: ({ chart }) => [chart], source: () => 'globals.gl_value' },
  { parts: ALL, columns: ['pid'], rows: ({ chart }) => [chart], source: () => 'patient_data.pid' },
  { parts: ALL, columns: ['siteId'], rows: ({ settings }) => [settings], source: () => 'setting SITE_ID' },
  {
    parts: ALL,
    columns: ['resourceIdKey'],
    rows: ({ settings }) => [settings],
    source: () => 'HMAC of table and row key',
  },
  kind(['profile'], PatientRow, ({ chart }) => [chart.profile.patient], 'patient_data'),
  kind(['profile'], PreviousNameRow, ({ chart }) => chart.profile.previousNames, 'patient_history'),
  kind(['profile'], KeptAddressRow, ({ chart }) => chart.profile.furtherAddresses, 'addresses', KEPT_ADDRESS),
  kind(['profile'], KeptAddressRow, ({ chart }) => chart.profile.personAddresses, 'addresses', KEPT_ADDRESS),
  kind(['profile'], RelatedPersonRow, ({ chart }) => chart.profile.persons, 'contact_relation', {
    ...from('person', ['first_name', 'middle_name', 'last_name']),
    person_id: 'person.id',
    patient_contact_id: 'contact.id',
  }),
  kind(['profile'], PersonTelecomRow, ({ chart }) => chart.profile.personTelecoms, 'contact_telecom', {
    person_id: 'person.id',
  }),
  kind(['medications'], PrescriptionRow, ({ chart }) => chart.medications?.prescriptions ?? [], 'prescriptions'),
  kind(['medications'], ListMedicationRow, ({ chart }) => chart.medications?.listed ?? [], 'lists_medication', {
    ...from('lists', ['id', 'date', 'title', 'begdate', 'enddate', 'diagnosis', 'activity', 'comments', 'user']),
    details_id: 'lists_medication.id',
  }),
  kind(['medications'], DrugRow, ({ chart }) => chart.medications?.drugs ?? [], 'drugs'),
  kind(['medications'], DrugSaleRow, ({ chart }) => chart.medications?.sales ?? [], 'drug_sales'),
  kind(['problems'], ProblemRow, ({ chart }) => chart.problems?.problems ?? [], 'lists'),
  kind(['problems'], IssueVisitRow, ({ chart }) => chart.problems?.visits ?? [], 'issue_encounter'),
  kind(['allergies'], AllergyRow, ({ chart }) => chart.allergies?.allergies ?? [], 'lists'),
  kind(['devices'], DeviceRow, ({ chart }) => chart.devices?.devices ?? [], 'lists'),
  kind(['social-history'], HistoryRow, ({ chart }) => chart['social-history']?.histories ?? [], 'history_data'),
  kind(['social-history'], ScreeningRow, ({ chart }) => chart['social-history']?.screenings ?? [], 'form_history_sdoh'),
  kind(['social-history'], EmploymentRow, ({ chart }) => chart['social-history']?.employments ?? [], 'employer_data'),
  kind(['social-history'], PersonalRow, ({ chart }) => chart['social-history']?.personal ?? [], 'patient_data'),
  kind(['immunizations'], ImmunizationRow, ({ chart }) => chart.immunizations?.immunizations ?? [], 'immunizations'),
  kind(['immunizations'], VaccineRow, ({ chart }) => chart.immunizations?.vaccines ?? [], 'codes'),
  kind(['procedures'], SurgeryRow, ({ chart }) => chart.procedures?.surgeries ?? [], 'lists'),
  kind(['procedures'], IssueVisitRow, ({ chart }) => chart.procedures?.visits ?? [], 'issue_encounter'),
  kind(
    ['procedures'],
    OrderedProcedureRow,
    ({ chart }) => chart.procedures?.ordered ?? [],
    'procedure_order_code',
    from('procedure_order', [
      ...['procedure_order_id', 'provider_id', 'encounter_id', 'date_collected', 'date_ordered', 'order_status'],
      'order_diagnosis',
    ]),
  ),
  kind(['procedures'], ProcedureReportRow, ({ chart }) => chart.procedures?.reports ?? [], 'procedure_report'),
  kind(['results'], OrderRow, ({ chart }) => chart.results?.orders ?? [], 'procedure_order'),
  kind(['results'], OrderCodeRow, ({ chart }) => chart.results?.orderCodes ?? [], 'procedure_order_code'),
  kind(['results'], ReportRow, ({ chart }) => chart.results?.reports ?? [], 'procedure_report'),
  kind(['results'], ResultRow, ({ chart }) => chart.results?.results ?? [], 'procedure_result'),
  kind(['results'], SpecimenRow, ({ chart }) => chart.results?.specimens ?? [], 'procedure_specimen'),
  kind(['results'], ProcedureTypeRow, ({ chart }) => chart.results?.procedureTypes ?? [], 'procedure_type'),
  kind(['results'], LabRow, ({ chart }) => chart.results?.labs ?? [], 'procedure_providers'),
  {
    parts: ['messages'],
    columns: ['portalUsername'],
    rows: ({ chart }) => (chart.messages === undefined ? [] : [chart.messages]),
    source: () => 'patient_access_onsite.portal_username',
  },
  kind(['messages'], MailRow, ({ chart }) => chart.messages?.mails ?? [], 'onsite_mail'),
  kind(
    ['appointments'],
    AppointmentRow,
    ({ chart }) => chart.appointments?.appointments ?? [],
    'openemr_postcalendar_events',
    from('openemr_postcalendar_categories', ['pc_constant_id', 'pc_catname']),
  ),
  kind(['care-team'], CareTeamRow, ({ chart }) => chart['care-team']?.teams ?? [], 'care_teams'),
  kind(['care-team'], CareTeamMemberRow, ({ chart }) => chart['care-team']?.members ?? [], 'care_team_member', {
    ...from('person', ['first_name', 'middle_name', 'last_name']),
    person_id: 'person.id',
  }),
  kind(['care-team'], ContactTelecomRow, ({ chart }) => chart['care-team']?.telecoms ?? [], 'contact_telecom'),
  kind(['care-plan'], PlanLineRow, ({ chart }) => chart['care-plan']?.lines ?? [], 'form_care_plan', {
    form_row: 'forms.id',
  }),
  kind(['goals'], PlanLineRow, ({ chart }) => chart.goals?.lines ?? [], 'form_care_plan', { form_row: 'forms.id' }),
  kind(['assessments'], AssessmentRow, ({ chart }) => chart.assessments?.observations ?? [], 'form_observation', {
    form_row: 'forms.id',
  }),
  kind(
    ['assessments'],
    FilledQuestionnaireRow,
    ({ chart }) => chart.assessments?.questionnaires ?? [],
    'questionnaire_response',
  ),
  kind(['practice'], SiteRow, ({ chart }) => chart.practice?.sites ?? [], 'facility'),
  kind(['practice'], StaffRow, ({ chart }) => chart.practice?.staff ?? [], 'users'),
  kind(['practice'], SwitchRow, ({ chart }) => chart.practice?.mail ?? [], 'globals'),
  kind(['billing'], BilledVisitRow, ({ chart }) => chart.billing?.visits ?? [], 'form_encounter'),
  kind(['billing'], ChargeRow, ({ chart }) => chart.billing?.charges ?? [], 'billing'),
  kind(['billing'], PostingRow, ({ chart }) => chart.billing?.postings ?? [], 'ar_activity', {
    payment_method: 'ar_session.payment_method',
  }),
  kind(['billing'], SoldProductRow, ({ chart }) => chart.billing?.products ?? [], 'drug_sales', {
    name: 'drugs.name',
  }),
  kind(['billing'], InsuredPeriodRow, ({ chart }) => chart.billing?.insured ?? [], 'insurance_data'),
  kind(['coverage'], InsuranceRow, ({ chart }) => chart.coverage?.insurances ?? [], 'insurance_data'),
  kind(['coverage'], InsurerRow, ({ chart }) => chart.coverage?.insurers ?? [], 'insurance_companies', {
    kind: 'insurance_type_codes.type',
  }),
  kind(['vitals'], VitalsRow, ({ chart }) => chart.vitals?.sheets ?? [], 'form_vitals', {
    ...from('forms', ['encounter']),
    form_row: 'forms.id',
  }),
  kind(['vitals'], VitalDetailRow, ({ chart }) => chart.vitals?.details ?? [], 'form_vital_details'),
  kind(['encounters'], EncounterRow, ({ chart }) => chart.encounters?.encounters ?? [], 'form_encounter', {
    form_row: 'forms.id',
  }),
  kind(
    ['encounters'],
    VisitCategoryRow,
    ({ chart }) => chart.encounters?.categories ?? [],
    'openemr_postcalendar_categories',
  ),
  kind(['documents'], DocumentRow, ({ chart }) => chart.documents?.documents ?? [], 'documents'),
  kind(['documents'], FiledRow, ({ chart }) => chart.documents?.filed ?? [], 'categories', {
    document_id: 'categories_to_documents.document_id',
    category_id: 'categories.id',
    parent_name: 'categories.name',
    parent_codes: 'categories.codes',
  }),
  kind(['notes'], ClinicalNoteRow, ({ chart }) => chart.notes?.notes ?? [], 'form_clinical_notes', NOTE_FORM),
  kind(['notes'], SoapRow, ({ chart }) => chart.notes?.soaps ?? [], 'form_soap', NOTE_FORM),
  kind(['reports'], ClinicalNoteRow, ({ chart }) => chart.reports?.narratives ?? [], 'form_clinical_notes', NOTE_FORM),
  kind(
    [
      'profile',
      'medications',
      'results',
      'appointments',
      'vitals',
      'encounters',
      'notes',
      'reports',
      ...LIST_CLASSES,
      'care-team',
      'care-plan',
      'goals',
      'assessments',
    ],
    UserRow,
    ({ chart }) => chart.lookups.users,
    'users',
  ),
  kind(
    ['profile', 'medications', 'results', 'appointments', 'encounters', 'documents', 'notes', 'reports', 'care-team'],
    FacilityRow,
    ({ chart: { lookups } }) => [...(lookups.practice === null ? [] : [lookups.practice]), ...lookups.facilities],
    'facility',
  ),
  kind(
    [
      'profile',
      'medications',
      'results',
      'appointments',
      'coverage',
      'encounters',
      'notes',
      'reports',
      ...LIST_CLASSES,
      'care-team',
      'care-plan',
      'goals',
      'assessments',
      'billing',
    ],
    ListOptionRow,
    ({ chart }) => chart.lookups.listOptions,
    'list_options',
  ),
  {
    parts: ['messages'],
    columns: ['threadId', 'firstPatientMailId', 'topic', 'subject'],
    rows: ({ threads }) => threads.threads,
    source: (column) =>
      `ledger thread.${{ threadId: 'thread_id', firstPatientMailId: 'first_patient_mail_id' }[column] ?? column}`,
  },
  {
    parts: ['messages'],
    columns: ['mailId', 'submissionId'],
    rows: ({ threads }) => threads.mails,
    source: (column) => `ledger thread_mail.${column === 'mailId' ? 'mail_id' : 'submission_id'}`,
  },
];

/**
 * Columns by which rows find each other. What another row shows because of them is that row's; of the column itself
 * only ids and references tell.
 */
export const LINKS: ReadonlySet<string> = new Set([
  ...['patient_data.pid', 'patient_data.providerID', 'patient_history.id', 'contact.id', 'contact_address.id'],
  ...['contact.foreign_table_name', 'contact.foreign_id'],
  ...['addresses.id', 'prescriptions.id', 'prescriptions.provider_id', 'prescriptions.encounter'],
  ...['prescriptions.drug_id', 'lists.id', 'lists.user', 'lists_medication.id', 'lists_medication.prescription_id'],
  ...['drugs.drug_id', 'drug_sales.sale_id', 'drug_sales.drug_id', 'drug_sales.prescription_id'],
  ...['drug_sales.encounter', 'drug_sales.user', 'procedure_order.procedure_order_id', 'procedure_order.provider_id'],
  ...['procedure_order.encounter_id', 'procedure_order.lab_id', 'procedure_order_code.procedure_order_id'],
  ...['procedure_order_code.procedure_order_seq', 'procedure_report.procedure_report_id'],
  ...['procedure_report.procedure_order_id', 'procedure_report.procedure_order_seq'],
  ...['procedure_result.procedure_result_id', 'procedure_result.procedure_report_id'],
  ...['procedure_specimen.procedure_specimen_id', 'procedure_specimen.procedure_order_id'],
  ...['procedure_specimen.procedure_order_seq', 'procedure_type.procedure_type_id', 'procedure_type.procedure_code'],
  ...['procedure_type.lab_id', 'procedure_providers.ppid', 'procedure_providers.lab_director', 'users.id'],
  ...['users.username', 'facility.id', 'list_options.list_id', 'list_options.option_id', 'onsite_mail.id'],
  ...['onsite_mail.owner', 'onsite_mail.mail_chain', 'onsite_mail.reply_mail_chain'],
  ...['openemr_postcalendar_events.pc_eid', 'openemr_postcalendar_events.pc_aid'],
  ...['openemr_postcalendar_events.pc_facility', 'openemr_postcalendar_events.pc_catid', 'insurance_data.id'],
  ...['care_teams.id', 'care_team_member.id', 'care_team_member.care_team_id', 'care_team_member.user_id'],
  ...['care_team_member.facility_id', 'care_team_member.contact_id', 'person.id', 'contact_telecom.id'],
  ...['contact_relation.id'],
  ...['contact_telecom.contact_id', 'forms.id', 'form_care_plan.id', 'form_care_plan.encounter', 'form_care_plan.user'],
  ...['form_observation.id', 'form_observation.encounter', 'form_observation.user'],
  ...['form_observation.parent_observation_id', 'questionnaire_response.id', 'questionnaire_response.encounter'],
  ...['questionnaire_response.creator_user_id'],
  ...['billing.id', 'billing.encounter', 'ar_activity.pid', 'ar_activity.encounter', 'ar_activity.sequence_no'],
  ...['ar_activity.session_id', 'form_encounter.id', 'form_encounter.encounter'],
  ...['insurance_data.provider', 'insurance_companies.id', 'insurance_companies.ins_type_code'],
  ...['forms.id', 'forms.encounter', 'form_vitals.id', 'form_vitals.user', 'form_vital_details.id'],
  ...['form_clinical_notes.id', 'form_clinical_notes.user', 'form_soap.id', 'form_soap.user'],
  ...['form_vital_details.form_id', 'form_encounter.id', 'form_encounter.encounter', 'form_encounter.facility_id'],
  ...['form_encounter.pc_catid', 'form_encounter.provider_id', 'form_encounter.supervisor_id'],
  ...['form_encounter.referring_provider_id', 'openemr_postcalendar_categories.pc_catid'],
  ...['issue_encounter.id', 'issue_encounter.list_id', 'issue_encounter.encounter', 'immunizations.id'],
  ...['immunizations.immunization_id', 'immunizations.administered_by_id', 'immunizations.ordering_provider'],
  ...[
    'procedure_result.document_id',
    'documents.id',
    'documents.encounter_id',
    'categories_to_documents.document_id',
    'categories.id',
  ],
  ...['categories.parent'],
  ...['immunizations.encounter_id', 'codes.id', 'codes.code', 'history_data.id', 'history_data.created_by'],
  ...['form_history_sdoh.id', 'form_history_sdoh.encounter', 'form_history_sdoh.created_by'],
  ...['form_history_sdoh.updated_by', 'employer_data.id', 'employer_data.created_by'],
  ...['ledger thread.thread_id', 'ledger thread.first_patient_mail_id', 'ledger thread_mail.mail_id'],
]);
