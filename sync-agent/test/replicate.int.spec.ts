import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { ResultSetHeader } from 'mysql2/promise';
import { newResult } from 'infra/openemr-sim/clinic-labs';
import { assignUuids, changeDemographics, setPortal } from 'infra/openemr-sim/clinic-patients';
import { heartbeatRoot } from 'sync-contract/heartbeat';
import { newRef } from 'sync-contract/identifiers';
import { ReceiptsContent } from 'sync-contract/receipt';
import { issueInvite } from '../src/enrol/issue-invite.js';
import { readDecided } from '../src/enrol/patients.command.js';
import { GatewayClient } from '../src/gateway-client/gateway-client.js';
import { GatewayConnection } from '../src/gateway-client/gateway-connection.js';
import { Chart } from '../src/ledger/chart.entity.js';
import { markDirty, RENDERED_CLASSES } from '../src/ledger/dirty.js';
import { Submission, Thread, ThreadMail } from '../src/ledger/submission.entities.js';
import { createOpenEmrPool } from '../src/openemr/openemr-database.js';
import { RecentChanges } from '../src/replicate/recent-changes.js';
import { replicateChart } from '../src/replicate/replicate-chart.js';
import { readStatus } from '../src/replicate/read-status.js';
import { confirmPatients } from '../src/restore/freeze-patients.js';
import { AgentUnderTest, STANDING_FEED, until } from './agent-under-test.js';
import { movedRowsCases } from './moved-rows-cases.js';

const PID = 5005;
const OTHER_PID = 5006;
const STRANGER_PID = 5007;

describe('a chart in the DMZ', () => {
  let under: AgentUnderTest;
  let patientRef: string;
  let otherRef: string;

  beforeAll(async () => {
    under = await AgentUnderTest.start('replicate');
    patientRef = await under.invite(PID);
    otherRef = await under.invite(OTHER_PID);
    await under.startAgent();
    for (const ref of [patientRef, otherRef]) {
      await until('the chart is pushed', async () => (await under.stored(ref)) !== null);
    }
    await under.clean();
  });

  afterAll(async () => {
    await under[Symbol.asyncDispose]();
  });

  const chart = async (ref = patientRef): Promise<Chart> =>
    under.ledger.manager.findOneByOrFail(Chart, { patientRef: ref });
  const text = async (section: string, ref = patientRef): Promise<string> =>
    JSON.stringify((await under.stored(ref))?.sections.get(section) ?? null);
  const whole = async (ref = patientRef): Promise<string> =>
    JSON.stringify([...((await under.stored(ref))?.sections ?? [])]);

  const confirm = async (pid: number): Promise<number[]> =>
    (await confirmPatients(under.ledger, { tables: under.tables, resourceIdKey: under.keys.resourceIdKey }, [pid]))
      .confirmed;

  it('has every section after the enrolment, and the manifest names exactly those', async () => {
    const stored = await under.stored(patientRef);
    expect([...(stored?.sections.keys() ?? [])].filter((name) => !name.includes('/')).sort()).toEqual(
      [...RENDERED_CLASSES].sort(),
    );
    expect(stored?.manifest.sections).toHaveLength(stored?.sections.size ?? -1);
  });

  it('shows a new laboratory result within a second or so of its commit, without anybody asking', async () => {
    const latencies: number[] = [];
    for (let i = 0; i < 5; i += 1) {
      const value = `${String(70 + i)}.37`;
      await newResult(under.clinic, { pid: PID, loinc: '2345-7', name: 'Glucose', value, units: 'mg/dL' });
      const committed = Date.now();
      await until('the result is there', async () => (await whole()).includes(value));
      latencies.push(Date.now() - committed);
      await under.clean();
    }
    expect(Math.min(...latencies)).toBeLessThan(2_000);
  });

  it('sends only the section that changed; the others keep version and bytes', async () => {
    const before = await under.stored(patientRef);
    await changeDemographics(under.clinic, { pid: PID, street: '17 Elm Court' });
    await until('the address is there', async () => (await text('profile')).includes('17 Elm Court'));
    const after = await under.stored(patientRef);
    const unchanged = after?.manifest.sections.filter((entry) =>
      before?.manifest.sections.some(({ id, sha256 }) => id === entry.id && sha256 === entry.sha256),
    );
    expect(unchanged).toHaveLength((after?.manifest.sections.length ?? 0) - 1);
    expect(after?.manifest.seq).toBeGreaterThan(before?.manifest.seq ?? Infinity);
  });

  it('pushes nothing when columns move that no section shows, and still becomes clean', async () => {
    await under.clean();
    const { attemptedSeq } = await chart();
    await assignUuids(under.clinic);
    await under.clinic.query('UPDATE patient_data SET last_updated = NOW() + INTERVAL 1 DAY WHERE pid = ?', [PID]);
    await until('the feed saw it', async () => (await under.count('dirty WHERE pid = ?', [PID])) > 0).catch(
      () => undefined,
    );
    await under.clean();
    expect((await chart()).attemptedSeq).toBe(attemptedSeq);
  });

  it('stays untouched, and no row becomes dirty, when a patient without chart gets results', async () => {
    await under.clean();
    const before = [(await chart()).attemptedSeq, (await chart(otherRef)).attemptedSeq];
    const { file_no, file_offset } = await position(under);
    await newResult(under.clinic, { pid: STRANGER_PID, loinc: '2345-7', name: 'Glucose', value: '91', units: 'mg/dL' });
    await until('the feed went by', async () => {
      const now = await position(under);
      return now.file_no > file_no || now.file_offset > file_offset + 2_000;
    });
    await under.clean();
    expect([(await chart()).attemptedSeq, (await chart(otherRef)).attemptedSeq]).toEqual(before);
    expect(await under.count('dirty')).toBe(0);
  });

  it('contains a delivered message once: the own copy is settled and its receipt says so', async () => {
    const username = 'replica.portal.name';
    await under.clinic.query('DELETE FROM patient_access_onsite WHERE pid = ?', [PID]);
    await under.clinic.query("INSERT INTO patient_access_onsite SET pid = ?, portal_username = ?, portal_pwd = ''", [
      PID,
      username,
    ]);
    const [threadId, submissionId] = [newRef(), '0199a1b2-c3d4-7000-8000-000000000001'];
    await under.ledger.transaction(async (manager) => {
      const mail = await manager.query<ResultSetHeader>(
        `INSERT INTO \`${under.databases.openemr}\`.onsite_mail
            (\`date\`, owner, user, groupname, activity, authorized, header, title, body, recipient_id, recipient_name,
             sender_id, sender_name, assigned_to, deleted, message_status, mail_chain, reply_mail_chain)
          VALUES (NOW(), ?, ?, 'Default', 1, 1, 'New', 'General', 'Is my dose right?', 'admin', 'Admin', ?, 'Pat', 'admin',
                  0, 'New', 0, 0)`,
        [username, username, username],
      );
      await manager.insert(Thread, {
        threadId,
        pid: PID,
        topic: 'General',
        subject: 'dose',
        firstPatientMailId: mail.insertId,
        firstStaffMailId: null,
        createdAt: new Date(),
      });
      await manager.insert(ThreadMail, { mailId: mail.insertId, threadId, submissionId });
      await manager.insert(Submission, {
        submissionId,
        accountRef: newRef(),
        patientRef,
        kind: 'message',
        stream: threadId,
        streamSeq: 1,
        envelope: '{}',
        state: 'DONE',
        reason: null,
        receivedAt: new Date(),
        doneAt: new Date(),
        settledAt: null,
        effect: null,
      });
      await markDirty(manager, PID, ['receipts']);
    });
    await until('the thread is there', async () => (await text(`messages/${threadId}`)).includes('Is my dose right?'));
    await until('the submission is settled', async () => {
      const { settledAt } = await under.ledger.manager.findOneByOrFail(Submission, { submissionId });
      return settledAt !== null;
    });
    const receipts = ReceiptsContent.parse((await under.stored(patientRef))?.sections.get('receipts'));
    expect(receipts.receipts).toMatchObject([{ submissionId, state: 'in-chart', reason: null }]);
    expect(await text(`messages/${threadId}`)).toContain(submissionId);

    // As after a restore of the DMZ, which brings the own copy back; the mail was deleted in OpenEMR since.
    await under.clinic.query('UPDATE onsite_mail SET deleted = 1 WHERE owner = ?', [username]);
    await until('the thread is gone', async () => (await text(`messages/${threadId}`)) === 'null');
    await under.clean();
    await under.ledger.manager.update(Submission, { submissionId }, { settledAt: null });
    await markDirty(under.ledger.manager, PID, ['messages', 'receipts']);
    await until('the own copy of a deleted mail is settled', async () => {
      const { settledAt } = await under.ledger.manager.findOneByOrFail(Submission, { submissionId });
      return settledAt !== null;
    });
    const after = ReceiptsContent.parse((await under.stored(patientRef))?.sections.get('receipts'));
    expect(after.receipts).toMatchObject([{ submissionId, state: 'in-chart', reason: null }]);
  });

  it('catches up after the gateway was away, and says so once', async () => {
    await under.clean();
    await under.stopGateway();
    await changeDemographics(under.clinic, { pid: PID, phoneCell: '555-0199-11' });
    await until('the failure is said', () => under.log.says('a chart was not replicated'));
    expect(under.log.lines.filter((line) => line.includes('555-0199-11'))).toEqual([]);
    await under.startGateway();
    await until('the number is there', async () => (await text('profile')).includes('555-0199-11'));
    await under.clean();
  });

  it('comes whole again when an ack was lost: the next push has a higher number and nothing is missing', async () => {
    await under.clean();
    const before = await chart();
    // As after a kill between the gateway's ack and the ledger's commit: the number was attempted, its result unknown.
    await under.ledger.query('DELETE FROM chart_section WHERE patient_ref = UNHEX(?) AND name = ?', [
      patientRef,
      'medications',
    ]);
    await under.ledger.query('UPDATE chart SET seq = seq - 1 WHERE patient_ref = UNHEX(?)', [patientRef]);
    await markDirty(under.ledger.manager, PID, ['medications']);
    await changeDemographics(under.clinic, { pid: PID, street: '18 Elm Court' });
    await until('the street is there', async () => (await text('profile')).includes('18 Elm Court'));
    await under.clean();
    expect((await chart()).seq).toBeGreaterThan(before.seq);
    expect((await under.stored(patientRef))?.sections.has('medications')).toBe(true);
  });

  it('is pushed whole again when the DMZ lost sections', async () => {
    await under.clean();
    await under.portal.query('DELETE FROM section WHERE patient_ref = UNHEX(?)', [patientRef]);
    await changeDemographics(under.clinic, { pid: PID, street: '19 Elm Court' });
    await until('the street is there', async () => (await text('profile')).includes('19 Elm Court'));
    const stored = await under.stored(patientRef);
    expect(stored?.sections.size).toBe(stored?.manifest.sections.length);
  });

  it('is pushed whole again when the DMZ lost all of it', async () => {
    await under.clean();
    await under.portal.query('DELETE FROM section WHERE patient_ref = UNHEX(?)', [patientRef]);
    await under.portal.query('DELETE FROM chart WHERE patient_ref = UNHEX(?)', [patientRef]);
    await changeDemographics(under.clinic, { pid: PID, street: '20 Elm Court' });
    await until('the street is there', async () => (await text('profile')).includes('20 Elm Court'));
    await under.clean();
  });

  it('is signed as current by the heartbeat; one whose patient vanished is frozen as it was, with its own older time', async () => {
    await under.clean();
    // The chart of a patient whose row vanished must not turn into an empty chart.
    await under.clinic.query('CREATE TEMPORARY TABLE kept AS SELECT * FROM patient_data WHERE pid = ?', [OTHER_PID]);
    await under.clinic.query('DELETE FROM patient_data WHERE pid = ?', [OTHER_PID]);
    await until('it is said', () => under.log.says('frozen until a person confirms'));
    await until('the DMZ knows', async () => (await under.stored(otherRef))?.manifest.frozen === true);
    await changeDemographics(under.clinic, { pid: PID, street: '21 Elm Court' });
    await until('the other chart goes on', async () => (await text('profile')).includes('21 Elm Court'));
    await until(
      'a heartbeat names the exception',
      async () => (await under.heartbeat())?.exceptions.some(({ patientRef: ref }) => ref === otherRef) === true,
    );
    const heartbeat = await under.heartbeat();
    const exception = heartbeat?.exceptions.find(({ patientRef: ref }) => ref === otherRef);
    expect((exception?.t ?? '') < (heartbeat?.t ?? '')).toBe(true);
    expect((await under.stored(otherRef))?.sections.size).toBeGreaterThan(3);
    const [rows] = await under.portal.query<[{ roots: Buffer }]>(
      'SELECT bucket_roots AS roots FROM heartbeat WHERE id = 1',
    );
    const roots = Array.from({ length: 256 }, (_, i) => rows.roots.subarray(32 * i, 32 * i + 32).toString('hex'));
    expect(heartbeatRoot(roots)).toBe(heartbeat?.root);
    await under.clinic.query("SET SESSION sql_mode = ''");
    await under.clinic.query('INSERT INTO patient_data SELECT * FROM kept');
    expect(await confirm(OTHER_PID)).toEqual([OTHER_PID]);
    await until('the exception ends', async () => (await under.count('dirty WHERE pid = ?', [OTHER_PID])) === 0);
    const status = await readStatus(under.ledger.manager);
    expect(status).toMatchObject({ charts: 2, chartsPushed: 2, chartsLagging: 0, dirtyRows: 0 });
    expect((await under.stored(otherRef))?.manifest.frozen).toBeUndefined();
  });

  it('shows nothing of another person who has taken the pid, until a person confirms', async () => {
    await under.clean();
    const before = await whole(otherRef);
    await under.clinic.query(
      "UPDATE patient_data SET fname = 'Someone', lname = 'Else', DOB = '1951-01-02', street = '9 Strange Road' WHERE pid = ?",
      [OTHER_PID],
    );
    await until('the DMZ knows', async () => (await under.stored(otherRef))?.manifest.frozen === true);
    await newResult(under.clinic, { pid: OTHER_PID, value: '6.66', loinc: '2339-0', name: 'Glucose', units: 'mg/dL' });
    await changeDemographics(under.clinic, { pid: PID, street: '21 Oak Court' });
    await until('another chart goes on', async () => (await text('profile')).includes('21 Oak Court'));
    expect(await whole(otherRef)).toBe(before);
    expect(await confirm(OTHER_PID)).toEqual([OTHER_PID]);
    await until('it goes on', async () => (await text('profile', otherRef)).includes('9 Strange Road'));
    await under.clean();
    expect((await under.stored(otherRef))?.manifest.frozen).toBeUndefined();
    expect(await whole(otherRef)).toContain('6.66');
  });

  it('is shredded in the DMZ when the clinic bars the patient, and comes back under another key', async () => {
    const pid = 5008;
    const barred = await under.invite(pid);
    await under.ledger.query('UPDATE patient SET state = ? WHERE pid = ?', ['enrolled', pid]);
    await until('the chart is pushed', async () => (await under.stored(barred)) !== null);
    const { seq } = await chart(barred);
    await setPortal(under.clinic, { pid, allow: 'NO' });
    const shreddedAt = async (): Promise<string | null> =>
      (await readDecided(under.ledger.manager))[0]?.shreddedAt ?? null;
    await until('the DMZ has shredded', async () => (await shreddedAt()) !== null);
    expect(await under.stored(barred)).toBeNull();
    const left = await under.portal.query('SELECT 1 FROM section WHERE patient_ref = UNHEX(?)', [barred]);
    expect(left).toEqual([]);
    await newResult(under.clinic, { pid, value: '7.77', loinc: '2339-0', name: 'Glucose', units: 'mg/dL' });
    await setPortal(under.clinic, { pid, allow: 'YES' });
    await changeDemographics(under.clinic, { pid: PID, street: '22 Oak Court' });
    await until('others go on', async () => (await text('profile')).includes('22 Oak Court'));
    expect(await under.stored(barred)).toBeNull();
    const { ledger, keys, tables } = under;
    const invite = await issueInvite({ ledger, keys, tables, portalOrigin: under.config.portalOrigin }, pid);
    expect(invite.returned).toBe(true);
    await markDirty(ledger.manager, pid, ['profile']);
    await until('it is back', async () => (await whole(barred)).includes('7.77'));
    const stored = await under.stored(barred);
    expect(new Set(stored?.manifest.sections.map(({ epoch }) => epoch))).toEqual(new Set([2]));
    expect(stored?.manifest.seq).toBeGreaterThan(seq);
    await under.clean();
  });

  movedRowsCases(() => under);

  it('stops, and says why, when the DMZ holds a number this ledger never made', async () => {
    await under.clean();
    const before = await under.stored(patientRef);
    await under.ledger.query('UPDATE chart SET attempted_seq = 1, seq = 1 WHERE patient_ref = UNHEX(?)', [patientRef]);
    await changeDemographics(under.clinic, { pid: PID, street: '22 Elm Court' });
    await until('it is said', () => under.log.says('restore'));
    expect((await under.stored(patientRef))?.manifest.seq).toBe(before?.manifest.seq);
    expect((await chart()).attemptedSeq).toBeLessThan(before?.manifest.seq ?? 0);
  });

  it('arrives in several manifests, each accepted, when it is larger than one request', async () => {
    await under.stopAgent();
    const pid = 5009;
    const large = await under.invite(pid);
    const { database, reader } = under.config;
    const pool = createOpenEmrPool({ ...database, database: database.openemrName, ...reader });
    const connection = new GatewayConnection(under.config.gateway);
    const gateway = new GatewayClient(connection, under.config.siteId, under.keys.statements, () => undefined);
    const replication = {
      ledger: under.ledger,
      reader: pool,
      keys: under.keys,
      tables: under.tables,
      gateway,
      recent: new RecentChanges(),
      feed: STANDING_FEED,
    };
    expect(await replicateChart({ ...replication, batchBytes: 4_000 }, large)).toBe('pushed');
    const { seq, attemptedSeq } = await chart(large);
    expect(seq).toBeGreaterThan(2);
    expect(attemptedSeq).toBe(seq);
    const stored = await under.stored(large);
    expect(stored?.manifest.seq).toBe(seq);
    expect(stored?.sections.size).toBe(stored?.manifest.sections.length);
    expect(stored?.sections.has('results')).toBe(true);
    expect(await under.count('dirty WHERE pid = ?', [pid])).toBe(0);
    expect(await replicateChart(replication, large)).toBe('clean');
    await gateway.close();
    await pool.end();
  });
});

async function position(under: AgentUnderTest): Promise<{ file_no: number; file_offset: number }> {
  const [row] = await under.ledger.query<[{ file_no: number; file_offset: string }]>(
    'SELECT file_no, file_offset FROM feed_position WHERE id = 1',
  );
  return { file_no: row.file_no, file_offset: Number(row.file_offset) };
}
