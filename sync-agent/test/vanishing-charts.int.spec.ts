import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { bookAppointment } from 'infra/openemr-sim/clinic-appointments';
import { recordVitals, writeNote } from 'infra/openemr-sim/clinic-visits';
import { RENDERED_CLASSES, markDirty } from '../src/ledger/dirty.js';
import { GatewayClient } from '../src/gateway-client/gateway-client.js';
import { GatewayConnection } from '../src/gateway-client/gateway-connection.js';
import { createOpenEmrPool } from '../src/openemr/openemr-database.js';
import { allowVanishing } from '../src/reconcile/reconciliation.command.js';
import { readStatus } from '../src/replicate/read-status.js';
import { RecentChanges } from '../src/replicate/recent-changes.js';
import { replicateChart, type Outcome } from '../src/replicate/replicate-chart.js';
import { AgentUnderTest, STANDING_FEED } from './agent-under-test.js';

const STOPPED = { code: 'too-much-vanished', logLevel: 'error' };
const HELD = { code: 'whole-chart-vanished', logLevel: 'error' };
type ListType = 'allergy' | 'medical_problem' | 'medication';

describe('fewer than a hundred entries that vanish from OpenEMR', () => {
  let under: AgentUnderTest;
  let pool: ReturnType<typeof createOpenEmrPool>;
  let gateway: GatewayClient;
  let nextPid = 7000;
  const refs = new Map<number, string>();

  beforeAll(async () => {
    under = await AgentUnderTest.start('vanishing-charts');
    const { database, reader } = under.config;
    pool = createOpenEmrPool({ ...database, database: database.openemrName, ...reader });
    const connection = new GatewayConnection(under.config.gateway);
    gateway = new GatewayClient(connection, under.config.siteId, under.keys.statements, () => undefined);
  });

  afterEach(async () => {
    await under.ledger.query(
      'UPDATE reconciliation_state SET vanishing_stopped_at = NULL, vanishing_allowed_until = NULL WHERE id = 1',
    );
    for (const table of ['vanished', 'vanished_class', 'held_loss', 'chart_section']) {
      await under.ledger.query(`DELETE FROM ${table}`);
    }
  });

  afterAll(async () => {
    await gateway.close();
    await pool.end();
    await under[Symbol.asyncDispose]();
  });

  /** An invited patient who has nothing but these entries of the issue list, all in the portal. */
  async function patientWith(entries: Partial<Record<ListType, number>>): Promise<number> {
    nextPid += 1;
    const pid = nextPid;
    await under.clinic.query(
      `INSERT INTO patient_data SET id = ?, pid = ?, fname = 'Few', lname = 'Entries', sex = 'Female', DOB = '1980-01-01',
         allow_patient_portal = 'YES', providerID = 1`,
      [pid, pid],
    );
    await add(pid, entries);
    refs.set(pid, await under.invite(pid));
    expect(await replicate(pid)).toBe('pushed');
    return pid;
  }

  async function add(pid: number, entries: Partial<Record<ListType, number>>): Promise<void> {
    for (const [type, count] of Object.entries(entries)) {
      for (let n = 0; n < count; n += 1) {
        const title = `${type} no ${String(n)}`;
        await under.clinic.query('INSERT INTO lists SET pid = ?, type = ?, title = ?, activity = 1', [
          pid,
          type,
          title,
        ]);
      }
    }
  }

  async function remove(pid: number, type: ListType, title = '%'): Promise<void> {
    await under.clinic.query('DELETE FROM lists WHERE pid = ? AND type = ? AND title LIKE ?', [pid, type, title]);
  }

  async function replicate(pid: number): Promise<Outcome> {
    await markDirty(under.ledger.manager, pid, RENDERED_CLASSES);
    const recent = new RecentChanges();
    return replicateChart(
      {
        ...{ ledger: under.ledger, reader: pool, keys: under.keys, tables: under.tables, gateway, recent },
        feed: STANDING_FEED,
      },
      refs.get(pid) ?? '',
    );
  }

  async function shown(pid: number, section: 'allergies' | 'problems' | 'appointments'): Promise<number> {
    const stored = await under.stored(refs.get(pid) ?? '', section);
    return (stored?.sections.get(section) as { resources: unknown[] }).resources.length;
  }

  async function clinicalEntries(pid: number): Promise<Record<string, number>> {
    const rows: { recordClass: string; entries: string }[] = await under.ledger.query(
      `SELECT record_class AS recordClass, SUM(entries) AS entries FROM chart_section WHERE patient_ref = UNHEX(?)
          AND record_class NOT IN ('profile', 'practice') GROUP BY record_class HAVING SUM(entries) > 0`,
      [refs.get(pid) ?? ''],
    );
    return Object.fromEntries(rows.map(({ recordClass, entries }) => [recordClass, Number(entries)]));
  }

  const isStopped = async (): Promise<boolean> => (await readStatus(under.ledger.manager)).vanishingStopped;

  it('leave no chart without any clinical entry before a person has looked, in one render or table by table', async () => {
    const atOnce = await patientWith({ allergy: 2, medical_problem: 3, medication: 1 });
    await remove(atOnce, 'allergy');
    await remove(atOnce, 'medical_problem');
    await remove(atOnce, 'medication');
    await expect(replicate(atOnce)).rejects.toMatchObject(HELD);
    await expect(replicate(atOnce)).rejects.toMatchObject(HELD);
    expect(await shown(atOnce, 'allergies')).toBe(2);
    const { stops, vanishingStopped } = await readStatus(under.ledger.manager);
    expect([vanishingStopped, stops.join()]).toEqual([true, expect.stringContaining('--confirm-vanished --chart')]);

    // Nobody else waits, and nothing else is allowed by the confirmation.
    const other = await patientWith({ allergy: 2, medical_problem: 4 });
    await remove(other, 'allergy', '% no 1');
    expect(await replicate(other)).toBe('pushed');
    await expect(allowVanishing(under.ledger, refs.get(other) ?? '')).rejects.toMatchObject({ code: 'no-held-loss' });
    await allowVanishing(under.ledger, refs.get(atOnce) ?? '');
    await remove(other, 'allergy');
    await remove(other, 'medical_problem');
    await expect(replicate(other)).rejects.toMatchObject(HELD);
    expect(await replicate(atOnce)).toBe('pushed');
    expect(await shown(atOnce, 'allergies')).toBe(0);
    await allowVanishing(under.ledger);
    expect(await replicate(other)).toBe('pushed');
    expect(await isStopped()).toBe(false);

    // Once.
    await add(atOnce, { allergy: 2, medical_problem: 4 });
    expect(await replicate(atOnce)).toBe('pushed');
    await remove(atOnce, 'allergy');
    await remove(atOnce, 'medical_problem');
    await expect(replicate(atOnce)).rejects.toMatchObject(HELD);
    await add(atOnce, { allergy: 2, medical_problem: 4 });
    await replicate(atOnce);
    expect(await isStopped()).toBe(false);

    const byTable = await patientWith({ allergy: 2, medical_problem: 4 });
    await remove(byTable, 'allergy');
    expect(await replicate(byTable)).toBe('pushed');
    await remove(byTable, 'medical_problem', '% no 0');
    expect(await replicate(byTable)).toBe('pushed');
    await remove(byTable, 'medical_problem');
    await expect(replicate(byTable)).rejects.toMatchObject(HELD);
    await under.ledger.query('DELETE FROM vanished_class');
    await expect(replicate(byTable)).rejects.toMatchObject(HELD);
    expect(await shown(byTable, 'problems')).toBe(3);
  });

  it('leave no chart without a long list that was all it had', async () => {
    const pid = await patientWith({ medical_problem: 40 });
    await remove(pid, 'medical_problem');
    await expect(replicate(pid)).rejects.toMatchObject(HELD);
    expect(await shown(pid, 'problems')).toBe(40);
  });

  it('leave no chart without clinical entries for as many appointments that came meanwhile', async () => {
    const pid = await patientWith({ allergy: 2, medical_problem: 3 });
    await remove(pid, 'allergy');
    await remove(pid, 'medical_problem');
    for (let n = 0; n < 6; n += 1) {
      await bookAppointment(under.clinic, {
        pid,
        date: `2031-11-1${String(n)}`,
        time: '10:00',
        minutes: 15,
        title: 'Visit',
      });
    }
    await expect(replicate(pid)).rejects.toMatchObject(HELD);
    expect([await shown(pid, 'allergies'), await shown(pid, 'problems')]).toEqual([2, 3]);
  });

  it('call nobody for the only visit of a patient, which is many entries of several classes', async () => {
    const pid = await patientWith({});
    const encounter = 990_000 + pid;
    await under.clinic.query(
      `INSERT INTO form_encounter SET encounter = ?, pid = ?, date = '2026-07-01 08:00:00', reason = 'first visit',
         facility_id = 3, provider_id = 1`,
      [encounter, pid],
    );
    await under.clinic.query(
      `INSERT INTO forms (date, encounter, form_name, form_id, pid, user, groupname, authorized, formdir)
        SELECT date, encounter, 'New Patient Encounter', id, pid, 'admin', 'Default', 1, 'newpatient'
          FROM form_encounter WHERE encounter = ?`,
      [encounter],
    );
    await recordVitals(under.clinic, { pid, systolic: 120, diastolic: 80, pulse: 70, weight: 150, note: '' });
    await writeNote(under.clinic, { pid, text: 'well', type: 'progress_note', category: '' });
    expect(await replicate(pid)).toBe('pushed');
    const before = await clinicalEntries(pid);
    expect(Object.keys(before)).toEqual(expect.arrayContaining(['encounters', 'notes', 'vitals']));
    expect(Object.values(before).reduce((sum, entries) => sum + entries, 0)).toBeGreaterThan(5);
    // As the delete screen of a visit.
    await under.clinic.query('UPDATE forms SET deleted = 1 WHERE encounter = ?', [encounter]);
    await under.clinic.query('DELETE FROM form_encounter WHERE encounter = ?', [encounter]);
    expect(await replicate(pid)).toBe('pushed');
    expect([await clinicalEntries(pid), await isStopped()]).toEqual([{}, false]);
  });

  it('call nobody for a correction: one wrong entry, a visit, a panel, also of the only ones that a chart had', async () => {
    const one = await patientWith({ allergy: 1 });
    await remove(one, 'allergy');
    const some = await patientWith({ allergy: 3, medical_problem: 1 });
    await remove(some, 'allergy', '% no 1');
    await remove(some, 'medical_problem');
    const visit = await patientWith({ allergy: 1, medical_problem: 1 });
    await remove(visit, 'medical_problem');
    const panel = await patientWith({ medication: 20 });
    await remove(panel, 'medication');
    for (const pid of [one, some, visit, panel]) {
      expect(await replicate(pid)).toBe('pushed');
    }
    expect([await shown(one, 'allergies'), await shown(some, 'allergies'), await isStopped()]).toEqual([0, 2, false]);
  });

  it('do not leave one class empty in several charts of a small practice', async () => {
    const pids: number[] = [];
    for (let n = 0; n < 4; n += 1) {
      pids.push(await patientWith({ allergy: 1, medical_problem: 2 }));
    }
    await under.clinic.query("DELETE FROM lists WHERE type = 'allergy' AND pid IN (?)", [pids]);
    const outcomes = [];
    for (const pid of pids) {
      outcomes.push(await replicate(pid).catch((failure: unknown) => (failure as { code: string }).code));
    }
    expect(outcomes).toEqual(['pushed', 'pushed', STOPPED.code, STOPPED.code]);
    expect(await Promise.all(pids.map((pid) => shown(pid, 'allergies')))).toEqual([0, 0, 1, 1]);

    // What went out before it was known comes back with OpenEMR's rows, and what waits is not lost.
    for (const pid of pids) {
      await add(pid, { allergy: 1 });
      await replicate(pid);
    }
    expect(await Promise.all(pids.map((pid) => shown(pid, 'allergies')))).toEqual([1, 1, 1, 1]);
  });

  it('do not count a class as empty that OpenEMR wrote anew in two steps', async () => {
    for (let n = 0; n < 4; n += 1) {
      const pid = await patientWith({ allergy: 1, medical_problem: 2 });
      await remove(pid, 'allergy');
      expect(await replicate(pid)).toBe('pushed');
      await add(pid, { allergy: 1 });
      expect(await replicate(pid)).toBe('pushed');
    }
    expect(await isStopped()).toBe(false);
  });

  it('let a few appointments of a small practice go', async () => {
    const pids: number[] = [];
    for (let n = 0; n < 4; n += 1) {
      const pid = await patientWith({ allergy: 1 });
      await bookAppointment(under.clinic, { pid, date: '2031-11-20', time: '10:00', minutes: 15, title: 'Visit' });
      expect(await replicate(pid)).toBe('pushed');
      pids.push(pid);
    }
    await under.clinic.query('DELETE FROM openemr_postcalendar_events WHERE pc_pid IN (?)', [pids.map(String)]);
    for (const pid of pids) {
      expect(await replicate(pid)).toBe('pushed');
    }
  });

  it('let appointments of several charts age out, and not those of most', async () => {
    const pids: number[] = [];
    for (let n = 0; n < 8; n += 1) {
      const pid = await patientWith({ allergy: 1 });
      await bookAppointment(under.clinic, { pid, date: '2031-11-20', time: '10:00', minutes: 15, title: 'Visit' });
      expect(await replicate(pid)).toBe('pushed');
      pids.push(pid);
    }
    await under.clinic.query('DELETE FROM openemr_postcalendar_events WHERE pc_pid IN (?)', [pids.map(String)]);
    const outcomes = [];
    for (const pid of pids) {
      outcomes.push(await replicate(pid).catch((failure: unknown) => (failure as { code: string }).code));
    }
    expect(outcomes).toEqual([
      ...Array.from({ length: 4 }, () => 'pushed'),
      ...Array.from({ length: 4 }, () => STOPPED.code),
    ]);
  });
});
