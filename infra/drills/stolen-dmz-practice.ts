import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Redis } from 'ioredis';
import type { Connection } from 'mysql2/promise';
import { PortalClient, type Credentials } from '../demo/portal-client.js';
import { chartArrived } from '../demo/ready-patient.js';
import { documentsDir, type SimulatedPatient } from '../demo/simulator.js';
import { System } from '../demo/system.js';
import { freePort, freeServicePorts } from '../services/ports.js';
import { DEFAULT_DATABASES } from '../services/services.js';
import { canary, huntCanaries, newHunt } from './canary-hunt.js';
import {
  canariesInChart,
  isChartMarked,
  labelOf,
  labelsFromClinic,
  plantInOpenEmr,
  writeToPatient,
} from './canary-plan.js';

/** The password of every patient here; the thief has it on his list. */
export const PASSWORD = 'velvet canyon nine lanterns';

/** Patients that join at the same time. */
const JOIN_AT_ONCE = 2;
/** How long until a patient's chart has all canaries, or an unsealed chart has arrived. */
const ARRIVAL_LIMIT = 90_000;
const PAUSE = 500;

export interface Victim {
  pid: number;
  accountRef: string;
  credentials: Credentials;
  /** sections this patient could read, each with a canary but the list of years */
  sections: number;
}

/** A practice in its own data folder whose patients have all joined, written, been written to, and signed out again. */
export class Practice {
  readonly victims: Victim[] = [];

  private constructor(
    readonly system: System,
    readonly redis: Redis,
    private readonly dataDir: string,
  ) {}

  static async open(patients: number): Promise<Practice> {
    const dataDir = mkdtempSync(join(tmpdir(), 'odp-stolen-'));
    chmodSync(dataDir, 0o711);
    try {
      const system = await System.start({
        dataDir,
        portalPort: await freePort(),
        gatewayPort: await freePort(),
        servicePorts: await freeServicePorts(),
        patients,
        log: () => undefined,
      });
      const { redis, secretFile } = system.services.dmz;
      const operator = new Redis({
        host: redis.host,
        port: redis.port,
        username: 'operator',
        password: readFileSync(secretFile('operator'), 'utf8').trim(),
        tls: { ca: readFileSync(redis.caFile, 'utf8') },
      });
      const practice = new Practice(system, operator, dataDir);
      try {
        await practice.withOpenEmr((openemr) => practice.everybodyJoins(openemr));
      } catch (error: unknown) {
        await practice.close();
        throw error;
      }
      return practice;
    } catch (error: unknown) {
      rmSync(dataDir, { recursive: true, force: true });
      throw error;
    }
  }

  private async everybodyJoins(openemr: Connection): Promise<void> {
    const waiting = [...this.system.patients];
    await Promise.all(
      Array.from({ length: JOIN_AT_ONCE }, async () => {
        for (let patient = waiting.shift(); patient !== undefined; patient = waiting.shift()) {
          this.victims.push(await this.join(openemr, patient));
        }
      }),
    );
    this.victims.sort((a, b) => a.pid - b.pid);
  }

  private async join(openemr: Connection, { pid, dateOfBirth }: SimulatedPatient): Promise<Victim> {
    await plantInOpenEmr(openemr, documentsDir(this.system.services.inside), pid);
    const client = new PortalClient(this.system.entrance);
    try {
      const { code } = await this.system.invite(pid);
      const name = `${canary(labelOf(pid, 'signinname'))}@example.org`;
      const credentials = await client.join(code, dateOfBirth, name, PASSWORD);
      const patientRef = await chartArrived(client);
      await client.sendMessage(patientRef, {
        threadId: null,
        topic: 'General',
        subject: canary(labelOf(pid, 'subject')),
        body: canary(labelOf(pid, 'sent')),
      });
      await writeToPatient(openemr, pid);
      const sections = await readUntilMarked(client, patientRef, pid);
      const session = await client.get('/api/session');
      await client.signOut();
      return { pid, accountRef: String(session.body['accountRef']), credentials, sections };
    } finally {
      await client.close();
    }
  }

  /** Signs a patient in for as long as `use` takes, and hands over the cookie's value. */
  async whileSignedIn<T>(victim: Victim, use: (cookie: string) => Promise<T>): Promise<T> {
    const client = new PortalClient(this.system.entrance);
    try {
      await client.signIn(victim.credentials);
      const cookie = /__Host-session=([^;]+)/.exec(client.cookieHeader)?.[1];
      if (cookie === undefined) {
        throw new Error('there is no session cookie to steal');
      }
      const result = await use(cookie);
      await client.signOut();
      return result;
    } finally {
      await client.close();
    }
  }

  /**
   * Runs the agent without sealing and changes the charts of these patients.
   * @returns whether their new content has reached the DMZ, which does not know it from sealed sections
   */
  async replicateUnsealed(pids: readonly number[], set: number): Promise<boolean> {
    const { agent } = this.system.programs;
    // The agent switches no protection off where the keys of a practice are in use; this file says that these are not.
    this.system.allowDrillFaults();
    await agent.stop();
    await agent.start({ DRILL_FAULT: 'sealing-off' });
    await this.withOpenEmr(async (openemr) => {
      for (const pid of pids) {
        await plantInOpenEmr(openemr, documentsDir(this.system.services.inside), pid, set);
        await writeToPatient(openemr, pid, set);
      }
    });
    const expected = pids.flatMap((pid) => labelsFromClinic(pid, set));
    for (const limit = Date.now() + ARRIVAL_LIMIT; Date.now() < limit;) {
      const hunt = newHunt();
      for (const table of ['section', 'document_chunk']) {
        const rows = await this.system.services.dmz.adminSql('SELECT sealed FROM ??.??', [
          DEFAULT_DATABASES.portal,
          table,
        ]);
        for (const { sealed } of rows) {
          if (Buffer.isBuffer(sealed)) {
            huntCanaries(hunt, table, sealed);
          }
        }
      }
      if (expected.every((label) => hunt.found.has(label))) {
        return true;
      }
      await sleep(PAUSE);
    }
    return false;
  }

  private async withOpenEmr<T>(use: (openemr: Connection) => Promise<T>): Promise<T> {
    const openemr = await this.system.openemr();
    try {
      return await use(openemr);
    } finally {
      await openemr.end();
    }
  }

  async close(): Promise<void> {
    this.redis.disconnect();
    await this.system.stop();
    rmSync(this.dataDir, { recursive: true, force: true });
  }
}

/** The patient's own look at the chart, until everything planted is there. @throws when it does not come */
async function readUntilMarked(client: PortalClient, patientRef: string, pid: number): Promise<number> {
  for (const limit = Date.now() + ARRIVAL_LIMIT; ;) {
    const chart = await canariesInChart(client, patientRef);
    if (isChartMarked(pid, chart)) {
      return chart.size;
    }
    if (Date.now() > limit) {
      const seen = [...chart].map(([name, labels]) => `${name}: ${[...labels].join(' ')}`).join('; ');
      throw new Error(`patient ${String(pid)} cannot read all canaries in the chart (${seen})`);
    }
    await sleep(PAUSE);
  }
}
