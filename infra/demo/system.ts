import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Connection } from 'mysql2/promise';
import { z } from 'zod';
import { freePort, requireFreePort, type ServicePorts } from '../services/ports.js';
import { agentEnvironment, migrateEnvironment, type ProgramSettings } from '../services/process-environment.js';
import { DEFAULT_DATABASES, startServices, type Services } from '../services/services.js';
import { listenerOf } from '../zones/zones.js';
import type { PortalEntrance } from './portal-client.js';
import { admitAgent, openEmrSimulator } from './openemr-simulator.js';
import { runProgram, type Program } from './program.js';
import {
  documentsDir,
  installSimulator,
  openemrConnection,
  type Installation,
  type SimulatedPatient,
} from './simulator.js';
import { onThisMachine, type Surroundings } from './surroundings.js';
import { AGENT_CLI, describePrograms, prepareForPrograms, programSettings, type Programs } from './system-programs.js';
import { until } from './until.js';
import { WebProxy } from './web-proxy.js';

export const PORTAL_PORT = listenerOf('portal-api').port;
export const GATEWAY_PORT = listenerOf('sync-gateway').port;

export interface SystemOptions {
  dataDir: string;
  portalPort: number;
  gatewayPort: number;
  /** of the simulator's HTTP side; any free one unless given */
  openemrPort?: number;
  servicePorts?: ServicePorts;
  /** where the parts run; all on this machine's loopback unless given */
  surroundings?: Surroundings;
  /** synthetic patients loaded on the first start */
  patients: number;
  /** the agent polls OpenEMR instead of reading its binlog */
  polling?: ProgramSettings['polling'];
  log: (line: string) => void;
}

const Invite = z.object({ code: z.string(), link: z.string(), expiresAt: z.string() });
export type Invite = z.infer<typeof Invite>;

/**
 * The complete system on one machine: both zones' servers, the DMZ's two processes, the agent, and a simulator in
 * OpenEMR's place. Made once per data folder, continued by every later start.
 */
export class System implements AsyncDisposable {
  private constructor(
    readonly services: Services,
    readonly programs: Programs,
    /** how patients come in */
    readonly entrance: PortalEntrance,
    private readonly surroundings: Surroundings,
    private readonly proxy: WebProxy | undefined,
    private readonly installation: Installation,
    private readonly agentEnv: Record<string, string>,
    /** stands where the clinic's OpenEMR would be; no part of the product */
    readonly simulator: Program,
    private readonly accountsEnv: Record<string, string>,
    /** settles when any part ends that nobody stopped */
    readonly failed: Promise<Error>,
  ) {}

  static async start(options: SystemOptions): Promise<System> {
    const { dataDir, log, patients, portalPort, gatewayPort, surroundings = onThisMachine(portalPort) } = options;
    const { places } = surroundings;
    if (places.dmz.prefix.length === 0) {
      await requireFreePort(portalPort, 'the portal');
      await requireFreePort(gatewayPort, 'the sync-gateway');
    }
    const services = await startServices({
      dataDir,
      log,
      places,
      ...(options.servicePorts === undefined ? {} : { ports: options.servicePorts }),
    });
    try {
      const installation = await installSimulator(services, { patients, place: places.inside, log });
      const openemr = options.openemrPort ?? (await freePort());
      const ports = { portal: portalPort, gateway: gatewayPort, openemr };
      const system = await System.prepare(services, ports, surroundings, installation, options.polling);
      await system.startPrograms();
      writeFileSync(clinicFile(dataDir), JSON.stringify(system.clinicEnvironment()), { mode: 0o600 });
      log('sync-gateway, portal-api and sync-agent are up');
      return system;
    } catch (error: unknown) {
      await services.stop();
      throw error;
    }
  }

  private static async prepare(
    services: Services,
    ports: { portal: number; gateway: number; openemr: number },
    surroundings: Surroundings,
    installation: Installation,
    polling: ProgramSettings['polling'],
  ): Promise<System> {
    const settings = programSettings(services, installation.siteId, ports, surroundings, polling);
    await prepareForPrograms(services, settings, surroundings);
    const failure = Promise.withResolvers<Error>();
    void services.failed.then(failure.resolve);
    const { origin, places, proxy } = surroundings;
    const webProxy =
      proxy === undefined
        ? undefined
        : await WebProxy.prepare(
            services,
            { publicName: proxy.publicName, portalPort: ports.portal, place: places.dmz },
            failure.resolve,
          );
    return new System(
      services,
      describePrograms(services, settings, surroundings, failure.resolve),
      {
        origin,
        ...(proxy === undefined ? {} : { door: proxy.internetDoor }),
        ...(webProxy === undefined ? {} : { ca: webProxy.ca }),
      },
      surroundings,
      webProxy,
      installation,
      agentEnvironment(services, settings),
      openEmrSimulator(services.inside, ports.openemr, places.inside, failure.resolve),
      migrateEnvironment(services, settings),
      failure.promise,
    );
  }

  private async startPrograms(): Promise<void> {
    const { gateway, portalApi, agent } = this.programs;
    await Promise.all([gateway.start(), this.simulator.start()]);
    await admitAgent(this.services, this.agentEnv, this.surroundings.places.inside);
    await Promise.all([portalApi.start(), agent.start(), this.proxy?.start()]);
  }

  get origin(): string {
    return this.entrance.origin;
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
      JSON.parse(
        await runProgram(
          AGENT_CLI,
          ['invite', '--pid', String(pid), '--json'],
          this.agentEnv,
          this.surroundings.places.inside,
        ),
      ),
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
    return JSON.parse(
      await runProgram(AGENT_CLI, ['status', '--json'], this.agentEnv, this.surroundings.places.inside),
    );
  }

  /** The agent's command line. @param extra added to its environment */
  agentCommand(args: string[], extra: Record<string, string> = {}): Promise<string> {
    return runProgram(AGENT_CLI, args, { ...this.agentEnv, ...extra }, this.surroundings.places.inside);
  }

  /** Backup and restore of the DMZ's accounts. */
  accountsCommand(args: string[]): Promise<string> {
    return runProgram('portal-api/dist/database/backup.main.js', args, this.accountsEnv, this.surroundings.places.dmz);
  }

  /** The root's private key, which a real installation keeps elsewhere. */
  get rootKeyFile(): string {
    return join(this.services.inside.dir, 'keys/root.key');
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
      DOCUMENTS_DIR: documentsDir(this.services.inside),
    };
  }

  /** Marks the inside's keys as a drill's: only then the agent starts with a protection switched off. */
  allowDrillFaults(): void {
    writeFileSync(join(this.services.inside.dir, 'keys/drill-only'), '');
  }

  /** A connection as the clinic's own application has it. */
  openemr(): Promise<Connection> {
    return openemrConnection(this.services, this.surroundings.places.inside);
  }

  async stop(): Promise<void> {
    await Promise.all([this.proxy?.stop(), this.programs.portalApi.stop(), this.programs.agent.stop()]);
    await Promise.all([this.programs.gateway.stop(), this.simulator.stop()]);
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
