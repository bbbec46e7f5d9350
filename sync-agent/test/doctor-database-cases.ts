import { SingleAgent } from '../src/ledger/single-agent.js';
import { until } from './agent-under-test.js';
import type { DoctorUnderTest, Made, Misconfiguration } from './doctor-under-test.js';

/** Statements of the administrator, and those that take them back. */
const sql =
  (make: string[], undo: string[]) =>
  async (inside: DoctorUnderTest): Promise<Made> => {
    await inside.sql(...make);
    return { undo: () => inside.sql(...undo) };
  };

const setting = (name: string, value: string | number, healthy: string | number): ReturnType<typeof sql> =>
  sql([`SET GLOBAL ${name} = ${String(value)}`], [`SET GLOBAL ${name} = ${String(healthy)}`]);

const openEmrSetting =
  (name: string, value: string) =>
  async (inside: DoctorUnderTest): Promise<Made> => {
    const { adminSql } = inside.services.inside;
    const [before] = await adminSql('SELECT gl_value FROM openemr.globals WHERE gl_name = ?', [name]);
    await adminSql('REPLACE INTO openemr.globals (gl_name, gl_index, gl_value) VALUES (?, 0, ?)', [name, value]);
    return {
      undo: () =>
        before === undefined
          ? adminSql('DELETE FROM openemr.globals WHERE gl_name = ?', [name])
          : adminSql('UPDATE openemr.globals SET gl_value = ? WHERE gl_name = ?', [String(before['gl_value']), name]),
    };
  };

const SLEEPER = "information_schema.PROCESSLIST WHERE USER = 'agent_writer' AND INFO LIKE 'SELECT SLEEP%'";

/** A statement of the running agent that gets no answer, as on a full disk. */
async function stuckStatement(inside: DoctorUnderTest): Promise<Made> {
  const { adminSql } = inside.services.inside;
  const waiting = inside.agent.ledger.query('SELECT SLEEP(300)').catch(() => undefined);
  await until('it waits for long', async () => (await adminSql(`SELECT 1 FROM ${SLEEPER} AND TIME > 15`)).length > 0);
  return {
    undo: async () => {
      const [session] = await adminSql(`SELECT ID AS id FROM ${SLEEPER}`);
      await adminSql('KILL ?', [Number(session?.['id'])]);
      await waiting;
    },
  };
}

/** An agent at work, and nothing of the feed in its ledger since. */
async function silentFeed(inside: DoctorUnderTest): Promise<Made> {
  const { database, writer } = inside.agent.config;
  const working = await SingleAgent.claim(database, writer, () => undefined);
  await inside.agent.ledger.query(
    'INSERT INTO feed_position (id, file_no, file_offset, committed_at) VALUES (1, 1, 4, UTC_TIMESTAMP(3) - INTERVAL 400 SECOND)',
  );
  return {
    undo: async () => {
      await inside.agent.ledger.query('DELETE FROM feed_position');
      await working[Symbol.asyncDispose]();
    },
  };
}

export const SERVER_CASES: readonly Misconfiguration[] = [
  {
    name: 'nothing where the database should be',
    make: () => ({ environment: { OPENEMR_DB_PORT: '1' } }),
    finds: ['database-unreachable'],
    says: /ECONNREFUSED/,
  },
  {
    name: 'a database server of another CA',
    make: (inside) => ({ environment: { OPENEMR_DB_CA_FILE: inside.path('tls/crossing-ca.crt') } }),
    finds: ['database-certificate-refused'],
    says: /not accepted/,
  },
  {
    name: 'a server that lets the agent wait',
    make: stuckStatement,
    finds: ['database-stuck'],
    says: /wait for \d+ s now, mostly because the disk/,
  },
  {
    name: 'a change feed that stands still',
    make: silentFeed,
    finds: ['feed-stands-still'],
    says: /recorded nothing of OpenEMR's changes for 4\d\d s/,
  },
  {
    name: 'a wrong password',
    make: (inside) => ({ environment: { READER_PASSWORD_FILE: inside.file('wrong') } }),
    finds: ['account-denied'],
    says: /agent_reader/,
  },
  {
    name: 'an account that does not exist',
    make: () => ({ environment: { WRITER_USER: 'agent_writer_old' } }),
    finds: ['account-denied'],
    says: /agent_writer_old/,
  },
  {
    name: 'an account that is locked',
    make: sql(["ALTER USER agent_feed@'127.0.0.1' ACCOUNT LOCK"], ["ALTER USER agent_feed@'127.0.0.1' ACCOUNT UNLOCK"]),
    finds: ['account-denied'],
    says: /agent_feed/,
  },
  {
    name: 'an account that may come without TLS',
    make: sql(
      ["ALTER USER agent_reader@'127.0.0.1' REQUIRE NONE"],
      ["ALTER USER agent_reader@'127.0.0.1' REQUIRE SSL"],
    ),
    finds: ['account-without-tls'],
    says: /agent_reader/,
  },
  {
    name: 'an account that may come from anywhere',
    make: sql(
      ["RENAME USER agent_writer@'127.0.0.1' TO agent_writer@'%'"],
      ["RENAME USER agent_writer@'%' TO agent_writer@'127.0.0.1'"],
    ),
    finds: ['account-from-anywhere'],
    says: /agent_writer.*any machine/,
  },
  {
    name: 'a binary log of statements',
    make: setting('binlog_format', "'MIXED'", "'ROW'"),
    finds: ['binlog-format'],
    says: /binlog_format=MIXED/,
  },
  {
    name: 'a binary log without column names',
    make: setting('binlog_row_metadata', "'MINIMAL'", "'FULL'"),
    finds: ['binlog-row-metadata'],
    says: /binlog_row_metadata=MINIMAL/,
  },
  {
    name: 'a binary log with half the rows',
    make: setting('binlog_row_image', "'MINIMAL'", "'FULL'"),
    finds: ['binlog-row-image'],
    says: /binlog_row_image=MINIMAL/,
  },
  {
    name: 'a binary log that is kept for an hour',
    make: setting('binlog_expire_logs_seconds', 3_600, 604_800),
    finds: ['binlog-retention-short'],
    says: /1 hours/,
  },
  {
    name: 'commits that a power cut takes back',
    make: setting('innodb_flush_log_at_trx_commit', 2, 1),
    finds: ['flush-not-durable'],
    says: /innodb_flush_log_at_trx_commit=2/,
  },
  {
    name: 'a binary log that a power cut shortens',
    make: setting('sync_binlog', 0, 1),
    finds: ['sync-binlog-off'],
    says: /sync_binlog=0/,
  },
  {
    name: 'a database whose clock is a minute behind',
    make: setting('init_connect', "'SET timestamp = UNIX_TIMESTAMP() - 60'", "''"),
    finds: ['database-clock'],
    says: /(59|60|61)\.\d s behind/,
  },
  {
    name: 'a table of OpenEMR that is not transactional',
    make: sql(['ALTER TABLE openemr.onsite_mail ENGINE = MyISAM'], ['ALTER TABLE openemr.onsite_mail ENGINE = InnoDB']),
    finds: ['table-not-innodb'],
    says: /^onsite_mail is not/,
  },
  {
    name: 'two tables of the ledger that are not transactional',
    make: sql(
      ['ALTER TABLE portal_ledger.stream ENGINE = Aria', 'ALTER TABLE portal_ledger.thread ENGINE = Aria'],
      ['ALTER TABLE portal_ledger.stream ENGINE = InnoDB', 'ALTER TABLE portal_ledger.thread ENGINE = InnoDB'],
    ),
    finds: ['table-not-innodb'],
    says: /^stream, thread are not/,
  },
  {
    name: 'the ledger in the database of OpenEMR',
    make: () => ({ environment: { LEDGER_DB_NAME: 'openemr' } }),
    finds: ['ledger-in-openemr'],
    says: /LEDGER_DB_NAME/,
  },
  {
    name: 'a ledger that was never made',
    make: () => ({ environment: { LEDGER_DB_NAME: 'ledger_of_tomorrow' } }),
    finds: ['ledger-missing'],
    says: /ledger_of_tomorrow/,
  },
  {
    name: 'a ledger that was not migrated',
    make: sql(
      [
        'CREATE TABLE portal_ledger.kept AS SELECT * FROM portal_ledger.migration',
        'DELETE FROM portal_ledger.migration ORDER BY id DESC LIMIT 1',
      ],
      ['REPLACE INTO portal_ledger.migration SELECT * FROM portal_ledger.kept', 'DROP TABLE portal_ledger.kept'],
    ),
    finds: ['ledger-not-migrated'],
    says: /lacks 1 of \d+ migrations/,
  },
  {
    name: 'a ledger of a newer version',
    make: sql(
      ["INSERT INTO portal_ledger.migration (timestamp, name) VALUES (9999999999999, 'FromTomorrow9999999999999')"],
      ["DELETE FROM portal_ledger.migration WHERE name = 'FromTomorrow9999999999999'"],
    ),
    finds: ['ledger-newer'],
    says: /newer version/,
  },
];

const READER = "agent_reader@'127.0.0.1'";
const WRITER = "agent_writer@'127.0.0.1'";
const FEED = "agent_feed@'127.0.0.1'";
const OWNER = "ledger_owner@'127.0.0.1'";

const revoked = (right: string, from: string): ReturnType<typeof sql> =>
  sql([`REVOKE ${right} FROM ${from}`], [`GRANT ${right} TO ${from}`]);
const granted = (right: string, to: string): ReturnType<typeof sql> =>
  sql([`GRANT ${right} TO ${to}`], [`REVOKE ${right} FROM ${to}`]);

export const GRANTS_CASES: readonly Misconfiguration[] = [
  {
    name: 'a reader without a table',
    make: revoked('SELECT ON openemr.prescriptions', READER),
    finds: ['grant-missing'],
    says: /agent_reader lacks SELECT on openemr\.prescriptions$/,
  },
  {
    name: 'a reader without a column',
    make: revoked('SELECT (npi) ON openemr.users', READER),
    finds: ['grant-missing'],
    says: /agent_reader lacks SELECT \(npi\) on openemr\.users$/,
  },
  {
    name: 'a writer that cannot write mail',
    make: revoked('INSERT ON openemr.onsite_mail', WRITER),
    finds: ['grant-missing'],
    says: /agent_writer lacks INSERT on openemr\.onsite_mail$/,
  },
  {
    name: 'a feed that may not see the binary log',
    make: revoked('BINLOG MONITOR ON *.*', FEED),
    finds: ['grant-missing'],
    says: /agent_feed lacks BINLOG MONITOR on \*\.\*$/,
  },
  {
    name: 'a reader of the notes of staff',
    make: granted('SELECT ON openemr.pnotes', READER),
    finds: ['grant-excessive'],
    says: /agent_reader .*: SELECT on openemr\.pnotes$/,
  },
  {
    name: 'a reader of password hashes',
    make: granted('SELECT (password) ON openemr.users_secure', READER),
    finds: ['password-readable', 'grant-excessive'],
    says: /agent_reader can read users_secure\.password/,
  },
  {
    name: 'a writer that may delete mail',
    make: granted('DELETE ON openemr.onsite_mail', WRITER),
    finds: ['grant-excessive'],
    says: /agent_writer .*: DELETE on openemr\.onsite_mail$/,
  },
  {
    name: 'a feed that reads all of OpenEMR',
    make: granted('SELECT ON openemr.*', FEED),
    finds: ['grant-excessive', 'password-readable'],
    says: /agent_feed .*: SELECT on openemr\.\*$/,
  },
  {
    name: 'a ledger owner that makes accounts',
    make: granted('CREATE USER ON *.*', OWNER),
    finds: ['grant-excessive'],
    says: /ledger_owner .*: CREATE USER on \*\.\*$/,
  },
  {
    name: 'a writer that may pass its rights on',
    make: granted('GRANT OPTION ON portal_ledger.*', WRITER),
    finds: ['grant-excessive'],
    says: /agent_writer .*GRANT OPTION on portal_ledger\.\*$/,
  },
  {
    name: 'an account with a role',
    make: sql(['CREATE ROLE helper', `GRANT helper TO ${WRITER}`], ['DROP ROLE helper']),
    finds: ['grant-excessive'],
    says: /agent_writer .*GRANT helper/i,
  },
];

export const OPENEMR_CASES: readonly Misconfiguration[] = [
  {
    name: 'another name than that of the database of OpenEMR',
    make: () => ({ environment: { OPENEMR_DB_NAME: 'openemr_old' } }),
    finds: ['openemr-database-missing'],
    says: /openemr_old/,
  },
  {
    name: 'an OpenEMR that lacks a column',
    make: sql(
      ['ALTER TABLE openemr.procedure_specimen CHANGE collected_date away DATETIME'],
      ['ALTER TABLE openemr.procedure_specimen CHANGE away collected_date DATETIME'],
    ),
    finds: ['openemr-column-missing'],
    says: /procedure_specimen\.collected_date/,
  },
  {
    name: 'an OpenEMR with many plans and no index that leads to those of a patient',
    make: sql(
      [
        'CREATE TABLE openemr.plans_before AS SELECT * FROM openemr.form_care_plan',
        'INSERT INTO openemr.form_care_plan (id, pid) SELECT seq, seq FROM openemr.seq_1_to_80000',
        'ANALYZE TABLE openemr.form_care_plan',
      ],
      [
        'TRUNCATE openemr.form_care_plan',
        'INSERT INTO openemr.form_care_plan SELECT * FROM openemr.plans_before',
        'DROP TABLE openemr.plans_before',
        'ANALYZE TABLE openemr.form_care_plan',
      ],
    ),
    finds: ['openemr-index-missing'],
    says: /no index by patient in form_care_plan, so/,
  },
  {
    name: 'an OpenEMR without a time zone',
    make: openEmrSetting('gbl_time_zone', ''),
    finds: ['clinic-time-zone-unknown'],
    says: /gbl_time_zone/,
  },
  {
    name: 'an OpenEMR on a time zone that does not exist',
    make: openEmrSetting('gbl_time_zone', 'Mars/Olympus_Mons'),
    finds: ['clinic-time-zone-unknown'],
    says: /gbl_time_zone/,
  },
  {
    name: 'an OpenEMR on another time zone than its web server',
    make: sql(
      [
        `INSERT INTO openemr.onsite_mail (date, owner, sender_id, sender_name, recipient_id, recipient_name, title, body)
         VALUES (UTC_TIMESTAMP() + INTERVAL 9 HOUR, 'admin', 'x', 'x', 'admin', 'x', 'late', 'late')`,
      ],
      ["DELETE FROM openemr.onsite_mail WHERE title = 'late'"],
    ),
    finds: ['clinic-times-ahead'],
    says: /minutes ahead/,
  },
  {
    name: 'an OpenEMR that shows staff no portal mail',
    make: openEmrSetting('portal_onsite_two_enable', '0'),
    finds: ['portal-mail-off'],
    says: /portal_onsite_two_enable/,
  },
  {
    name: 'an OpenEMR that takes passwords at its token endpoint',
    make: openEmrSetting('oauth_password_grant', '3'),
    finds: ['password-grant-on'],
    says: /oauth_password_grant/,
  },
  {
    name: 'a recipient who has left',
    make: sql(
      ["UPDATE openemr.users SET active = 0 WHERE username = 'admin'"],
      ["UPDATE openemr.users SET active = 1 WHERE username = 'admin'"],
    ),
    finds: ['pool-without-recipient'],
    says: /topic default go to admin/,
  },
  {
    name: 'a recipient who is no portal user',
    make: () => ({ environment: { POOLS: '{"default":"admin","billing":"nursekim"}' } }),
    finds: ['pool-without-recipient'],
    says: /topic billing go to nursekim/,
  },
  {
    name: 'two topics without recipients',
    make: () => ({ environment: { POOLS: '{"default":"nobody","billing":"admin","refill":"noone"}' } }),
    finds: ['pool-without-recipient', 'pool-without-recipient'],
    says: /topic default go to nobody/,
  },
  {
    name: 'two patients with one name in portal mail',
    make: sharedName('(SELECT portal_username FROM openemr.patient_access_onsite ORDER BY id LIMIT 1)'),
    finds: ['portal-name-shared'],
    says: /^2 patients/,
  },
  {
    name: 'a patient with the name of a member of staff',
    make: sharedName("'drgreene'"),
    finds: ['portal-name-shared'],
    says: /^1 patients/,
  },
  {
    name: 'a patient of the portal whose name in portal mail was removed',
    make: sql(
      [
        `INSERT INTO portal_ledger.patient (pid, patient_ref, state, portal_username, created_at)
         VALUES (999999, UNHEX(REPEAT('ab', 16)), 'enrolled', 'Nobody1', UTC_TIMESTAMP())`,
      ],
      ['DELETE FROM portal_ledger.patient WHERE pid = 999999'],
    ),
    finds: ['portal-name-missing'],
    says: /^1 patients/,
  },
];

/** The last of the portal's patients gets this name. @param name SQL */
function sharedName(name: string): ReturnType<typeof sql> {
  const access = 'openemr.patient_access_onsite';
  return sql(
    [
      `CREATE TABLE openemr.kept AS SELECT id, portal_username, ${name} AS taken FROM ${access} ORDER BY id DESC LIMIT 1`,
      `UPDATE ${access} a JOIN openemr.kept k ON k.id = a.id SET a.portal_username = k.taken`,
    ],
    [
      `UPDATE ${access} a JOIN openemr.kept k ON k.id = a.id SET a.portal_username = k.portal_username`,
      'DROP TABLE openemr.kept',
    ],
  );
}

/** Cases that need the server to start with other settings. */
export const RESTART_CASES: readonly Misconfiguration[] = [
  {
    name: 'a server without a binary log',
    make: restarted({ skip_log_bin: 'ON' }),
    finds: ['binlog-off'],
    says: /no binary log/,
  },
  {
    name: 'a MySQL server',
    make: restarted({ version: '8.0.36' }),
    finds: ['server-not-mariadb'],
    says: /8\.0\.36/,
  },
  {
    name: 'a MariaDB of yesterday',
    make: restarted({ version: '10.4.34-MariaDB' }),
    finds: ['server-too-old'],
    says: /10\.4\.34/,
  },
  {
    name: 'a server without time zones',
    make: async (inside) => {
      await inside.sql(
        'RENAME TABLE mysql.time_zone_name TO mysql.kept_name',
        'CREATE TABLE mysql.time_zone_name LIKE mysql.kept_name',
      );
      await inside.services.restart('inside', 'mariadb');
      return {
        undo: async () => {
          await inside.sql('DROP TABLE mysql.time_zone_name', 'RENAME TABLE mysql.kept_name TO mysql.time_zone_name');
          await inside.services.restart('inside', 'mariadb');
        },
      };
    },
    finds: ['time-zone-tables-missing'],
    says: /no time zones/,
  },
];

function restarted(settings: Record<string, string>): Misconfiguration['make'] {
  return async ({ services }) => {
    await services.restart('inside', 'mariadb', settings);
    return { undo: () => services.restart('inside', 'mariadb') };
  };
}
