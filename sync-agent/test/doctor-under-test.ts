import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { serverUser } from 'infra/services/child-process';
import { writeForServer } from 'infra/services/data-folder';
import { enableApiClient } from 'infra/openemr-sim/clinic-api-clients';
import { startSimHttp, type SimHttp } from 'infra/openemr-sim/http/server';
import { freeServicePorts } from 'infra/services/ports';
import { agentEnvironment } from 'infra/services/process-environment';
import { startServices, type Services } from 'infra/services/services';
import { temporaryDataDir } from 'infra/services/test-services';
import type { GatewayConfig } from '../../portal-api/src/gateway-config.js';
import { readOpenEmrApiConfig } from '../src/config.js';
import { examine, type Examination } from '../src/doctor/examine.js';
import type { FindingCode } from '../src/doctor/finding-codes.js';
import { registerAtOpenEmr } from '../src/setup/register-at-openemr.js';
import { AgentUnderTest, portOf, startGateway } from './agent-under-test.js';

/** Variables that differ from the healthy environment; undefined unsets. */
export type Changes = Record<string, string | undefined>;

/** A misconfiguration as it was made: what changed in the environment, and how the rest is put right again. */
export interface Made {
  environment?: Changes;
  undo?: () => Promise<unknown> | void;
}

/** One thing that is wrong, how it is made wrong, and all that `doctor` says then. */
export interface Misconfiguration {
  name: string;
  make: (inside: DoctorUnderTest) => Promise<Made> | Made;
  /** the finding first, then those it brings with it; no other */
  finds: readonly [FindingCode, ...FindingCode[]];
  /** in the sentence of the first */
  says: RegExp;
}

/**
 * A complete inside with servers of its own, which cases may change as they like: MariaDB with the golden practice and
 * the ledger, Redis, keys without the root's private half, and the real gateway. Fake: OpenEMR's HTTP side (its simulator),
 * and the practice's people.
 */
export class DoctorUnderTest implements AsyncDisposable {
  private readonly folders: string[] = [];

  private constructor(
    readonly services: Services,
    readonly agent: AgentUnderTest,
    private readonly http: SimHttp,
    readonly environment: Readonly<Record<string, string>>,
    private readonly rootKey: string,
  ) {}

  static async start(): Promise<DoctorUnderTest> {
    const services = await startServices({ dataDir: temporaryDataDir(), ports: await freeServicePorts() });
    const agent = await AgentUnderTest.start('doctor', { zones: services });
    const { keyDir, siteId, gateway } = agent.config;
    const rootKey = readFileSync(join(keyDir, 'root.key'), 'utf8');
    rmSync(join(keyDir, 'root.key'));
    const http = await startOpenEmr(services, agent);
    const environment = {
      ...agentEnvironment(services, {
        siteId,
        publicOrigin: 'https://portal.example.org',
        portalPort: 1,
        gatewayPort: Number(new URL(gateway.url).port),
        webRoot: '/nowhere',
        rootPublicKeyFile: '/nowhere',
        practiceName: 'Test',
        practiceTimeZone: 'America/New_York',
        pools: { default: 'admin' },
      }),
      KEY_DIR: keyDir,
      ...apiEnvironment(services, http.url, keyDir),
    };
    const { clientId } = await registerAtOpenEmr(readOpenEmrApiConfig(environment), { contact: 'ops@example.org' });
    await enableApiClient(agent.clinic, clientId, true);
    return new DoctorUnderTest(services, agent, http, environment, rootKey);
  }

  async examine(changes: Changes = {}): Promise<Examination> {
    return examine({ ...this.environment, ...changes });
  }

  /** As the inside's database administrator. */
  async sql(...statements: string[]): Promise<void> {
    for (const statement of statements) {
      await this.services.inside.adminSql(statement);
    }
  }

  /** Path of a file of the inside. */
  path(...parts: string[]): string {
    return join(this.services.inside.dir, ...parts);
  }

  folder(): string {
    const made = mkdtempSync(join(tmpdir(), 'doctor-'));
    this.folders.push(made);
    return made;
  }

  /** A file of a case's own, which only its user may read. */
  file(content: string): string {
    const path = join(this.folder(), 'file');
    writeFileSync(path, content, { mode: 0o400 });
    return path;
  }

  /** A file that a server of the inside can read, beside its own. */
  serverFile(path: string, content: string): string {
    const whole = this.path(path);
    writeForServer(whole, content, serverUser());
    return whole;
  }

  /** A copy of the key folder to spoil. @param only the names that are copied */
  keys(only: RegExp = /./): string {
    const folder = this.folder();
    for (const name of readdirSync(this.agent.config.keyDir).filter((each) => only.test(each))) {
      copyFileSync(join(this.agent.config.keyDir, name), join(folder, name));
    }
    return folder;
  }

  /** Brings the root's private half back from its safe. */
  bringRoot(folder: string): void {
    writeFileSync(join(folder, 'root.key'), this.rootKey, { mode: 0o400 });
  }

  /**
   * A certificate and its key.
   * @param from.ca name of a CA of the installation. @param from.days until its end; below 0 it is over
   */
  pair(from: { ca?: string; name: string; days: number }): { cert: string; key: string } {
    const folder = this.folder();
    const [cert, key, request, names] = ['crt', 'key', 'csr', 'ext'].map((end) => join(folder, `pair.${end}`));
    const ca = this.path('ca', from.ca ?? 'crossing-ca');
    const openssl = (...args: string[]): void => {
      execFileSync('openssl', args, { stdio: 'pipe' });
    };
    writeFileSync(names ?? '', `subjectAltName=DNS:${from.name}\n`);
    openssl(
      ...['req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', `/CN=${from.name}`],
      ...['-keyout', key ?? '', '-out', request ?? ''],
    );
    openssl(
      ...['x509', '-req', '-in', request ?? '', '-CA', `${ca}.crt`, '-CAkey', `${ca}.key`, '-extfile', names ?? ''],
      ...['-CAcreateserial', '-CAserial', join(folder, 'serial'), '-days', String(from.days), '-out', cert ?? ''],
    );
    chmodSync(key ?? '', 0o400);
    return { cert: cert ?? '', key: key ?? '' };
  }

  /** A second real gateway beside the healthy one, and the environment that leads to it. */
  async gateway(differs: Partial<GatewayConfig>): Promise<Required<Made>> {
    const { agent, services } = this;
    const { siteId, keyDir } = agent.config;
    const app: NestFastifyApplication = await startGateway(services, agent.databases, siteId, keyDir, 0, differs);
    return {
      environment: { GATEWAY_URL: `https://127.0.0.1:${String(portOf(app))}` },
      undo: () => app.close(),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.http.close();
    await this.agent[Symbol.asyncDispose]();
    await this.services.stop();
    for (const folder of [...this.folders, this.services.dataDir]) {
      rmSync(folder, { recursive: true, force: true });
    }
  }
}

/** OpenEMR's HTTP side, simulated. @param siteAddress what it takes for its own address */
export async function startOpenEmr(services: Services, agent: AgentUnderTest, siteAddress?: string): Promise<SimHttp> {
  const { mariadb, secretFile, dir } = services.inside;
  return startSimHttp({
    database: {
      ...mariadb,
      database: agent.databases.openemr,
      user: 'openemr',
      passwordFile: secretFile('openemr'),
    },
    host: '127.0.0.1',
    port: 0,
    certificate: readFileSync(join(dir, 'tls/openemr.crt'), 'utf8'),
    key: readFileSync(join(dir, 'tls/openemr.key'), 'utf8'),
    documentsDir: join(dir, 'documents'),
    siteAddress,
  });
}

function apiEnvironment(services: Services, url: string, keyDir: string): Record<string, string> {
  return {
    OPENEMR_URL: url,
    OPENEMR_CA_FILE: join(services.inside.dir, 'tls/inside-ca.crt'),
    OPENEMR_CLIENT_ID_FILE: join(keyDir, 'openemr-client.id'),
  };
}
