import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:tls';
import { join } from 'node:path';
import { Agent, request } from 'undici';
import { ensureSecret } from '../services/data-folder.js';
import type { Door } from '../services/place.js';
import {
  agentEnvironment,
  gatewayEnvironment,
  migrateEnvironment,
  portalApiEnvironment,
  type ProgramSettings,
} from '../services/process-environment.js';
import { applyGrants, type Services } from '../services/services.js';
import { Program, repositoryRoot, runProgram } from './program.js';
import { PRACTICE } from './simulator.js';
import type { Surroundings } from './surroundings.js';

export const AGENT_CLI = 'sync-agent/dist/cli.main.js';
const PROBE_LIMIT = 2_000;

/** The product's own processes, each started and ended by itself. */
export type Programs = Record<'portalApi' | 'gateway' | 'agent', Program>;

/** What every program of this system is told, beside what the zones know. */
export function programSettings(
  services: Services,
  siteId: string,
  ports: { portal: number; gateway: number; openemr: number },
  { origin, gateway, proxy }: Surroundings,
  polling?: ProgramSettings['polling'],
): ProgramSettings {
  return {
    ...(polling === undefined ? {} : { polling }),
    siteId,
    publicOrigin: origin,
    portalPort: ports.portal,
    ...(proxy === undefined ? {} : { trustProxy: '127.0.0.1' }),
    gatewayPort: ports.gateway,
    gatewayAddress: gateway,
    openemrPort: ports.openemr,
    ccd: polling === undefined,
    webRoot: join(repositoryRoot(), 'portal-web/dist'),
    rootPublicKeyFile: join(services.dmz.dir, 'secrets/root.pub'),
    practiceName: PRACTICE.name,
    practiceTimeZone: PRACTICE.timeZone,
    pools: { default: 'frontdesk' },
  };
}

/** Keys, tables and rights: all that must be there before the first of the programs starts. */
export async function prepareForPrograms(
  services: Services,
  settings: ProgramSettings,
  { places }: Surroundings,
): Promise<void> {
  const agentEnv = agentEnvironment(services, settings);
  await makeKeys(services, settings, agentEnv);
  const migrations = 'portal-api/dist/database/migrate.main.js';
  await Promise.all([
    runProgram(migrations, [], migrateEnvironment(services, settings), places.dmz),
    runProgram(AGENT_CLI, ['ledger', 'migrate'], agentEnv, places.inside),
  ]);
  await Promise.all([applyGrants(services, 'dmz'), applyGrants(services, 'inside')]);
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

/** @param onFailure called when one of them ends that nobody stopped */
export function describePrograms(
  services: Services,
  settings: ProgramSettings,
  { places }: Surroundings,
  onFailure: (error: Error) => void,
): Programs {
  const { dmz, inside } = places;
  const logs = { dmz: join(services.dmz.dir, 'logs'), inside: join(services.inside.dir, 'logs') };
  return {
    portalApi: new Program(
      {
        name: 'portal-api',
        entry: 'portal-api/dist/main.js',
        env: portalApiEnvironment(services, settings),
        logFile: join(logs.dmz, 'portal-api.log'),
        place: dmz,
        probe: () => answersOk(dmz.door(settings.portalPort), '/api/health/ready'),
      },
      onFailure,
    ),
    gateway: new Program(
      {
        name: 'sync-gateway',
        entry: 'portal-api/dist/gateway.main.js',
        env: gatewayEnvironment(services, settings),
        logFile: join(logs.dmz, 'sync-gateway.log'),
        place: dmz,
        probe: () => completesTls(dmz.door(settings.gatewayPort)),
      },
      onFailure,
    ),
    agent: new Program(
      {
        name: 'sync-agent',
        entry: 'sync-agent/dist/main.js',
        env: agentEnvironment(services, settings),
        logFile: join(logs.inside, 'sync-agent.log'),
        place: inside,
        probe: () => Promise.resolve(),
      },
      onFailure,
    ),
  };
}

async function answersOk(door: Door, path: string): Promise<void> {
  const origin = `http://${'path' in door ? 'localhost' : `${door.host}:${String(door.port)}`}`;
  const dispatcher = new Agent('path' in door ? { connect: { socketPath: door.path } } : {});
  try {
    const answer = await request(`${origin}${path}`, {
      dispatcher,
      headersTimeout: PROBE_LIMIT,
      bodyTimeout: PROBE_LIMIT,
    });
    await answer.body.dump();
    if (answer.statusCode !== 200) {
      throw new Error(`answers ${String(answer.statusCode)}`);
    }
  } finally {
    await dispatcher.destroy();
  }
}

/** All that a stranger without a certificate can see of a listener: that it completes TLS. No data is sent or believed. */
export function completesTls(door: Door): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ ...door, rejectUnauthorized: false, timeout: PROBE_LIMIT }, () => {
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
