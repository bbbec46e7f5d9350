import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { once } from 'node:events';
import { connect, createServer, type AddressInfo } from 'node:net';
import type { Connection } from 'mysql2/promise';
import { createOpenEmrSchema } from 'infra/openemr-sim/schema';
import { applyGrants } from 'infra/services/services';
import { createTestDatabases, testServices, type TestDatabases } from 'infra/services/test-services';
import { AppModule } from '../src/app.module.js';
import { awaitReadableOpenEmr, OpenEmrRefused } from '../src/openemr/await-openemr.js';
import { createOpenEmrPool } from '../src/openemr/openemr-database.js';
import { OpenEmrNotSupported } from '../src/openemr/versions.js';
import { account, openClinic, until } from './agent-under-test.js';

describe('the start of the agent', () => {
  const zones = testServices();
  const { host, port, caFile } = zones.inside.mariadb;
  let databases: TestDatabases;
  let clinic: Connection;

  beforeAll(async () => {
    databases = await createTestDatabases('start');
    clinic = await openClinic(zones, databases.openemr);
    await createOpenEmrSchema(clinic);
  });

  afterAll(async () => {
    await clinic.end();
    await databases.drop();
  });

  const reader = (at = port): ReturnType<typeof createOpenEmrPool> =>
    createOpenEmrPool({ host, port: at, caFile, database: databases.openemr, ...account(zones, 'agent_reader') });

  it('is refused with a sentence before the reader has its grants', async () => {
    const pool = reader();
    await expect(awaitReadableOpenEmr(pool, () => undefined)).rejects.toThrow(OpenEmrRefused);
    await pool.end();
    await applyGrants(zones, 'inside', { openemr: databases.openemr });
  });

  it('is refused with a sentence that names the column an older OpenEMR lacks', async () => {
    const pool = reader();
    await clinic.query('ALTER TABLE lists CHANGE title away varchar(255)');
    const module = new AppModule(pool);
    await expect(module.onModuleInit()).rejects.toThrow(OpenEmrNotSupported);
    await expect(module.onModuleInit()).rejects.toThrow('lists.title');
    await clinic.query('ALTER TABLE lists CHANGE away title varchar(255)');
    await expect(module.onModuleInit()).resolves.toBeUndefined();
    await pool.end();
  });

  it('waits, saying so once, for a server that is away', async () => {
    const proxy = createServer((near) => {
      const far = connect(port, host);
      near.pipe(far).on('error', () => near.destroy());
      far.pipe(near).on('error', () => far.destroy());
    }).listen(0, '127.0.0.1');
    await once(proxy, 'listening');
    const address = proxy.address() as AddressInfo;
    proxy.close();
    await once(proxy, 'close');
    const pool = reader(address.port);
    const said: string[] = [];
    let ready = false;
    const waiting = awaitReadableOpenEmr(pool, (sentence) => said.push(sentence), 50).then(() => (ready = true));
    await until('it is said', () => said.length > 0);
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect({ said: said.length, ready }).toEqual({ said: 1, ready: false });
    proxy.listen(address.port, '127.0.0.1');
    await waiting;
    await pool.end();
    proxy.close();
  });
});
