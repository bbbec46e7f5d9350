import { z } from 'zod';
import { Id, OptionalWhole, Text, WallClock, Whole } from './column-types.js';
import type { LookupsWanted } from './read-lookups.js';
import type { Snapshot } from './snapshot.js';
import { sourceRow, type SourceRow } from './source-row.js';

export const PrescriptionRow = z.object({
  id: Id,
  date_added: WallClock,
  provider_id: Whole,
  encounter: Whole,
  start_date: WallClock,
  end_date: WallClock,
  drug: Text,
  drug_id: Whole,
  rxnorm_drugcode: Text,
  form: Whole,
  dosage: Text,
  quantity: Text,
  size: Text,
  unit: Whole,
  route: Text,
  interval: Whole,
  substitute: Whole,
  refills: OptionalWhole,
  per_refill: OptionalWhole,
  note: Text,
  active: Whole,
  prn: Text,
  usage_category: Text,
  usage_category_title: Text,
  request_intent: Text,
  drug_dosage_instructions: Text,
  diagnosis: Text,
  indication: Text,
});
export type PrescriptionRow = z.infer<typeof PrescriptionRow>;

/** An entry of the medication list, with the details OpenEMR keeps beside it. */
export const ListMedicationRow = z.object({
  id: Id,
  date: WallClock,
  title: Text,
  begdate: WallClock,
  enddate: WallClock,
  diagnosis: Text,
  activity: OptionalWhole,
  comments: Text,
  user: Text,
  details_id: OptionalWhole,
  drug_dosage_instructions: Text,
  usage_category: Text,
  usage_category_title: Text,
  request_intent: Text,
  medication_adherence: Text,
  medication_adherence_information_source: Text,
  medication_adherence_date_asserted: WallClock,
  prescription_id: Whole,
});
export type ListMedicationRow = z.infer<typeof ListMedicationRow>;

export const DrugRow = z.object({ drug_id: Id, name: Text, ndc_number: Text, drug_code: Text, form: Text });
export type DrugRow = z.infer<typeof DrugRow>;

export const DrugSaleRow = z.object({
  sale_id: Id,
  drug_id: Whole,
  prescription_id: Whole,
  encounter: Whole,
  user: Text,
  sale_date: WallClock,
  quantity: Whole,
  pharmacy_supply_type: Text,
  notes: Text,
});
export type DrugSaleRow = z.infer<typeof DrugSaleRow>;

export interface MedicationRows {
  prescriptions: PrescriptionRow[];
  listed: ListMedicationRow[];
  drugs: DrugRow[];
  sales: DrugSaleRow[];
}

/** `drug_sales.trans_type` of a sale to a patient; returns and stock movements have others. */
const SALE = 1;

/** Four queries. */
export async function readMedications(
  snapshot: Snapshot,
  pid: number,
  wanted: LookupsWanted,
): Promise<{ rows: MedicationRows; sources: SourceRow[] }> {
  const prescriptions = await snapshot.select(
    'prescriptions',
    PrescriptionRow,
    `SELECT id, date_added, provider_id, encounter, start_date, end_date, drug, drug_id, rxnorm_drugcode, form, dosage,
            quantity, size, unit, route, \`interval\`, substitute, refills, per_refill, note, active, prn,
            usage_category, usage_category_title, request_intent, drug_dosage_instructions, diagnosis, indication
       FROM ${snapshot.table('prescriptions')} WHERE patient_id = ? ORDER BY id`,
    [pid],
  );
  const listed = await snapshot.select(
    'the medication list',
    ListMedicationRow,
    `SELECT l.id, l.date, l.title, l.begdate, l.enddate, l.diagnosis, l.activity, l.comments, l.user,
            m.id AS details_id, m.drug_dosage_instructions, m.usage_category, m.usage_category_title,
            m.request_intent, m.medication_adherence, m.medication_adherence_information_source,
            m.medication_adherence_date_asserted, m.prescription_id
       FROM lists l LEFT JOIN ${snapshot.table('lists_medication', 'm')} ON m.list_id = l.id
      WHERE l.pid = ? AND l.type = 'medication' ORDER BY l.id, m.id`,
    [pid],
  );
  const sales = await snapshot.select(
    'dispensed drugs',
    DrugSaleRow,
    `SELECT sale_id, drug_id, prescription_id, encounter, user, sale_date, quantity, pharmacy_supply_type, notes
       FROM ${snapshot.table('drug_sales')} WHERE pid = ? AND trans_type = ${String(SALE)} ORDER BY sale_id`,
    [pid],
  );
  const drugIds = new Set([...prescriptions, ...sales].map((row) => row.drug_id).filter((id) => id > 0));
  const drugs =
    drugIds.size === 0
      ? []
      : await snapshot.selectLookups(
          'drugs',
          DrugRow,
          'SELECT drug_id, name, ndc_number, drug_code, form FROM drugs WHERE drug_id IN (?) ORDER BY drug_id',
          [[...drugIds]],
        );
  wantOptions({ prescriptions, listed, drugs, sales }, wanted);
  return {
    rows: { prescriptions, listed, drugs, sales },
    sources: [
      ...prescriptions.map((row) => sourceRow('prescriptions', row)),
      ...listed.flatMap((row) => [
        sourceRow('lists', row),
        ...(row.details_id === null ? [] : [sourceRow('lists_medication', { id: row.details_id })]),
      ]),
      ...sales.map((row) => sourceRow('drug_sales', row)),
      ...[...drugIds].map((drug_id) => sourceRow('drugs', { drug_id })),
    ],
  };
}

function wantOptions(rows: MedicationRows, wanted: LookupsWanted): void {
  for (const prescription of rows.prescriptions) {
    wanted.user(prescription.provider_id);
    wanted.option('drug_route', prescription.route);
    wanted.option('drug_interval', prescription.interval);
    wanted.option('drug_form', prescription.form);
    wanted.option('drug_units', prescription.unit);
  }
  for (const medication of rows.listed) {
    wanted.username(medication.user);
    wanted.option('medication_adherence', medication.medication_adherence);
    wanted.option('medication_adherence', medication.medication_adherence_information_source);
    wanted.option('medication_adherence_information_source', medication.medication_adherence_information_source);
  }
  for (const sale of rows.sales) {
    wanted.username(sale.user);
  }
  for (const drug of rows.drugs) {
    wanted.option('drug_form', drug.form);
  }
}
