import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { RowDataPacket } from 'mysql2/promise';
import { deleteRow } from '../openemr-sim/clinic-deletions.js';
import { correctResult, newResult, signReport } from '../openemr-sim/clinic-labs.js';
import { listMail, reply, startMail } from '../openemr-sim/clinic-mail.js';
import { addMedication, changeMedication } from '../openemr-sim/clinic-medications.js';
import { changeDemographics, listPatients, setPortal } from '../openemr-sim/clinic-patients.js';
import { recordVitals, writeNote } from '../openemr-sim/clinic-visits.js';
import { ClinicRefusal } from '../openemr-sim/clinic-session.js';
import { insertRow } from '../openemr-sim/insert-rows.js';
import { loadBundle } from '../openemr-sim/load-bundle.js';
import { loadPractice } from '../openemr-sim/practice.js';
import { readBundles, readRecordedRows, type RecordedRow } from '../openemr-sim/sim-data.js';
import { testServices } from '../services/test-services.js';
import { openSimDatabase, type SimDatabase } from './openemr-sim-database.js';
import { CLINIC_DEVIATIONS } from './openemr-sim-deviations.js';
import { kindLines, kindOf, readAsRecorded } from './openemr-sim-rows.js';

/** The patient of the recorded mail: pid 1, portal name Alice1. */
const ALICE = 1;
let db: SimDatabase;
/** A patient with a chart, from a bundle. */
let pid: number;

beforeAll(async () => {
  db = await openSimDatabase('sim_clinic');
  await loadPractice(db.connection);
  const [bundle] = readBundles(1);
  ({ pid } = await loadBundle(db.connection, bundle, { portal: true }));
  for (const [id, fname] of [
    [ALICE, 'Alice'],
    [2, 'Bob'],
  ] as const) {
    await insertRow(db.connection, 'patient_data', {
      pid: id,
      fname,
      lname: 'Synthetic',
      DOB: '1980-01-01',
      providerID: 101,
      allow_patient_portal: id === ALICE ? 'YES' : 'NO',
    });
  }
  for (const access of readRecordedRows('screens', 'patient_access_onsite')) {
    await insertRow(db.connection, 'patient_access_onsite', access);
  }
});

afterAll(async () => {
  await db[Symbol.asyncDispose]();
});

async function rows(sql: string, values: (string | number)[] = []): Promise<RowDataPacket[]> {
  const [found] = await db.connection.query<RowDataPacket[]>(sql, values);
  return found;
}

const recordedMail = readRecordedRows('screens', 'onsite_mail');
const recordedNote = (id: number): RecordedRow => recordedMail.find((row) => row.id === id) ?? {};

/** The mailbox table as it was at a moment of the recording: these notes, one of them not yet opened. */
async function mailTable(ids: number[], unread?: number): Promise<void> {
  await rows('TRUNCATE TABLE onsite_mail');
  for (const id of ids) {
    const note = recordedNote(id);
    await insertRow(db.connection, 'onsite_mail', { ...note, ...(id === unread ? { message_status: 'New' } : {}) });
  }
}

/** Every column but the moment, which must only look like one. */
function withoutMoment(row: RecordedRow | undefined): RecordedRow {
  return { ...row, date: kindOf(row?.date ?? null) };
}

async function mailAfter(): Promise<RecordedRow[]> {
  return (await readAsRecorded(db.connection, 'screens', 'onsite_mail')).map(withoutMoment);
}

test('a staff reply writes both copies, column by column, as the recorded screens did, and marks the note read', async () => {
  await mailTable([1, 2], 2);
  const sent = await reply(db.connection, { staff: 'admin', pid: ALICE, body: String(recordedNote(3).body) });
  expect(await mailAfter()).toEqual([1, 2, 3, 4].map((id) => withoutMoment(recordedNote(id))));
  expect(sent).toMatchObject({ noteId: 2, staffCopyId: 3, patientCopyId: 4 });
});

test('a staff reply to a sender without a portal account is written as the recorded screens did', async () => {
  await mailTable([7]);
  await reply(db.connection, { staff: 'admin', noteId: 7, body: String(recordedNote(8).body) });
  // The recording posted the answer without opening the note first.
  const read = { ...withoutMoment(recordedNote(7)), message_status: 'Read' };
  expect(await mailAfter()).toEqual([read, withoutMoment(recordedNote(8)), withoutMoment(recordedNote(9))]);
});

test('a second answer in a thread stays in the chains of the first', async () => {
  await mailTable([1, 2]);
  await reply(db.connection, { staff: 'admin', chain: 2, body: '<p>first</p>' });
  await reply(db.connection, { staff: 'admin', chain: 2, body: '<p>second</p>' });
  expect(await rows('SELECT owner, mail_chain, reply_mail_chain FROM onsite_mail ORDER BY id')).toEqual([
    { owner: 'Alice1', mail_chain: 1, reply_mail_chain: 1 },
    { owner: 'admin', mail_chain: 2, reply_mail_chain: 1 },
    ...[1, 2].flatMap(() => [
      { owner: 'admin', mail_chain: 2, reply_mail_chain: 2 },
      { owner: 'Alice1', mail_chain: 1, reply_mail_chain: 2 },
    ]),
  ]);
});

test('staff-started mail writes both copies as the recorded new message, with the parties exchanged', async () => {
  await mailTable([]);
  await startMail(db.connection, { staff: 'admin', pid: ALICE, title: 'General', body: String(recordedNote(1).body) });
  const started = {
    user: 'admin',
    sender_id: 'admin',
    sender_name: ' Administrator',
    recipient_id: 'Alice1',
    recipient_name: 'Alice Synthetic',
    message_status: 'New',
  };
  expect(await mailAfter()).toEqual([
    { ...withoutMoment(recordedNote(1)), ...started, owner: 'admin' },
    { ...withoutMoment(recordedNote(2)), ...started, owner: 'Alice1' },
  ]);
});

test('chains of staff-started mail are numbered from the highest id, as OpenEMR does, also where ids were skipped', async () => {
  await mailTable([1, 2]);
  await rows('ALTER TABLE onsite_mail AUTO_INCREMENT = 10');
  await startMail(db.connection, { staff: 'admin', pid: ALICE, title: 'General', body: '<p>x</p>' });
  expect(await rows('SELECT id, mail_chain, reply_mail_chain FROM onsite_mail WHERE id > 2 ORDER BY id')).toEqual([
    { id: 10, mail_chain: 3, reply_mail_chain: 3 },
    { id: 11, mail_chain: 11, reply_mail_chain: 10 },
  ]);
});

test.each([
  ['a patient whom the clinic does not allow the portal', 2],
  ['a patient without a portal identity', () => pid],
  ['nobody', 4711],
])('staff cannot start a mail to %s', async (_, who) => {
  await mailTable([]);
  const mail = { staff: 'admin', pid: typeof who === 'function' ? who() : who, title: 'General', body: '<p>x</p>' };
  await expect(startMail(db.connection, mail)).rejects.toThrow(ClinicRefusal);
  expect(await mailAfter()).toEqual([]);
});

test('a reply finds only notes that lie in the inbox of that staff member', async () => {
  await mailTable([1, 2, 3, 4]);
  const answer = { body: '<p>x</p>' };
  await expect(reply(db.connection, { staff: 'frontdesk', ...answer })).rejects.toThrow(ClinicRefusal);
  await expect(reply(db.connection, { staff: 'admin', noteId: 1, ...answer })).rejects.toThrow(ClinicRefusal);
  await expect(reply(db.connection, { staff: 'admin', pid: 2, ...answer })).rejects.toThrow(ClinicRefusal);
  expect((await listMail(db.connection, { owner: 'Alice1' })).map(({ id }) => id)).toEqual([1, 4]);
});

const GLUCOSE = { loinc: '2339-0', name: 'Glucose', units: 'mg/dL' };

/** The new rows of the tables a screen writes, whole. */
async function newRows(
  tables: Readonly<Record<string, string>>,
  act: () => Promise<unknown>,
): Promise<Map<string, RecordedRow[]>> {
  const written = new Map<string, RecordedRow[]>();
  const before = new Map<string, number>();
  for (const [table, key] of Object.entries(tables)) {
    const [newest] = await rows('SELECT MAX(??) AS id FROM ??', [key, table]);
    before.set(table, Number(newest?.id ?? 0));
  }
  await act();
  for (const [table, key] of Object.entries(tables)) {
    const all = await readAsRecorded(db.connection, 'golden', table);
    written.set(
      table,
      all.filter((row) => Number(row[key]) > (before.get(table) ?? 0)),
    );
  }
  return written;
}

test("the clinic's new rows have in every column a kind that the golden rows have, or a reason", async () => {
  const unlike = new Set<string>();
  const written = await newRows(
    {
      procedure_order: 'procedure_order_id',
      procedure_order_code: 'procedure_order_id',
      procedure_report: 'procedure_report_id',
      procedure_result: 'procedure_result_id',
      forms: 'id',
      prescriptions: 'id',
      lists: 'id',
      lists_medication: 'id',
      form_vitals: 'id',
      form_clinical_notes: 'id',
    },
    async () => {
      await newResult(db.connection, { pid, ...GLUCOSE, value: '182', comment: 'Fasting sample' });
      const { resultId } = await newResult(db.connection, { pid, ...GLUCOSE, value: '90', status: 'prelim' });
      await correctResult(db.connection, { resultId, value: '58.5' });
      await newResult(db.connection, { pid, loinc: '5778-6', name: 'Color of Urine', units: '', value: 'Yellow' });
      await addMedication(db.connection, { pid, drug: 'Amlodipine 5 MG Oral Tablet', rxnorm: '197361', onList: true });
      await addMedication(db.connection, { pid, drug: 'Ibuprofen 200 MG Oral Tablet', onList: true, prescribe: false });
      await recordVitals(db.connection, { pid, systolic: 128, diastolic: 82, pulse: 70, weight: 150, note: '' });
      await writeNote(db.connection, { pid, text: 'No fracture.', type: 'progress_note', category: '' });
    },
  );
  for (const [table, found] of written) {
    expect({ table, rows: found.length > 0 }).toEqual({ table, rows: true });
    const golden = kindLines(table, readRecordedRows('golden', table));
    for (const line of kindLines(table, found)) {
      if (!golden.has(line)) {
        unlike.add(line);
      }
    }
  }
  expect([...unlike].sort()).toEqual(Object.keys(CLINIC_DEVIATIONS).sort());
});

test('vital signs and notes hang on the last visit by their form', async () => {
  const { vitalsId } = await recordVitals(db.connection, {
    ...{ pid, systolic: 128, diastolic: 82, pulse: 0, weight: 150, note: 'taken seated' },
  });
  const { formId } = await writeNote(db.connection, {
    ...{ pid, text: 'No fracture.', type: 'diagnostic_imaging_narrative', category: 'radiology' },
  });
  const found = await rows(
    `SELECT f.formdir, v.bps, v.weight, n.description, n.clinical_notes_category AS category,
            e.encounter = (SELECT encounter FROM form_encounter WHERE pid = f.pid ORDER BY date DESC, id DESC LIMIT 1) AS last
       FROM forms AS f JOIN form_encounter AS e ON e.pid = f.pid AND e.encounter = f.encounter
       LEFT JOIN form_vitals AS v ON f.formdir = 'vitals' AND v.id = f.form_id AND v.pid = f.pid
       LEFT JOIN form_clinical_notes AS n ON f.formdir = 'clinical_notes' AND n.form_id = f.form_id AND n.pid = f.pid
      WHERE f.pid = ? AND (f.formdir, f.form_id) IN (('vitals', ?), ('clinical_notes', ?)) ORDER BY f.id`,
    [pid, vitalsId, formId],
  );
  expect(found).toMatchObject([
    { formdir: 'vitals', bps: '128', weight: '150.000000', last: 1 },
    { formdir: 'clinical_notes', description: 'No fracture.', category: 'radiology', last: 1 },
  ]);
  await expect(
    writeNote(db.connection, { pid: ALICE, text: 'x', type: 'progress_note', category: '' }),
  ).rejects.toThrow(ClinicRefusal);
});

test('a new result hangs on its order, code, report and the visit, judged by the range', async () => {
  const { resultId, orderId, reportId } = await newResult(db.connection, { pid, ...GLUCOSE, value: '182' });
  const found = await rows(
    `SELECT r.procedure_result_id, p.procedure_report_id, o.procedure_order_id, o.order_status, o.patient_id,
            r.result, r.\`range\`, r.abnormal, r.result_status, t.standard_code, e.pid
       FROM procedure_result AS r
       JOIN procedure_report AS p USING (procedure_report_id)
       JOIN procedure_order AS o USING (procedure_order_id)
       JOIN procedure_order_code AS c USING (procedure_order_id, procedure_order_seq)
       JOIN procedure_type AS t ON t.procedure_code = c.procedure_code AND t.lab_id = o.lab_id
       JOIN forms AS f ON f.form_id = o.procedure_order_id AND f.formdir = 'procedure_order'
       JOIN form_encounter AS e ON e.encounter = o.encounter_id AND e.encounter = f.encounter
      WHERE r.procedure_result_id = ?`,
    [resultId],
  );
  expect(found).toEqual([
    {
      procedure_result_id: resultId,
      procedure_report_id: reportId,
      procedure_order_id: orderId,
      order_status: 'complete',
      patient_id: pid,
      result: '182',
      range: '65-99',
      abnormal: 'vhigh',
      result_status: 'final',
      standard_code: '2339-0',
      pid,
    },
  ]);
});

test('a correction changes value, flag, status and moment of the result and nothing else', async () => {
  const { resultId } = await newResult(db.connection, { pid, ...GLUCOSE, value: '182', comment: 'kept' });
  await rows("UPDATE procedure_result SET date = '2026-01-01 08:00:00' WHERE procedure_result_id = ?", [resultId]);
  const read = async (): Promise<RecordedRow> => {
    const all = await readAsRecorded(db.connection, 'golden', 'procedure_result');
    return all.find((row) => row.procedure_result_id === resultId) ?? {};
  };
  const before = await read();
  await correctResult(db.connection, { resultId, value: '82' });
  const after = await read();
  expect(withoutMoment(after)).toEqual({
    ...withoutMoment(before),
    result: '82',
    abnormal: 'no',
    result_status: 'correct',
  });
  expect(after.date).not.toBe(before.date);
  await expect(correctResult(db.connection, { resultId: 4_711_000, value: '1' })).rejects.toThrow(ClinicRefusal);
});

test('a report is new until it is signed, and one that is not there cannot be', async () => {
  const { reportId } = await newResult(db.connection, { pid, ...GLUCOSE, value: '90' });
  const status = async (): Promise<unknown> => {
    const [report] = await rows('SELECT review_status FROM procedure_report WHERE procedure_report_id = ?', [reportId]);
    return report?.['review_status'];
  };
  expect(await status()).toBe('received');
  await signReport(db.connection, reportId);
  expect(await status()).toBe('reviewed');
  await expect(signReport(db.connection, 4_711_000)).rejects.toThrow(ClinicRefusal);
});

test('a changed prescription keeps all but what was changed; a stopped one ends today', async () => {
  const { prescriptionId } = await addMedication(db.connection, { pid, drug: 'Metformin 500 MG Oral Tablet' });
  const id = prescriptionId ?? 0;
  await changeMedication(db.connection, { prescriptionId: id, instructions: 'One with breakfast', refills: 2 });
  const columns = 'drug, quantity, refills, drug_dosage_instructions, active, end_date';
  expect(await rows(`SELECT ${columns} FROM prescriptions WHERE id = ?`, [id])).toEqual([
    {
      drug: 'Metformin 500 MG Oral Tablet',
      quantity: '30',
      refills: 2,
      drug_dosage_instructions: 'One with breakfast',
      active: 1,
      end_date: null,
    },
  ]);
  await changeMedication(db.connection, { prescriptionId: id, stop: true });
  expect(await rows('SELECT active, end_date = start_date AS today FROM prescriptions WHERE id = ?', [id])).toEqual([
    { active: 0, today: 1 },
  ]);
});

test('a deleted order leaves neither code, report nor result, and its form is marked', async () => {
  const { orderId, reportId, resultId } = await newResult(db.connection, { pid, ...GLUCOSE, value: '90' });
  await deleteRow(db.connection, { table: 'procedure_order', id: orderId });
  expect(
    await rows(
      `SELECT (SELECT COUNT(*) FROM procedure_order WHERE procedure_order_id = ?) AS orders,
              (SELECT COUNT(*) FROM procedure_order_code WHERE procedure_order_id = ?) AS codes,
              (SELECT COUNT(*) FROM procedure_report WHERE procedure_report_id = ?) AS reports,
              (SELECT COUNT(*) FROM procedure_result WHERE procedure_result_id = ?) AS results,
              (SELECT deleted FROM forms WHERE formdir = 'procedure_order' AND form_id = ?) AS deleted`,
      [orderId, orderId, reportId, resultId, orderId],
    ),
  ).toEqual([{ orders: 0, codes: 0, reports: 0, results: 0, deleted: 1 }]);
  await expect(deleteRow(db.connection, { table: 'prescriptions', id: 4_711_000 })).rejects.toThrow(ClinicRefusal);
});

test('the portal is allowed and forbidden on the demographics screen, where telephones change too', async () => {
  await setPortal(db.connection, { pid, allow: 'NO' });
  await changeDemographics(db.connection, { pid, phoneCell: '413-555-7777' });
  expect(await rows('SELECT allow_patient_portal, phone_cell FROM patient_data WHERE pid = ?', [pid])).toEqual([
    { allow_patient_portal: 'NO', phone_cell: '413-555-7777' },
  ]);
  await setPortal(db.connection, { pid, allow: 'YES' });
  expect((await listPatients(db.connection)).find((patient) => patient.pid === pid)?.allowPatientPortal).toBe('YES');
  await expect(setPortal(db.connection, { pid: 4711, allow: 'YES' })).rejects.toThrow(ClinicRefusal);
});

test('the moment of a commit lies between two looks at the database clock, and the clinic writes its own wall clock', async () => {
  const { resultId, committingAt, committedAt } = await newResult(db.connection, { pid, ...GLUCOSE, value: '91' });
  expect(committingAt).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
  expect(Date.parse(committedAt)).toBeGreaterThanOrEqual(Date.parse(committingAt));
  expect(Math.abs(Date.parse(committedAt) - Date.now())).toBeLessThan(5_000);
  const [result] = await rows('SELECT date FROM procedure_result WHERE procedure_result_id = ?', [resultId]);
  const wall = new Date(committedAt).toLocaleString('sv-SE', { timeZone: 'America/New_York' });
  expect(Math.abs(Date.parse(`${String(result?.date)}Z`) - Date.parse(`${wall}Z`))).toBeLessThan(5_000);
});

const run = promisify(execFile);

/** The command line as a process of its own, from the sources. */
async function clinic(
  args: string[],
  environment: Record<string, string>,
): Promise<{ stdout: string; stderr: string }> {
  const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));
  return run(
    process.execPath,
    ['--import', path('./typescript-hooks.mjs'), path('../openemr-sim/clinic.main.ts'), ...args],
    {
      env: environment,
    },
  );
}

function clinicEnvironment(): Record<string, string> {
  const { mariadb, secretFile } = testServices().inside;
  return {
    OPENEMR_DB_HOST: mariadb.host,
    OPENEMR_DB_PORT: String(mariadb.port),
    OPENEMR_DB_NAME: db.name,
    OPENEMR_DB_CA_FILE: mariadb.caFile,
    OPENEMR_DB_USER: 'openemr',
    OPENEMR_DB_PASSWORD_FILE: secretFile('openemr'),
  };
}

test('the command line calls itself a simulator, prints one line with the commit, and refuses in a sentence', async () => {
  await mailTable([1, 2]);
  const environment = clinicEnvironment();
  const { stdout } = await clinic(['reply', '--staff', 'admin', '--text', 'a < b\n& "c"'], environment);
  expect(JSON.parse(stdout)).toMatchObject({
    from: 'OpenEMR SIMULATOR',
    patientCopyId: 4,
    committedAt: expect.stringMatching(/Z$/),
  });
  expect(stdout.trim().split('\n')).toHaveLength(1);
  expect(await rows('SELECT body FROM onsite_mail WHERE id = 4')).toEqual([
    { body: '<p>a &lt; b</p><p>&amp; "c"</p>' },
  ]);

  await expect(clinic(['set-portal', '--pid', '4711', '--allow', 'NO'], environment)).rejects.toMatchObject({
    code: 1,
    stderr: 'OpenEMR SIMULATOR: there is no such patient\n',
  });
  await expect(clinic(['list-patients'], { ...environment, OPENEMR_DB_PORT: 'x' })).rejects.toMatchObject({
    code: 1,
    stderr: expect.stringContaining('OPENEMR_DB_PORT'),
  });
  const { stdout: help } = await clinic(['--help'], {});
  expect(help).toContain('SIMULATOR');
});
