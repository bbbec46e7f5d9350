import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { RowDataPacket } from 'mysql2/promise';
import { assignUuids } from '../openemr-sim/clinic-patients.js';
import { toClinicDateTime, utcOffset } from '../openemr-sim/clinic-time.js';
import { loadBundle } from '../openemr-sim/load-bundle.js';
import { loadPractice } from '../openemr-sim/practice.js';
import { readBundles, readRecordedRows } from '../openemr-sim/sim-data.js';
import { firstCode, parseBundle, type SyntheaChart } from '../openemr-sim/synthea-bundle.js';
import { openSimDatabase, type SimDatabase } from './openemr-sim-database.js';
import { LOADER_DEVIATIONS } from './openemr-sim-deviations.js';
import { kindLines, readAsRecorded } from './openemr-sim-rows.js';

const PATIENTS = 50;
/** Vital signs and smoking. */
const ON_OTHER_FORMS = new Set(['55284-4', '8302-2', '29463-7', '39156-5', '8331-1', '72166-2']);
const LOADED_TABLES = [
  'patient_data',
  'form_encounter',
  'forms',
  'lists',
  'lists_medication',
  'prescriptions',
  'immunizations',
  'issue_encounter',
  'history_data',
  'form_vitals',
  'procedure_order',
  'procedure_order_code',
  'procedure_report',
  'procedure_result',
  'procedure_specimen',
  'procedure_type',
  'care_teams',
  'care_team_member',
  'form_care_plan',
  'form_observation',
  'billing',
  'ar_session',
  'ar_activity',
] as const;

let db: SimDatabase;

beforeAll(async () => {
  db = await openSimDatabase('sim_loader');
  await loadPractice(db.connection);
  const bundles = readBundles(PATIENTS);
  for (const bundle of bundles) {
    await loadBundle(db.connection, bundle, { portal: true });
  }
});

afterAll(async () => {
  await db[Symbol.asyncDispose]();
});

async function rows(sql: string, values: (string | number)[] = []): Promise<RowDataPacket[]> {
  const [found] = await db.connection.query<RowDataPacket[]>(sql, values);
  return found;
}

test('the loader writes every column in a kind that the golden rows have, or says why not', async () => {
  const unlike = new Set<string>();
  for (const table of LOADED_TABLES) {
    const golden = readRecordedRows('golden', table);
    const goldenKinds = kindLines(table, golden);
    const written = await readAsRecorded(db.connection, 'golden', table, Object.keys(golden[0] ?? {}));
    expect({ table, rows: written.length > 0 }).toEqual({ table, rows: true });
    for (const line of kindLines(table, written)) {
      if (!goldenKinds.has(line)) {
        unlike.add(line);
      }
    }
  }
  expect([...unlike].sort()).toEqual(Object.keys(LOADER_DEVIATIONS).sort());
});

test('nothing of a bundle that has a table is left out, and nothing is invented', async () => {
  const charts = readBundles(PATIENTS).map(parseBundle);
  const count = async (table: string): Promise<number> =>
    Number((await rows('SELECT COUNT(*) AS n FROM ??', [table]))[0]?.n);
  const total = (size: (chart: SyntheaChart) => number): number => charts.reduce((sum, chart) => sum + size(chart), 0);
  expect({
    patients: await count('patient_data'),
    encounters: await count('form_encounter'),
    prescriptions: await count('prescriptions'),
    immunizations: await count('immunizations'),
    surgeries: Number((await rows("SELECT COUNT(*) AS n FROM lists WHERE type = 'surgery'"))[0]?.n),
    visitsOfEntries: await count('issue_encounter'),
    observations: await count('form_observation'),
    charges: await count('billing'),
    results: await count('procedure_result'),
    planned: await count('form_care_plan'),
  }).toEqual({
    patients: PATIENTS,
    encounters: total((chart) => chart.encounters.size),
    prescriptions: total((chart) => chart.medicationRequests.length),
    immunizations: total((chart) => chart.immunizations.length),
    surgeries: total((chart) => chart.procedures.length),
    visitsOfEntries: total((chart) => chart.procedures.length + chart.conditions.size),
    observations: total(
      ({ observations }) =>
        [...observations.values()].filter(({ code, category }) => {
          return category[0]?.coding[0]?.code !== 'laboratory' && !ON_OTHER_FORMS.has(firstCode(code).code);
        }).length,
    ),
    // The visit itself, and what was done at it.
    charges:
      total(({ explanations }) => explanations.flatMap(({ item }) => item.filter(({ net }) => net)).length) +
      total(({ explanations }) => explanations.length),
    planned: total(
      ({ carePlans, goals }) =>
        carePlans.reduce((sum, { activity }) => sum + activity.length, 0) +
        carePlans.flatMap(({ goal }) => goal).filter(({ reference }) => goals.has(reference)).length,
    ),
    results: total(
      (chart) =>
        [...chart.observations.values()].filter(({ category }) => category[0]?.coding[0]?.code === 'laboratory').length,
    ),
  });
});

const OPTION_COLUMNS = {
  'patient_data.race': 'race',
  'patient_data.ethnicity': 'ethnicity',
  'patient_data.language': 'language',
  'patient_data.status': 'marital',
  'patient_data.sex': 'sex',
  'form_encounter.class_code': '_ActEncounterCode',
  'form_encounter.discharge_disposition': 'discharge-disposition',
  'lists.reaction': 'reaction',
  'lists.severity_al': 'severity_ccda',
  'lists.verification': 'condition-verification',
  'lists_medication.usage_category': 'medication-usage-category',
  'lists_medication.request_intent': 'medication-request-intent',
  'prescriptions.form': 'drug_form',
  'prescriptions.unit': 'drug_units',
  'prescriptions.route': 'drug_route',
  'prescriptions.interval': 'drug_interval',
  'prescriptions.usage_category': 'medication-usage-category',
  'prescriptions.request_intent': 'medication-request-intent',
  'immunizations.administration_site': 'immunization_administered_site',
  'immunizations.manufacturer': 'Immunization_Manufacturer',
  'immunizations.completion_status': 'Immunization_Completion_Status',
  'immunizations.information_source': 'immunization_informationsource',
  'procedure_order.order_priority': 'ord_priority',
  'procedure_order.order_status': 'ord_status',
  'procedure_order.procedure_order_type': 'order_type',
  'procedure_report.report_status': 'proc_rep_status',
  'procedure_result.result_status': 'proc_res_status',
  'procedure_result.abnormal': 'proc_res_abnormal',
} as const;

test.each(Object.entries(OPTION_COLUMNS))('%s holds only ids of the option list %s', async (path, list) => {
  const [table = '', column = ''] = path.split('.');
  const unknown = await rows(
    `SELECT DISTINCT t.?? AS value FROM ?? AS t
      WHERE t.?? IS NOT NULL AND t.?? <> ''
        AND NOT EXISTS (SELECT 1 FROM list_options AS o WHERE o.list_id = ? AND BINARY o.option_id = BINARY t.??)`,
    [column, table, column, column, list, column],
  );
  expect(unknown).toEqual([]);
});

test.each([
  [
    'a form without its encounter',
    'SELECT f.id FROM forms AS f LEFT JOIN form_encounter AS e ON e.encounter = f.encounter AND e.pid = f.pid WHERE e.id IS NULL',
  ],
  [
    'a vitals sheet without its forms row',
    "SELECT v.id FROM form_vitals AS v LEFT JOIN forms AS f ON f.form_id = v.id AND f.formdir = 'vitals' AND f.pid = v.pid WHERE f.id IS NULL",
  ],
  [
    'a report without its ordered code',
    'SELECT r.procedure_report_id FROM procedure_report AS r LEFT JOIN procedure_order_code AS c USING (procedure_order_id, procedure_order_seq) WHERE c.procedure_code IS NULL',
  ],
  [
    'a result without its report',
    'SELECT r.procedure_result_id FROM procedure_result AS r LEFT JOIN procedure_report AS p USING (procedure_report_id) WHERE p.procedure_report_id IS NULL',
  ],
  [
    'an ordered code the compendium does not hold exactly once',
    'SELECT c.procedure_order_id FROM procedure_order_code AS c JOIN procedure_order AS o USING (procedure_order_id) LEFT JOIN procedure_type AS t ON t.procedure_code = c.procedure_code AND t.lab_id = o.lab_id GROUP BY c.procedure_order_id, c.procedure_order_seq HAVING COUNT(t.procedure_type_id) <> 1',
  ],
  [
    'a list medication without its prescription',
    'SELECT m.id FROM lists_medication AS m LEFT JOIN prescriptions AS p ON p.id = m.prescription_id JOIN lists AS l ON l.id = m.list_id WHERE p.id IS NULL OR p.patient_id <> l.pid OR p.medication <> 1',
  ],
])('there is never %s', async (_, sql) => {
  expect(await rows(sql)).toEqual([]);
});

test('what is paid for a visit is posted in the session it came in, and never more than was charged', async () => {
  expect(
    await rows(
      `SELECT s.session_id FROM ar_session AS s JOIN ar_activity AS a USING (session_id)
        GROUP BY s.session_id, s.pay_total HAVING s.pay_total <> SUM(a.pay_amount)`,
    ),
  ).toEqual([]);
  const [account] = await rows(
    `SELECT COUNT(*) AS bills, MIN(charged - paid) AS least FROM (
       SELECT SUM(b.fee) AS charged,
              (SELECT COALESCE(SUM(a.pay_amount), 0) FROM ar_activity AS a
                WHERE a.pid = b.pid AND a.encounter = b.encounter) AS paid
         FROM billing AS b GROUP BY b.pid, b.encounter) AS visits`,
  );
  expect(Number(account?.bills)).toBeGreaterThan(1000);
  expect(Number(account?.least)).toBe(0);
});

test('times are the wall clock of the clinic, on both sides of a change to summer time', async () => {
  const [bundle] = readBundles(1);
  const chart = parseBundle(bundle);
  const expected = [...chart.encounters.values()].map(({ period }) =>
    toClinicDateTime(period.start, 'America/New_York'),
  );
  const found = await rows('SELECT date FROM form_encounter WHERE pid = (SELECT MIN(pid) FROM patient_data)');
  expect(found.map(({ date }) => String(date)).sort()).toEqual(expected.sort());
  const offsets = new Set(
    [...chart.encounters.values()].map(({ period }) => utcOffset(period.start, 'America/New_York')),
  );
  expect(offsets).toEqual(new Set(['-05:00', '-04:00']));
});

test('a bundle that is not one patient is refused and leaves no row', async () => {
  const [before] = await rows('SELECT COUNT(*) AS n FROM patient_data');
  await expect(
    loadBundle(db.connection, { resourceType: 'Bundle', type: 'transaction', entry: [] }, { portal: true }),
  ).rejects.toThrow('one Patient');
  await expect(loadBundle(db.connection, { resourceType: 'Patient' }, { portal: true })).rejects.toThrow();
  expect(await rows('SELECT COUNT(*) AS n FROM patient_data')).toEqual([before]);
});

test('uuids come later, as OpenEMR gives them, and move the columns that move by themselves', async () => {
  const uuids = 'SELECT COUNT(*) AS n, COUNT(uuid) AS given, COUNT(DISTINCT uuid) AS distinctly FROM procedure_result';
  const [before] = await rows(uuids);
  expect(before).toMatchObject({ given: 0, distinctly: 0 });
  await rows("UPDATE lists SET modifydate = '2020-01-01 00:00:00'");
  const { rows: given } = await assignUuids(db.connection);
  expect(given).toBeGreaterThan(1000);
  expect(await rows(uuids)).toEqual([{ n: before?.n, given: before?.n, distinctly: before?.n }]);
  expect(await rows("SELECT COUNT(*) AS n FROM lists WHERE modifydate = '2020-01-01 00:00:00'")).toEqual([{ n: 0 }]);
});
