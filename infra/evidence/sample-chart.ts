import type { ChartRows } from 'sync-agent/src/openemr/read-chart';
import { FacilityRow, UserRow } from 'sync-agent/src/openemr/read-lookups';
import { DrugRow, DrugSaleRow, ListMedicationRow, PrescriptionRow } from 'sync-agent/src/openemr/read-medications';
import { MailRow } from 'sync-agent/src/openemr/read-messages';
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
import type { RenderInput } from './chart-rows.js';
import { sampleDocuments } from './sample-documents.js';
import {
  sampleAppointments,
  sampleAssessments,
  sampleCarePlan,
  sampleCareTeam,
  sampleCoverage,
  SAMPLE_PLAN_OPTIONS,
} from './sample-plans.js';
import { sampleBilling, samplePractice } from './sample-practice.js';
import { filled, option } from './sample-row.js';
import { sampleEncounters, sampleNotes, sampleReports, sampleVitals, VISIT_OPTIONS } from './sample-visits.js';
import { listOptions, sampleLists } from './sample-lists.js';

/** Everything that may stand in a chart, in each of the forms that the renderers tell apart. No person's data. */
export function sampleInput(): RenderInput {
  return {
    chart: {
      pid: 1,
      timeZone: 'America/New_York',
      readOn: '2026-06-30',
      profile: sampleProfile(),
      medications: sampleMedications(),
      results: sampleResults(),
      messages: sampleMessages(),
      appointments: sampleAppointments(),
      coverage: sampleCoverage(),
      vitals: sampleVitals(),
      encounters: sampleEncounters(),
      ...sampleLists(),
      documents: sampleDocuments(),
      notes: sampleNotes(),
      reports: sampleReports(),
      'care-team': sampleCareTeam(),
      'care-plan': sampleCarePlan(),
      goals: sampleCarePlan(),
      assessments: sampleAssessments(),
      practice: samplePractice(),
      billing: sampleBilling(),
      lookups: sampleLookups(),
      sources: [],
      failures: new Map(),
      unreadable: [],
    },
    settings: { siteId: 'c0ffee00-0000-4000-8000-000000000001', resourceIdKey: 'a key of 32 bytes, of a test only' },
    threads: {
      threads: [{ threadId: 'a'.repeat(32), firstPatientMailId: 1, topic: 'Billing', subject: 'a subject' }],
      mails: [{ mailId: 1, submissionId: '0197f000-0000-7000-8000-000000000001' }],
    },
  };
}

function sampleProfile(): ChartRows['profile'] {
  return {
    patient: filled(PatientRow, {
      pid: 1,
      DOB: '1980-02-03',
      sex: 'Female',
      status: 'married',
      language: 'spanish',
      interpreter_needed: 'yes',
      race: 'white|decline_to_specify',
      ethnicity: 'hisp|other',
      sex_identified: 'female',
      gender_identity: 'ASKU',
      pronoun: 'she',
      tribal_affiliations: '41',
      deceased_date: '2026-03-04 05:06:07',
      providerID: 1,
    }),
    previousNames: [filled(PreviousNameRow, { previous_name_enddate: '2010-02-03' })],
    furtherAddresses: [
      filled(KeptAddressRow, {
        use: 'work',
        period_start: '2011-02-03 04:05:06',
        period_end: '2012-02-03 04:05:06',
      }),
    ],
    persons: [
      person(1, { relationship: 'MTH', is_emergency_contact: 0 }),
      person(2, { relationship: 'neighbour', start_date: null, end_date: null }),
    ],
    personTelecoms: [filled(PersonTelecomRow, { id: 1, contact_id: 91, person_id: 1, system: 'phone', use: 'mobile' })],
    personAddresses: [
      filled(KeptAddressRow, {
        contact_id: 91,
        foreign_table_name: 'person',
        foreign_id: 1,
        use: 'home',
        period_start: '2011-02-03 04:05:06',
        period_end: '2012-02-03 04:05:06',
      }),
    ],
  };
}

const person = (id: number, given: Record<string, unknown>): RelatedPersonRow =>
  filled(RelatedPersonRow, {
    ...{ id, person_id: id, role: id === 1 ? 'GUARD' : 'ECON' },
    ...{ start_date: '2020-01-01 00:00:00', end_date: '2026-01-01 00:00:00', ...given },
  });

function sampleMedications(): NonNullable<ChartRows['medications']> {
  const prescription = (id: number, given: Record<string, unknown>): PrescriptionRow =>
    filled(PrescriptionRow, {
      ...{ id, date_added: `2026-01-0${String(id)} 10:00:00`, provider_id: 1, encounter: 7, drug_id: 0 },
      ...{ start_date: '2026-02-03', end_date: '2026-04-03', rxnorm_drugcode: 'RXCUI:316672', form: 2, dosage: '1' },
      ...{ quantity: '30', size: '10', unit: 3, route: 'oral', interval: 4, substitute: 1, refills: 2, per_refill: 20 },
      ...{ active: 1, prn: '', request_intent: 'order', diagnosis: 'ICD10:E11.9;SNOMED-CT:44054006', ...given },
    });
  return {
    prescriptions: [
      prescription(1, {}),
      prescription(2, { drug: '', drug_id: 8, rxnorm_drugcode: '', drug_dosage_instructions: '', refills: null }),
      prescription(3, { dosage: '1-2', prn: 'yes', provider_id: 0, drug_dosage_instructions: '' }),
      prescription(4, { dosage: '5 mL', provider_id: 3, drug_dosage_instructions: '' }),
      prescription(5, { dosage: '2 puffs', drug_dosage_instructions: '' }),
    ],
    listed: [
      filled(ListMedicationRow, {
        ...{ id: 11, date: '2026-01-02 10:00:00', begdate: '2026-01-03 00:00:00', enddate: '2026-05-03 08:00:00' },
        ...{ diagnosis: 'RXCUI:316672;ICD10:E11.9', activity: 1, user: 'greene', details_id: 12, prescription_id: 0 },
        ...{ request_intent: 'plan', medication_adherence: 'compliant' },
        medication_adherence_information_source: 'patient',
        medication_adherence_date_asserted: '2026-01-04 10:00:00',
      }),
      filled(ListMedicationRow, {
        ...{ id: 13, date: '2026-01-02 10:00:00', begdate: null, enddate: null, activity: 1, user: '', details_id: 14 },
        ...{ diagnosis: '', prescription_id: 0, medication_adherence: 'compliant' },
        medication_adherence_information_source: 'compliant',
        medication_adherence_date_asserted: '2026-01-04 10:00:00',
      }),
    ],
    drugs: [
      filled(DrugRow, { drug_id: 8, drug_code: 'RXCUI:197361', form: '2' }),
      filled(DrugRow, { drug_id: 9, name: '', drug_code: '', form: '6' }),
    ],
    sales: [
      filled(DrugSaleRow, {
        ...{ sale_id: 1, drug_id: 8, prescription_id: 1, encounter: 7, user: 'greene', sale_date: '2026-03-04' },
        quantity: 30,
      }),
      filled(DrugSaleRow, {
        ...{ sale_id: 2, drug_id: 9, prescription_id: 4, encounter: 7, user: '', sale_date: '2026-03-04' },
        quantity: 30,
      }),
    ],
  };
}

function sampleResults(): NonNullable<ChartRows['results']> {
  const order = (id: number, given: Record<string, unknown> = {}): OrderRow =>
    filled(OrderRow, {
      ...{ procedure_order_id: id, provider_id: 1, encounter_id: 7, date_collected: '2026-02-02 10:00:00', lab_id: 3 },
      ...{ procedure_order_type: 'laboratory_test', ...given },
    });
  const report = (id: number, given: Record<string, unknown> = {}): ReportRow =>
    filled(ReportRow, {
      ...{ procedure_report_id: id, procedure_order_id: id, procedure_order_seq: 1 },
      ...{ date_collected: '2026-02-03 10:00:00', date_collected_tz: '-0600', report_status: 'final' },
      ...{ date_report: '2026-02-04 10:00:00', date_report_tz: '-0600', ...given },
    });
  const result = (id: number, given: Record<string, unknown>): ResultRow =>
    filled(ResultRow, {
      ...{ procedure_result_id: id, procedure_report_id: 1, result_code: '2339-0', date: '2026-02-05 10:00:00' },
      ...{ facility: '', units: 'mg/dL', range: '65-99', abnormal: 'high', result_status: 'final', ...given },
    });
  return {
    orders: [order(1), order(2, { lab_id: 0, procedure_order_type: 'imaging' }), order(3), order(4)],
    orderCodes: [1, 2, 3].map((id) =>
      filled(OrderCodeRow, {
        ...{ procedure_order_id: id, procedure_order_seq: 1, procedure_code: id === 3 ? 'CPT4:80053' : 'GLU' },
        procedure_type: id === 1 ? 'laboratory_test' : '',
        procedure_order_title: id === 2 ? 'imaging' : '',
      }),
    ),
    reports: [report(1), report(2, { date_collected: null }), report(3), report(4)],
    results: [
      result(1, { result: '97', document_id: 1 }),
      result(2, { result: '>300', range: '<200', facility: 'a laboratory~a street' }),
      result(3, { result: 'negative', range: 'negative', abnormal: 'vodd' }),
      result(4, { result: '' }),
      result(5, { result: 'TNP' }),
      result(6, { result: '1', result_text: '', result_code: 'GLU' }),
      result(7, { result: '2', procedure_report_id: 2 }),
    ],
    specimens: [
      filled(SpecimenRow, { procedure_specimen_id: 1, procedure_order_id: 1, procedure_order_seq: 1, deleted: 0 }),
    ],
    procedureTypes: [
      filled(ProcedureTypeRow, {
        ...{ procedure_type_id: 1, procedure_code: 'GLU', lab_id: 3, standard_code: 'LOINC:57698-3', activity: 1 },
      }),
      filled(ProcedureTypeRow, {
        ...{ procedure_type_id: 2, procedure_code: 'GLU', lab_id: 4, standard_code: 'LOINC:24323-8', activity: 1 },
      }),
      filled(ProcedureTypeRow, {
        ...{ procedure_type_id: 3, procedure_code: 'GLU', lab_id: 3, standard_code: 'LOINC:24320-4', activity: 0 },
      }),
    ],
    labs: [filled(LabRow, { ppid: 3, lab_director: 2 })],
    listed: new Set([1]),
  };
}

function sampleMessages(): NonNullable<ChartRows['messages']> {
  const mail = (id: number, given: Record<string, unknown>): MailRow =>
    filled(MailRow, {
      ...{ id, date: `2026-04-0${String(id)} 10:00:00`, owner: 'sample1', deleted: 0, message_status: 'New' },
      ...{ title: 'Medication: words', mail_chain: id, reply_mail_chain: 0, is_msg_encrypted: 0, ...given },
    });
  return {
    portalUsername: 'sample1',
    mails: [mail(1, { sender_id: 'sample1' }), mail(2, { sender_id: 'greene' }), mail(3, { sender_id: 'greene' })],
  };
}

function sampleLookups(): ChartRows['lookups'] {
  return {
    users: [
      filled(UserRow, { id: 1, username: 'greene' }),
      filled(UserRow, { id: 2, username: 'director' }),
      filled(UserRow, { id: 3, username: 'desk', fname: '', mname: '', lname: '' }),
    ],
    practice: filled(FacilityRow, { id: 1 }),
    facilities: [filled(FacilityRow, { id: 2 })],
    listOptions: [
      ...listOptions(),
      option('marital', 'married', 'M', ''),
      option('language', 'spanish', 'es', ''),
      option('administrative_sex', 'female', '', 'SNOMED-CT:248152002'),
      option('gender_identity', 'ASKU', '', 'HL7:ASKU'),
      option('pronoun', 'she', '', 'LOINC:LA29519-8'),
      option('tribal_affiliations', '41', '', ''),
      option('related_person_relationship', 'MTH', '', ''),
      option('related_person_role', 'GUARD', '', ''),
      option('race', 'white', '2106-3', ''),
      option('race', 'decline_to_specify', '', ''),
      option('ethnicity', 'hisp', '2135-2', ''),
      option('ethnicity', 'other', '2186-99', ''),
      option('drug_form', '2', '', 'NCI-CONCEPT-ID:C42998'),
      option('drug_form', '6', '', ''),
      option('drug_units', '3', '', ''),
      option('drug_route', 'oral', 'PO', 'NCI-CONCEPT-ID:C38288'),
      option('drug_interval', '4', 'Twice daily - Two times a day', 'BID'),
      option('medication_adherence', 'compliant', '', 'SNOMED-CT:1156699004'),
      option('medication_adherence_information_source', 'patient', '', ''),
      option('proc_res_abnormal', 'high', '', 'H'),
      option('proc_res_abnormal', 'vodd', '', 'odd'),
      ...SAMPLE_PLAN_OPTIONS,
      ...VISIT_OPTIONS,
    ],
  };
}
