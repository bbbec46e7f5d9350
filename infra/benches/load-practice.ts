import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { DataSource } from 'typeorm';
import { z } from 'zod';
import { contentHash } from 'sync-contract/section';
import { readAgentConfig } from 'sync-agent/src/config';
import { issueInvite } from 'sync-agent/src/enrol/issue-invite';
import { KeyStore } from 'sync-agent/src/keys/key-store';
import { markAllDirty } from 'sync-agent/src/ledger/dirty';
import { createLedgerDataSource } from 'sync-agent/src/ledger/ledger-database';
import { openEmrTables } from 'sync-agent/src/openemr/writer-tables';
import { installSimulator, openemrConnection } from '../demo/simulator.js';
import { System } from '../demo/system.js';
import { Newcomer } from '../drills/crash-newcomer.js';
import { say } from '../drills/verdict.js';
import { multiplyPatients } from '../openemr-sim/multiply-patients.js';
import { freePort, freeServicePorts } from '../services/ports.js';
import { DEFAULT_DATABASES, startServices } from '../services/services.js';
import { compareDmzContent, type DmzContent } from './content-root.js';

const { ledger: LEDGER, portal: PORTAL } = DEFAULT_DATABASES;

/** Synthetic patients that are loaded one by one; more are copies of these. */
const LOADED = 120;
const INVITED_AT_ONCE = 8;
/** All that the DMZ holds of charts and could not make again by itself. */
const REPLICA = ['section', 'chart', 'heartbeat', 'heartbeat_bucket', 'document_chunk', 'document_blob'] as const;

export interface Standing {
  /** charts that the DMZ has, with every change */
  done: number;
  /** documents' bytes under way */
  blobs: number;
  /** pushes that were ever begun, of the invited without documents, whose lists are told anew as their bytes come */
  attempts: number;
}

const StandingRow = z.tuple([
  z.object({ done: z.coerce.number(), blobs: z.coerce.number(), attempts: z.coerce.number() }),
]);

/** A practice with as many patients as are asked for, of whom the first have joined and the others are invited. */
export class LoadPractice {
  readonly readers: Newcomer[] = [];
  readonly metricsPort: number;

  private constructor(
    readonly system: System,
    private readonly dataDir: string,
    private readonly pids: readonly number[],
    ports: { metrics: number },
  ) {
    this.metricsPort = ports.metrics;
  }

  static async open(patients: number): Promise<LoadPractice> {
    const dataDir = mkdtempSync(join(tmpdir(), 'odp-load-'));
    chmodSync(dataDir, 0o711);
    try {
      const ports = await freeServicePorts();
      const pids = await fillOpenEmr(dataDir, ports, patients);
      const system = await System.start({
        dataDir,
        portalPort: await freePort(),
        gatewayPort: await freePort(),
        servicePorts: ports,
        patients,
        log: say,
      });
      return new LoadPractice(system, dataDir, pids, { metrics: await freePort() });
    } catch (error: unknown) {
      rmSync(dataDir, { recursive: true, force: true });
      throw error;
    }
  }

  get charts(): number {
    return this.pids.length;
  }

  /** These patients have accounts from here on, and read their charts at the end. */
  async join(count: number): Promise<void> {
    for (const patient of this.system.patients.slice(0, count)) {
      const newcomer = await Newcomer.join(this.system, patient);
      await newcomer.chart();
      this.readers.push(newcomer);
    }
  }

  /**
   * All others are invited as the command line does it, in this process, and their charts are due as they are when an
   * enrolment is accepted: without accounts, whose passwords cost an argon2id run each.
   */
  async inviteOthers(): Promise<void> {
    const config = readAgentConfig(this.system.programs.agent.env);
    const ledger = await createLedgerDataSource(config.database, config.writer).initialize();
    const issuer = {
      ledger,
      keys: this.keys,
      tables: openEmrTables(config.database.openemrName),
      portalOrigin: config.portalOrigin,
    };
    const waiting = this.pids.slice(this.readers.length);
    try {
      await Promise.all(
        Array.from({ length: INVITED_AT_ONCE }, async () => {
          for (let pid = waiting.shift(); pid !== undefined; pid = waiting.shift()) {
            await issueInvite(issuer, pid);
            await markDue(ledger, pid);
          }
        }),
      );
    } finally {
      await ledger.destroy();
    }
  }

  /** The agent with its numbers open to the bench. */
  async startAgent(): Promise<void> {
    await this.system.programs.agent.start({ METRICS_HOST: '127.0.0.1', METRICS_PORT: String(this.metricsPort) });
  }

  async standing(): Promise<Standing> {
    return StandingRow.parse(
      await this.system.services.inside.adminSql(
        `SELECT (SELECT COUNT(*) FROM ??.chart c WHERE seq > 0 AND seq = attempted_seq
                    AND NOT EXISTS (SELECT 1 FROM ??.dirty d WHERE d.pid = c.pid)) AS done,
                (SELECT COUNT(*) FROM ??.document_blob WHERE state IN ('wanted', 'gone')) AS blobs,
                (SELECT COALESCE(SUM(attempted_seq), 0) FROM ??.chart c JOIN ??.patient p ON p.pid = c.pid
                  WHERE p.state = 'invited'
                    AND NOT EXISTS (SELECT 1 FROM ??.document_blob b WHERE b.patient_ref = c.patient_ref)) AS attempts`,
        [LEDGER, LEDGER, LEDGER, LEDGER, LEDGER, LEDGER],
      ),
    )[0];
  }

  /** The disaster that a rebuild is for: the DMZ's replica is gone, its accounts are not. */
  async wipeReplica(): Promise<void> {
    for (const table of REPLICA) {
      await this.system.services.dmz.adminSql('DELETE FROM ??.??', [PORTAL, table]);
    }
  }

  content(): Promise<DmzContent> {
    return compareDmzContent(this.system.services, this.keys, this.system.siteId);
  }

  /** @returns how many of those who joined read in the portal what the inside rendered, section by section */
  async readersServed(): Promise<number> {
    let served = 0;
    for (const newcomer of this.readers) {
      const patientRef = await newcomer.chart();
      const sections = Sections.parse(
        await this.system.services.inside.adminSql(
          'SELECT name, LOWER(HEX(content_hash)) AS hash FROM ??.chart_section WHERE patient_ref = UNHEX(?)',
          [LEDGER, patientRef],
        ),
      );
      const answers = await Promise.all(
        sections.map(
          async ({ name, hash }) => contentHash((await newcomer.client.section(patientRef, name)).body) === hash,
        ),
      );
      served += answers.length > 0 && answers.every(Boolean) ? 1 : 0;
    }
    return served;
  }

  async close(): Promise<void> {
    await Promise.all(this.readers.map(({ client }) => client.close()));
    await this.system.stop();
    rmSync(this.dataDir, { recursive: true, force: true });
  }

  private get keys(): KeyStore {
    return KeyStore.open(join(this.system.services.inside.dir, 'keys'), this.system.siteId);
  }
}

function markDue(ledger: DataSource, pid: number): Promise<void> {
  return ledger.transaction((manager) => markAllDirty(manager, pid));
}

const Sections = z.array(z.object({ name: z.string(), hash: z.string() }));

/** OpenEMR as it is before anybody thinks of a portal. @returns pids, as many as asked for */
async function fillOpenEmr(
  dataDir: string,
  ports: Awaited<ReturnType<typeof freeServicePorts>>,
  patients: number,
): Promise<number[]> {
  const services = await startServices({ dataDir, ports, log: say });
  try {
    const loaded = Math.min(patients, LOADED);
    const installation = await installSimulator(services, { patients: loaded, log: say });
    const copies = Math.ceil(patients / loaded) - 1;
    say(`Copying them ${String(copies)} times`);
    const connection = await openemrConnection(services);
    try {
      const more = await multiplyPatients(connection, copies);
      return [...installation.patients.map(({ pid }) => pid), ...more].slice(0, patients);
    } finally {
      await connection.end();
    }
  } finally {
    await services.stop();
  }
}
