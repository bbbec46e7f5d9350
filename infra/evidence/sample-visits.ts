import { EncounterRow, VisitCategoryRow } from 'sync-agent/src/openemr/read-encounters';
import type { ChartRows } from 'sync-agent/src/openemr/read-chart';
import type { ListOptionRow } from 'sync-agent/src/openemr/read-lookups';
import { ClinicalNoteRow, SoapRow } from 'sync-agent/src/openemr/read-notes';
import { VitalDetailRow, VitalsRow } from 'sync-agent/src/openemr/read-vitals';
import { filled, option } from './sample-row.js';

/** Amounts that an OpenEMR form of vital signs keeps as decimals. */
const AMOUNTS = {
  ...{ weight: '150.5', height: '66', temperature: '98.6', pulse: '70', respiration: '14', BMI: '24.3' },
  ...{ waist_circ: '33', head_circ: '14', oxygen_saturation: '97', oxygen_flow_rate: '2' },
  ...{ inhaled_oxygen_concentration: '28', ped_weight_height: '40', ped_bmi: '41', ped_head_circ: '42' },
};
const NOTHING = Object.fromEntries(Object.keys(AMOUNTS).map((column) => [column, '0.00']));

export function sampleVitals(): NonNullable<ChartRows['vitals']> {
  const sheet = (id: number, given: Record<string, unknown>): VitalsRow =>
    filled(VitalsRow, {
      ...{ id, form_row: 20 + id, encounter: 7, date: '2026-02-03 10:00:00', user: 'greene', ...AMOUNTS },
      ...{ bps: '120', bpd: '80', ...given },
    });
  const detail = (id: number, given: Record<string, unknown>): VitalDetailRow =>
    filled(VitalDetailRow, { id, form_id: 1, ...given });
  return {
    sheets: [
      sheet(1, {}),
      sheet(2, { ...NOTHING, bps: 'not taken', bpd: '', temp_method: '', oxygen_flow_rate: '2', date: null }),
    ],
    details: [
      detail(1, { vitals_column: 'bps', interpretation_option_id: 'H', interpretation_codes: 'H' }),
      detail(2, { vitals_column: 'pulse', interpretation_option_id: 'own', interpretation_codes: '' }),
      detail(3, {
        ...{ vitals_column: 'weight', interpretation_option_id: 'L', interpretation_codes: '' },
        interpretation_title: '',
      }),
    ],
  };
}

export function sampleEncounters(): NonNullable<ChartRows['encounters']> {
  const visit = (number: number, given: Record<string, unknown>): EncounterRow =>
    filled(EncounterRow, {
      ...{ id: number + 100, encounter: number, form_row: number + 10, date: '2026-02-03 10:00:00', facility_id: 2 },
      ...{ date_end: '2026-02-05 11:00:00', sensitivity: 'normal', pc_catid: 5, provider_id: 1, supervisor_id: 2 },
      ...{ referring_provider_id: 1, class_code: 'AMB', discharge_disposition: 'home', ...given },
    });
  return {
    encounters: [
      visit(7, { encounter_type_code: 'new-patient', encounter_type_description: '' }),
      visit(8, {
        ...{ facility_id: 0, sensitivity: 'high', class_code: 'IMP', discharge_disposition: 'hospice' },
        ...{ encounter_type_code: 'made up', date_end: null },
      }),
    ],
    categories: [filled(VisitCategoryRow, { pc_catid: 5 })],
    diagnoses: [{ id: 4, list_id: 21, encounter: 7 }],
  };
}

const note = (id: number, given: Record<string, unknown>): ClinicalNoteRow =>
  filled(ClinicalNoteRow, {
    ...{ id, form_row: id + 30, encounter: 7, date: `2026-02-0${String(id)}`, user: 'greene', code: 'LOINC:34117-2' },
    ...{ clinical_notes_type: 'progress_note', clinical_notes_category: '', ...given },
  });

export function sampleNotes(): NonNullable<ChartRows['notes']> {
  return {
    notes: [
      note(1, {}),
      note(2, { code: '', codetext: '' }),
      note(3, { code: '', codetext: '', clinical_notes_type: 'made up', user: '' }),
      note(4, { code: '', clinical_notes_type: '', date: null }),
    ],
    soaps: [
      filled(SoapRow, { id: 1, form_row: 41, encounter: 7, date: '2026-02-03 10:00:00', user: 'greene' }),
      filled(SoapRow, { id: 2, form_row: 42, encounter: 7, date: null, user: '' }),
    ],
  };
}

export function sampleReports(): NonNullable<ChartRows['reports']> {
  return {
    narratives: [
      note(5, { clinical_notes_category: 'radiology' }),
      note(6, { clinical_notes_category: 'made up', code: '', codetext: '', user: '' }),
    ],
  };
}

export const VISIT_OPTIONS: readonly ListOptionRow[] = [
  option('Clinical_Note_Type', 'progress_note', 'LOINC:11506-3', ''),
  option('Clinical_Note_Category', 'radiology', 'LOINC:LP29684-5', ''),
  option('_ActEncounterCode', 'AMB', 'ambulatory', ''),
  option('discharge-disposition', 'home', '', 'SNOMED-CT:10161009'),
  option('discharge-disposition', 'hospice', '', 'SNOMED-CT:428371000124100'),
  option('encounter-types', 'new-patient', '', 'SNOMED-CT:185349003'),
];
