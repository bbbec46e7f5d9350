import { rmSync } from 'node:fs';
import { Command } from 'commander';
import { System } from '../demo/system.js';
import { temporaryDataDir } from '../services/test-services.js';
import { Boundary } from './boundary.js';
import { IsolatedNetwork, PRODUCTION_PORTS } from './isolated-network.js';
import { NoPrivilege } from './namespaces.js';
import { proveIsolation } from './prove-isolation.js';
import { markdown, reportOf, writeReport, type Part } from './report.js';

/** `npm run test:isolation`: the zones as networks, the real processes in them, and everything tried that must not work. */
const EXIT_NO_PRIVILEGE = 3;

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** @returns whether everything held */
async function prove(folder: string | undefined): Promise<boolean> {
  const begun = new Date();
  const dataDir = temporaryDataDir();
  try {
    await using network = await IsolatedNetwork.create();
    const { portal, gateway, openemr, services } = PRODUCTION_PORTS;
    await using system = await System.start({
      dataDir,
      portalPort: portal,
      gatewayPort: gateway,
      openemrPort: openemr,
      servicePorts: services,
      surroundings: network.surroundings,
      patients: 1,
      log: say,
    });
    const parts: Part[] = [];
    await using boundary = await Boundary.open(network);
    const failed = system.failed.then((reason) => {
      throw reason;
    });
    await Promise.race([proveIsolation(system, boundary, parts, say), failed, stopRequested.promise]);
    const report = reportOf(begun, parts);
    process.stdout.write(markdown(report));
    if (folder !== undefined) {
      writeReport(folder, report);
    }
    return report.holds;
  } finally {
    rmSync(dataDir, { recursive: true, force: true });
  }
}

const stopRequested = Promise.withResolvers<never>();
stopRequested.promise.catch(() => undefined);
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => {
    stopRequested.reject(new Error('Stopped before the proof was complete.'));
  });
}

const { out } = new Command('test:isolation')
  .description('Proves the boundary in network namespaces, with the real processes (root)')
  .option('--out <folder>', 'also write the report there, as isolation.md and isolation.json')
  .parse()
  .opts<{ out?: string }>();

try {
  process.exit((await prove(out)) ? 0 : 1);
} catch (error: unknown) {
  say(error instanceof Error ? error.message : String(error));
  process.exit(error instanceof NoPrivilege ? EXIT_NO_PRIVILEGE : 1);
}
