import { describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { applyGrants } from 'infra/services/services';
import { createTestDatabases, testServices } from 'infra/services/test-services';
import { newRef } from 'sync-contract/identifiers';
import type { DataSource } from 'typeorm';
import { markDirty } from '../src/ledger/dirty.js';
import { createLedgerDataSource } from '../src/ledger/ledger-database.js';
import { Patient } from '../src/ledger/patient.entity.js';
import { AckedClass } from '../src/ledger/reconciliation.entities.js';
import { SingleAgent } from '../src/ledger/single-agent.js';
import { account, agentConfig, until } from './agent-under-test.js';

describe('the ledger', () => {
  const zones = testServices();

  const open = async (
    user: string,
    databases: { openemr: string; ledger: string; insideQueuePrefix: string },
  ): Promise<DataSource> => {
    const { database } = agentConfig(zones, databases, newRef(), '/nowhere', 'https://127.0.0.1:1');
    return createLedgerDataSource(database, account(zones, user)).initialize();
  };

  it('has after its migrations exactly the tables of its entities, and none after they are undone', async () => {
    await using databases = await createTestDatabases('ledger-migrations');
    const owner = await open('ledger_owner', databases);
    expect((await owner.runMigrations()).length).toBeGreaterThan(0);
    const { upQueries } = await owner.driver.createSchemaBuilder().log();
    expect(upQueries.map(({ query }) => query)).toEqual([]);
    expect(await owner.runMigrations()).toEqual([]);
    for (const _ of owner.migrations) {
      await owner.undoLastMigration();
    }
    const tables: unknown = await owner.query('SHOW TABLES');
    expect(tables).toEqual([{ [`Tables_in_${databases.ledger}`]: 'migration' }]);
    await owner.destroy();
  });

  it('gives the running agent rows and no DDL, a strict session in UTC, and reads that take no gap locks', async () => {
    await using databases = await createTestDatabases('ledger-writer');
    const owner = await open('ledger_owner', databases);
    await owner.runMigrations();
    await owner.destroy();
    await applyGrants(zones, 'inside', { ledger: databases.ledger });
    const writer = await open('agent_writer', databases);
    await expect(writer.query('CREATE TABLE t (id INT)')).rejects.toMatchObject({
      code: 'ER_TABLEACCESS_DENIED_ERROR',
    });
    await expect(writer.query('ALTER TABLE patient ADD x INT')).rejects.toMatchObject({
      code: 'ER_TABLEACCESS_DENIED_ERROR',
    });
    const settings: unknown = await writer.query(
      'SELECT @@time_zone AS zone, @@sql_mode AS mode, @@tx_isolation AS isolation',
    );
    expect(settings).toEqual([
      { zone: '+00:00', mode: 'STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION', isolation: 'READ-COMMITTED' },
    ]);
    await writer.destroy();
  });

  it('hands ids over as hex, instants as instants, and refuses a second patient with the same reference', async () => {
    await using databases = await createTestDatabases('ledger-rows');
    const owner = await open('ledger_owner', databases);
    await owner.runMigrations();
    const patientRef = newRef();
    const createdAt = new Date('2026-03-29T01:30:00.123Z');
    const recordMac = 'ab'.repeat(32);
    const known = { recordMac, recordId: 3, nameMac: recordMac, birthMac: null };
    const row = { pid: 7, patientRef, state: 'invited' as const, portalUsername: 'Ada.L', ...known, createdAt };
    await owner.manager.insert(Patient, row);
    expect(await owner.manager.findOneBy(Patient, { patientRef })).toEqual(row);
    await expect(owner.manager.insert(Patient, { ...row, pid: 8 })).rejects.toMatchObject({ code: 'ER_DUP_ENTRY' });
    await owner.destroy();
  });

  it('knows after its upgrade what charts had of each class', async () => {
    await using databases = await createTestDatabases('ledger-acked');
    const owner = await open('ledger_owner', databases);
    const applied = await owner.runMigrations();
    const later = applied.slice(applied.findIndex(({ name }) => name === 'CreateAckedClass1765000000000'));
    expect(later.length).toBeLessThan(applied.length);
    for (const _ of later) {
      await owner.undoLastMigration();
    }
    const patientRef = newRef();
    for (const [name, entries, seq] of [
      ['results/2025', 2, 4],
      ['results/2026', 3, 7],
    ]) {
      await owner.query(
        `INSERT INTO chart_section (patient_ref, name, record_class, section_id, era, seq, epoch, content_hash, sha256, size,
            as_of, entries)
          VALUES (UNHEX(?), ?, 'results', RANDOM_BYTES(32), 1, ?, 1, RANDOM_BYTES(32), RANDOM_BYTES(32), 9,
            UTC_TIMESTAMP(3), ?)`,
        [patientRef, name, seq, entries],
      );
    }
    await owner.runMigrations();
    const [row, ...more] = await owner.manager.find(AckedClass);
    expect([row, more]).toEqual([{ patientRef, recordClass: 'results', entries: 5, seq: 7 }, []]);
    await owner.destroy();
  });

  it('does not lose a mark that is set again while its first setting is being worked on', async () => {
    await using databases = await createTestDatabases('ledger-dirty');
    const owner = await open('ledger_owner', databases);
    await owner.runMigrations();
    await markDirty(owner.manager, 7, ['receipts']);
    await markDirty(owner.manager, 7, ['receipts']);
    expect(await owner.query('SELECT pid, record_class, touches FROM dirty')).toMatchObject([
      { record_class: 'receipts', touches: 2 },
    ]);
    await owner.destroy();
  });

  it('gives up a connection that was dropped without a word, and answers over the next', async () => {
    await using databases = await createTestDatabases('ledger-silent');
    const { database, writer } = agentConfig(zones, databases, newRef(), '/nowhere', 'https://127.0.0.1:1');
    let silent = false;
    const proxy = createServer((near) => {
      const far = connect(database.port, database.host);
      const pass = (from: Socket, to: Socket): void => {
        from.on('data', (bytes) => silent || to.write(bytes));
        from.on('error', () => undefined);
        from.on('close', () => to.destroy());
      };
      pass(near, far);
      pass(far, near);
    }).listen(0, '127.0.0.1');
    await once(proxy, 'listening');
    await applyGrants(zones, 'inside', { ledger: databases.ledger });
    const { port } = proxy.address() as AddressInfo;
    const ledger = await createLedgerDataSource({ ...database, port }, writer, 1_000).initialize();
    const idle: unknown = await ledger.query(
      'SELECT @@max_statement_time + 0 AS statement, @@idle_transaction_timeout AS idle',
    );
    expect(idle).toEqual([{ statement: 60, idle: 120 }]);
    const begun = Date.now();
    await expect(
      ledger.transaction(async (manager) => {
        await manager.query('SELECT 1');
        silent = true;
        await manager.query('SELECT 2');
      }),
    ).rejects.toMatchObject({ code: 'ledger-silent' });
    expect(Date.now() - begun).toBeLessThan(10_000);
    silent = false;
    expect(await ledger.query('SELECT 3 AS three')).toEqual([{ three: 3 }]);
    await ledger.destroy();
    proxy.close();
  });

  it('belongs to one agent at a time; the next begins when the first is gone', async () => {
    await using databases = await createTestDatabases('ledger-single');
    const { database, writer } = agentConfig(zones, databases, newRef(), '/nowhere', 'https://127.0.0.1:1');
    const owner = await open('ledger_owner', databases);
    await owner.runMigrations();
    await owner.destroy();
    const said: string[] = [];
    const first = await SingleAgent.claim(database, writer, (sentence) => said.push(sentence));
    const second = SingleAgent.claim(database, writer, (sentence) => said.push(sentence));
    await until('the second says why it waits', () => said.length > 0);
    const early = await Promise.race([second.then(() => 'held'), new Promise((resolve) => setTimeout(resolve, 300))]);
    expect(early).toBeUndefined();
    expect(said).toEqual(['another sync agent works on this ledger; this one waits for its end']);
    await first[Symbol.asyncDispose]();
    await (await second)[Symbol.asyncDispose]();
  });

  it('is not claimed with a wrong password: the agent says which, once, and goes on when it is mended', async () => {
    await using databases = await createTestDatabases('ledger-single-wrong');
    const { database, writer } = agentConfig(zones, databases, newRef(), '/nowhere', 'https://127.0.0.1:1');
    const account = { ...writer, password: 'wrong' };
    const said: string[] = [];
    const claim = SingleAgent.claim(database, account, (sentence) => said.push(sentence));
    await until('it is said', () => said.length > 0);
    // Time for it to be said a second time.
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(said).toEqual([expect.stringContaining('(ER_ACCESS_DENIED_ERROR)')]);
    account.password = writer.password;
    await (await claim)[Symbol.asyncDispose]();
  });
});
