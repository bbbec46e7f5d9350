import { describe, expect, it } from '@jest/globals';
import { checkSignIn } from './check-accounts.js';
import { isOpenToOthers } from './check-files.js';
import { checkPrograms } from './check-host.js';
import { checkInfo } from './check-redis.js';
import { checkServer } from './check-server.js';
import { connectTrouble } from '../connect-failure.js';
import { describeExamination, exitCodeOf } from './doctor.command.js';
import { finding } from './finding.js';
import { guarded } from './guarded.js';

const NOW = new Date('2026-11-22T12:00:00Z');
const codes = (found: readonly { code: string }[]): string[] => found.map(({ code }) => code);

/** What the settings of OpenEMR's database server are found to be. */
function server(
  settings: Readonly<Record<string, string>>,
  feed: 'binlog' | 'polling',
  version = '10.11.19-MariaDB',
): string[] {
  const variable = (name: string): string | undefined => settings[name];
  return codes(checkServer({ version, variable, skewMs: 0, knowsTimeZones: true, certificateEnd: null }, feed, NOW));
}

describe('doctor', () => {
  it('ends with 0 for nothing, 3 for warnings, 1 as soon as one is an error', () => {
    const warning = finding('redis-not-persistent', 'a', 'b');
    const error = finding('redis-evicts', 'c', 'd');
    const examined = { notChecked: [], notes: [] };
    expect(exitCodeOf({ ...examined, findings: [] })).toBe(0);
    expect(exitCodeOf({ ...examined, findings: [warning] })).toBe(3);
    expect(exitCodeOf({ ...examined, findings: [warning, error] })).toBe(1);
  });

  it('prints a finding as one line: how bad, its code, what is, what to do', () => {
    const findings = [finding('redis-evicts', 'Redis drops keys', 'set noeviction')];
    expect(describeExamination({ findings, notChecked: ['x, because y'], notes: ['z'] })).toBe(
      'error redis-evicts: Redis drops keys; set noeviction\nnot checked: x, because y\nnote: z\n1 found\n',
    );
    expect(describeExamination({ findings: [], notChecked: [], notes: [] })).toBe('nothing found\n');
  });

  it('makes of a check that dies a finding with its code, and of a missing right a line, never their text', async () => {
    const dies = (error: Error) => guarded('the moon', () => Promise.reject(error));
    const died = await dies(Object.assign(new Error('Jane Doe'), { code: 'E_MOON' }));
    expect(codes(died.findings)).toEqual(['check-failed']);
    expect(died.findings[0]?.sentence).toContain('the moon did not come to its end (E_MOON)');
    const denied = await dies(Object.assign(new Error('Jane Doe'), { code: 'ER_TABLEACCESS_DENIED_ERROR' }));
    expect(denied).toMatchObject({ findings: [], notChecked: [expect.stringContaining('lacks a right')] });
    const full = await dies(Object.assign(new Error('Jane Doe'), { code: 'ER_RECORD_FILE_FULL' }));
    expect(codes(full.findings)).toEqual(['database-full']);
    expect(JSON.stringify([died, denied, full])).not.toContain('Jane');
  });
});

describe('a file', () => {
  const facts = { mode: 0o400, uid: 1000, folder: false };

  it.each([
    ['its user alone', facts, false],
    ['a file of root that this process reads', { ...facts, uid: 0 }, false],
    ['another user', { ...facts, uid: 1001 }, true],
    ['readers in a group', { ...facts, mode: 0o440 }, true],
    ['writers among others', { ...facts, mode: 0o602 }, true],
  ])('is open or not to %s', (_, file, open) => {
    expect(isOpenToOthers(file, 1000)).toBe(open);
  });
});

describe('an account', () => {
  const line = (rest: string, host = '127.0.0.1'): string[] => [
    `GRANT USAGE ON *.* TO \`agent\`@\`${host}\` IDENTIFIED BY PASSWORD '*00'${rest}`,
  ];

  it('is asked for TLS in any of the ways the server knows, and for a host of its own', () => {
    expect(checkSignIn('agent', line(' REQUIRE SSL'))).toEqual([]);
    expect(checkSignIn('agent', line(" REQUIRE SUBJECT '/CN=agent'"))).toEqual([]);
    expect(codes(checkSignIn('agent', line('')))).toEqual(['account-without-tls']);
    expect(codes(checkSignIn('agent', line(' REQUIRE SSL', '10.0.%')))).toEqual(['account-from-anywhere']);
    expect(checkSignIn('agent', ['GRANT `role` TO `agent`@`10.0.0.5`', ...line(' REQUIRE SSL')])).toEqual([]);
  });

  it('does not give its password hash away', () => {
    expect(JSON.stringify(checkSignIn('agent', line('')))).not.toContain('*00');
  });
});

describe('a version', () => {
  const redis = (version: string): string[] =>
    codes(
      checkInfo(new Map(Object.entries({ redis_version: version, maxmemory_policy: 'noeviction', aof_enabled: '1' }))),
    );
  const healthy: Record<string, string> = {
    log_bin: 'ON',
    binlog_format: 'ROW',
    binlog_row_metadata: 'FULL',
    binlog_row_image: 'FULL',
    innodb_flush_log_at_trx_commit: '1',
    sync_binlog: '1',
  };
  const mariadb = (version: string): string[] => server(healthy, 'binlog', version);

  it.each(['6.2.0', '7.0.15', '10.0.1'])('of Redis is taken: %s', (version) => {
    expect(redis(version)).toEqual([]);
  });

  it.each(['6.0.16', '5.0.14'])('of Redis is too old: %s', (version) => {
    expect(redis(version)).toEqual(['redis-too-old']);
  });

  it.each(['10.5.2-MariaDB', '10.6.0-MariaDB-log', '10.11.19-MariaDB-0+deb12u1', '11.4.2-MariaDB', '12.0.1-MariaDB'])(
    'of MariaDB is taken: %s',
    (version) => {
      expect(mariadb(version)).toEqual([]);
    },
  );

  it.each(['10.5.1-MariaDB', '10.4.34-MariaDB', '5.5.68-MariaDB'])('of MariaDB is too old: %s', (version) => {
    expect(mariadb(version)).toEqual(['server-too-old']);
  });
});

describe('the binary log', () => {
  const off = { log_bin: 'OFF', innodb_flush_log_at_trx_commit: '1', sync_binlog: '0' };

  it('has to be on where it is read, and does not matter where OpenEMR is polled', () => {
    expect(server(off, 'binlog')).toEqual(['binlog-off', 'sync-binlog-off']);
    expect(server(off, 'polling')).toEqual([]);
    expect(server({ ...off, innodb_flush_log_at_trx_commit: '2' }, 'polling')).toEqual(['flush-not-durable']);
  });
});

describe('this machine', () => {
  it('lacks a program only when no folder has it', () => {
    expect(checkPrograms(['/nowhere'])[0]?.sentence).toMatch(/^mariadb and mariadb-dump cannot be found/);
    expect(codes(checkPrograms(['/nowhere']))).toEqual(['client-programs-missing']);
    expect(checkPrograms(['/nowhere', '/usr/bin'])).toEqual([]);
  });
});

describe('a failed connection', () => {
  it.each([
    ['CERT_HAS_EXPIRED', 'over'],
    ['ERR_TLS_CERT_ALTNAME_INVALID', 'other-name'],
    ['SELF_SIGNED_CERT_IN_CHAIN', 'untrusted'],
    ['ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION', 'tls'],
    ['HANDSHAKE_SSL_ERROR', 'tls'],
    ['ECONNREFUSED', 'unreachable'],
    ['EAI_AGAIN', 'unreachable'],
  ])('is told by its code: %s', (code, trouble) => {
    expect(connectTrouble(Object.assign(new Error('certificate'), { code }))).toBe(trouble);
  });
});
