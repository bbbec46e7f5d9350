import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { RowDataPacket } from 'mysql2/promise';
import { z } from 'zod';
import type { RecordClass } from 'sync-contract/classes';
import { loadGoldenRows } from 'infra/openemr-sim/load-golden';
import { testServices } from 'infra/services/test-services';
import { createOpenEmrPool } from '../src/openemr/openemr-database.js';
import { READABLE_CLASSES, readChart } from '../src/openemr/read-chart.js';
import { PatientRowMissing } from '../src/openemr/read-profile.js';
import { readRecord } from '../src/openemr/read-record.js';
import { ClinicTimeZoneUnknown, OpenEmrReadFailed, openSnapshot } from '../src/openemr/snapshot.js';
import { READER_COLUMNS } from '../src/openemr/reader-columns.js';
import { rowKey } from '../src/openemr/source-row.js';
import { WATCHED_TABLES } from '../src/openemr/watched-tables.js';
import { assertReadableOpenEmr, OpenEmrNotSupported } from '../src/openemr/versions.js';
import { ChartUnderTest } from './chart-under-test.js';

let chart: ChartUnderTest;
beforeAll(async () => {
  chart = await ChartUnderTest.start('reader');
  await loadGoldenRows(chart.clinic);
});
afterAll(async () => {
  await chart[Symbol.asyncDispose]();
});
afterEach(() => {
  jest.restoreAllMocks();
});

const ELDERLY = 5009;
const CHILD = 5001;

describe('a snapshot', () => {
  it('shows one commit: what is written later is in the next snapshot, with a later position', async () => {
    await using before = await openSnapshot(chart.reader);
    await chart.clinic.query("UPDATE patient_data SET preferred_name = 'Later' WHERE pid = ?", [ELDERLY]);
    const old = await readChart(before, ELDERLY);
    await using after = await openSnapshot(chart.reader);
    const fresh = await readChart(after, ELDERLY);
    expect(old.profile.patient.preferred_name).toBe('');
    expect(fresh.profile.patient.preferred_name).toBe('Later');
    const [a, b] = [before.position, after.position];
    expect(a).not.toBeNull();
    expect((b?.file ?? 0) > (a?.file ?? 0) || (b?.offset ?? 0) > (a?.offset ?? 0)).toBe(true);
    await chart.clinic.query('UPDATE patient_data SET preferred_name = NULL WHERE pid = ?', [ELDERLY]);
  });

  it('has the binlog position of its last commit', async () => {
    const [status] = await testServices().inside.adminSql('SHOW BINLOG STATUS');
    await using snapshot = await openSnapshot(chart.reader);
    const [afterwards] = await testServices().inside.adminSql('SHOW BINLOG STATUS');
    const Status = z.object({ File: z.string(), Position: z.coerce.number() });
    const [low, high] = [Status.parse(status), Status.parse(afterwards)];
    expect(snapshot.position?.file).toBe(Number(low.File.split('.').at(-1)));
    expect(snapshot.position?.offset).toBeGreaterThanOrEqual(low.Position);
    expect(snapshot.position?.offset).toBeLessThanOrEqual(high.Position);
  });

  it('gives its connection back, without a transaction left open', async () => {
    for (let round = 0; round < 12; round += 1) {
      await chart.read(CHILD);
    }
    const [open] = await testServices().inside.adminSql(
      "SELECT COUNT(*) AS open FROM information_schema.innodb_trx t JOIN information_schema.processlist p ON p.id = t.trx_mysql_thread_id WHERE p.user = 'agent_reader'",
    );
    expect(Number(open?.['open'])).toBe(0);
  });

  it('reads in the clinic’s zone, and refuses to guess one', async () => {
    const setZone = (zone: string): Promise<unknown> =>
      chart.clinic.query("UPDATE globals SET gl_value = ? WHERE gl_name = 'gbl_time_zone'", [zone]);
    await setZone('America/New_York');
    {
      await using snapshot = await openSnapshot(chart.reader);
      expect(snapshot.timeZone).toBe('America/New_York');
      expect(snapshot.readOn).toMatch(/^\d{4}-\d\d-\d\d$/);
    }
    for (const unusable of ['', 'Mars/Olympus']) {
      await setZone(unusable);
      await expect(openSnapshot(chart.reader)).rejects.toThrow(ClinicTimeZoneUnknown);
    }
    await setZone('');
    await using configured = await openSnapshot(chart.reader, { fallbackTimeZone: 'America/Chicago' });
    expect(configured.timeZone).toBe('America/Chicago');
    await setZone('UTC');
  });

  it('sets a session that lasts as the one before left it, whatever that one wanted', async () => {
    const Session = z.object({ zone: z.string(), level: z.string(), seconds: z.coerce.number() });
    const sql = 'SELECT @@time_zone AS zone, @@tx_isolation AS level, @@max_statement_time AS seconds';
    const seen: z.infer<typeof Session>[] = [];
    for (const [zone, statementSeconds] of [
      ['America/New_York', 30],
      ['Asia/Tokyo', 1],
      ['America/New_York', 30],
    ] as const) {
      await chart.clinic.query("UPDATE globals SET gl_value = ? WHERE gl_name = 'gbl_time_zone'", [zone]);
      await using snapshot = await openSnapshot(chart.reader, { statementSeconds });
      seen.push(...(await snapshot.select('the session', Session, sql)));
    }
    await chart.clinic.query("UPDATE globals SET gl_value = 'UTC' WHERE gl_name = 'gbl_time_zone'");
    expect(seen.map(({ level, seconds }) => [level, seconds])).toEqual([
      ['REPEATABLE-READ', 30],
      ['REPEATABLE-READ', 1],
      ['REPEATABLE-READ', 30],
    ]);
    expect(seen[1]?.zone).not.toBe(seen[0]?.zone);
    expect(seen[2]?.zone).toBe(seen[0]?.zone);
  });
});

describe('the connection to OpenEMR’s database', () => {
  const connect = async (host: string, caFile: string): Promise<unknown> => {
    const { inside } = testServices();
    const pool = createOpenEmrPool({
      host,
      caFile,
      port: inside.mariadb.port,
      database: 'information_schema',
      user: 'agent_reader',
      password: readFileSync(inside.secretFile('agent_reader'), 'utf8').trim(),
    });
    try {
      return await pool.query('SELECT 1');
    } finally {
      await pool.end();
    }
  };

  it('is made only to a server that its own authority names by this name', async () => {
    const { inside, dmz } = testServices();
    await expect(connect('127.0.0.1', inside.mariadb.caFile)).resolves.toBeDefined();
    await expect(connect('127.0.0.1', dmz.mariadb.caFile)).rejects.toThrow();
    // The same server under a name that its certificate does not carry.
    await expect(connect('127.1', inside.mariadb.caFile)).rejects.toThrow(/altnames/);
  });

  it('runs one statement at a time', async () => {
    await expect(chart.reader.query('SELECT 1; SELECT 2')).rejects.toMatchObject({ code: 'ER_PARSE_ERROR' });
  });
});

describe('a failure to read', () => {
  it('is thrown and never looks like an empty chart', async () => {
    await chart.clinic.query('RENAME TABLE prescriptions TO prescriptions_away');
    try {
      const failure: unknown = await chart.read(ELDERLY).catch((error: unknown) => error);
      expect(failure).toBeInstanceOf(OpenEmrReadFailed);
      expect(String(failure)).toMatch(/reading prescriptions from OpenEMR failed: ER_/);
      expect(String(failure)).not.toContain(String(ELDERLY));
    } finally {
      await chart.clinic.query('RENAME TABLE prescriptions_away TO prescriptions');
    }
  });

  it('of a patient who is not there is an error of its own', async () => {
    await expect(chart.read(4711)).rejects.toThrow(PatientRowMissing);
  });
});

describe('a slow server', () => {
  it('does not hold a read for ever: the statement is ended and the read fails', async () => {
    await using snapshot = await openSnapshot(chart.reader, { statementSeconds: 1 });
    const slow =
      'SELECT COUNT(*) AS n FROM procedure_result a JOIN procedure_result b JOIN procedure_result c ON a.result < c.result';
    await expect(snapshot.select('a slow answer', z.object({ n: z.int() }), slow)).rejects.toThrow(
      'reading a slow answer from OpenEMR failed: error 1969',
    );
  });
});

describe('the columns the reader needs', () => {
  it('are all granted to the reader account', async () => {
    await expect(assertReadableOpenEmr(chart.reader)).resolves.toBeUndefined();
  });

  it.each([
    ['users', 'password'],
    ['patient_access_onsite', 'portal_pwd'],
    ['patient_data', 'ss'],
    ['patient_data', 'drivers_license'],
    ['procedure_providers', 'login'],
    ['procedure_providers', 'password'],
    ['procedure_providers', 'remote_host'],
    ['facility', 'federal_ein'],
    ['facility', 'iban'],
    ['insurance_data', 'subscriber_ss'],
    ['person', 'ssn'],
    ['insurance_data', 'subscriber_DOB'],
    ['form_encounter', 'billing_note'],
    ['codes', 'fee'],
    ['history_data', 'history_mother'],
    ['employer_data', 'name'],
  ])('leave out what no section needs: %s.%s is refused to the reader account', async (table, column) => {
    await expect(chart.reader.query(`SELECT \`${column}\` FROM \`${table}\` LIMIT 1`)).rejects.toMatchObject({
      code: 'ER_COLUMNACCESS_DENIED_ERROR',
    });
    await expect(chart.clinic.query(`SELECT \`${column}\` FROM \`${table}\` LIMIT 1`)).resolves.toBeDefined();
  });

  it('are enough: an account with these columns and no others reads every chart', async () => {
    const { inside } = testServices();
    const account = `columns_${randomBytes(4).toString('hex')}`;
    const [schema] = await chart.clinic.query<RowDataPacket[]>('SELECT DATABASE() AS name');
    const database = String(schema[0]?.['name']);
    await inside.adminSql('CREATE USER ?@? IDENTIFIED BY ?', [account, '%', account]);
    try {
      for (const [table, columns] of Object.entries(READER_COLUMNS)) {
        const list = columns.map((column) => `\`${column}\``).join(', ');
        await inside.adminSql(`GRANT SELECT (${list}) ON ??.?? TO ?@?`, [database, table, account, '%']);
      }
      const pool = createOpenEmrPool({
        host: '127.0.0.1',
        port: inside.mariadb.port,
        database,
        user: account,
        password: account,
        caFile: inside.mariadb.caFile,
      });
      await assertReadableOpenEmr(pool);
      {
        await using snapshot = await openSnapshot(pool);
        const rows = await readChart(snapshot, ELDERLY);
        expect(rows.results?.results.length).toBeGreaterThan(100);
      }
      await pool.end();
    } finally {
      await inside.adminSql('DROP USER ?@?', [account, '%']);
    }
  });

  it('and no known version lacks are named in one sentence', async () => {
    await chart.clinic.query('ALTER TABLE patient_data CHANGE interpreter_needed away varchar(255)');
    try {
      await expect(assertReadableOpenEmr(chart.reader)).rejects.toThrow(OpenEmrNotSupported);
      await expect(assertReadableOpenEmr(chart.reader)).rejects.toThrow(
        /lacks, or the reader account may not select, patient_data\.interpreter_needed;/,
      );
    } finally {
      await chart.clinic.query('ALTER TABLE patient_data CHANGE away interpreter_needed text');
    }
  });
});

describe('watched tables', () => {
  it('are all that a chart is read from', async () => {
    const read = new Set<string>();
    for (const { sql } of await chart.statementsOf(ELDERLY)) {
      for (const [, table] of sql.matchAll(/\b(?:FROM|JOIN)\s+(\w+)/g)) {
        read.add(table ?? '');
      }
    }
    const watched = new Set<string>(WATCHED_TABLES.map(({ table }) => table));
    expect([...read].filter((table) => !watched.has(table))).toEqual([]);
    expect(read.size).toBeGreaterThan(15);
  });

  it('are identified as OpenEMR’s own schema identifies their rows', async () => {
    const withKey = WATCHED_TABLES.filter(({ table }) => table !== 'form_care_plan');
    for (const watched of withKey) {
      const [rows] = await chart.clinic.query<RowDataPacket[]>(
        `SELECT column_name AS name FROM information_schema.statistics
          WHERE table_schema = DATABASE() AND table_name = ? AND index_name = ? ORDER BY seq_in_index`,
        [watched.table, watched.table === 'patient_data' ? 'pid' : 'PRIMARY'],
      );
      expect([watched.table, rows.map((row) => String(row['name']))]).toEqual([watched.table, [...watched.primaryKey]]);
    }
  });

  it('have every row a chart used among its sources, once', async () => {
    const rows = await chart.read(ELDERLY);
    const keys = rows.sources.map(({ table, key }) => `${table} ${key}`);
    expect(new Set(keys).size).toBe(keys.length);
    const count = (table: string): number => rows.sources.filter((source) => source.table === table).length;
    expect(count('procedure_result')).toBe(rows.results?.results.length);
    expect(count('procedure_report')).toBe(rows.results?.reports.length);
    expect(count('procedure_order_code')).toBe(rows.results?.orderCodes.length);
    expect(count('issue_encounter')).toBe((rows.problems?.visits.length ?? 0) + (rows.procedures?.visits.length ?? 0));
    expect(count('immunizations')).toBe(rows.immunizations?.immunizations.length);
    expect(count('prescriptions')).toBe(rows.medications?.prescriptions.length);
    expect(count('form_vitals')).toBe(rows.vitals?.sheets.length);
    expect(count('form_clinical_notes')).toBe((rows.notes?.notes.length ?? 0) + (rows.reports?.narratives.length ?? 0));
    expect(count('form_soap')).toBe(rows.notes?.soaps.length);
    expect(count('form_encounter')).toBe(rows.encounters?.encounters.length);
    expect(count('onsite_mail')).toBe(rows.messages?.mails.length);
    expect(keys).toContain('patient_data 5009');
    expect(keys).toContain('users 101');
    expect(keys).toContain('contact 70010');
    expect(keys).toContain('addresses 70006');
    const zone = rows.sources.find(({ key }) => key.startsWith('gbl_time_zone'));
    expect(zone?.classes).toEqual(READABLE_CLASSES);
  });

  it('write keys so that no two rows share one', () => {
    expect(rowKey(['a', 'b'], { a: 'x|y', b: 'z' })).not.toBe(rowKey(['a', 'b'], { a: 'x', b: 'y|z' }));
    expect(rowKey(['id'], { id: 7n })).toBe('7');
    expect(() => rowKey(['id'], { id: null })).toThrow(TypeError);
  });
});

/**
 * All that the server is asked for one render of the largest chart after a row of a table changed: the snapshot, the record,
 * and the classes that the row may show in. The number does not depend on how much is in the chart.
 */
const ASKED_FOR_A_CHANGE: Readonly<Record<string, number>> = {
  addresses: 14,
  ar_activity: 19,
  ar_session: 19,
  billing: 19,
  care_team_member: 17,
  care_teams: 17,
  categories: 23,
  categories_to_documents: 23,
  codes: 16,
  contact: 14,
  contact_address: 14,
  contact_relation: 14,
  contact_telecom: 17,
  documents: 23,
  drug_sales: 23,
  drugs: 23,
  employer_data: 17,
  facility: 40,
  form_care_plan: 16,
  form_clinical_notes: 18,
  form_encounter: 23,
  form_history_sdoh: 17,
  form_observation: 17,
  form_soap: 17,
  form_vital_details: 17,
  form_vitals: 17,
  forms: 27,
  globals: 68,
  history_data: 17,
  immunizations: 16,
  insurance_companies: 16,
  insurance_data: 21,
  insurance_type_codes: 16,
  issue_encounter: 25,
  list_options: 58,
  lists: 30,
  lists_medication: 18,
  onsite_mail: 17,
  openemr_postcalendar_categories: 19,
  openemr_postcalendar_events: 16,
  patient_access_onsite: 17,
  patient_data: 17,
  patient_history: 14,
  person: 17,
  prescriptions: 18,
  procedure_order: 26,
  procedure_order_code: 26,
  procedure_providers: 21,
  procedure_report: 26,
  procedure_result: 21,
  procedure_specimen: 21,
  procedure_type: 21,
  questionnaire_response: 17,
  users: 56,
};

describe('reading a chart', () => {
  it('takes the same few queries for a small chart and a large one', async () => {
    const [small, large] = [await chart.statementsOf(CHILD), await chart.statementsOf(ELDERLY)];
    expect(large.length).toBeLessThanOrEqual(62);
    expect(Math.abs(large.length - small.length)).toBeLessThanOrEqual(2);
  });

  it('after a change takes those of the classes that the changed row may show in', async () => {
    const Status = z.tuple([z.object({ Value: z.coerce.number() })]);
    const asked = async (): Promise<number> => {
      const [status] = await chart.reader.query<RowDataPacket[]>("SHOW SESSION STATUS LIKE 'Questions'");
      return Status.parse(status)[0].Value;
    };
    const render = async (classes: readonly RecordClass[]): Promise<void> => {
      await using snapshot = await openSnapshot(chart.reader);
      await readRecord(snapshot, ELDERLY);
      const { failures } = await readChart(snapshot, ELDERLY, classes);
      expect(failures.size).toBe(0);
    };
    await render([]);
    const counted: Record<string, number> = {};
    for (const { table, classes } of WATCHED_TABLES) {
      const before = await asked();
      await render(classes);
      // The question how many there were is one of them.
      counted[table] = (await asked()) - before - 1;
    }
    expect(counted).toEqual(ASKED_FOR_A_CHANGE);
  });
});
