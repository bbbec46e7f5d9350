import { mkdtempSync, readFileSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { withAdmin } from 'infra/services/mariadb-server';
import { EraStatement, signEra } from 'sync-contract/era-statement';
import { GrantTerms } from 'sync-contract/grant';
import type { ReofferRequest, StreamsRequest } from 'sync-contract/gateway-wire';
import { readRootKey } from '../src/keys/key-files.js';
import { Chart } from '../src/ledger/chart.entity.js';
import { AccountGrant, Invite } from '../src/ledger/enrolment.entities.js';
import { Patient } from '../src/ledger/patient.entity.js';
import { RestoreStep } from '../src/ledger/restore.entities.js';
import { readStandStill } from '../src/ledger/stand-still.js';
import { Submission } from '../src/ledger/submission.entities.js';
import { BackupRefused, importLedger, importRows } from '../src/restore/import-ledger.js';
import { backupLedger, type BackupTarget } from '../src/restore/backup-ledger.js';
import { beginEra, highestEra, type BegunEra } from '../src/restore/begin-era.js';
import { findRestore } from '../src/restore/find-restore.js';
import { confirmPatients, type Confirmation } from '../src/restore/freeze-patients.js';
import { readBacklog } from '../src/replicate/read-backlog.js';
import { pushSteps } from '../src/restore/push-steps.js';
import { account, until } from './agent-under-test.js';
import type { OutboxItem } from './collect-test-dmz.js';
import { DeliverUnderTest, SITE } from './deliver-under-test.js';
import { acceptedInvite } from './enrol-builders.js';

const [PID, OTHER] = [5005, 5006];

let agent: DeliverUnderTest;
const folder = mkdtempSync(join(tmpdir(), 'odp-ledger-'));
const backup = join(folder, 'ledger.sql');

beforeAll(async () => {
  agent = await DeliverUnderTest.start('restore');
});
afterAll(async () => {
  await agent[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});
beforeEach(async () => {
  await agent.reset();
});

const config = (): BackupTarget => ({
  siteId: SITE,
  database: agent.address,
  writer: account(agent.zones, 'agent_writer'),
});
const root = (): ReturnType<typeof readRootKey> => readRootKey(join(agent.keyDir, 'root.key'));
const found = (): Promise<string | null> => findRestore(agent.ledger, agent.tables, agent.keys.resourceIdKey);

async function begin(era = 2, samePatients: number[] = []): Promise<BegunEra> {
  const signed = signEra(SITE, era, root());
  const statement = EraStatement.parse(JSON.parse(signed.body));
  const { tables, keys } = agent;
  return beginEra(agent.ledger, { statement, signed, tables, resourceIdKey: keys.resourceIdKey, samePatients });
}

const confirm = (...pids: number[]): Promise<Confirmation> =>
  confirmPatients(agent.ledger, { tables: agent.tables, resourceIdKey: agent.keys.resourceIdKey }, pids);
const stateOf = async (pid: number): Promise<string> =>
  (await agent.ledger.manager.findOneByOrFail(Patient, { pid })).state;

/** The DMZ offers again what it keeps. */
async function collectAgain(items: readonly OutboxItem[]): Promise<void> {
  agent.dmz.outbox.push(...items);
  await agent.collect();
  // Nothing is taken before that is asked for.
  expect(agent.dmz.outbox).toHaveLength(items.length);
  await agent.ledger.manager.delete(RestoreStep, { step: 'reoffer' });
  const collecting = agent.collect();
  for (let done = false; !done;) {
    await agent.deliver();
    done = await Promise.race([collecting.then(() => true), new Promise<false>((go) => setTimeout(go, 50, false))]);
  }
  await agent.deliver();
}

describe('a ledger that was restored alone', () => {
  it('is noticed, and what it forgot is offered again and known in OpenEMR: nothing is written twice', async () => {
    const patient = await agent.joinedPatient(PID);
    const { item: first, threadId } = await agent.dmz.submitMessage(patient, { body: 'Before the backup' });
    await agent.collectAndDeliver();
    await backupLedger(config(), backup);
    const { item: second } = await agent.dmz.submitMessage(patient, { threadId, body: 'After the backup' });
    const { item: third } = await agent.dmz.submitMessage(patient, { body: 'Another thread' });
    await agent.collectAndDeliver();
    const mails = await agent.mails();
    expect(await found()).toBeNull();

    await importLedger(config(), backup);
    expect(await readStandStill(agent.ledger)).toContain('its new era has not begun');
    expect(await found()).toContain('the ledger is behind OpenEMR');
    await begin();
    expect(await readStandStill(agent.ledger)).toBeNull();
    expect(await found()).toBeNull();
    await collectAgain([third, second, first]);
    expect(await agent.mails()).toEqual(mails);
    expect(await found()).toBeNull();
    const states = await agent.ledger.manager.findBy(Submission, { kind: 'message' });
    expect(states.map(({ state }) => state)).toEqual(['DONE', 'DONE', 'DONE']);

    await agent.dmz.submitMessage(patient, { threadId, body: 'Goes on' });
    await agent.collectAndDeliver();
    const all = await agent.mails();
    expect(all).toHaveLength(mails.length + 2);
    expect(all.at(-2)?.['mail_chain']).toBe(mails[0]?.['mail_chain']);
  });

  it('writes nothing twice for a patient whose name in portal mail has changed since', async () => {
    const patient = await agent.joinedPatient(PID);
    const { item: first, threadId } = await agent.dmz.submitMessage(patient, { body: 'Before the backup' });
    await agent.collectAndDeliver();
    await backupLedger(config(), backup);
    const { item: second } = await agent.dmz.submitMessage(patient, { threadId, body: 'After the backup' });
    await agent.collectAndDeliver();
    await agent.clinic.query("UPDATE patient_access_onsite SET portal_username = 'OtherName' WHERE pid = ?", [PID]);
    const { item: third } = await agent.dmz.submitMessage(patient, { body: 'After the change' });
    await agent.collectAndDeliver();
    await agent.clinic.query("UPDATE patient_access_onsite SET portal_username = 'ThirdName' WHERE pid = ?", [PID]);
    const mails = await agent.mails();
    expect(new Set(mails.map((mail) => String(mail['sender_id']))).size).toBe(2);

    await importLedger(config(), backup);
    expect((await begin()).frozen).toEqual([PID]);
    expect(await confirm(PID)).toEqual({ confirmed: [PID], refused: [], frozen: [] });
    await collectAgain([first, second, third]);
    expect(await agent.mails()).toEqual(mails);
    const states = await agent.ledger.manager.findBy(Submission, { kind: 'message' });
    expect(states.map(({ state }) => state)).toEqual(['DONE', 'DONE', 'DONE']);
    expect((await begin(3)).frozen).toEqual([]);
  });

  it('accepts again who joined after the backup: the same key, the same grant, the same mails', async () => {
    const invite = await agent.invite(OTHER);
    await backupLedger(config(), backup);
    const { payload } = await acceptedInvite(SITE, invite.code, await agent.dateOfBirth(OTHER));
    const enrolment = await agent.dmz.submitEnrolment(payload);
    await agent.collectAndDeliver();
    const { patientRef } = await agent.ledger.manager.findOneByOrFail(Patient, { pid: OTHER });
    const [grant] = await agent.ledger.manager.find(AccountGrant);
    const { item } = await agent.dmz.submitMessage({ accountRef: payload.accountRef, patientRef });
    await agent.collectAndDeliver();
    const mails = await agent.mails();

    await importLedger(config(), backup);
    await begin();
    // The message is there before its sender is known.
    await collectAgain([enrolment, item]);
    const [again, ...more] = await agent.ledger.manager.find(AccountGrant);
    expect(more).toEqual([]);
    expect(again).toMatchObject({ grantId: grant?.grantId, accountRef: payload.accountRef, patientRef });
    expect(GrantTerms.parse((JSON.parse(again?.signed.body ?? '') as { terms: unknown }).terms).publicKey).toBe(
      payload.publicKey,
    );
    expect(await agent.mails()).toEqual(mails);

    const { payload: stranger } = await acceptedInvite(SITE, invite.code, await agent.dateOfBirth(OTHER));
    await agent.dmz.submitEnrolment(stranger);
    await agent.collectAndDeliver();
    expect(await agent.ledger.manager.count(AccountGrant)).toBe(1);
  });

  it('gives numbers above all that was ever sent, and everything anew', async () => {
    const { patientRef } = await agent.joinedPatient(PID);
    await agent.ledger.query('UPDATE chart SET seq = 40, attempted_seq = 41, stopped_reason = ?', ['behind']);
    await agent.ledger.query('REPLACE INTO heartbeat_state (id, era, seq, stopped_reason) VALUES (1, 1, 7, ?)', [
      'behind',
    ]);
    await agent.ledger.query(
      'INSERT INTO vanished (patient_ref, seq, entries, at) VALUES (UNHEX(?), 40, 9, UTC_TIMESTAMP(3))',
      [patientRef],
    );
    await agent.ledger.query(
      `INSERT INTO vanished_class (patient_ref, seq, record_class, entries, emptied, at)
        VALUES (UNHEX(?), 40, 'allergies', 9, 1, UTC_TIMESTAMP(3))`,
      [patientRef],
    );
    await agent.ledger.query(
      'INSERT INTO held_loss (patient_ref, held_at, allowed_at) VALUES (UNHEX(?), UTC_TIMESTAMP(3), UTC_TIMESTAMP(3))',
      [patientRef],
    );
    await agent.ledger.query(
      "REPLACE INTO acked_class (patient_ref, record_class, entries, seq) VALUES (UNHEX(?), 'allergies', 9, 40)",
      [patientRef],
    );
    expect(await begin()).toEqual({ era: 2, charts: 1, deliveredAgain: 0, frozen: [] });
    for (const table of ['vanished', 'vanished_class']) {
      expect(await agent.ledger.query(`SELECT COUNT(*) AS n FROM ${table}`)).toEqual([{ n: 0 }]);
    }
    // What it had is still known, and a person decides anew.
    expect(await agent.ledger.query('SELECT allowed_at AS allowedAt FROM held_loss')).toEqual([{ allowedAt: null }]);
    expect(
      await agent.ledger.query("SELECT entries, seq FROM acked_class WHERE record_class = 'allergies'"),
    ).toMatchObject([{ entries: 9, seq: 0 }]);
    expect(await agent.ledger.manager.findOneByOrFail(Chart, { patientRef })).toMatchObject({
      era: 2,
      seq: 0,
      attemptedSeq: 0,
      stoppedReason: null,
    });
    const [grant] = await agent.ledger.manager.find(AccountGrant);
    expect(grant?.pushedAt).toBeNull();
    await agent.invite(OTHER);
    expect((await agent.ledger.manager.findOneByOrFail(Chart, { pid: OTHER })).era).toBe(2);
    const key = {
      publicKey: Buffer.from(readFileSync(join(agent.keyDir, 'root.pub'), 'utf8'), 'base64url'),
      site: SITE,
    };
    expect(await highestEra(agent.ledger, [], key)).toBe(2);
    expect(await highestEra(agent.ledger, [signEra(SITE, 5, root())], key)).toBe(5);
    const claimed = { ...signEra(SITE, 9, root()), kid: agent.keys.signing.kid };
    expect(await highestEra(agent.ledger, [claimed], key)).toBe(2);
  });
});

describe('an OpenEMR that was restored alone', () => {
  it('is noticed, and gets again what it lost, in order; what somebody removed there stays removed', async () => {
    const patient = await agent.joinedPatient(PID);
    const { threadId } = await agent.dmz.submitMessage(patient, { body: 'one' });
    await agent.collectAndDeliver();
    const [row] = await agent.rows('SELECT MAX(id) AS id FROM onsite_mail');
    const kept = Number(row?.['id']);
    for (const body of ['two', 'three']) {
      await agent.dmz.submitMessage(patient, { threadId, body });
    }
    await agent.collectAndDeliver();

    await agent.clinic.query('DELETE FROM onsite_mail WHERE id > ?', [kept]);
    expect(await found()).toBeNull();
    // A restore also takes the numbers back, and OpenEMR gives them out again.
    await agent.clinic.query('ALTER TABLE onsite_mail AUTO_INCREMENT = 1');
    expect(await found()).toContain('OpenEMR is behind the ledger');
    await agent.clinic.query("INSERT INTO onsite_mail (owner, body) VALUES ('admin', 'somebody else')");
    expect(await found()).toContain('OpenEMR is behind the ledger');

    // Something later in the thread was set aside: what went before it is delivered again all the same.
    await agent.ledger.query('UPDATE stream SET stopped_reason = ? WHERE stream = UNHEX(?)', ['set aside', threadId]);
    expect(await begin()).toMatchObject({ deliveredAgain: 2, frozen: [] });
    await agent.deliver();
    const bodies = (await agent.mails()).map((mail) => String(mail['body']));
    expect(bodies.map((body) => body.replaceAll(/<.?p>/g, ''))).toEqual([
      ...['one', 'one', 'somebody else'],
      ...['two', 'two', 'three', 'three'],
    ]);
    expect(await found()).toBeNull();
  });

  it('freezes whose record may be another person by now, until a person has looked', async () => {
    const patient = await agent.joinedPatient(PID);
    await agent.joinedPatient(OTHER);
    await agent.clinic.query('DELETE FROM patient_access_onsite WHERE pid = ?', [PID]);
    expect((await begin()).frozen).toEqual([PID]);
    await agent.ledger.query('DELETE FROM restore_step');
    await agent.dmz.submitMessage(patient, { body: 'Waits' });
    await agent.collect();
    await expect(agent.deliver()).rejects.toThrow('frozen until a person confirms');
    expect(await agent.mails()).toEqual([]);
    expect((await begin(3, [PID])).frozen).toEqual([]);
    expect(await stateOf(PID)).toBe('enrolled');
    await agent.deliver();
    expect(await agent.mails()).toHaveLength(2);
    expect((await begin(4)).frozen).toEqual([]);
  });

  it('lets nobody join with a code that was made for whoever had the pid before', async () => {
    const stays = await agent.invite(PID);
    const { code } = await agent.invite(OTHER);
    await agent.pushOwed();
    const birthday = '1990-12-24';
    await agent.clinic.query("UPDATE patient_data SET fname = 'Somebody', DOB = ? WHERE pid = ?", [birthday, OTHER]);
    expect((await begin()).frozen).toEqual([OTHER]);
    await agent.ledger.query('DELETE FROM restore_step');
    expect(await stateOf(PID)).toBe('invited');
    expect((await agent.ledger.manager.findOneByOrFail(Invite, { pid: OTHER })).state).toBe('void');
    await agent.pushOwed();
    const told = agent.dmz.invites.slice(2).map(({ inviteId, state }) => ({ inviteId, state }));
    expect(told).toContainEqual({ inviteId: stays.inviteId, state: 'open' });
    expect(told.map(({ state }) => state).sort()).toEqual(['open', 'void']);

    // Also with the new person's date of birth, and also when a person has said that it is the same patient.
    for (const again of [false, true]) {
      if (again) {
        expect(await confirm(OTHER)).toEqual({ confirmed: [OTHER], refused: [], frozen: [] });
        expect(await stateOf(OTHER)).toBe('invited');
      }
      const { payload } = await acceptedInvite(SITE, code, birthday);
      await agent.dmz.submitEnrolment(payload);
      await agent.collectAndDeliver();
      expect(await agent.ledger.manager.count(AccountGrant)).toBe(0);
    }
    expect((await begin(3)).frozen).toEqual([]);
    await agent.ledger.query('DELETE FROM restore_step');
    await agent.joinedPatient(OTHER);
    expect(await stateOf(OTHER)).toBe('enrolled');
  });

  it('keeps frozen whom OpenEMR lost or never had, and says so for each', async () => {
    await agent.invite(PID);
    await agent.joinedPatient(OTHER);
    await agent.clinic.query('DELETE FROM patient_data WHERE pid IN (?, ?)', [PID, OTHER]);
    expect((await begin(2, [PID])).frozen).toEqual([PID, OTHER]);
    expect(await confirm(PID, OTHER, 4711)).toEqual({
      confirmed: [],
      refused: [
        { pid: PID, reason: 'OpenEMR has no such patient' },
        { pid: OTHER, reason: 'OpenEMR has no such patient' },
        { pid: 4711, reason: 'this pid has no access to the portal' },
      ],
      frozen: [PID, OTHER],
    });
    expect((await readBacklog(agent.ledger.manager)).stopped).toMatchObject([{ what: 'patients frozen', count: 2 }]);
  });
});

describe('a backup of the ledger', () => {
  it('is read by its owner only, and one that is cut, damaged or foreign changes nothing', async () => {
    await agent.joinedPatient(PID);
    await backupLedger(config(), backup);
    expect(statSync(backup).mode & 0o777).toBe(0o600);
    const text = readFileSync(backup, 'utf8');
    await agent.joinedPatient(OTHER);
    const spoilt = join(folder, 'spoilt.sql');
    for (const wrong of [text.slice(0, -40), text.replace(SITE, '00000000-0000-4000-8000-000000000000')]) {
      writeFileSync(spoilt, wrong);
      await expect(importLedger(config(), spoilt)).rejects.toThrow(BackupRefused);
    }
    writeFileSync(spoilt, text.replace('INSERT INTO `patient`', 'INSERT INTO `no_such_table`'));
    await expect(importLedger(config(), spoilt)).rejects.toThrow('no_such_table');
    expect(await agent.ledger.manager.count(Patient)).toBe(2);
    expect(await readStandStill(agent.ledger)).toBeNull();
    await importLedger(config(), backup);
    expect(await agent.ledger.manager.count(Patient)).toBe(1);
  });
});

describe('a connection that is lost in the middle', () => {
  /** The one that is doing something with the ledger and is none of `before`. */
  const newConnection = async (before: readonly number[], state: string): Promise<number> => {
    let found: number | undefined;
    await until(`another connection to be in ${state}`, async () => {
      const rows = await connections(state);
      found = rows.find((id) => !before.includes(id));
      return found !== undefined;
    });
    return found ?? 0;
  };
  const connections = async (state = '%'): Promise<number[]> => {
    const rows = await agent.zones.inside.adminSql(
      "SELECT ID AS id FROM information_schema.processlist WHERE USER = 'agent_writer' AND DB = ? AND CONCAT(COMMAND, ' ', STATE) LIKE ?",
      [agent.address.ledgerName, state],
    );
    return rows.map(({ id }) => Number(id));
  };
  const kill = async (id: number): Promise<void> => {
    await agent.zones.inside.adminSql('KILL ?', [id]);
    await until('it to be gone', async () => !(await connections()).includes(id));
  };

  it('fails an import, and nothing of the backup is in the ledger', async () => {
    await agent.joinedPatient(PID);
    await backupLedger(config(), backup);
    await agent.joinedPatient(OTHER);
    const text = readFileSync(backup, 'utf8');
    const half = text.indexOf('INSERT INTO', text.indexOf('INSERT INTO `patient`') + 1);
    expect(half).toBeGreaterThan(0);
    const before = await connections();
    async function* lostBetweenTwoStatements(): AsyncGenerator<Buffer> {
      yield Buffer.from(text.slice(0, half));
      await kill(await newConnection(before, 'Sleep%'));
      yield Buffer.from(text.slice(half));
    }
    await expect(importRows(config(), lostBetweenTwoStatements())).rejects.toThrow('did not succeed');
    expect(await agent.ledger.manager.count(Patient)).toBe(2);
    expect(await agent.ledger.manager.count(AccountGrant)).toBe(2);
    expect(await readStandStill(agent.ledger)).toBeNull();
  });

  it('fails a backup, and no file is there', async () => {
    await agent.joinedPatient(PID);
    const file = join(folder, 'lost.sql');
    const before = await connections();
    await withAdmin(agent.zones.inside.mariadb.socket, async (admin) => {
      await admin.query('LOCK TABLES ??.patient WRITE', [agent.address.ledgerName]);
      const written = backupLedger(config(), file);
      const failed = expect(written).rejects.toThrow('did not succeed');
      await kill(await newConnection(before, '%Waiting for table metadata lock'));
      await failed;
    });
    expect(readdirSync(folder).filter((name) => name.startsWith('lost'))).toEqual([]);
  });
});

describe('what a restore leaves to do with the DMZ', () => {
  it('is done once: how far each stream is, then the outbox again', async () => {
    const patient = await agent.joinedPatient(PID);
    const { threadId } = await agent.dmz.submitMessage(patient);
    await agent.dmz.submitMessage(patient, { threadId });
    await agent.collectAndDeliver();
    // A forged item with a number that no stream ever reaches.
    await agent.ledger.query(
      `INSERT INTO submission (submission_id, account_ref, kind, stream, stream_seq, envelope, state, reason, received_at)
       VALUES (UNHEX(REPEAT('0f', 16)), UNHEX(?), 'message', UNHEX(?), 2147483647, '{}', 'QUARANTINED', 'forged', NOW(3))`,
      [patient.accountRef, threadId],
    );
    await begin();
    const told: (Omit<StreamsRequest, 'v'> | Omit<ReofferRequest, 'v'>)[] = [];
    let away = true;
    const gateway = {
      sendStreams: (body: Omit<StreamsRequest, 'v'>) => {
        told.push(body);
        return Promise.resolve({});
      },
      reoffer: (body: Omit<ReofferRequest, 'v'>) => {
        if (away) {
          return Promise.reject(new Error('away'));
        }
        told.push(body);
        return Promise.resolve({ offered: 3 });
      },
    };
    await expect(pushSteps({ gateway, ledger: agent.ledger })).rejects.toThrow('away');
    expect(await agent.ledger.manager.find(RestoreStep)).toEqual([{ step: 'reoffer' }]);
    away = false;
    expect(await pushSteps({ gateway, ledger: agent.ledger })).toEqual(['reoffer']);
    expect(await pushSteps({ gateway, ledger: agent.ledger })).toEqual([]);
    const { accountRef, patientRef } = patient;
    expect(told).toEqual([
      {
        streams: expect.arrayContaining([
          { stream: threadId, accountRef, patientRef, nextSeq: 3 },
          { stream: accountRef, accountRef, patientRef: null, nextSeq: 2 },
        ]),
        last: true,
      },
      { era: 2 },
    ]);
  });
});
