import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { newResult } from 'infra/openemr-sim/clinic-labs';
import { GatewayClient } from '../src/gateway-client/gateway-client.js';
import { GatewayConnection } from '../src/gateway-client/gateway-connection.js';
import { markDirty } from '../src/ledger/dirty.js';
import { createOpenEmrPool } from '../src/openemr/openemr-database.js';
import { allowVanishing } from '../src/replicate/allow-vanishing.js';
import { readStatus } from '../src/replicate/read-status.js';
import { RecentChanges } from '../src/replicate/recent-changes.js';
import { replicateChart, type Outcome } from '../src/replicate/replicate-chart.js';
import { AgentUnderTest, STANDING_FEED } from './agent-under-test.js';

const PID = 5001;
const OTHER = 5002;
const MANY = 130;

describe('entries that vanish from OpenEMR in great number', () => {
  let under: AgentUnderTest;
  let pool: ReturnType<typeof createOpenEmrPool>;
  let gateway: GatewayClient;
  const refs = new Map<number, string>();

  beforeAll(async () => {
    under = await AgentUnderTest.start('vanishing');
    const { database, reader } = under.config;
    pool = createOpenEmrPool({ ...database, database: database.openemrName, ...reader });
    const connection = new GatewayConnection(under.config.gateway);
    gateway = new GatewayClient(connection, under.config.siteId, under.keys.statements, () => undefined);
    for (const pid of [PID, OTHER]) {
      for (let i = 0; i < MANY; i += 1) {
        const test = {
          pid,
          loinc: '4548-4',
          name: 'Hemoglobin A1c',
          value: '6.1',
          units: '%',
          comment: `no ${String(i)}`,
        };
        await newResult(under.clinic, test);
      }
      refs.set(pid, await under.invite(pid));
      expect(await replicate(pid)).toBe('pushed');
    }
  });

  afterAll(async () => {
    await gateway.close();
    await pool.end();
    await under[Symbol.asyncDispose]();
  });

  async function replicate(pid: number): Promise<Outcome> {
    await markDirty(under.ledger.manager, pid, ['results', 'profile']);
    const recent = new RecentChanges();
    return replicateChart(
      {
        ledger: under.ledger,
        reader: pool,
        keys: under.keys,
        tables: under.tables,
        gateway,
        recent,
        feed: STANDING_FEED,
      },
      refs.get(pid) ?? '',
    );
  }

  async function results(pid: number): Promise<number> {
    const sections = [...((await under.stored(refs.get(pid) ?? ''))?.sections ?? [])];
    return JSON.stringify(sections.filter(([name]) => name.startsWith('results/'))).split('"no ').length - 1;
  }

  async function remove(pid: number, condition: string): Promise<void> {
    await under.clinic.query(
      `DELETE s FROM procedure_result s JOIN procedure_report r ON r.procedure_report_id = s.procedure_report_id
         JOIN procedure_order o ON o.procedure_order_id = r.procedure_order_id WHERE o.patient_id = ? AND ${condition}`,
      [pid],
    );
  }

  it('keep their last state in the DMZ until a person has looked, while charts that lose nothing go on', async () => {
    const before = await results(PID);
    await remove(PID, "s.comments IN ('no 0', 'no 1', 'no 2')");
    expect(await replicate(PID)).toBe('pushed');
    const few = await results(PID);
    expect(few).toBeLessThan(before);

    await remove(PID, 'TRUE');
    await expect(replicate(PID)).rejects.toMatchObject({ code: 'too-much-vanished', logLevel: 'error' });
    await expect(replicate(PID)).rejects.toMatchObject({ code: 'too-much-vanished' });
    expect(await results(PID)).toBe(few);
    const status = await readStatus(under.ledger.manager);
    expect(status).toMatchObject({ vanishingStopped: true, heartbeatStopped: false });
    expect(status.stops.join()).toContain('--confirm-vanished');

    await remove(OTHER, "s.comments = 'no 0'");
    await expect(replicate(OTHER)).rejects.toMatchObject({ code: 'too-much-vanished' });
    const test = { pid: OTHER, loinc: '4548-4', name: 'Hemoglobin A1c', value: '6.2', units: '%', comment: 'no more' };
    await newResult(under.clinic, test);
    expect(await replicate(OTHER)).toBe('pushed');

    await allowVanishing(under.ledger);
    expect(await replicate(PID)).toBe('pushed');
    expect(await results(PID)).toBe(0);
    expect(await readStatus(under.ledger.manager)).toMatchObject({ vanishingStopped: false, stops: [] });
  });
});
