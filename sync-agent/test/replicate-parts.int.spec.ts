import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { changeDemographics } from 'infra/openemr-sim/clinic-patients';
import { z } from 'zod';
import { GatewayClient } from '../src/gateway-client/gateway-client.js';
import { GatewayConnection } from '../src/gateway-client/gateway-connection.js';
import { markDirty, markNewClassesDirty } from '../src/ledger/dirty.js';
import { createOpenEmrPool } from '../src/openemr/openemr-database.js';
import { RecentChanges } from '../src/replicate/recent-changes.js';
import { replicateChart, type Outcome } from '../src/replicate/replicate-chart.js';
import { AgentUnderTest } from './agent-under-test.js';

const PID = 5001;

describe('a chart of which a class', () => {
  let under: AgentUnderTest;
  let pool: ReturnType<typeof createOpenEmrPool>;
  let gateway: GatewayClient;
  let patientRef: string;

  beforeAll(async () => {
    under = await AgentUnderTest.start('parts');
    const { database, reader } = under.config;
    pool = createOpenEmrPool({ ...database, database: database.openemrName, ...reader });
    const connection = new GatewayConnection(under.config.gateway);
    gateway = new GatewayClient(connection, under.config.siteId, under.keys.statements, () => undefined);
    patientRef = await under.invite(PID);
    expect(await replicate()).toBe('pushed');
  });

  afterAll(async () => {
    await gateway.close();
    await pool.end();
    await under[Symbol.asyncDispose]();
  });

  const replicate = (): Promise<Outcome> =>
    replicateChart(
      {
        ledger: under.ledger,
        reader: pool,
        keys: under.keys,
        tables: under.tables,
        gateway,
        recent: new RecentChanges(),
      },
      patientRef,
    );
  const dirtyClasses = async (): Promise<string[]> => {
    const rows: unknown = await under.ledger.query('SELECT record_class AS name FROM dirty ORDER BY record_class');
    return z
      .array(z.object({ name: z.string() }))
      .parse(rows)
      .map(({ name }) => name);
  };
  const hashes = async (): Promise<Map<string, string>> => {
    const rows: unknown = await under.ledger.query(
      'SELECT name, LOWER(HEX(content_hash)) AS hash FROM chart_section ORDER BY name',
    );
    return new Map(
      z
        .array(z.object({ name: z.string(), hash: z.string() }))
        .parse(rows)
        .map(({ name, hash }) => [name, hash]),
    );
  };

  it('cannot be read gets the others pushed, keeps that class as it was, and tries it again', async () => {
    const before = await hashes();
    const name = `SELECT portal_username FROM patient_access_onsite WHERE pid = ${String(PID)}`;
    await under.clinic.query(`UPDATE users SET username = (${name}) WHERE id = 103`);
    await changeDemographics(under.clinic, { pid: PID, street: '1 Elm Court' });
    await markDirty(under.ledger.manager, PID, ['profile', 'messages']);

    await expect(replicate()).rejects.toMatchObject({ code: 'portal-name-shared' });
    const partly = await hashes();
    expect(partly.get('profile')).not.toBe(before.get('profile'));
    expect([...partly.keys()]).toEqual([...before.keys()]);
    expect(partly.get('messages')).toBe(before.get('messages'));
    expect(await dirtyClasses()).toEqual(['messages']);
    await expect(replicate()).rejects.toMatchObject({ code: 'portal-name-shared' });

    await under.clinic.query("UPDATE users SET username = 'somebody' WHERE id = 103");
    expect(await replicate()).toBe('unchanged');
    expect(await dirtyClasses()).toEqual([]);
  });

  it('is new to this version of the agent gets it, and only it, rendered', async () => {
    await under.ledger.query("DELETE FROM chart_section WHERE record_class = 'medications'");
    await markNewClassesDirty(under.ledger.manager);
    await markNewClassesDirty(under.ledger.manager);
    expect(await dirtyClasses()).toEqual(['medications']);
    expect(await replicate()).toBe('pushed');
    expect((await hashes()).has('medications')).toBe(true);
    await markNewClassesDirty(under.ledger.manager);
    expect(await dirtyClasses()).toEqual([]);
  });
});
