import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createHash, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { testServices } from 'infra/services/test-services';
import { newRef } from 'sync-contract/identifiers';
import { backupAccounts, restoreAccounts, restoreRows } from '../src/database/backup.js';
import type { BackupConfig } from '../src/database/config.js';
import { GatewayUnderTest, databaseOf } from './gateway-under-test.js';
import { buildHeartbeat, buildManifest, buildSection } from './replica-builders.js';
import { NO_ORIGIN, SubmissionsUnderTest, buildMessage } from './submissions-under-test.js';

describe('a backup of the accounts', () => {
  let gateway: GatewayUnderTest;
  let submissions: SubmissionsUnderTest;
  let config: BackupConfig;
  const folder = mkdtempSync(join(tmpdir(), 'odp-accounts-'));
  const file = join(folder, 'accounts.sql');

  beforeAll(async () => {
    gateway = await GatewayUnderTest.start('backup');
    await gateway.handOverKeys();
    submissions = await SubmissionsUnderTest.start({
      site: gateway.site,
      rootPublicKey: gateway.keys.rootPublicKey,
      databaseName: gateway.databases.portal,
    });
    config = {
      database: databaseOf('migrate', gateway.databases.portal),
      caFile: testServices().dmz.mariadb.caFile,
      siteId: gateway.site,
    };
  });
  afterAll(async () => {
    await submissions[Symbol.asyncDispose]();
    await gateway[Symbol.asyncDispose]();
    rmSync(folder, { recursive: true, force: true });
  });

  /** Table and fingerprint of its rows, short enough to be compared in words. */
  const rows = async (table: string): Promise<string> => {
    const all: unknown = await gateway.database.query(`SELECT * FROM ${table} ORDER BY 1`);
    return `${table} ${createHash('sha256').update(JSON.stringify(all)).digest('hex')}`;
  };
  const count = async (table: string): Promise<number> => {
    const [row] = await gateway.database.query<{ n: string }[]>(`SELECT COUNT(*) AS n FROM ${table}`);
    return Number(row?.n);
  };

  test('brings back what only the DMZ has, byte by byte, and leaves the replica to the inside', async () => {
    const patientRef = newRef();
    const accountRef = newRef();
    const origin = { ...NO_ORIGIN, actor: accountRef };
    const text = "A quote ' a slash \\\\ and a line\nend";
    await submissions.service.submit(buildMessage({ accountRef, patientRef, origin, text }));
    const section = buildSection();
    const manifest = buildManifest(gateway.keys.sign, { site: gateway.site, patientRef }, [section.entry]);
    await gateway.call('chartBatch', { patientRef, manifest, sections: [section.sent], settles: [] });
    await gateway.call('heartbeat', buildHeartbeat(gateway.keys.sign, { site: gateway.site }, []));
    const kept = ['key_statement', 'stream', 'outbox', 'own_copy', 'receipt', 'audit_entry', 'audit_head'];
    const before = await Promise.all(kept.map(rows));
    await backupAccounts(config, file);
    expect(statSync(file).mode & 0o777).toBe(0o600);

    await submissions.service.submit(buildMessage());
    expect(await Promise.all(kept.map(rows))).not.toEqual(before);
    for (let again = 0; again < 2; again += 1) {
      await restoreAccounts(config, file);
      expect(await Promise.all(kept.map(rows))).toEqual(before);
    }
    expect(await Promise.all(['chart', 'section', 'heartbeat', 'restored'].map(count))).toEqual([0, 0, 0, 1]);
    // by which a person finds the own access history
    expect(
      await count(`audit_entry WHERE account_ref = UNHEX('${accountRef}') AND patient_ref = UNHEX('${patientRef}')`),
    ).toBe(1);
  });

  test('a connection that is lost between two statements of a restore fails it, and changes nothing', async () => {
    await gateway.call('streams', { streams: [], last: true });
    await submissions.service.submit(buildMessage());
    await backupAccounts(config, file);
    await submissions.service.submit(buildMessage());
    const tables = ['stream', 'outbox', 'own_copy', 'receipt', 'audit_entry', 'restored'];
    const before = await Promise.all(tables.map(rows));
    const text = readFileSync(file, 'utf8');
    const half = text.indexOf('INSERT INTO', text.indexOf('INSERT INTO `outbox`') + 1);
    expect(half).toBeGreaterThan(0);
    const { adminSql } = testServices().dmz;
    const sessions = (): Promise<Record<string, unknown>[]> =>
      adminSql(
        `SELECT p.ID AS id FROM information_schema.processlist p
           JOIN information_schema.innodb_trx t ON t.trx_mysql_thread_id = p.ID AND t.trx_rows_modified > 0
          WHERE p.DB = ? AND p.COMMAND = 'Sleep'`,
        [config.database.name],
      );
    async function* lostInTheMiddle(): AsyncGenerator<Buffer> {
      yield Buffer.from(text.slice(0, half));
      let found = await sessions();
      while (found.length === 0) {
        found = await sessions();
      }
      await adminSql('KILL ?', [Number(found[0]?.['id'])]);
      while ((await sessions()).length > 0) {
        // its transaction is being undone
      }
      yield Buffer.from(text.slice(half));
    }
    await expect(restoreRows(config, lostInTheMiddle())).rejects.toThrow('did not succeed');
    expect(await Promise.all(tables.map(rows))).toEqual(before);
  });

  test.each<[string, (text: string) => string, RegExp]>([
    ['cut off', (text) => text.slice(0, text.length / 2), /is cut off/],
    ['of another site', (text) => text.replace(gateway.site, randomUUID()), /no backup of the accounts of this site/],
    [
      'damaged',
      (text) => text.replace('INSERT INTO `receipt`', 'INSERT INTO `no_such_table`'),
      /did not succeed.*no_such_table/s,
    ],
  ])('that is %s changes nothing', async (_what, spoil, sentence) => {
    const before = await rows('outbox');
    const spoilt = join(folder, 'spoilt.sql');
    writeFileSync(spoilt, spoil(readFileSync(file, 'utf8')));
    await expect(restoreAccounts(config, spoilt)).rejects.toThrow(sentence);
    expect(await rows('outbox')).toEqual(before);
  });
});
