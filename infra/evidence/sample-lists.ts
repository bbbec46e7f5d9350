import type { ChartRows } from 'sync-agent/src/openemr/read-chart';
import { AllergyRow } from 'sync-agent/src/openemr/read-allergies';
import { DeviceRow } from 'sync-agent/src/openemr/read-devices';
import { ImmunizationRow, VaccineRow } from 'sync-agent/src/openemr/read-immunizations';
import type { ListOptionRow } from 'sync-agent/src/openemr/read-lookups';
import { ProblemRow } from 'sync-agent/src/openemr/read-problems';
import { OrderedProcedureRow, ProcedureReportRow, SurgeryRow } from 'sync-agent/src/openemr/read-procedures';
import { EmploymentRow, HistoryRow, PersonalRow, ScreeningRow } from 'sync-agent/src/openemr/read-social-history';
import { filled, option } from './sample-row.js';

type Lists = Required<
  Pick<ChartRows, 'social-history' | 'problems' | 'allergies' | 'immunizations' | 'procedures' | 'devices'>
>;

/** Problems, allergies, immunizations, procedures, devices and habits in each of the forms that their renderers tell apart. */
export function sampleLists(): Lists {
  return {
    problems: sampleProblems(),
    allergies: sampleAllergies(),
    immunizations: sampleImmunizations(),
    procedures: sampleProcedures(),
    devices: sampleDevices(),
    'social-history': sampleHistory(),
  };
}

export function listOptions(): ListOptionRow[] {
  return [
    option('occurrence', '6', '', ''),
    option('outcome', '2', '', ''),
    option('smoking_status', '3', '', 'SNOMED-CT:8517006'),
    ...SOCIAL_OPTIONS,
    option('condition-verification', 'confirmed', '', ''),
    option('condition-verification', 'asked', '', ''),
    option('allergyintolerance-verification', 'confirmed', '', ''),
    option('allergyintolerance-verification', 'asked', '', ''),
    option('reaction', 'hives', '', 'SNOMED-CT:247472004'),
    option('severity_ccda', 'severe', '', ''),
    option('immunizations', '4', '', ''),
    option('Immunization_Manufacturer', 'MSD', 'MSD', ''),
    option('Immunization_Completion_Status', 'Completed', 'CP', ''),
    option('Immunization_Completion_Status', 'Partially_Administered', 'PA', ''),
    option('Immunization_Completion_Status', 'Refused', 'RE', ''),
    option('immunization_refusal_reason', 'religious', '01', ''),
    option('immunization_informationsource', 'new', '00', ''),
    option('immunization_informationsource', 'recall', '04', ''),
    option('immunization_administered_site', 'left_arm', 'LA', ''),
  ];
}

/** What every entry of the issue list has. */
const entry = (id: number): Record<string, unknown> => ({
  ...{ id, date: `2026-01-${String(id)} 10:00:00`, begdate: '2026-01-03 08:00:00', enddate: null, activity: 1 },
  ...{ diagnosis: 'SNOMED-CT:44054006;ICD10:E11.9', user: 'greene', outcome: 0 },
});

function sampleProblems(): Lists['problems'] {
  const problem = (id: number, given: Record<string, unknown>): ProblemRow =>
    filled(ProblemRow, {
      ...{ ...entry(id), type: 'medical_problem', subtype: '', occurrence: 6, verification: 'confirmed', ...given },
    });
  return {
    problems: [
      problem(20, { enddate: '2026-05-03 08:00:00' }),
      problem(21, { outcome: 2 }),
      problem(22, { type: 'health_concern', subtype: 'sdoh', verification: 'asked' }),
      problem(23, { enddate: '2026-05-03 08:00:00', outcome: 1, subtype: 'another' }),
    ],
    visits: [
      { id: 1, list_id: 21, encounter: 7 },
      { id: 2, list_id: 21, encounter: 8 },
    ],
  };
}

function sampleAllergies(): Lists['allergies'] {
  const allergy = (id: number, given: Record<string, unknown>): AllergyRow =>
    filled(AllergyRow, {
      ...{ ...entry(id), diagnosis: 'RXCUI:7984', reaction: 'hives', severity_al: 'severe', ...given },
      verification: id === 24 ? 'confirmed' : 'asked',
    });
  return {
    allergies: [
      allergy(24, {}),
      allergy(25, { diagnosis: '', reaction: 'unassigned' }),
      allergy(26, { enddate: '2026-05-03 08:00:00', outcome: 1, severity_al: '' }),
    ],
  };
}

function sampleImmunizations(): Lists['immunizations'] {
  const immunization = (id: number, given: Record<string, unknown>): ImmunizationRow =>
    filled(ImmunizationRow, {
      ...{ id, administered_date: `2026-02-0${String(id)} 10:00:00`, create_date: '2026-02-09 11:00:00' },
      ...{ cvx_code: '140', manufacturer: 'MSD', administered_by_id: 1, education_date: '2026-02-03' },
      ...{ vis_date: '2021-08-06', amount_administered: 0.5, amount_administered_unit: 'mL', route: 'oral' },
      ...{ expiration_date: '2027-06-30', administration_site: 'left_arm', added_erroneously: 0, encounter_id: 7 },
      ...{ completion_status: 'Completed', information_source: 'new', refusal_reason: '', ordering_provider: 2 },
      ...{ reason_code: '', reason_description: '', immunization_id: 0, ...given },
    });
  return {
    immunizations: [
      immunization(1, {}),
      immunization(2, { completion_status: 'Refused', refusal_reason: 'religious' }),
      immunization(3, {
        ...{ completion_status: 'Refused', reason_code: 'SNOMED-CT:591000119102' },
        reason_description: 'a reason',
      }),
      immunization(4, { completion_status: 'Partially_Administered', cvx_code: '', immunization_id: 4 }),
      immunization(5, { completion_status: '', information_source: 'recall', administered_by_id: 0 }),
      immunization(6, {
        information_source: '',
        amount_administered_unit: 'drops',
        administered_date: null,
        cvx_code: '141',
      }),
    ],
    vaccines: [filled(VaccineRow, { id: 1, code: '140' }), filled(VaccineRow, { id: 2, code: '141', code_text: '' })],
  };
}

function sampleProcedures(): Lists['procedures'] {
  const ordered = (id: number, given: Record<string, unknown>): OrderedProcedureRow =>
    filled(OrderedProcedureRow, {
      ...{ procedure_order_id: id, procedure_order_seq: 1, provider_id: 1, encounter_id: 7 },
      ...{ date_collected: `2026-03-0${String(id)} 10:00:00`, date_ordered: '2026-03-01 09:00:00' },
      ...{ order_status: 'complete', order_diagnosis: 'ICD10:R00.2', procedure_code: 'CPT4:93000' },
      ...{ diagnoses: 'SNOMED-CT:80313002', ...given },
    });
  return {
    surgeries: [
      filled(SurgeryRow, { ...entry(27), outcome: 2 }),
      filled(SurgeryRow, { ...entry(28), enddate: '2026-01-03 09:00:00' }),
    ],
    visits: [{ id: 3, list_id: 27, encounter: 7 }],
    ordered: [ordered(5, {}), ordered(6, { order_status: 'pending' }), ordered(7, { procedure_name: '' })],
    reports: [
      filled(ProcedureReportRow, {
        ...{ procedure_report_id: 9, procedure_order_id: 5, procedure_order_seq: 1, report_status: 'final' },
        ...{ date_collected: '2026-03-05 11:00:00', date_collected_tz: '-0600' },
      }),
    ],
  };
}

function sampleHistory(): Lists['social-history'] {
  return {
    histories: [
      filled(HistoryRow, {
        ...{ id: 1, date: '2026-06-01 10:00:00', created_by: 1, tobacco: 'a note|quittobacco|2015-05-05|3|12' },
        ...{ alcohol: 'a note|currentalcohol|2018-01-01', recreational_drugs: '|never_recreational_drugs|' },
      }),
    ],
    screenings: [
      screening(1, { hunger_q1: 'often', food_insecurity: 'at_risk', interpersonal_safety: 'yes', declined_flag: 0 }),
      screening(2, {
        assessment_date: null,
        assessor: '',
        pregnancy_status: '',
        pregnancy_intent: '',
        pregnancy_edd: null,
      }),
    ],
    employments: [
      employment(1, { end_date: null }),
      employment(2, { start_date: null, end_date: '2025-05-05 00:00:00', occupation: 'a trade', industry: 'a field' }),
      employment(3, { start_date: null, end_date: null }),
    ],
    personal: [PersonalRow.parse({ pid: 1, sexual_orientation: '20430005', occupation: '', industry: '' })],
  };
}

const SOCIAL_OPTIONS = [
  option('sdoh_instruments', 'ahc', '', ''),
  option('vital_signs_answers', 'often', '', 'LOINC:LA28397-0'),
  option('sdoh_food_insecurity_risk', 'at_risk', 'Question LOINC 88124-3', 'LOINC:LA19952-3'),
  option('sdoh_ipv_yesno', 'yes', '', 'LOINC:LA33-6'),
  option('disability_status', 'no', '', ''),
  option('pregnancy_status', 'pregnant', '', 'SNOMED-CT:77386006'),
  option('pregnancy_intent', 'not_sure', '', 'SNOMED-CT:454381000124105'),
  option('OccupationODH', '11-1021.00', '', '11-1021.00.003891'),
  option('IndustryODH', '236220', '', '236220.004781'),
  option('sexual_orientation', '20430005', '', 'SNOMED:20430005'),
];

const screening = (id: number, given: Record<string, unknown>): ScreeningRow =>
  filled(ScreeningRow, {
    ...{ id, encounter: 7, created_at: '2026-05-02 10:00:00', created_by: 1, updated_by: 2 },
    ...{ assessment_date: '2026-05-01', screening_tool: 'ahc', disability_status: 'no' },
    ...{ pregnancy_status: 'pregnant', pregnancy_intent: 'not_sure', pregnancy_edd: '2026-12-24' },
    ...{ postpartum_end: '2027-02-01', disability_scale: SAMPLE_SCALE, ...given },
  });
const SAMPLE_SCALE = '{"seeing":{"code":"yes","notes":"a note"},"flying":{"code":"no","notes":""}}';
/** The same with other answers. */
export const OTHER_SCALE = '{"seeing":{"code":"no","notes":"another"},"flying":{"code":"yes","notes":""}}';

const employment = (id: number, given: Record<string, unknown>): EmploymentRow =>
  filled(EmploymentRow, {
    ...{ id, date: '2026-02-02 10:00:00', start_date: '2019-01-01 00:00:00', created_by: 1 },
    ...{ occupation: '11-1021.00', industry: '236220', ...given },
  });

/** As OpenEMR keeps what it looked up, with every part that a section shows. */
const SAMPLE_UDI = {
  di: '00643169007222',
  donationId: 'a donation',
  deviceName: 'a device',
  brandName: 'a brand',
  companyName: 'a company',
  versionModelNumber: 'a model',
  manufacturingDate: '2014-12-31',
  expirationDate: '2027-07-07',
  lotNumber: 'a lot',
  serialNumber: 'a number',
};

function sampleDevices(): Lists['devices'] {
  return {
    devices: [
      filled(DeviceRow, { ...entry(29), udi_data: JSON.stringify({ standard_elements: SAMPLE_UDI }) }),
      filled(DeviceRow, { ...entry(30), udi_data: '', title: '', enddate: '2026-05-03 08:00:00' }),
    ],
  };
}

/** The same with every part another. */
export const OTHER_UDI = JSON.stringify({
  standard_elements: Object.fromEntries(
    Object.entries(SAMPLE_UDI).map(([part, value]) => [part, part.endsWith('Date') ? '2020-02-02' : `${value} zz`]),
  ),
});
