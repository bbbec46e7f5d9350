import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { rmSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import type { Connection, ResultSetHeader } from 'mysql2/promise';
import { newResult } from 'infra/openemr-sim/clinic-labs';
import { freeServicePorts } from 'infra/services/ports';
import { startServices, type Services } from 'infra/services/services';
import { temporaryDataDir } from 'infra/services/test-services';
import { z } from 'zod';
import type { SourceTransaction } from '../src/openemr/binlog-stream.js';
import { ChangeFeed, NOBODY_LISTENS, type FeedListener, type FeedLog } from '../src/openemr/change-feed.js';
import { withBinlogFacts } from '../src/openemr/binlog-facts.js';
import { READABLE_CLASSES } from '../src/openemr/read-chart.js';
import { OwnerFinder } from '../src/openemr/find-owner.js';
import { createOpenEmrPool } from '../src/openemr/openemr-database.js';
import { WATCHED_TABLES } from '../src/openemr/watched-tables.js';
import { writeClockMarker } from '../src/replicate/clock-marker.js';
import { pruneMarkers, readCurrency } from '../src/replicate/currency.js';
import { LedgerOfFeed } from '../src/replicate/feed-ledger.js';
import { RecentChanges } from '../src/replicate/recent-changes.js';
import { plannedRows } from './feed-planned-rows.js';
import { account, AgentUnderTest, openClinic, TestLog, until } from './agent-under-test.js';

const PID = 5001;
const OTHER = 5002;
const STRANGER = 5003;
/** Far beyond what a loaded machine takes, and below the time-out of a test. */
const CAUGHT_UP_WITHIN = 50_000;

/**
 * The feed and its ledger alone: nothing renders, so dirty rows stay for the test to see. Which charts and classes exactly a
 * change concerns, and what becomes of positions, is the binlog's alone: a full pass of polling marks every chart. That
 * whatever is changed reaches the DMZ, and is not claimed before, is tested for both in `both-feeds.int.spec.ts`.
 */
describe('the change feed', () => {
  let services: Services;
  let under: AgentUnderTest;
  let pool: ReturnType<typeof createOpenEmrPool>;
  let second: Connection;
  let feed: ChangeFeed;
  let log: TestLog;
  const woken: string[] = [];

  beforeAll(async () => {
    services = await startServices({ dataDir: temporaryDataDir(), ports: await freeServicePorts() });
    // No gateway is called here: the address leads nowhere.
    under = await AgentUnderTest.start('feed', { zones: services, gatewayUrl: 'https://127.0.0.1:1' });
    const { database, reader } = under.config;
    pool = createOpenEmrPool({ ...database, database: database.openemrName, ...reader });
    second = await openClinic(services, under.databases.openemr);
    for (const pid of [PID, OTHER]) {
      await under.invite(pid, `portal-${String(pid)}`);
    }
    await under.ledger.query('UPDATE chart SET seq = 1');
  });

  afterAll(async () => {
    await pool.end();
    second.destroy();
    await under[Symbol.asyncDispose]().catch(() => undefined);
    await services.stop();
    rmSync(services.dataDir, { recursive: true, force: true });
  });

  const startFeed = (
    of: (ledger: LedgerOfFeed) => LedgerOfFeed = (ledger) => ledger,
    failed: FeedListener['failed'] = () => undefined,
  ): void => {
    log = new TestLog();
    const { database } = under.config;
    const ledger = new LedgerOfFeed(under.ledger, new OwnerFinder(pool), new RecentChanges(), ({ now, later }) => {
      woken.push(...now, ...later);
    });
    const listener: FeedLog = {
      info: (entry) => {
        log.log(entry);
      },
      warn: (entry) => {
        log.warn(entry);
      },
      error: (entry) => {
        log.error(entry);
      },
    };
    feed = new ChangeFeed(database, account(services, 'agent_feed'), of(ledger), listener, {
      ...NOBODY_LISTENS,
      failed,
    });
    feed.start();
  };

  /** Everything committed so far has been recorded. A feed that is only just starting may begin behind a marker. */
  const caughtUp = async (): Promise<void> => {
    const rows: unknown = await under.ledger.query(
      "SELECT DATE_FORMAT(UTC_TIMESTAMP(6), '%Y-%m-%d %H:%i:%s.%f') AS at",
    );
    const [{ at }] = z.tuple([z.object({ at: z.string() })]).parse(rows);
    let turn = 0;
    await until(
      'the feed caught up',
      async () => {
        if (turn % 20 === 0) {
          await writeClockMarker(under.ledger);
        }
        turn += 1;
        return (await newestMarker()) >= at;
      },
      CAUGHT_UP_WITHIN,
    ).catch((failure: unknown) => {
      throw new Error(`the feed said: ${log.lines.join(' ')}`, { cause: failure });
    });
  };
  const newestMarker = async (): Promise<string> => {
    const rows: unknown = await under.ledger.query(
      "SELECT COALESCE(MAX(DATE_FORMAT(at, '%Y-%m-%d %H:%i:%s.%f')), '') AS at FROM marker_seen",
    );
    return z.tuple([z.object({ at: z.string() })]).parse(rows)[0].at;
  };
  const dirty = async (): Promise<string[]> => {
    const rows: unknown = await under.ledger.query(
      'SELECT DISTINCT pid, record_class AS recordClass FROM dirty ORDER BY pid, record_class',
    );
    return z
      .array(z.object({ pid: z.coerce.number(), recordClass: z.string() }))
      .parse(rows)
      .map(({ pid, recordClass }) => `${String(pid)} ${recordClass}`);
  };
  const EVERYTHING = [PID, OTHER].flatMap((pid) =>
    [...READABLE_CLASSES].sort().map((recordClass) => `${String(pid)} ${recordClass}`),
  );

  /** The classes that the patient's own row may belong to. */
  const ofRecord = (pid: number): string[] => [`${String(pid)} profile`, `${String(pid)} social-history`];

  /** The classes that a row of OpenEMR's issue list may belong to. */
  const ofLists = (pid: number): string[] =>
    ['allergies', 'devices', 'encounters', 'medications', 'problems', 'procedures'].map(
      (recordClass) => `${String(pid)} ${recordClass}`,
    );

  beforeEach(async () => {
    startFeed();
    await caughtUp();
    await under.ledger.query('DELETE FROM dirty');
    await under.ledger.query('UPDATE chart SET failed_t = NULL');
    woken.length = 0;
  });

  afterEach(async () => {
    await feed.stop();
  });

  it('says whose chart and which class an insert, an update and a delete concern, and wakes that chart', async () => {
    const [{ insertId }] = await under.clinic.query<ResultSetHeader>(
      "INSERT INTO prescriptions SET patient_id = ?, drug = 'A', txDate = CURDATE(), usage_category_title = '', request_intent_title = ''",
      [PID],
    );
    await caughtUp();
    expect(await dirty()).toEqual([`${String(PID)} medications`]);
    expect(new Set(woken).size).toBe(1);
    for (const change of [
      "UPDATE prescriptions SET drug = 'B' WHERE id = ?",
      'DELETE FROM prescriptions WHERE id = ?',
    ]) {
      await under.ledger.query('DELETE FROM dirty');
      await under.clinic.query(change, [insertId]);
      await caughtUp();
      expect(await dirty()).toEqual([`${String(PID)} medications`]);
    }
  });

  it.each(plannedRows(PID))(
    'says whose %p a new, a changed and a deleted row of %s concern',
    async (recordClasses, _table, ...changes) => {
      for (const change of changes) {
        await under.ledger.query('DELETE FROM dirty');
        await under.clinic.query(change);
        await caughtUp();
        expect(await dirty()).toEqual([recordClasses].flat().map((recordClass) => `${String(PID)} ${recordClass}`));
      }
    },
  );

  it('marks both charts when a row changes hands', async () => {
    const [{ insertId }] = await under.clinic.query<ResultSetHeader>(
      "INSERT INTO lists SET pid = ?, type = 'medication', title = 'X'",
      [PID],
    );
    await caughtUp();
    await under.ledger.query('DELETE FROM dirty');
    await under.clinic.query('UPDATE lists SET pid = ? WHERE id = ?', [OTHER, insertId]);
    await caughtUp();
    expect(await dirty()).toEqual([...ofLists(PID), ...ofLists(OTHER)]);
  });

  it.each([
    ['lists', 'pid', "type = 'allergy', title = 'X'", "title = 'Y'", ofLists(PID)],
    [
      'issue_encounter',
      'pid',
      'list_id = 1, encounter = 1, resolved = 0',
      'encounter = 2',
      [`${String(PID)} encounters`, `${String(PID)} problems`, `${String(PID)} procedures`],
    ],
    [
      'history_data',
      'pid',
      "tobacco = '|never_tobacco||4|'",
      "alcohol = '|never_alcohol|'",
      [`${String(PID)} social-history`],
    ],
    [
      'form_history_sdoh',
      'pid',
      "pregnancy_status = 'possible'",
      "pregnancy_status = 'pregnant'",
      [`${String(PID)} social-history`],
    ],
    ['employer_data', 'pid', "occupation = 'Weaver'", "occupation = 'Shepherd'", [`${String(PID)} social-history`]],
    ['immunizations', 'patient_id', "cvx_code = '140'", "lot_number = 'L'", [`${String(PID)} immunizations`]],
  ])('knows whose a new, a changed and a deleted row of %s is', async (table, pid, values, change, expected) => {
    const [{ insertId }] = await under.clinic.query<ResultSetHeader>(`INSERT INTO ${table} SET ${pid} = ?, ${values}`, [
      PID,
    ]);
    await caughtUp();
    expect(await dirty()).toEqual(expected);
    for (const statement of [`UPDATE ${table} SET ${change} WHERE id = ?`, `DELETE FROM ${table} WHERE id = ?`]) {
      await under.ledger.query('DELETE FROM dirty');
      await under.clinic.query(statement, [insertId]);
      await caughtUp();
      expect(await dirty()).toEqual(expected);
    }
  });

  it('finds the chart of rows without a pid: new laboratory rows by their order, addresses by their contact', async () => {
    const glucose = { loinc: '2345-7', name: 'Glucose', value: '88', units: 'mg/dL' };
    // The first order of a test makes it orderable, which concerns everybody.
    await newResult(under.clinic, { pid: STRANGER, ...glucose });
    await caughtUp();
    await under.ledger.query('DELETE FROM dirty');
    await newResult(under.clinic, { pid: PID, ...glucose });
    await caughtUp();
    const ofResults: readonly string[] =
      WATCHED_TABLES.find(({ table }) => table === 'procedure_order')?.classes.toSorted() ?? [];
    expect(ofResults).toContain('results');
    expect(await dirty()).toEqual(ofResults.map((recordClass) => `${String(PID)} ${recordClass}`));
    await under.ledger.query('DELETE FROM dirty');
    const insert = async (sql: string, values: unknown[] = []): Promise<number> => {
      const [{ insertId }] = await under.clinic.query<ResultSetHeader>(sql, values);
      return insertId;
    };
    const address = 990_001;
    await insert("INSERT INTO addresses SET id = ?, line1 = '1 Way'", [address]);
    const contact = await insert("INSERT INTO contact SET foreign_table_name = 'patient_data', foreign_id = ?", [
      OTHER,
    ]);
    await insert('INSERT INTO contact_address SET contact_id = ?, address_id = ?', [contact, address]);
    await caughtUp();
    await under.ledger.query('DELETE FROM dirty');
    await under.clinic.query("UPDATE addresses SET line1 = '2 Way' WHERE id = ?", [address]);
    await caughtUp();
    expect(await dirty()).toEqual([`${String(OTHER)} profile`]);

    const person = await insert("INSERT INTO person SET first_name = 'Ann', last_name = 'Kin'");
    await insert("INSERT INTO contact_relation SET contact_id = ?, target_table = 'person', target_id = ?", [
      contact,
      person,
    ]);
    await caughtUp();
    await under.ledger.query('DELETE FROM dirty');
    const ofPerson = await insert("INSERT INTO contact SET foreign_table_name = 'person', foreign_id = ?", [person]);
    await caughtUp();
    expect(await dirty()).toEqual([`${String(OTHER)} profile`]);
    await under.ledger.query('DELETE FROM dirty');
    await insert("INSERT INTO contact_telecom SET contact_id = ?, value = '555-0100'", [ofPerson]);
    await caughtUp();
    expect(await dirty()).toEqual([`${String(OTHER)} care-team`, `${String(OTHER)} profile`]);
  });

  it('knows whose visits, vital signs, notes and the words about them are, new, changed and deleted', async () => {
    const clean = async (): Promise<void> => {
      await caughtUp();
      await under.ledger.query('DELETE FROM dirty');
    };
    const concerns = async (statement: string, values: unknown[], classes: string[]): Promise<number> => {
      await clean();
      const [{ insertId }] = await under.clinic.query<ResultSetHeader>(statement, values);
      await caughtUp();
      expect(await dirty()).toEqual(classes.map((recordClass) => `${String(PID)} ${recordClass}`));
      return insertId;
    };
    const visitClasses = ['billing', 'encounters'];
    const visit = await concerns('INSERT INTO form_encounter SET pid = ?, encounter = 990001', [PID], visitClasses);
    const vitals = await concerns('INSERT INTO form_vitals SET pid = ?, pulse = 70', [PID], ['vitals']);
    const form = await concerns(
      "INSERT INTO forms SET pid = ?, form_id = ?, formdir = 'vitals', form_name = '', encounter = 990001",
      [PID, vitals],
      ['vitals'],
    );
    const detail = await concerns(
      "INSERT INTO form_vital_details SET form_id = ?, vitals_column = 'pulse'",
      [vitals],
      ['vitals'],
    );
    await concerns("UPDATE form_vital_details SET interpretation_codes = 'H' WHERE id = ?", [detail], ['vitals']);
    await concerns('DELETE FROM form_vital_details WHERE id = ?', [detail], ['vitals']);
    await concerns('UPDATE form_vitals SET pulse = 71 WHERE id = ?', [vitals], ['vitals']);
    await concerns('UPDATE forms SET deleted = 1 WHERE id = ?', [form], ['vitals']);
    await concerns('DELETE FROM form_vitals WHERE id = ?', [vitals], ['vitals']);
    await concerns('DELETE FROM forms WHERE id = ?', [form], ['vitals']);
    await concerns("UPDATE form_encounter SET reason = 'another' WHERE id = ?", [visit], visitClasses);
    await concerns('DELETE FROM form_encounter WHERE id = ?', [visit], visitClasses);
    for (const [table, text, classes] of [
      ['form_clinical_notes', 'description', ['notes', 'reports']],
      ['form_soap', 'plan', ['notes']],
    ] as const) {
      const id = await concerns(
        `INSERT INTO ${table} SET pid = ?, activity = 1, ${text} = 'a'${table === 'form_soap' ? '' : ', form_id = 990001'}`,
        [PID],
        [...classes],
      );
      await concerns(`UPDATE ${table} SET ${text} = 'b' WHERE id = ?`, [id], [...classes]);
      await concerns(`UPDATE ${table} SET activity = 0 WHERE id = ?`, [id], [...classes]);
      await concerns(`DELETE FROM ${table} WHERE id = ?`, [id], [...classes]);
    }
  });

  it('leaves everybody clean when a patient without chart gets results, mail and medication', async () => {
    await newResult(under.clinic, { pid: STRANGER, loinc: '2345-7', name: 'Glucose', value: '88', units: 'mg/dL' });
    await under.clinic.query("INSERT INTO lists SET pid = ?, type = 'medication', title = 'X'", [STRANGER]);
    await under.clinic.query("UPDATE patient_data SET street = 'x' WHERE pid = ?", [STRANGER]);
    await caughtUp();
    expect(await dirty()).toEqual([]);
    expect(woken).toEqual([]);
  });

  it('knows a mail by the portal name of its owner', async () => {
    const mail =
      "INSERT INTO onsite_mail SET date = NOW(), owner = ?, title = 't', body = 'b', activity = 1, authorized = 1, header = '', groupname = '', user = ''";
    await under.clinic.query(mail, [`Portal-${String(OTHER)}`]);
    await under.clinic.query(mail, ['admin']);
    await caughtUp();
    expect(await dirty()).toEqual([`${String(OTHER)} messages`]);
  });

  it('freezes the owners of a mail that moved, also in a transaction of more rows than are followed one by one', async () => {
    const mail =
      "INSERT INTO onsite_mail SET date = NOW(), owner = ?, title = 't', body = 'b', activity = 1, authorized = 1, header = '', groupname = '', user = ''";
    const [{ insertId }] = await under.clinic.query<ResultSetHeader>(mail, [`portal-${String(PID)}`]);
    await caughtUp();
    const many = Array.from({ length: 5_001 }, (_, report) => [900_000 + report, 'many']);
    await second.beginTransaction();
    await second.query('UPDATE onsite_mail SET owner = ? WHERE id = ?', [`portal-${String(OTHER)}`, insertId]);
    await second.query('INSERT INTO procedure_result (procedure_report_id, result_text) VALUES ?', [many]);
    await second.commit();
    await caughtUp();
    const states: unknown = await under.ledger.query('SELECT pid, state FROM patient ORDER BY pid');
    expect(states).toEqual([PID, OTHER].map((pid) => ({ pid, state: 'frozen' })));
    await under.ledger.query("UPDATE patient SET state = 'invited'");
    await under.clinic.query("DELETE FROM procedure_result WHERE result_text = 'many'");
    await caughtUp();
  });

  it('marks the charts that used a shared row, all of them for what every chart shows or when nobody is known to use it', async () => {
    await under.ledger.query(
      "INSERT INTO source_row (table_name, row_key, pid, record_class) VALUES ('users', '1', ?, 'results')",
      [PID],
    );
    await under.clinic.query("UPDATE users SET lname = CONCAT(COALESCE(lname, ''), 'x') WHERE id = 1");
    await caughtUp();
    // The practice's page shows staff, whoever used the row before.
    const used = `${String(PID)} results`;
    expect(await dirty()).toEqual(EVERYTHING.filter((row) => row === used || row.endsWith(' practice')));
    await under.ledger.query('DELETE FROM dirty');
    await under.clinic.query("INSERT INTO list_options SET list_id = 'route', option_id = 'new-route', title = 'new'");
    await caughtUp();
    const concerned: readonly string[] = WATCHED_TABLES.find(({ table }) => table === 'list_options')?.classes ?? [];
    expect(await dirty()).toEqual(EVERYTHING.filter((row) => concerned.includes(row.split(' ')[1] ?? '')));
  });

  it.each([
    ['ALTER TABLE', "ALTER TABLE prescriptions COMMENT = 'c'"],
    ['TRUNCATE', 'TRUNCATE TABLE patient_history'],
  ])('takes %s of a watched table as a change of everything', async (_name, statement) => {
    await under.clinic.query(statement);
    await caughtUp();
    expect(await dirty()).toEqual(EVERYTHING);
  });

  it('takes a change that was logged as a statement as a change of everything', async () => {
    await services.inside.adminSql(
      `SET STATEMENT binlog_format = 'STATEMENT' FOR UPDATE ${under.databases.openemr}.prescriptions SET note = 'n' WHERE id = 1`,
    );
    await caughtUp();
    expect(await dirty()).toEqual(EVERYTHING);
  });

  it('does not mind statements about tables it does not watch, accounts and indexes elsewhere', async () => {
    await under.clinic.query('CREATE TABLE IF NOT EXISTS somebodys_table (id INT)');
    await under.clinic.query('INSERT INTO somebodys_table VALUES (1)');
    await under.clinic.query('DROP TABLE somebodys_table');
    await caughtUp();
    expect(await dirty()).toEqual([]);
  });

  it('orders by commit: a transaction that began early and commits late counts when it commits', async () => {
    await second.beginTransaction();
    await second.query("UPDATE patient_data SET street = 'long' WHERE pid = ?", [PID]);
    await under.clinic.query("UPDATE patient_data SET street = 'short' WHERE pid = ?", [OTHER]);
    await caughtUp();
    expect(await dirty()).toEqual(ofRecord(OTHER));
    const between = await newestMarker();
    await second.commit();
    await caughtUp();
    expect(await dirty()).toEqual([...ofRecord(PID), ...ofRecord(OTHER)]);
    const currency = await readCurrency(under.ledger.manager);
    const patientRef = await refOf(PID);
    expect(currency?.exceptions.get(patientRef)).toBe(instant(between));
  });

  it('repeats nothing that was recorded and loses nothing that was not when it starts again', async () => {
    await feed.stop();
    const before = await recorded();
    await under.clinic.query("UPDATE patient_data SET street = 'while off' WHERE pid = ?", [PID]);
    startFeed();
    await caughtUp();
    expect(await dirty()).toEqual(ofRecord(PID));
    await under.ledger.query('DELETE FROM dirty');
    await feed.stop();
    startFeed();
    await caughtUp();
    expect(await dirty()).toEqual([]);
    expect((await recorded()).offset).toBeGreaterThan(before.offset);
    expect(log.says('read again')).toBe(false);
  });

  it('goes on after its connection was killed, after a rotation, and after a restart of the server', async () => {
    const processes = await services.inside.adminSql(
      "SELECT ID AS id FROM information_schema.processlist WHERE USER = 'agent_feed' AND COMMAND = 'Binlog Dump'",
    );
    expect(processes).toHaveLength(1);
    for (const { id } of processes) {
      await services.inside.adminSql(`KILL ${String(id)}`);
    }
    await under.clinic.query("UPDATE patient_data SET street = 'after kill' WHERE pid = ?", [PID]);
    await caughtUp();
    expect(await dirty()).toEqual(ofRecord(PID));
    await services.inside.adminSql('FLUSH BINARY LOGS');
    await under.clinic.query("UPDATE patient_data SET street = 'after rotation' WHERE pid = ?", [OTHER]);
    await caughtUp();
    expect(await dirty()).toEqual([...ofRecord(PID), ...ofRecord(OTHER)]);
    await under.ledger.query('DELETE FROM dirty');

    await services.restart('inside', 'mariadb');
    await until('the ledger answers again', () =>
      writeClockMarker(under.ledger).then(
        () => true,
        () => false,
      ),
    );
    const clinic = await openClinic(services, under.databases.openemr);
    await clinic.query("UPDATE patient_data SET street = 'after restart' WHERE pid = ?", [PID]);
    await clinic.end();
    await caughtUp();
    expect(await dirty()).toEqual(ofRecord(PID));
    expect(log.says('read again')).toBe(false);
    under.clinic.destroy();
    Object.assign(under, { clinic: await openClinic(services, under.databases.openemr) });
    second.destroy();
    second = await openClinic(services, under.databases.openemr);
  });

  it('reads everything again, and claims no later time, when the binlog it stood in is gone', async () => {
    const knownUntil = await newestMarker();
    await feed.stop();
    await under.clinic.query("UPDATE patient_data SET street = 'never seen' WHERE pid = ?", [PID]);
    await writeClockMarker(under.ledger);
    await services.inside.adminSql('RESET MASTER');
    startFeed();
    await until('everything is dirty', async () => (await dirty()).length === EVERYTHING.length);
    await caughtUp();
    const currency = await readCurrency(under.ledger.manager);
    expect(currency?.exceptions.get(await refOf(PID))).toBe(instant(knownUntil));
    expect(currency?.exceptions.get(await refOf(OTHER))).toBe(instant(knownUntil));
    expect(log.says('no longer holds the place')).toBe(true);
  });

  it('is not misled by a binlog that was reset and has grown past the old offset', async () => {
    await feed.stop();
    await services.inside.adminSql('RESET MASTER');
    const { offset } = await recorded();
    let grown = false;
    while (!grown) {
      await under.clinic.query("UPDATE patient_data SET street = CONCAT('again ', RAND()) WHERE pid = ?", [STRANGER]);
      const [{ Position }] = z
        .tuple([z.object({ Position: z.coerce.number() })])
        .parse(await services.inside.adminSql('SHOW MASTER STATUS'));
      grown = Position > offset + 1_000;
    }
    startFeed();
    await until('everything is dirty', async () => (await dirty()).length === EVERYTHING.length);
    expect(log.says('no longer holds the place')).toBe(true);
  });

  it('refuses a server whose binlog cannot be followed with a sentence that names what to set, and recovers', async () => {
    await feed.stop();
    await services.inside.adminSql("SET GLOBAL binlog_row_metadata = 'MINIMAL'");
    startFeed();
    await until('it is said', () => log.says('Set log_bin, binlog_format=ROW, binlog_row_metadata=FULL and'));
    await feed.stop();
    await services.inside.adminSql("SET GLOBAL binlog_row_metadata = 'FULL'");
    const dmz = {
      ...under.config.database,
      host: services.dmz.mariadb.host,
      port: services.dmz.mariadb.port,
      caFile: services.dmz.mariadb.caFile,
    };
    const { readFileSync } = await import('node:fs');
    const account = { user: 'migrate', password: readFileSync(services.dmz.secretFile('migrate'), 'utf8').trim() };
    await expect(withBinlogFacts(dmz, account, () => Promise.resolve())).rejects.toMatchObject({
      code: 'binlog-not-usable',
      message: expect.stringContaining('writes no binary log'),
    });
    startFeed();
    await caughtUp();
  });

  it('refuses partial row images, and still finds the chart of a mail that was changed with one', async () => {
    await under.clinic.query(
      "INSERT INTO onsite_mail SET date = NOW(), owner = ?, title = 't', body = 'b', activity = 1, authorized = 1, header = '', groupname = '', user = ''",
      [`portal-${String(OTHER)}`],
    );
    await under.clinic.query('DELETE FROM patient_access_onsite WHERE pid = ?', [OTHER]);
    await under.clinic.query("INSERT INTO patient_access_onsite SET pid = ?, portal_username = ?, portal_pwd = ''", [
      OTHER,
      `portal-${String(OTHER)}`,
    ]);
    await caughtUp();
    await under.ledger.query('DELETE FROM dirty');
    await services.inside.adminSql(
      `SET STATEMENT binlog_row_image = 'MINIMAL' FOR UPDATE ${under.databases.openemr}.onsite_mail
          SET message_status = 'Read' WHERE owner = 'portal-${String(OTHER)}'`,
    );
    await caughtUp();
    expect(await dirty()).toEqual([`${String(OTHER)} messages`]);
    await feed.stop();
    await services.inside.adminSql("SET GLOBAL binlog_row_image = 'MINIMAL'");
    startFeed();
    await until('it is said', () => log.says('binlog_row_image=MINIMAL'));
    await feed.stop();
    await services.inside.adminSql("SET GLOBAL binlog_row_image = 'FULL'");
    startFeed();
    await caughtUp();
  });

  it.each([
    [
      'a value that the ledger has no place for',
      Object.assign(new Error(), { code: 'ER_DATA_TOO_LONG', sqlState: '22001' }),
      true,
    ],
    ['a mistake of the agent', new TypeError('of undefined'), true],
    ['an owner who cannot be asked', Object.assign(new Error(), { code: 'openemr-read-failed' }), false],
    ['a lock', Object.assign(new Error(), { code: 'ER_LOCK_WAIT_TIMEOUT', sqlState: 'HY000' }), false],
  ])(
    'counts what it cannot record because of %s, and reads everything again when that can never end',
    async (_, failure, startsOver) => {
      await feed.stop();
      const failures: string[] = [];
      let refused = 0;
      const refusing = (target: LedgerOfFeed): LedgerOfFeed =>
        new Proxy(target, {
          get: (of, name) =>
            name === 'record'
              ? async (batch: readonly SourceTransaction[]) => {
                  if (refused < 4 && batch.some(({ changes }) => changes.pids.has(OTHER))) {
                    refused += 1;
                    throw failure;
                  }
                  await of.record(batch);
                }
              : (Reflect.get(of, name) as unknown),
        });
      startFeed(refusing, (cause) => failures.push(cause));
      await under.clinic.query("UPDATE patient_data SET street = CONCAT('refused ', RAND()) WHERE pid = ?", [OTHER]);
      await caughtUp();
      expect(await dirty()).toEqual(startsOver ? EVERYTHING : ofRecord(OTHER));
      expect(log.says('a change that cannot be recorded')).toBe(startsOver);
      expect(failures).toEqual(Array.from({ length: startsOver ? 3 : 4 }, () => 'not-recorded'));
    },
  );

  it('does not wait for ever for the owner of a row', async () => {
    const finder = new OwnerFinder(pool, 1);
    await second.query('LOCK TABLES procedure_order WRITE');
    const begun = Date.now();
    try {
      await expect(finder.ownersOf('procedure_order', '1')).rejects.toMatchObject({ code: 'openemr-read-failed' });
      expect(Date.now() - begun).toBeLessThan(10_000);
    } finally {
      await second.query('UNLOCK TABLES');
    }
    expect(await finder.ownersOf('procedure_order', '0')).toEqual([]);
  });

  it('survives a server that is away for a while, saying so once', async () => {
    await services.kill('inside', 'mariadb');
    await until('it is said', () => log.says('it is tried again'));
    await pause(1_500);
    const complaints = log.lines.filter((line) => line.includes('ECONNREFUSED')).length;
    expect(complaints).toBeLessThanOrEqual(1);
    await services.restart('inside', 'mariadb');
    await until('the ledger answers again', () =>
      writeClockMarker(under.ledger).then(
        () => true,
        () => false,
      ),
    );
    await caughtUp();
    Object.assign(under, { clinic: await openClinic(services, under.databases.openemr) });
    second = await openClinic(services, under.databases.openemr);
  });

  it('keeps the time of a chart that has been dirty for long when old markers are dropped', async () => {
    await under.clinic.query("UPDATE patient_data SET street = 'stuck' WHERE pid = ?", [PID]);
    await caughtUp();
    const before = (await readCurrency(under.ledger.manager))?.exceptions.get(await refOf(PID));
    // As if two hours had gone by since.
    await under.ledger.query('UPDATE marker_seen SET at = at - INTERVAL 2 HOUR');
    await caughtUp();
    await under.ledger.transaction((manager) => pruneMarkers(manager));
    const after = await readCurrency(under.ledger.manager);
    const shifted = new Date(Date.parse(before ?? '') - 2 * 3_600_000).toISOString();
    expect(after?.exceptions.get(await refOf(PID))).toBe(shifted);
    expect(after?.exceptions.has(await refOf(OTHER))).toBe(false);
    expect(await under.count('marker_seen')).toBeLessThanOrEqual(3);
  });

  async function recorded(): Promise<{ file: number; offset: number }> {
    const rows: unknown = await under.ledger.query(
      'SELECT file_no AS file, file_offset AS `offset` FROM feed_position',
    );
    return z.tuple([z.object({ file: z.coerce.number(), offset: z.coerce.number() })]).parse(rows)[0];
  }

  async function refOf(pid: number): Promise<string> {
    const rows: unknown = await under.ledger.query('SELECT LOWER(HEX(patient_ref)) AS ref FROM patient WHERE pid = ?', [
      pid,
    ]);
    return z.tuple([z.object({ ref: z.string() })]).parse(rows)[0].ref;
  }
});

function instant(marker: string): string {
  return `${marker.slice(0, 23).replace(' ', 'T')}Z`;
}
