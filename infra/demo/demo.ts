import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { z } from 'zod';
import { defaultDataDir, lockDataFolder } from '../services/data-folder.js';
import { freeServicePorts } from '../services/ports.js';
import { IsolatedNetwork, PRODUCTION_PORTS } from '../isolation/isolated-network.js';
import { NoPrivilege } from '../isolation/namespaces.js';
import { runCheck } from './check.js';
import { readyPatient, type ReadyPatient } from './ready-patient.js';
import { GATEWAY_PORT, PORTAL_PORT, System, type SystemOptions } from './system.js';

/**
 * `npm run demo`: the complete system on this machine until Ctrl-C. With --check it does one round trip in a browser
 * and ends.
 */

const PATIENTS = 12;

interface DemoArguments {
  dataDir: string;
  port?: number;
  gatewayPort?: number;
  reset: boolean;
  check: boolean;
  isolated: boolean;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

async function main(options: DemoArguments): Promise<void> {
  const dataDir = resolve(options.dataDir);
  if (options.isolated && !options.check) {
    throw new Error('--isolated goes with --check: no browser of this machine reaches those networks.');
  }
  if (options.reset) {
    await resetDataFolder(dataDir);
  }
  if (options.isolated) {
    network = await IsolatedNetwork.create();
    print('Three networks and the firewall between them are up');
  }
  const system = await System.start({
    dataDir,
    patients: PATIENTS,
    log: print,
    ...(network === undefined ? await placeOf(options, dataDir) : placeIn(network)),
  });
  running = system;
  const failed = system.failed.then((reason) => {
    throw reason;
  });
  const ready = await Promise.race([readyPatient(system, dataDir), failed]);
  if (options.check) {
    await Promise.race([runCheck(system, ready, print, network?.browser(dataDir)), failed]);
    print('Round trip complete.');
    return;
  }
  await Promise.race([printEntrance(system, ready), failed]);
  await failed;
}

let running: System | undefined;
let network: IsolatedNetwork | undefined;

/** Ctrl-C at any moment: what runs is stopped in order; what is only starting ends with this process. */
async function stop(): Promise<void> {
  print('Stopping.');
  await running?.stop();
  await network?.[Symbol.asyncDispose]();
}

type PlaceOptions = Pick<SystemOptions, 'portalPort' | 'gatewayPort' | 'openemrPort' | 'servicePorts' | 'surroundings'>;

async function placeOf({ port, gatewayPort }: DemoArguments, dataDir: string): Promise<PlaceOptions> {
  return {
    portalPort: port ?? PORTAL_PORT,
    gatewayPort: gatewayPort ?? GATEWAY_PORT,
    ...(await portsOf(dataDir)),
  };
}

function placeIn({ surroundings }: IsolatedNetwork): PlaceOptions {
  const { portal, gateway, openemr, services } = PRODUCTION_PORTS;
  return { portalPort: portal, gatewayPort: gateway, openemrPort: openemr, servicePorts: services, surroundings };
}

/** Ports of the servers are chosen once per data folder, so that several demos can run side by side. */
async function portsOf(dataDir: string): Promise<Pick<SystemOptions, 'servicePorts'>> {
  if (dataDir === resolve(defaultDataDir())) {
    return {};
  }
  const file = join(dataDir, 'ports.json');
  if (existsSync(file)) {
    const Zone = z.object({ mariadb: z.number(), redis: z.number() });
    return { servicePorts: z.object({ dmz: Zone, inside: Zone }).parse(JSON.parse(readFileSync(file, 'utf8'))) };
  }
  const servicePorts = await freeServicePorts();
  mkdirSync(dataDir, { recursive: true, mode: 0o755 });
  writeFileSync(file, JSON.stringify(servicePorts));
  return { servicePorts };
}

const PARTS = ['dmz', 'inside', 'ports.json', 'launcher.pid'];

/** Removes what an earlier demo left; a folder with anything else in it, or one in use, is refused. */
async function resetDataFolder(dataDir: string): Promise<void> {
  if (!existsSync(dataDir)) {
    return;
  }
  const foreign = readdirSync(dataDir).find((name) => !PARTS.includes(name));
  if (foreign !== undefined) {
    throw new Error(`${dataDir} holds ${foreign}, which is not of this demo; nothing was removed.`);
  }
  const lock = await lockDataFolder(dataDir);
  for (const part of PARTS) {
    rmSync(join(dataDir, part), { recursive: true, force: true });
  }
  lock.close();
}

/** The option that names a data folder which is not the default one. */
function elsewhere(dataDir: string): string {
  return dataDir === resolve(defaultDataDir()) ? '' : ` --data-dir ${dataDir}`;
}

async function printEntrance(system: System, ready: ReadyPatient): Promise<void> {
  const invited = system.patients[1];
  print('');
  print('OpenEMR DMZ Portal, demonstration with synthetic patients. OpenEMR itself is a SIMULATOR here.');
  print('Everything runs on this machine; Ctrl-C stops all of it, a later start continues.');
  print('');
  print(`  Portal for patients   ${system.origin}`);
  print(`  Data folder           ${system.services.dataDir}`);
  print(
    `  Play the clinic       npm run clinic --${elsewhere(system.services.dataDir)} --help   (from a second terminal)`,
  );
  print('');
  print(`  Ready patient         ${ready.patient}`);
  print(`    sign-in name        ${ready.name}`);
  print(`    password            ${ready.password}`);
  print(`    TOTP secret         ${ready.totpSecret}   (any authenticator app)`);
  if (invited !== undefined) {
    const invite = await system.invite(invited.pid);
    print('');
    print(`  Open invite           ${invited.name}, born ${invited.dateOfBirth}`);
    print(`    code                ${invite.code}`);
    print(`    link                ${invite.link}`);
  }
}

function port(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1 || value > 65_535) {
    throw new InvalidArgumentError('a port is a number from 1 to 65535');
  }
  return value;
}

const command = new Command('demo')
  .description('The complete system on this machine, with an OpenEMR simulator')
  .option('--data-dir <folder>', 'where all data is kept', defaultDataDir())
  .option('--port <port>', `port of the portal (default ${String(PORTAL_PORT)})`, port)
  .option('--gateway-port <port>', `port of the sync-gateway (default ${String(GATEWAY_PORT)})`, port)
  .option('--reset', 'forget everything an earlier demo left', false)
  .option('--check', 'do one round trip in a headless browser, print each step with its time, and end', false)
  .option('--isolated', 'with --check: three networks with the firewall between them, nginx and TLS (root)', false);

const stopRequested = Promise.withResolvers<undefined>();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => {
    stopRequested.resolve(undefined);
  });
}

try {
  await Promise.race([main(command.parse().opts<DemoArguments>()), stopRequested.promise]);
  await stop();
  process.exit(0);
} catch (error: unknown) {
  process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
  await stop();
  process.exit(error instanceof NoPrivilege ? 3 : 1);
}
