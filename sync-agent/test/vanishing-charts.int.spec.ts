import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { bookAppointment } from 'infra/openemr-sim/clinic-appointments';
import { recordVitals, writeNote } from 'infra/openemr-sim/clinic-visits';
import { allowVanishing } from '../src/replicate/allow-vanishing.js';
import { readStatus } from '../src/replicate/read-status.js';
import type { AgentUnderTest } from './agent-under-test.js';
import { ListsUnderTest } from './lists-under-test.js';

const STOPPED = { code: 'too-much-vanished', logLevel: 'error' };
const HELD = { code: 'whole-chart-vanished', logLevel: 'error' };

describe('fewer than a hundred entries that vanish from OpenEMR', () => {
  let lists: ListsUnderTest;
  let under: AgentUnderTest;

  beforeAll(async () => {
    lists = await ListsUnderTest.start('vanishing-charts');
    ({ under } = lists);
  });

  afterEach(() => lists.forget());

  afterAll(() => lists[Symbol.asyncDispose]());

  async function clinicalEntries(pid: number): Promise<Record<string, number>> {
    const rows: { recordClass: string; entries: string }[] = await under.ledger.query(
      `SELECT record_class AS recordClass, SUM(entries) AS entries FROM chart_section WHERE patient_ref = UNHEX(?)
          AND record_class NOT IN ('profile', 'practice') GROUP BY record_class HAVING SUM(entries) > 0`,
      [lists.refOf(pid)],
    );
    return Object.fromEntries(rows.map(({ recordClass, entries }) => [recordClass, Number(entries)]));
  }

  it('leave no chart without any clinical entry before a person has looked, in one render or table by table', async () => {
    const atOnce = await lists.patientWith({ allergy: 2, medical_problem: 3, medication: 1 });
    await lists.remove(atOnce, 'allergy');
    await lists.remove(atOnce, 'medical_problem');
    await lists.remove(atOnce, 'medication');
    await expect(lists.replicate(atOnce)).rejects.toMatchObject(HELD);
    await expect(lists.replicate(atOnce)).rejects.toMatchObject(HELD);
    expect(await lists.shown(atOnce, 'allergies')).toBe(2);
    const { stops, vanishingStopped } = await readStatus(under.ledger.manager);
    expect([vanishingStopped, stops.join()]).toEqual([true, expect.stringContaining('--confirm-vanished --chart')]);

    // Nobody else waits, and nothing else is allowed by the confirmation.
    const other = await lists.patientWith({ allergy: 2, medical_problem: 4 });
    await lists.remove(other, 'allergy', '% no 1');
    expect(await lists.replicate(other)).toBe('pushed');
    await expect(allowVanishing(under.ledger, lists.refOf(other))).rejects.toMatchObject({ code: 'no-held-loss' });
    await allowVanishing(under.ledger, lists.refOf(atOnce));
    await lists.remove(other, 'allergy');
    await lists.remove(other, 'medical_problem');
    await expect(lists.replicate(other)).rejects.toMatchObject(HELD);
    expect(await lists.replicate(atOnce)).toBe('pushed');
    expect(await lists.shown(atOnce, 'allergies')).toBe(0);
    await allowVanishing(under.ledger);
    expect(await lists.replicate(other)).toBe('pushed');
    expect(await lists.isStopped()).toBe(false);

    // Once.
    await lists.add(atOnce, { allergy: 2, medical_problem: 4 });
    expect(await lists.replicate(atOnce)).toBe('pushed');
    await lists.remove(atOnce, 'allergy');
    await lists.remove(atOnce, 'medical_problem');
    await expect(lists.replicate(atOnce)).rejects.toMatchObject(HELD);
    await lists.add(atOnce, { allergy: 2, medical_problem: 4 });
    await lists.replicate(atOnce);
    expect(await lists.isStopped()).toBe(false);

    const byTable = await lists.patientWith({ allergy: 2, medical_problem: 4 });
    await lists.remove(byTable, 'allergy');
    expect(await lists.replicate(byTable)).toBe('pushed');
    await lists.remove(byTable, 'medical_problem', '% no 0');
    expect(await lists.replicate(byTable)).toBe('pushed');
    await lists.remove(byTable, 'medical_problem');
    await expect(lists.replicate(byTable)).rejects.toMatchObject(HELD);
    await under.ledger.query('DELETE FROM vanished_class');
    await expect(lists.replicate(byTable)).rejects.toMatchObject(HELD);
    expect(await lists.shown(byTable, 'problems')).toBe(3);
  });

  it('leave no chart without a long list that was all it had', async () => {
    const pid = await lists.patientWith({ medical_problem: 40 });
    await lists.remove(pid, 'medical_problem');
    await expect(lists.replicate(pid)).rejects.toMatchObject(HELD);
    expect(await lists.shown(pid, 'problems')).toBe(40);
  });

  it('leave no chart without clinical entries for as many appointments that came meanwhile', async () => {
    const pid = await lists.patientWith({ allergy: 2, medical_problem: 3 });
    await lists.remove(pid, 'allergy');
    await lists.remove(pid, 'medical_problem');
    for (let n = 0; n < 6; n += 1) {
      await bookAppointment(under.clinic, {
        pid,
        date: `2031-11-1${String(n)}`,
        time: '10:00',
        minutes: 15,
        title: 'Visit',
      });
    }
    await expect(lists.replicate(pid)).rejects.toMatchObject(HELD);
    expect([await lists.shown(pid, 'allergies'), await lists.shown(pid, 'problems')]).toEqual([2, 3]);
  });

  it('call nobody for the only visit of a patient, which is many entries of several classes', async () => {
    const pid = await lists.patientWith({});
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
    expect(await lists.replicate(pid)).toBe('pushed');
    const before = await clinicalEntries(pid);
    expect(Object.keys(before)).toEqual(expect.arrayContaining(['encounters', 'notes', 'vitals']));
    expect(Object.values(before).reduce((sum, entries) => sum + entries, 0)).toBeGreaterThan(5);
    // As the delete screen of a visit.
    await under.clinic.query('UPDATE forms SET deleted = 1 WHERE encounter = ?', [encounter]);
    await under.clinic.query('DELETE FROM form_encounter WHERE encounter = ?', [encounter]);
    expect(await lists.replicate(pid)).toBe('pushed');
    expect([await clinicalEntries(pid), await lists.isStopped()]).toEqual([{}, false]);
  });

  it('call nobody for a correction: one wrong entry, a visit, a panel, also of the only ones that a chart had', async () => {
    const one = await lists.patientWith({ allergy: 1 });
    await lists.remove(one, 'allergy');
    const some = await lists.patientWith({ allergy: 3, medical_problem: 1 });
    await lists.remove(some, 'allergy', '% no 1');
    await lists.remove(some, 'medical_problem');
    const visit = await lists.patientWith({ allergy: 1, medical_problem: 1 });
    await lists.remove(visit, 'medical_problem');
    const panel = await lists.patientWith({ medication: 20 });
    await lists.remove(panel, 'medication');
    for (const pid of [one, some, visit, panel]) {
      expect(await lists.replicate(pid)).toBe('pushed');
    }
    expect([
      await lists.shown(one, 'allergies'),
      await lists.shown(some, 'allergies'),
      await lists.isStopped(),
    ]).toEqual([0, 2, false]);
  });

  it('do not leave one class empty in several charts of a small practice', async () => {
    const pids: number[] = [];
    for (let n = 0; n < 4; n += 1) {
      pids.push(await lists.patientWith({ allergy: 1, medical_problem: 2 }));
    }
    await under.clinic.query("DELETE FROM lists WHERE type = 'allergy' AND pid IN (?)", [pids]);
    const outcomes = [];
    for (const pid of pids) {
      outcomes.push(await lists.outcomeOf(pid));
    }
    expect(outcomes).toEqual(['pushed', 'pushed', STOPPED.code, STOPPED.code]);
    expect(await Promise.all(pids.map((pid) => lists.shown(pid, 'allergies')))).toEqual([0, 0, 1, 1]);

    // What went out before it was known comes back with OpenEMR's rows, and what waits is not lost.
    for (const pid of pids) {
      await lists.add(pid, { allergy: 1 });
      await lists.replicate(pid);
    }
    expect(await Promise.all(pids.map((pid) => lists.shown(pid, 'allergies')))).toEqual([1, 1, 1, 1]);
  });

  it('do not count a class as empty that OpenEMR wrote anew in two steps', async () => {
    for (let n = 0; n < 4; n += 1) {
      const pid = await lists.patientWith({ allergy: 1, medical_problem: 2 });
      await lists.remove(pid, 'allergy');
      expect(await lists.replicate(pid)).toBe('pushed');
      await lists.add(pid, { allergy: 1 });
      expect(await lists.replicate(pid)).toBe('pushed');
    }
    expect(await lists.isStopped()).toBe(false);
  });

  it('let a few appointments of a small practice go', async () => {
    const pids: number[] = [];
    for (let n = 0; n < 4; n += 1) {
      const pid = await lists.patientWith({ allergy: 1 });
      await bookAppointment(under.clinic, { pid, date: '2031-11-20', time: '10:00', minutes: 15, title: 'Visit' });
      expect(await lists.replicate(pid)).toBe('pushed');
      pids.push(pid);
    }
    await under.clinic.query('DELETE FROM openemr_postcalendar_events WHERE pc_pid IN (?)', [pids.map(String)]);
    for (const pid of pids) {
      expect(await lists.replicate(pid)).toBe('pushed');
    }
  });

  it('let appointments of several charts age out, and not those of most', async () => {
    const pids: number[] = [];
    for (let n = 0; n < 8; n += 1) {
      const pid = await lists.patientWith({ allergy: 1 });
      await bookAppointment(under.clinic, { pid, date: '2031-11-20', time: '10:00', minutes: 15, title: 'Visit' });
      expect(await lists.replicate(pid)).toBe('pushed');
      pids.push(pid);
    }
    await under.clinic.query('DELETE FROM openemr_postcalendar_events WHERE pc_pid IN (?)', [pids.map(String)]);
    const outcomes = [];
    for (const pid of pids) {
      outcomes.push(await lists.outcomeOf(pid));
    }
    expect(outcomes).toEqual([
      ...Array.from({ length: 4 }, () => 'pushed'),
      ...Array.from({ length: 4 }, () => STOPPED.code),
    ]);
  });
});
