import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { loadGoldenRows } from 'infra/openemr-sim/load-golden';
import { readSimJson } from 'infra/openemr-sim/sim-data';
import { z } from 'zod';
import { canonicalJson } from 'sync-contract/canonical-json';
import { BillingContent, ResourcesContent, type Resource } from 'sync-contract/section-content';
import { renderChart } from '../src/chart/render-chart.js';
import { ChartUnderTest } from './chart-under-test.js';

const CHILD = 5001;
const OTHER = 5002;
const SCRIPT = '<script>alert(1)</script>';
const Facts = z.object({
  patient_balance: z.record(
    z.string(),
    z.object({ 'get_patient_balance(pid)': z.string(), 'get_patient_balance(pid,true)': z.string() }),
  ),
});

let chart: ChartUnderTest;
beforeAll(async () => {
  chart = await ChartUnderTest.start('chart_practice');
  await loadGoldenRows(chart.clinic);
});
afterAll(async () => {
  await chart[Symbol.asyncDispose]();
});

async function content(name: 'billing' | 'practice', pid: number): Promise<unknown> {
  const rows = await chart.read(pid, [name]);
  return renderChart(rows, chart.context(rows)).find((section) => section.name === name)?.content;
}
const billingOf = async (pid = CHILD): Promise<BillingContent> => BillingContent.parse(await content('billing', pid));
const practiceOf = async (pid = CHILD): Promise<Resource[]> =>
  ResourcesContent.parse(await content('practice', pid)).resources;

/** As a person adds up a statement, in cents. */
const total = (amounts: readonly { amount: string }[]): number =>
  amounts.reduce((sum, { amount }) => sum + Math.round(Number(amount) * 100), 0);
const inCents = (amount: string): number => Math.round(Number(amount) * 100);

describe('billing', () => {
  beforeEach(async () => {
    await chart.clinic.query('DELETE FROM billing WHERE id > 50000');
    await chart.clinic.query('DELETE FROM ar_activity WHERE sequence_no > 900');
    await chart.clinic.query('DELETE FROM form_encounter WHERE encounter > 50000');
  });
  const visit = (encounter: number, columns: Record<string, string | number | null> = {}): Promise<unknown> =>
    chart.clinic.query('INSERT INTO form_encounter SET ?', [
      { encounter, pid: CHILD, date: '2010-07-01 08:00:00', facility_id: 3, last_level_closed: 0, ...columns },
    ]);
  const charge = (id: number, encounter: number, columns: Record<string, string | number | null>): Promise<unknown> =>
    chart.clinic.query('INSERT INTO billing SET ?', [
      { id, encounter, pid: CHILD, code_type: 'CPT4', activity: 1, units: 1, ...columns },
    ]);
  const posting = (encounter: number, columns: Record<string, string | number | null>): Promise<unknown> =>
    chart.clinic.query('INSERT INTO ar_activity SET ?', [
      {
        ...{ pid: CHILD, encounter, sequence_no: 901, code: '', payer_type: 0, post_time: '2010-07-02 08:00:00' },
        ...{
          post_user: 1,
          session_id: 0,
          pay_amount: 0,
          adj_amount: 0,
          modified_time: '2010-07-02 08:00:00',
          ...columns,
        },
      },
    ]);
  /** The visit of this test: no recorded one was on that day. */
  const shown = async (): Promise<BillingContent['statements']> => {
    return (await billingOf()).statements.filter(({ date }) => date?.startsWith('2010-07-01') === true);
  };

  it.each(Object.entries(Facts.parse(readSimJson('golden/facts.json')).patient_balance))(
    'of %s has the balances that OpenEMR itself computed',
    async (pid, expected) => {
      expect(await billingOf(Number(pid))).toMatchObject({
        balance: expected['get_patient_balance(pid)'],
        balanceWithInsurance: expected['get_patient_balance(pid,true)'],
      });
    },
  );

  it('adds up: every statement by its lines, and the balance by the statements', async () => {
    for (const pid of [CHILD, OTHER, 5009]) {
      const { balance, balanceWithInsurance, statements } = await billingOf(pid);
      expect(statements.length).toBeGreaterThan(2);
      for (const { charges, payments, adjustments, charged, paid, adjusted, open } of statements) {
        expect([total(charges), total(payments), total(adjustments)]).toEqual([charged, paid, adjusted].map(inCents));
        expect(inCents(open)).toBe(inCents(charged) - inCents(paid) - inCents(adjusted));
      }
      expect(statements.reduce((sum, { due }) => sum + inCents(due), 0)).toBe(inCents(balance));
      expect(statements.reduce((sum, { open }) => sum + inCents(open), 0)).toBe(inCents(balanceWithInsurance));
    }
  });

  it('shows charges, payments and adjustments of a visit, with who paid and how', async () => {
    const [statement] = (await billingOf(5009)).statements.filter(({ adjusted }) => adjusted !== '0.00');
    expect(statement).toMatchObject({
      withInsurer: true,
      charges: [{ code: '99213', text: 'Office visit, established, 20-29 min', units: 1, amount: '110.00' }],
      payments: [{ date: '2026-10-10', from: 'insurance', method: 'check_payment', amount: '60.00' }],
      adjustments: [{ date: '2026-10-10', amount: '15.50' }],
      open: '34.50',
      due: '0.00',
    });
  });

  it('has an old copay as a payment, and neither struck charges nor deleted postings', async () => {
    await visit(50_001);
    await charge(50_001, 50_001, { fee: 80, code_text: SCRIPT, code: '1' });
    await charge(50_002, 50_001, { fee: -20, code_type: 'COPAY' });
    await charge(50_003, 50_001, { fee: 1000, activity: 0 });
    await charge(50_004, 50_001, { fee: 1000, pid: OTHER });
    await posting(50_001, { pay_amount: 1000, deleted: '2010-07-03 08:00:00' });
    expect(await shown()).toMatchObject([
      {
        charges: [{ text: SCRIPT, amount: '80.00' }],
        payments: [{ from: 'patient', amount: '20.00' }],
        charged: '80.00',
        paid: '20.00',
        due: '60.00',
        withInsurer: false,
      },
    ]);
  });

  it('asks for the copay alone while an insurer has yet to settle, and for all that is open afterwards', async () => {
    const insure = (columns: Record<string, string | null>): Promise<unknown> =>
      chart.clinic.query('REPLACE INTO insurance_data SET ?', [
        { id: 50_001, pid: CHILD, type: 'primary', provider: '9101', date: '2010-01-01', ...columns },
      ]);
    await visit(50_001);
    await charge(50_001, 50_001, { fee: 80, code: '1' });
    await posting(50_001, { pay_amount: 15 });
    const due = async (): Promise<unknown> => (await shown()).map((each) => [each.withInsurer, each.due]);
    try {
      await insure({ date_end: '2010-12-31' });
      expect(await due()).toEqual([[true, '-15.00']]);
      await insure({ date_end: '2010-06-30' });
      expect(await due()).toEqual([[false, '65.00']]);
      await insure({ date_end: '0000-00-00', date: null });
      expect(await due()).toEqual([[true, '-15.00']]);
      await insure({ provider: '' });
      expect(await due()).toEqual([[false, '65.00']]);
      await insure({});
      await chart.clinic.query('UPDATE form_encounter SET last_level_closed = 1 WHERE encounter = 50001');
      expect(await due()).toEqual([[false, '65.00']]);
    } finally {
      await chart.clinic.query('DELETE FROM insurance_data WHERE id = 50001');
    }
  });

  it('is the same to the cent with very large and very small amounts', async () => {
    await visit(50_001);
    await charge(50_001, 50_001, { fee: '9999999999.99', code: '1' });
    await posting(50_001, { pay_amount: '0.01', adj_amount: '0.10' });
    expect(await shown()).toMatchObject([{ charged: '9999999999.99', open: '9999999999.88' }]);
  });
});

describe('the practice', () => {
  const named = (resources: readonly Resource[], type: string): Resource[] =>
    resources.filter(({ resourceType }) => resourceType === type);

  it('is the same in every chart, byte for byte', async () => {
    expect(canonicalJson(await practiceOf(OTHER))).toBe(canonicalJson(await practiceOf(CHILD)));
  });

  it('has its sites, the main one first, its clinicians, and who receives messages', async () => {
    const resources = await practiceOf();
    expect(named(resources, 'Location').map(({ name }) => name)).toEqual([
      'Riverbend Clinic (synthetic)',
      'Riverbend North Annex (synthetic)',
    ]);
    expect(named(resources, 'HealthcareService')).toMatchObject([{ active: true, name: 'Portal messages' }]);
    const recipients = named(resources, 'PractitionerRole').map(({ practitioner }) => JSON.stringify(practitioner));
    expect(recipients.some((each) => each.includes('Hannah M Greene, MD'))).toBe(true);
    expect(JSON.stringify(named(resources, 'Practitioner'))).toContain('Family Medicine');
    expect(JSON.stringify(resources)).not.toMatch(/drgreene|riverbend\.example|Patient Portal User/);
  });

  it('shows nobody who is away and no site that is closed, and closes messages with OpenEMR’s switch', async () => {
    const set = async (sql: string): Promise<void> => {
      await chart.clinic.query(sql);
    };
    await set('UPDATE users SET active = 0 WHERE id = 101');
    await set('UPDATE facility SET inactive = 1 WHERE id = 14');
    await set("UPDATE globals SET gl_value = '0' WHERE gl_name = 'portal_onsite_two_enable'");
    try {
      const resources = await practiceOf();
      expect(JSON.stringify(resources)).not.toMatch(/Greene|Annex/);
      expect(named(resources, 'HealthcareService')).toMatchObject([{ active: false }]);
      const { sources } = await chart.read(CHILD, ['practice']);
      // Their coming back is a change of rows that every chart is known to use.
      expect(sources.map(({ table, key }) => `${table} ${key}`)).toEqual(
        expect.arrayContaining(['users 101', 'facility 14']),
      );
    } finally {
      await set('UPDATE users SET active = 1 WHERE id = 101');
      await set('UPDATE facility SET inactive = 0 WHERE id = 14');
      await set("UPDATE globals SET gl_value = '1' WHERE gl_name = 'portal_onsite_two_enable'");
    }
  });
});
