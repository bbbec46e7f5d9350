import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { Command } from 'commander';
import { readyPatient } from '../demo/ready-patient.js';
import { System } from '../demo/system.js';
import { repositoryRoot } from '../demo/program.js';
import { until } from '../demo/until.js';
import { DEFAULT_DATABASES } from '../services/services.js';
import { freePort, freeServicePorts } from '../services/ports.js';
import { inOrder, partsOfCode, partsOfSystem } from './build-parts.js';
import { dataFlowText, generateDataFlow, REVIEWED_FILE } from './data-flow.js';
import { drillsLeftOut, drillsPart } from './drills-part.js';
import { isolationLeftOut, isolationPart } from './isolation-part.js';
import { describeCode } from './describe-code.js';
import { verdictOf, writeFolder, type EvidencePart } from './evidence-part.js';

/**
 * `npm run evidence`: one folder for an auditor, in one run, on a system of its own with synthetic patients. Exit code 0
 * when every claim that could be checked holds.
 */

const PATIENTS = 2;

interface EvidenceArguments {
  out: string;
  drills: boolean;
  review: boolean;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** Twice the longest pause between two. */
const HEARTBEAT_LIMIT = 120_000;

async function heartbeatIsThere({ services }: System): Promise<boolean> {
  const [row] = await services.dmz.adminSql('SELECT COUNT(*) AS held FROM ??.heartbeat', [DEFAULT_DATABASES.portal]);
  return Number(row?.['held']) > 0;
}

/** A complete system with one patient who has joined, so that there is something to see. */
async function onSystem(): Promise<EvidencePart[]> {
  const dataDir = mkdtempSync(join(tmpdir(), 'odp-evidence-'));
  chmodSync(dataDir, 0o711);
  try {
    const gatewayPort = await freePort();
    await using system = await System.start({
      dataDir,
      portalPort: await freePort(),
      gatewayPort,
      servicePorts: await freeServicePorts(),
      patients: PATIENTS,
      log: say,
    });
    await readyPatient(system, dataDir);
    await until('the first heartbeat', () => heartbeatIsThere(system), HEARTBEAT_LIMIT);
    return await partsOfSystem(system, gatewayPort);
  } finally {
    rmSync(dataDir, { recursive: true, force: true });
  }
}

async function main({ out, drills, review }: EvidenceArguments): Promise<boolean> {
  if (review) {
    writeFileSync(join(repositoryRoot(), REVIEWED_FILE), dataFlowText(generateDataFlow()));
    say(`${REVIEWED_FILE} is what the code says now; look at its difference before you commit it.`);
    return true;
  }
  const folder = resolve(out);
  const parts = inOrder([
    ...(await onSystem()),
    ...partsOfCode(generateDataFlow()),
    ...(drills ? [isolationPart(say), drillsPart(say)] : [isolationLeftOut(), drillsLeftOut()]),
  ]);
  writeFolder(folder, parts, [
    'Made by `npm run evidence` on a system of its own with synthetic patients, everything on one machine. OpenEMR is',
    `simulated. Each line says how to see it again. Made ${new Date().toISOString()} of ${describeCode()}.`,
  ]);
  for (const part of parts) {
    say(`${verdictOf(part).padEnd(14)} ${part.title}: ${part.finding}`);
  }
  say(`The folder is ${folder}; begin with index.md.`);
  return parts.every(({ holds }) => holds !== false);
}

const given = new Command('evidence')
  .option('--out <folder>', 'where the folder is written', 'evidence')
  .option('--without-drills', 'leave the drills and the isolation proof out, and say so', false)
  .option('--review', 'take the data flow of the code as reviewed, and end', false)
  .parse()
  .opts<{ out: string; withoutDrills: boolean; review: boolean }>();
try {
  process.exit((await main({ ...given, drills: !given.withoutDrills })) ? 0 : 1);
} catch (error: unknown) {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exit(1);
}
