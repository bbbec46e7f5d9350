import { expect } from '@jest/globals';
import type { Pool } from 'mysql2/promise';
import { GatewayClient } from '../src/gateway-client/gateway-client.js';
import { GatewayConnection } from '../src/gateway-client/gateway-connection.js';
import { RENDERED_CLASSES, markDirty } from '../src/ledger/dirty.js';
import { createOpenEmrPool } from '../src/openemr/openemr-database.js';
import { readStatus } from '../src/replicate/read-status.js';
import { RecentChanges } from '../src/replicate/recent-changes.js';
import { replicateChart, type Outcome } from '../src/replicate/replicate-chart.js';
import { AgentUnderTest, STANDING_FEED } from './agent-under-test.js';

export type ListType = 'allergy' | 'medical_problem' | 'medication';

/** Patients who have nothing but entries of the issue list, rendered and pushed by hand. */
export class ListsUnderTest implements AsyncDisposable {
  private nextPid = 7000;
  private readonly refs = new Map<number, string>();

  private constructor(
    readonly under: AgentUnderTest,
    private readonly pool: Pool,
    private readonly gateway: GatewayClient,
  ) {}

  static async start(label: string): Promise<ListsUnderTest> {
    const under = await AgentUnderTest.start(label);
    const { database, reader, gateway, siteId } = under.config;
    const pool = createOpenEmrPool({ ...database, database: database.openemrName, ...reader });
    const connection = new GatewayConnection(gateway);
    return new ListsUnderTest(
      under,
      pool,
      new GatewayClient(connection, siteId, under.keys.statements, () => undefined),
    );
  }

  refOf(pid: number): string {
    return this.refs.get(pid) ?? '';
  }

  /** An invited patient whose entries are all in the portal. */
  async patientWith(entries: Partial<Record<ListType, number>>): Promise<number> {
    this.nextPid += 1;
    const pid = this.nextPid;
    await this.under.clinic.query(
      `INSERT INTO patient_data SET id = ?, pid = ?, fname = 'Few', lname = 'Entries', sex = 'Female', DOB = '1980-01-01',
         allow_patient_portal = 'YES', providerID = 1`,
      [pid, pid],
    );
    await this.add(pid, entries);
    this.refs.set(pid, await this.under.invite(pid));
    expect(await this.replicate(pid)).toBe('pushed');
    return pid;
  }

  async add(pid: number, entries: Partial<Record<ListType, number>>): Promise<void> {
    for (const [type, count] of Object.entries(entries)) {
      for (let n = 0; n < count; n += 1) {
        const title = `${type} no ${String(n)}`;
        await this.under.clinic.query('INSERT INTO lists SET pid = ?, type = ?, title = ?, activity = 1', [
          pid,
          type,
          title,
        ]);
      }
    }
  }

  async remove(pid: number, type: ListType, title = '%'): Promise<void> {
    await this.under.clinic.query('DELETE FROM lists WHERE pid = ? AND type = ? AND title LIKE ?', [pid, type, title]);
  }

  async replicate(pid: number): Promise<Outcome> {
    const { under, pool, gateway } = this;
    await markDirty(under.ledger.manager, pid, RENDERED_CLASSES);
    const recent = new RecentChanges();
    return replicateChart(
      {
        ...{ ledger: under.ledger, reader: pool, keys: under.keys, tables: under.tables, gateway, recent },
        feed: STANDING_FEED,
      },
      this.refOf(pid),
    );
  }

  /** The outcome, or the code of the failure. */
  async outcomeOf(pid: number): Promise<string> {
    return this.replicate(pid).catch((failure: unknown) => (failure as { code: string }).code);
  }

  async shown(pid: number, section: 'allergies' | 'problems' | 'appointments'): Promise<number> {
    const stored = await this.under.stored(this.refOf(pid), section);
    return (stored?.sections.get(section) as { resources: unknown[] }).resources.length;
  }

  async isStopped(): Promise<boolean> {
    return (await readStatus(this.under.ledger.manager)).vanishingStopped;
  }

  /** Nothing has been lost, nobody has decided, and no chart holds anything. */
  async forget(): Promise<void> {
    const { ledger } = this.under;
    await ledger.query(
      'UPDATE reconciliation_state SET vanishing_stopped_at = NULL, vanishing_allowed_until = NULL WHERE id = 1',
    );
    for (const table of ['vanished', 'vanished_class', 'held_loss', 'chart_section', 'acked_class']) {
      await ledger.query(`DELETE FROM ${table}`);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.gateway.close();
    await this.pool.end();
    await this.under[Symbol.asyncDispose]();
  }
}
