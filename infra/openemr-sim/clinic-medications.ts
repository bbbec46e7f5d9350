import type { Connection, ResultSetHeader, RowDataPacket } from 'mysql2/promise';
import { ClinicRefusal, commitBetween, openScreen, type Commit } from './clinic-session.js';
import { insertRow } from './insert-rows.js';
import { describeDrug } from './drug-name.js';

export interface NewMedication {
  pid: number;
  /** As printed on the prescription: `Amlodipine 5 MG Oral Tablet`. */
  drug: string;
  rxnorm?: string;
  instructions?: string;
  quantity?: string;
  refills?: number;
  note?: string;
  /** Also (or, with `prescribe` false, only) on the medication list, as the form's tick box does. */
  onList?: boolean;
  prescribe?: boolean;
}

export interface WrittenMedication extends Commit {
  prescriptionId: number | null;
  /** `lists.id` of the entry on the medication list. */
  listId: number | null;
}

async function findPrescriber(connection: Connection, pid: number): Promise<{ id: number; username: string }> {
  const [rows] = await connection.execute<RowDataPacket[]>(
    'SELECT u.id, u.username FROM patient_data AS p JOIN users AS u ON u.id = p.providerID WHERE p.pid = ?',
    [pid],
  );
  if (rows[0] === undefined) {
    throw new ClinicRefusal('there is no such patient');
  }
  return { id: Number(rows[0].id), username: String(rows[0].username) };
}

async function writePrescription(
  connection: Connection,
  medication: NewMedication,
  prescriber: { id: number; username: string },
  now: string,
): Promise<number> {
  const form = describeDrug(medication.drug);
  return insertRow(connection, 'prescriptions', {
    patient_id: medication.pid,
    filled_by_id: 0,
    pharmacy_id: 0,
    date_added: now,
    date_modified: now,
    provider_id: prescriber.id,
    encounter: 0,
    start_date: now.slice(0, 10),
    drug: medication.drug,
    drug_id: 0,
    rxnorm_drugcode: medication.rxnorm ?? '',
    form: form.form,
    dosage: '1',
    quantity: medication.quantity ?? '30',
    size: form.size,
    unit: form.unit,
    route: form.route,
    interval: 9,
    substitute: 1,
    refills: medication.refills ?? 0,
    per_refill: 30,
    medication: medication.onList === true ? 1 : 0,
    note: medication.note ?? '',
    active: 1,
    user: prescriber.username,
    indication: '',
    txDate: '0000-00-00',
    usage_category: 'community',
    usage_category_title: 'Home/Community',
    request_intent: 'order',
    request_intent_title: 'Order',
    drug_dosage_instructions: medication.instructions ?? null,
    created_by: prescriber.id,
    updated_by: prescriber.id,
  });
}

async function writeListEntry(
  connection: Connection,
  medication: NewMedication,
  prescriptionId: number | null,
  username: string,
  now: string,
): Promise<number> {
  const listId = await insertRow(connection, 'lists', {
    date: now,
    type: 'medication',
    title: medication.drug,
    begdate: now,
    referredby: '',
    extrainfo: '',
    diagnosis: medication.rxnorm === undefined ? '' : `RXCUI:${medication.rxnorm}`,
    activity: 1,
    comments: '',
    pid: medication.pid,
    user: username,
    groupname: 'Default',
    destination: '',
    external_id: '',
    list_option_id: '',
  });
  await insertRow(connection, 'lists_medication', {
    list_id: listId,
    drug_dosage_instructions: medication.instructions ?? null,
    usage_category: 'community',
    usage_category_title: 'Home/Community',
    request_intent: prescriptionId === null ? 'plan' : 'order',
    request_intent_title: prescriptionId === null ? 'Plan' : 'Order',
    prescription_id: prescriptionId,
    is_primary_record: 1,
  });
  return listId;
}

/** A new prescription, an entry on the medication list, or both joined. */
export async function addMedication(connection: Connection, medication: NewMedication): Promise<WrittenMedication> {
  const { now } = await openScreen(connection);
  const prescriber = await findPrescriber(connection, medication.pid);
  const prescribe = medication.prescribe ?? true;
  if (!prescribe && medication.onList !== true) {
    throw new ClinicRefusal('neither a prescription nor an entry on the medication list was asked for');
  }
  const [written, commit] = await commitBetween(connection, async () => {
    const prescriptionId = prescribe ? await writePrescription(connection, medication, prescriber, now) : null;
    const listId =
      medication.onList === true
        ? await writeListEntry(connection, medication, prescriptionId, prescriber.username, now)
        : null;
    return { prescriptionId, listId };
  });
  return { ...written, ...commit };
}

export interface MedicationChange {
  prescriptionId: number;
  instructions?: string;
  quantity?: string;
  refills?: number;
  note?: string;
  /** `stop` ends it today: inactive with an end date. */
  stop?: boolean;
}

/** The prescription form saves the whole prescription again; what changes is what was given, and `date_modified`. */
export async function changeMedication(
  connection: Connection,
  change: MedicationChange,
): Promise<Commit & { prescriptionId: number }> {
  const { now } = await openScreen(connection);
  const [rows] = await connection.execute<RowDataPacket[]>('SELECT * FROM prescriptions WHERE id = ?', [
    change.prescriptionId,
  ]);
  const saved = rows[0];
  if (saved === undefined) {
    throw new ClinicRefusal('there is no such prescription');
  }
  const [, commit] = await commitBetween(connection, () =>
    connection.execute<ResultSetHeader>(
      `UPDATE prescriptions SET date_modified = ?, drug_dosage_instructions = ?, quantity = ?, refills = ?, note = ?,
              active = ?, end_date = ?, updated_by = provider_id
        WHERE id = ?`,
      [
        now,
        change.instructions ?? saved.drug_dosage_instructions,
        change.quantity ?? saved.quantity,
        change.refills ?? saved.refills,
        change.note ?? saved.note,
        change.stop === true ? 0 : saved.active,
        change.stop === true ? now.slice(0, 10) : saved.end_date,
        change.prescriptionId,
      ],
    ),
  );
  return { prescriptionId: change.prescriptionId, ...commit };
}
