import { describe, expect, it } from '@jest/globals';
import type { PrescriptionRow } from '../openemr/read-medications.js';
import { ClinicTime } from './clinic-time.js';
import { ListOptions } from './coded-values.js';
import { prescribedDosage } from './dosage.js';

const option = (list_id: string, option_id: string, title: string, notes = '', codes = '') => ({
  list_id,
  option_id,
  title,
  notes,
  codes,
});
const tools = {
  time: new ClinicTime('UTC'),
  options: new ListOptions([
    option('drug_form', '2', 'tablet', '', 'NCI-CONCEPT-ID:C42998'),
    option('drug_route', '1', 'Per Oris', 'PO', 'NCI-CONCEPT-ID:C38288'),
    option('drug_interval', '1', 'b.i.d.', 'Twice daily (bis in die) - Two times a day', 'BID'),
    option('drug_interval', '17', 'p.r.n.', 'As needed (pro re nata) - When necessary'),
  ]),
};

const prescription = (columns: Partial<PrescriptionRow>): PrescriptionRow => ({
  id: 1,
  date_added: null,
  provider_id: 0,
  encounter: 0,
  start_date: null,
  end_date: null,
  drug: 'Lisinopril',
  drug_id: 0,
  rxnorm_drugcode: '',
  form: 2,
  dosage: '1',
  quantity: '',
  size: '250',
  unit: 1,
  route: '1',
  interval: 1,
  substitute: 0,
  refills: null,
  per_refill: null,
  note: '',
  active: 1,
  prn: '',
  usage_category: '',
  usage_category_title: '',
  request_intent: '',
  drug_dosage_instructions: '',
  diagnosis: '',
  indication: '',
  ...columns,
});

describe('how to take a drug', () => {
  it('is what the prescriber wrote, when there is anything', () => {
    expect(prescribedDosage(prescription({ drug_dosage_instructions: 'One at night' }), tools)).toMatchObject({
      text: 'One at night',
    });
  });

  it('is put together from amount, form, route and interval otherwise', () => {
    expect(prescribedDosage(prescription({ prn: 'PRN' }), tools)).toMatchObject({
      text: '1 tablet, Per Oris, Twice daily (bis in die), as needed',
      asNeededBoolean: true,
    });
    expect(prescribedDosage(prescription({ dosage: '' }), tools)).toMatchObject({ text: '' });
  });

  it.each([
    ['1', { doseQuantity: { value: 1, unit: 'tablet' } }],
    ['0.5', { doseQuantity: { value: 0.5, unit: 'tablet' } }],
    ['1-2', { doseRange: { low: { value: 1, unit: 'tablet' }, high: { value: 2, unit: 'tablet' } } }],
    ['5 mL', { doseQuantity: { value: 5, unit: 'mL', system: 'http://unitsofmeasure.org', code: 'mL' } }],
    ['2 puffs', { doseQuantity: { value: 2, unit: 'puffs' } }],
    ['as directed', undefined],
    ['', undefined],
  ])('%p is a dose of its own, and never the strength', (dosage, dose) => {
    expect(prescribedDosage(prescription({ dosage }), tools)).toMatchObject({ doseAndRate: [dose] });
  });

  it('keeps when to start and when to stop', () => {
    const row = prescription({ start_date: '2026-01-02', end_date: '0000-00-00' });
    expect(prescribedDosage(row, tools)).toMatchObject({
      timing: { repeat: { boundsPeriod: { start: '2026-01-02', end: undefined } } },
    });
  });
});
