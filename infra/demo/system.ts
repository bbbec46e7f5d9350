import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { randomUUID } from 'node:crypto';
import { connect } from 'node:tls';
import { join } from 'node:path';
import { createConnection, type Connection } from 'mysql2/promise';
import { request } from 'undici';
import { z } from 'zod';
import { createOpenEmrSchema } from '../openemr-sim/schema.js';
import { loadPractice } from '../openemr-sim/practice.js';
import { loadBundle } from '../openemr-sim/load-bundle.js';
import { readBundles } from '../openemr-sim/sim-data.js';
import { ensureSecret } from '../services/data-folder.js';
import { requireFreePort, type ServicePorts } from '../services/ports.js';
import {
  agentEnvironment,
  gatewayEnvironment,
  migrateEnvironment,
  portalApiEnvironment,
  type ProgramSettings,
} from '../services/process-environment.js';
import { DEFAULT_DATABASES, applyGrants, createDatabases, startServices, type Services } from '../services/services.js';
import { listenerOf } from '../zones/zones.js';
import { Program, repositoryRoot, runProgram } from './program.js';
import { until } from './until.js';

export const PORTAL_PORT = listenerOf('portal-api').port;
export const GATEWAY_PORT = listenerOf('sync-gateway').port;
const PRACTICE = { name: 'Riverside Family Practice (synthetic)', timeZone: 'America/New_York' };
const AGENT_CLI = 'sync-agent/dist/cli.main.js';

export interface SystemOptions {
  dataDir: string;
  portalPort: number;
  gatewayPort: number;
  servicePorts?: ServicePorts;
  /** synthetic patients loaded on the first start */
  patients: number;
  log: (line: string) => void;
}

export interface SimulatedPatient {
  pid: number;
  name: string;
  dateOfBirth: string;
}

const Installation = z.object({
  siteId: z.uuid(),
  patients: z.array(z.object({ pid: z.number(), name: z.string(), dateOfBirth: z.string() })),
});
type Installation = z.infer<typeof Installation>;

const Invite = z.object({ code: z.string(), link: z.string(), expiresAt: z.string() });
export type Invite = z.infer<typeof Invite>;

/**
 * The complete system on one machine: both zones' servers, the DMZ's two processes, the agent, and a simulator in
 * OpenEMR's place. Made once per data folder, continued by every later start.
 */
export class System implements AsyncDisposable {
  private constructor(
    readonly services: Services,
    readonly programs: { portalApi: Program; gateway: Program; agent: Program },
    readonly origin: string,
    private readonly installation: Installation,
    private readonly agentEnv: Record<string, string>,
    /** settles when any part ends that nobody stopped */
    readonly failed: Promise<Error>,
  ) {}

  static async start(options: SystemOptions): Promise<System> {
    await requireFreePort(options.portalPort, 'the portal');
    await requireFreePort(options.gatewayPort, 'the sync-gateway');
    const services = await startServices({
      dataDir: options.dataDir,
      log: options.log,
      ...(options.servicePorts === undefined ? {} : { ports: options.servicePorts }),
    });
    try {
      const installation = await installSimulator(services, options);
      const { system, programs } = await prepare(services, options, installation);
      await programs.gateway.start();
      await Promise.all([programs.portalApi.start(), programs.agent.start()]);
      writeFileSync(clinicFile(options.dataDir), JSON.stringify(system.clinicEnvironment()), { mode: 0o600 });
      options.log('sync-gateway, portal-api and sync-agent are up');
      return system;
    } catch (error: unknown) {
      await services.stop();
      throw error;
    }

    async function prepare(
      running: Services,
      { portalPort, gatewayPort, dataDir }: SystemOptions,
      installation: Installation,
    ): Promise<{ system: System; programs: System['programs'] }> {
      const origin = `http://localhost:${String(portalPort)}`;
      const settings = programSettings(running, installation.siteId, origin, portalPort, gatewayPort);
      const agentEnv = agentEnvironment(running, settings);
      await makeKeys(running, settings, agentEnv);
      await Promise.all([
        runProgram('portal-api/dist/database/migrate.main.js', [], migrateEnvironment(running, settings)),
        runProgram(AGENT_CLI, ['ledger', 'migrate'], agentEnv),
      ]);
      await Promise.all([applyGrants(running, 'dmz'), applyGrants(running, 'inside')]);
      const failure = Promise.withResolvers<Error>();
      void running.failed.then(failure.resolve);
      const logs = { dmz: join(dataDir, 'dmz/logs'), inside: join(dataDir, 'inside/logs') };
      const programs = {
        portalApi: new Program(
          {
            name: 'portal-api',
            entry: 'portal-api/dist/main.js',
            env: portalApiEnvironment(running, settings),
            logFile: join(logs.dmz, 'portal-api.log'),
            probe: () => answersOk(`http://127.0.0.1:${String(portalPort)}/api/health/ready`),
          },
          failure.resolve,
        ),
        gateway: new Program(
          {
            name: 'sync-gateway',
            entry: 'portal-api/dist/gateway.main.js',
            env: gatewayEnvironment(running, settings),
            logFile: join(logs.dmz, 'sync-gateway.log'),
            probe: () => asksForCertificate(gatewayPort),
          },
          failure.resolve,
        ),
        agent: new Program(
          {
            name: 'sync-agent',
            entry: 'sync-agent/dist/main.js',
            env: agentEnv,
            logFile: join(logs.inside, 'sync-agent.log'),
            probe: () => Promise.resolve(),
          },
          failure.resolve,
        ),
      };
      return {
        system: new System(running, programs, origin, installation, agentEnv, failure.promise),
        programs,
      };
    }
  }

  get siteId(): string {
    return this.installation.siteId;
  }

  get patients(): readonly SimulatedPatient[] {
    return this.installation.patients;
  }

  /** Issues an invite as the administrator does, on the agent's command line; resolves when the DMZ knows it. */
  async invite(pid: number): Promise<Invite> {
    const invite = Invite.parse(
      JSON.parse(await runProgram(AGENT_CLI, ['invite', '--pid', String(pid), '--json'], this.agentEnv)),
    );
    await until('the invite in the DMZ', async () => {
      const [row] = await this.services.inside.adminSql(
        'SELECT COUNT(*) AS waiting FROM ??.invite WHERE pid = ? AND state = ? AND pushed_at IS NULL',
        [DEFAULT_DATABASES.ledger, pid, 'open'],
      );
      return Number(row?.['waiting']) === 0;
    });
    return invite;
  }

  /** The agent's own view of lag and backlog. */
  async agentStatus(): Promise<unknown> {
    return JSON.parse(await runProgram(AGENT_CLI, ['status', '--json'], this.agentEnv));
  }

  /** Environment of the simulator's command line, which plays the clinic. */
  clinicEnvironment(): Record<string, string> {
    const { mariadb, secretFile } = this.services.inside;
    return {
      OPENEMR_DB_HOST: mariadb.host,
      OPENEMR_DB_PORT: String(mariadb.port),
      OPENEMR_DB_NAME: DEFAULT_DATABASES.openemr,
      OPENEMR_DB_CA_FILE: mariadb.caFile,
      OPENEMR_DB_USER: 'openemr',
      OPENEMR_DB_PASSWORD_FILE: secretFile('openemr'),
    };
  }

  /** Marks the inside's keys as a drill's: only then the agent starts with a protection switched off. */
  allowDrillFaults(): void {
    writeFileSync(join(this.services.inside.dir, 'keys/drill-only'), '');
  }

  /** A connection as the clinic's own application has it. */
  openemr(): Promise<Connection> {
    return openemrConnection(this.services);
  }

  async stop(): Promise<void> {
    await Promise.all([this.programs.portalApi.stop(), this.programs.agent.stop()]);
    await this.programs.gateway.stop();
    await this.services.stop();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

/** Where a second terminal finds how to play the clinic. */
export function clinicFile(dataDir: string): string {
  return join(dataDir, 'inside/clinic.json');
}

function programSettings(
  services: Services,
  siteId: string,
  publicOrigin: string,
  portalPort: number,
  gatewayPort: number,
): ProgramSettings {
  return {
    siteId,
    publicOrigin,
    portalPort,
    gatewayPort,
    webRoot: join(repositoryRoot(), 'portal-web/dist'),
    rootPublicKeyFile: join(services.dmz.dir, 'secrets/root.pub'),
    practiceName: PRACTICE.name,
    practiceTimeZone: PRACTICE.timeZone,
    pools: { default: 'frontdesk' },
  };
}

/** Inside keys are made inside; only the root's public half is carried to the DMZ, as an operator would. */
async function makeKeys(
  services: Services,
  settings: ProgramSettings,
  agentEnv: Record<string, string>,
): Promise<void> {
  const rootPublicKey = join(services.inside.dir, 'keys/root.pub');
  if (!existsSync(rootPublicKey)) {
    await runProgram(AGENT_CLI, ['keys', 'init'], agentEnv);
  }
  if (!existsSync(settings.rootPublicKeyFile)) {
    writeFileSync(settings.rootPublicKeyFile, readFileSync(rootPublicKey), { mode: 0o400 });
  }
  for (const name of ['pepper.key', 'blind-index.key']) {
    ensureSecret(join(services.dmz.dir, 'secrets', name));
  }
}

/** First start: OpenEMR's schema, a practice and the synthetic patients; later starts read what was made. */
async function installSimulator(services: Services, options: SystemOptions): Promise<Installation> {
  const file = join(options.dataDir, 'inside/installation.json');
  if (existsSync(file)) {
    return Installation.parse(JSON.parse(readFileSync(file, 'utf8')));
  }
  // Without the file an earlier first start was cut short: what it left of OpenEMR is not used.
  await services.inside.adminSql('DROP DATABASE IF EXISTS ??', [DEFAULT_DATABASES.openemr]);
  await createDatabases(services.inside, DEFAULT_DATABASES);
  options.log(`Loading ${String(options.patients)} synthetic patients into the OpenEMR simulator`);
  const connection = await openemrConnection(services);
  const patients: SimulatedPatient[] = [];
  try {
    await createOpenEmrSchema(connection);
    await loadPractice(connection, { timeZone: PRACTICE.timeZone });
    for (const bundle of readBundles().slice(0, options.patients)) {
      const loaded = await loadBundle(connection, bundle, {
        portal: true,
        timeZone: PRACTICE.timeZone,
      });
      patients.push({ pid: loaded.pid, name: loaded.name, dateOfBirth: loaded.dateOfBirth });
    }
  } finally {
    await connection.end();
  }
  const installation: Installation = { siteId: randomUUID(), patients };
  mkdirSync(join(options.dataDir, 'inside'), { recursive: true });
  writeFileSync(file, JSON.stringify(installation), { mode: 0o600 });
  return installation;
}

function openemrConnection(services: Services): Promise<Connection> {
  const { mariadb, secretFile } = services.inside;
  return createConnection({
    host: mariadb.host,
    port: mariadb.port,
    user: 'openemr',
    password: readFileSync(secretFile('openemr'), 'utf8').trim(),
    database: DEFAULT_DATABASES.openemr,
    charset: 'utf8mb4',
    dateStrings: true,
    ssl: { ca: readFileSync(mariadb.caFile, 'utf8'), verifyIdentity: true },
  });
}

async function answersOk(url: string): Promise<void> {
  const answer = await request(url, { headersTimeout: 2_000, bodyTimeout: 2_000 });
  await answer.body.dump();
  if (answer.statusCode !== 200) {
    throw new Error(`answers ${String(answer.statusCode)}`);
  }
}

/** The gateway speaks to nobody without a certificate: that it completes TLS is all a stranger can see. */
function asksForCertificate(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    // A probe of liveness on loopback: no data is sent or believed.
    const socket = connect({ host: '127.0.0.1', port, rejectUnauthorized: false, timeout: 2_000 }, () => {
      socket.destroy();
      resolve();
    });
    socket.once('error', reject);
    socket.once('timeout', () => {
      socket.destroy();
      reject(new Error('no answer'));
    });
  });
}
