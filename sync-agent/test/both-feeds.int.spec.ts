import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Connection } from 'mysql2/promise';
import { z } from 'zod';
import { newResult } from 'infra/openemr-sim/clinic-labs';
import { addMedication } from 'infra/openemr-sim/clinic-medications';
import { changeDemographics, setPortal } from 'infra/openemr-sim/clinic-patients';
import { chartAsOf, sectionAsOf, type HeldTimes } from 'sync-contract/claimed-time';
import { deriveClassKey, sectionId } from 'sync-contract/section';
import { Chart } from '../src/ledger/chart.entity.js';
import { Patient } from '../src/ledger/patient.entity.js';
import { writeClockMarker } from '../src/replicate/clock-marker.js';
import { readCurrency } from '../src/replicate/currency.js';
import { AgentUnderTest, openClinic, until } from './agent-under-test.js';

const PID = 5005;
const OTHER_PID = 5006;

/**
 * What a clinic may rely on whichever way its changes are noticed: once a chart claims to be current as of a commit, it shows
 * what was committed. No test waits for the change itself, only for the claim. A row that goes from one patient to another is
 * known as such by the binlog only (`moved-rows-cases.ts`); what polling makes of it is in `polling.int.spec.ts`.
 */
describe.each(['binlog', 'polling'] as const)('by %s, a chart that claims a commit', (feed) => {
  let under: AgentUnderTest;
  let second: Connection;
  let patientRef: string;
  let otherRef: string;

  beforeAll(async () => {
    under = await AgentUnderTest.start(`both_${feed}`, { feed });
    second = await openClinic(under.zones, under.databases.openemr);
    patientRef = await under.invite(PID);
    otherRef = await under.invite(OTHER_PID);
    await under.startAgent();
    for (const ref of [patientRef, otherRef]) {
      await until('the chart is pushed', async () => (await under.stored(ref)) !== null);
    }
  });

  afterAll(async () => {
    second.destroy();
    await under[Symbol.asyncDispose]();
  });

  const clock = async (): Promise<string> => {
    const [rows] = await under.clinic.query("SELECT DATE_FORMAT(UTC_TIMESTAMP(6), '%Y-%m-%dT%H:%i:%s.%f') AS at");
    const [{ at }] = z.tuple([z.object({ at: z.string() })]).parse(rows);
    return `${at.slice(0, 23)}Z`;
  };
  /** The chart as the DMZ has it when it claims all that is committed now. */
  const claiming = async (ref = patientRef): Promise<string> => {
    const committed = await clock();
    await until('the chart claims the commit', async () => {
      if (feed === 'binlog') {
        await writeClockMarker(under.ledger);
      }
      const currency = await readCurrency(under.ledger.manager);
      return (currency?.exceptions.get(ref) ?? currency?.practice ?? '') > committed;
    });
    return JSON.stringify([...((await under.stored(ref))?.sections ?? [])]);
  };
  const idOf = async (name: 'profile' | 'results'): Promise<string> => {
    const { epoch, chartKeyWrapped } = await under.ledger.manager.findOneByOrFail(Chart, { patientRef });
    return sectionId(deriveClassKey(under.keys.unwrapChartKey(patientRef, epoch, chartKeyWrapped), name), name);
  };
  const commit = async (sql: string, values: unknown[] = [], ref = patientRef): Promise<string> => {
    await under.clinic.query(sql, values);
    return claiming(ref);
  };

  it('has a new row, its change and its deletion', async () => {
    const { prescriptionId } = await addMedication(under.clinic, {
      pid: PID,
      drug: 'Quixotazole 5 MG Oral Tablet',
      onList: false,
    });
    expect(await claiming()).toContain('Quixotazole 5');
    expect(
      await commit("UPDATE prescriptions SET drug = 'Quixotazole 7 MG Oral Tablet' WHERE id = ?", [prescriptionId]),
    ).toContain('Quixotazole 7');
    expect(await commit('DELETE FROM prescriptions WHERE id = ?', [prescriptionId])).not.toContain('Quixotazole');
  });

  it('has the new name of a provider whom it shows', async () => {
    expect(
      await commit(
        "UPDATE users SET lname = 'Zwischenstein' WHERE id = (SELECT providerID FROM patient_data WHERE pid = ?)",
        [PID],
      ),
    ).toContain('Zwischenstein');
  });

  it('has new rows that do not say whose they are, and their changes', async () => {
    await newResult(under.clinic, { pid: PID, loinc: '2345-7', name: 'Glucose', value: '71.37', units: 'mg/dL' });
    expect(await claiming()).toContain('71.37');
    expect(await commit("UPDATE procedure_result SET result = '72.48' WHERE result = '71.37'")).toContain('72.48');
  });

  it('has what a transaction changed that began early and committed late, among others', async () => {
    await second.beginTransaction();
    await second.query("UPDATE patient_data SET street = '1 Long Way' WHERE pid = ?", [PID]);
    expect(
      await commit("UPDATE patient_data SET street = '2 Short Way' WHERE pid = ?", [OTHER_PID], otherRef),
    ).toContain('2 Short Way');
    expect(await claiming()).not.toContain('1 Long Way');
    await second.commit();
    expect(await claiming()).toContain('1 Long Way');
  });

  it('has what happened while the agent was off, and while its connections to OpenEMR died', async () => {
    await under.stopAgent();
    await changeDemographics(under.clinic, { pid: PID, phoneHome: '555-0177-88' });
    await under.startAgent();
    expect(await claiming()).toContain('555-0177-88');
    const sessions = await under.zones.inside.adminSql(
      "SELECT ID AS id FROM information_schema.processlist WHERE USER IN ('agent_feed', 'agent_reader')",
    );
    for (const { id } of sessions) {
      // One may have ended by itself.
      await under.zones.inside.adminSql(`KILL ${String(id)}`).catch(() => undefined);
    }
    await changeDemographics(under.clinic, { pid: PID, phoneCell: '555-0199-11' });
    expect(await claiming()).toContain('555-0199-11');
  });

  it('does not claim it for a class that cannot be read, whatever is pushed of others', async () => {
    const BEYOND = '9007199254740993';
    await under.clinic.query(`INSERT INTO procedure_order SET patient_id = ?, activity = 1, provider_id = ${BEYOND}`, [
      PID,
    ]);
    const committed = await clock();
    for (const street of ['7 Partial Way', '8 Partial Way']) {
      await until('the clock moves', async () => (await clock()) > committed);
      await changeDemographics(under.clinic, { pid: PID, street });
      await until('the profile is pushed', async () =>
        JSON.stringify((await under.stored(patientRef, 'profile'))?.sections.get('profile')).includes(street),
      );
      if (feed === 'binlog') {
        await writeClockMarker(under.ledger);
      }
      const manifest = (await under.stored(patientRef, 'profile'))?.manifest;
      const currency = await readCurrency(under.ledger.manager);
      const t = currency?.exceptions.get(patientRef) ?? currency?.practice ?? '';
      const entries = manifest?.sections ?? [];
      const held: HeldTimes = { madeAt: manifest?.asOf ?? '', receivedAt: Date.now(), t, now: Date.now() };
      const asOf = async (name: 'profile' | 'results'): Promise<string> => {
        const id = await idOf(name);
        return sectionAsOf(entries.find((entry) => entry.id === id) ?? { asOf: '' }, held) ?? '';
      };
      expect((chartAsOf(entries, held) ?? '') < committed).toBe(true);
      expect((await asOf('results')) < committed).toBe(true);
      expect((await asOf('profile')) > committed).toBe(true);
      // The control: the time of the push would be caught if it spoke for every section.
      expect((manifest?.asOf ?? '') > committed).toBe(true);
    }
    await under.clinic.query(`DELETE FROM procedure_order WHERE provider_id = ${BEYOND}`);
    await claiming();
  });

  it('has lost what a TRUNCATE took', async () => {
    await addMedication(under.clinic, { pid: PID, drug: 'Truncatol 1 MG Oral Tablet', onList: false });
    expect(await claiming()).toContain('Truncatol');
    expect(await commit('TRUNCATE TABLE prescriptions')).not.toContain('Truncatol');
  });

  it('is revoked when the clinic bars the patient', async () => {
    await setPortal(under.clinic, { pid: OTHER_PID, allow: 'NO' });
    await until('the access has ended', async () => {
      const { state } = await under.ledger.manager.findOneByOrFail(Patient, { pid: OTHER_PID });
      return state === 'revoked';
    });
  });
});
