import { beforeAll, describe, expect, it } from '@jest/globals';
import { addDocument } from 'infra/openemr-sim/clinic-documents';
import { newResult } from 'infra/openemr-sim/clinic-labs';
import { addMedication } from 'infra/openemr-sim/clinic-medications';
import { bookAppointment } from 'infra/openemr-sim/clinic-appointments';
import { mergePatients, moveRow } from 'infra/openemr-sim/clinic-moves';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freezePatient } from '../src/enrol/freeze-patient.js';
import { endAccess, readDecided } from '../src/enrol/patients.command.js';
import { GatewayClient } from '../src/gateway-client/gateway-client.js';
import { GatewayConnection } from '../src/gateway-client/gateway-connection.js';
import { Chart } from '../src/ledger/chart.entity.js';
import { markDirty } from '../src/ledger/dirty.js';
import { PatientDecision } from '../src/ledger/patient-decision.entity.js';
import { createOpenEmrPool } from '../src/openemr/openemr-database.js';
import type { FeedProgress } from '../src/replicate/await-feed.js';
import { writeClockMarker } from '../src/replicate/clock-marker.js';
import { RecentChanges } from '../src/replicate/recent-changes.js';
import { replicateChart, type Outcome } from '../src/replicate/replicate-chart.js';
import { confirmPatients } from '../src/restore/freeze-patients.js';
import { STANDING_FEED, until, type AgentUnderTest } from './agent-under-test.js';

/** Charts in the DMZ. */
const [A, B, TARGET, SOURCE] = [5001, 5002, 5003, 5004];
/** Has no chart. */
const STRANGER = 5010;
const DOWN: FeedProgress = { hasRecorded: () => false, stands: false, isOver: false };

/** @param running the replication, with its agent at work */
export function movedRowsCases(running: () => AgentUnderTest): void {
  describe('of rows that move between patients', () => {
    const refs = new Map<number, string>();
    let under: AgentUnderTest;

    beforeAll(async () => {
      under = running();
      for (const pid of [A, B, TARGET, SOURCE]) {
        refs.set(pid, await under.invite(pid));
      }
      for (const ref of refs.values()) {
        await until('the chart is pushed', async () => (await under.stored(ref)) !== null);
      }
      await under.clean();
    });

    const ref = (pid: number): string => refs.get(pid) ?? '';
    const sections = async (pid: number): Promise<ReadonlyMap<string, unknown>> =>
      (await under.stored(ref(pid)))?.sections ?? new Map<string, unknown>();
    const whole = async (pid: number): Promise<string> => JSON.stringify([...(await sections(pid))].sort());
    const isMarked = async (pid: number): Promise<boolean> =>
      (await under.stored(ref(pid), 'practice'))?.manifest.frozen === true;
    const attempts = async (pid: number): Promise<number> =>
      (await under.ledger.manager.findOneByOrFail(Chart, { pid })).attemptedSeq;
    const confirm = async (...pids: number[]): Promise<number[]> => {
      const { ledger, tables, keys } = under;
      return (await confirmPatients(ledger, { tables, resourceIdKey: keys.resourceIdKey }, pids)).confirmed;
    };
    const causes = async (pid: number): Promise<string[]> =>
      (await under.ledger.manager.findBy(PatientDecision, { patientRef: ref(pid) })).map(({ cause }) => cause);
    const frozen = async (): Promise<number[]> =>
      (await readDecided(under.ledger.manager)).filter(({ state }) => state === 'frozen').map(({ pid }) => pid);
    /** Everything that was committed before has been read. */
    const feedWentBy = async (): Promise<void> => {
      const seen = await under.count('marker_seen');
      await writeClockMarker(under.ledger);
      await until('the feed went by', async () => (await under.count('marker_seen')) > seen);
    };
    const goOn = async (...pids: number[]): Promise<void> => {
      expect(await confirm(...pids)).toEqual(pids);
      await until('they are clean', async () => (await under.count('dirty WHERE pid IN (?)', [pids])) === 0);
      expect(await Promise.all(pids.map((pid) => isMarked(pid)))).toEqual(pids.map(() => false));
    };

    it('a result leaves the wrong chart at once, and is in the right one when a person has confirmed both', async () => {
      const { orderId } = await newResult(under.clinic, {
        ...{ pid: A, value: '311.5', loinc: '2339-0', name: 'Glucose', units: 'mg/dL' },
      });
      await until('it is in the first chart', async () => (await whole(A)).includes('311.5'));
      await under.clean();
      const [before, pushes] = [await whole(B), await attempts(B)];
      await moveRow(under.clinic, { table: 'procedure_order', id: orderId, to: B });
      await until('both are marked', async () => (await isMarked(A)) && (await isMarked(B)));
      await until('it left the first chart', async () => !(await whole(A)).includes('311.5'));
      expect((await sections(A)).has('allergies')).toBe(true);
      expect(await frozen()).toEqual([A, B]);
      expect([(await causes(A)).at(-1), (await causes(B)).at(-1)]).toEqual(['rows-moved-away', 'rows-moved']);
      await feedWentBy();
      // One push, the mark: nothing of the other patient ever left.
      expect([await whole(B), await attempts(B)]).toEqual([before, pushes + 1]);
      await goOn(A, B);
      expect([(await whole(A)).includes('311.5'), (await whole(B)).includes('311.5')]).toEqual([false, true]);
      expect((await sections(A)).has('results')).toBe(true);
    });

    it('a document that OpenEMR deletes and writes anew for another patient has moved, too', async () => {
      const folder = mkdtempSync(join(tmpdir(), 'moved-documents-'));
      const file = { name: 'a-letter.txt', mimetype: 'text/plain', bytes: Buffer.from('a letter') };
      const { id } = await addDocument(under.clinic, folder, { ...file, pid: STRANGER });
      rmSync(folder, { recursive: true });
      const before = await whole(A);
      await moveRow(under.clinic, { table: 'documents', id, to: A });
      await until('it is marked', async () => isMarked(A));
      await feedWentBy();
      expect([await whole(A), await frozen()]).toEqual([before, [A]]);
      await goOn(A);
      expect(await whole(A)).toContain('a-letter.txt');
    });

    it('takes the documents along also while a C-CDA among them is sent again', async () => {
      const drug = await prescribe(under, 'Listedol 5 MG Oral Tablet', A);
      await until('it is in the first chart', async () => (await whole(A)).includes('Listedol'));
      await under.clean();
      await under.ledger.query(
        `INSERT INTO document_blob (blob_id, patient_ref, document_id, fingerprint, key_wrapped, state, size,
                                    sealed_sha256, failures, retry_at)
          VALUES (RANDOM_BYTES(16), UNHEX(?), 0, RANDOM_BYTES(32), 'x', 'wanted', 1, RANDOM_BYTES(32), 0,
                  DATE_ADD(UTC_TIMESTAMP(3), INTERVAL 1 DAY))`,
        [ref(A)],
      );
      expect((await sections(A)).has('documents')).toBe(true);
      await moveRow(under.clinic, { table: 'prescriptions', id: drug, to: B });
      await until('both are marked', async () => (await isMarked(A)) && (await isMarked(B)));
      await until('they left the first chart', async () => !(await sections(A)).has('documents'));
      await goOn(A, B);
      expect((await sections(A)).has('documents')).toBe(true);
    });

    it('what was nobody’s, or is given away by the calendar, freezes nobody', async () => {
      const folder = mkdtempSync(join(tmpdir(), 'moved-documents-'));
      const file = { name: 'unmatched-fax.txt', mimetype: 'text/plain', bytes: Buffer.from('a fax') };
      const { id } = await addDocument(under.clinic, folder, { ...file, pid: 0 });
      rmSync(folder, { recursive: true });
      await moveRow(under.clinic, { table: 'documents', id, to: A });
      await until('it is in the chart', async () => (await whole(A)).includes('unmatched-fax.txt'));
      const visit = { date: '2027-02-03', time: '09:30', minutes: 30, title: 'Released slot' };
      const { appointmentId } = await bookAppointment(under.clinic, { ...visit, pid: A });
      await until('it is in the first chart', async () => (await whole(A)).includes('Released slot'));
      await under.clinic.query(
        'UPDATE openemr_postcalendar_events SET pc_pid = ?, pc_time = pc_time + INTERVAL 1 MINUTE WHERE pc_eid = ?',
        [B, appointmentId],
      );
      await until('it is in the second chart', async () => (await whole(B)).includes('Released slot'));
      await under.clean();
      expect([await frozen(), (await whole(A)).includes('Released slot')]).toEqual([[], false]);
    });

    it('leaves the wrong chart also when the answer to the push that brought it was lost', async () => {
      await under.clean();
      await under.stopAgent();
      const misfiled = await prescribe(under, 'Lostmycin 5 MG Oral Tablet', A);
      await markDirty(under.ledger.manager, A, ['medications']);
      await expect(render(under, ref(A), STANDING_FEED, true)).rejects.toThrow('the answer is lost');
      expect(await whole(A)).toContain('Lostmycin');
      await moveRow(under.clinic, { table: 'prescriptions', id: misfiled, to: B });
      await under.startAgent();
      await until('both are marked', async () => (await isMarked(A)) && (await isMarked(B)));
      expect(await whole(A)).not.toContain('Lostmycin');
      await goOn(A, B);
      expect([await whole(A), await whole(B)].map((text) => text.includes('Lostmycin'))).toEqual([false, true]);
    });

    it('a merge shows nothing of the other record before a person has confirmed, whenever the agent looks', async () => {
      await addMedication(under.clinic, { pid: SOURCE, drug: 'Mergerol 5 MG Oral Tablet' });
      await newResult(under.clinic, {
        ...{ pid: SOURCE, value: '77.123', loinc: '2339-0', name: 'Glucose', units: 'mg/dL' },
      });
      await until('both are in the chart', async () => {
        const text = await whole(SOURCE);
        return text.includes('Mergerol') && text.includes('77.123');
      });
      await under.clean();
      const [target, pushes, source] = [await whole(TARGET), await attempts(TARGET), await sections(SOURCE)];
      const seen: string[] = [];
      const merge = {
        source: SOURCE,
        target: TARGET,
        afterTable: async (table: string): Promise<void> => {
          seen.push(table);
          await feedWentBy();
          expect({ table, chart: await whole(TARGET) }).toEqual({ table, chart: target });
        },
      };
      // Two records with portal access of their own: OpenEMR's screen dies half-way.
      await expect(mergePatients(under.clinic, merge)).rejects.toThrow('Duplicate entry');
      await until('both are marked', async () => (await isMarked(SOURCE)) && (await isMarked(TARGET)));
      await under.clinic.query('DELETE FROM patient_access_onsite WHERE pid = ?', [SOURCE]);
      await mergePatients(under.clinic, merge);
      // Tables before and after the source's own record.
      expect(seen).toEqual(expect.arrayContaining(['lists', 'patient_data', 'procedure_order']));
      await until('both are marked', async () => (await isMarked(SOURCE)) && (await isMarked(TARGET)));
      await feedWentBy();
      expect([await whole(TARGET), await attempts(TARGET)]).toEqual([target, pushes + 1]);
      for (const text of ['Mergerol', '77.123']) {
        expect(await whole(SOURCE)).not.toContain(text);
      }
      expect([...(await sections(SOURCE)).keys()]).toContain('allergies');
      // A frozen chart only ever loses.
      for (const [name, content] of await sections(SOURCE)) {
        expect({ name, content }).toEqual({ name, content: source.get(name) });
      }
      expect(await frozen()).toEqual([TARGET, SOURCE]);
      expect(await confirm(SOURCE)).toEqual([]);
      await goOn(TARGET);
      for (const text of ['Mergerol', '77.123']) {
        expect(await whole(TARGET)).toContain(text);
      }
      expect(await isMarked(SOURCE)).toBe(true);
      expect(await endAccess(under.ledger, [SOURCE])).toEqual([SOURCE]);
    });

    it('a render that is faster than the change feed waits for it', async () => {
      const overtaking = await prescribe(under, 'Overtakol 5 MG Oral Tablet');
      await feedWentBy();
      await under.clean();
      await under.stopAgent();
      await moveRow(under.clinic, { table: 'prescriptions', id: overtaking, to: B });
      await markDirty(under.ledger.manager, B, ['medications']);
      const pushes = await attempts(B);
      const unread: FeedProgress = { hasRecorded: () => false, stands: true, isOver: true };
      await expect(render(under, ref(B), unread)).rejects.toThrow('the change feed has not read as far');
      expect(await render(under, ref(B), DOWN)).toBe('feed is down');
      expect(await attempts(B)).toBe(pushes);
      // Its sweep renders the dirty chart while the feed still connects.
      await under.startAgent();
      await until('it is marked', async () => isMarked(B));
      await feedWentBy();
      expect([await attempts(B), (await whole(B)).includes('Overtakol')]).toEqual([pushes + 1, false]);
      await goOn(B);
      // The control: without the wait the row is in the chart before anybody knows where it comes from.
      const leaking = await prescribe(under, 'Leakamide 5 MG Oral Tablet');
      await feedWentBy();
      await under.stopAgent();
      await moveRow(under.clinic, { table: 'prescriptions', id: leaking, to: B });
      await markDirty(under.ledger.manager, B, ['medications']);
      await render(under, ref(B), STANDING_FEED);
      expect(await whole(B)).toContain('Leakamide');
      await under.startAgent();
      await until('it is marked', async () => isMarked(B));
      await goOn(B);
    });

    it('the mark of a frozen chart waits for no feed', async () => {
      await under.stopAgent();
      const cause = { cause: 'rows-moved', decidedBy: 'agent' } as const;
      await freezePatient(under.ledger.manager, { pid: B, patientRef: ref(B) }, cause);
      expect(await render(under, ref(B), DOWN)).toBe('marked');
      expect(await isMarked(B)).toBe(true);
      await under.startAgent();
      await goOn(B);
    });
  });
}

/** For the patient who has no chart unless given. @returns `prescriptions.id` */
async function prescribe(under: AgentUnderTest, drug: string, pid = STRANGER): Promise<number> {
  const { prescriptionId } = await addMedication(under.clinic, { pid, drug, onList: false });
  if (prescriptionId === null) {
    throw new Error('nothing was prescribed');
  }
  return prescriptionId;
}

/** @param answerLost the DMZ takes the push, and the agent never hears of it */
async function render(
  under: AgentUnderTest,
  patientRef: string,
  feed: FeedProgress,
  answerLost = false,
): Promise<Outcome> {
  const { ledger, keys, tables, config } = under;
  const { database, reader } = config;
  const pool = createOpenEmrPool({ ...database, database: database.openemrName, ...reader });
  const connection = new GatewayConnection(config.gateway);
  const gateway = new GatewayClient(connection, config.siteId, keys.statements, () => undefined);
  try {
    if (!feed.stands) {
      // Whoever reads all the same fails.
      await pool.end();
    }
    const recent = new RecentChanges();
    const pushing = answerLost ? losingAnswers(gateway) : gateway;
    return await replicateChart({ ledger, reader: pool, keys, tables, gateway: pushing, recent, feed }, patientRef);
  } finally {
    await gateway.close();
    await pool.end().catch(() => undefined);
  }
}

function losingAnswers(gateway: GatewayClient): GatewayClient {
  return new Proxy(gateway, {
    get: (target, name) =>
      name === 'pushChart'
        ? async (...push: Parameters<GatewayClient['pushChart']>) => {
            await target.pushChart(...push);
            throw new Error('the answer is lost');
          }
        : (Reflect.get(target, name) as unknown),
  });
}
