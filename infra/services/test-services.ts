import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { announceTestServices, testServicesFile, testWorker } from './config.js';
import { freeServicePorts } from './ports.js';
import { removeWithMounts } from './small-disk.js';
import { createDatabases, redisRefusals, startServices, zoneAccess, type Services, type Zones } from './services.js';

const PREFIX = 'odp-test-';

const Port = z.int().positive();
const ZonePorts = z.object({ mariadb: Port, redis: Port });
const Description = z.object({ dataDir: z.string(), ports: z.object({ dmz: ZonePorts, inside: ZonePorts }) });
/** One of each worker, in their order. */
const Descriptions = z.array(Description).min(1);

/** A new folder for one run, named after the process that owns it; folders whose process is gone are removed. */
export function temporaryDataDir(): string {
  for (const name of readdirSync(tmpdir()).filter((each) => each.startsWith(PREFIX))) {
    const pid = name.slice(PREFIX.length).split('-')[0] ?? '';
    if (/^\d+$/.test(pid) && !existsSync(`/proc/${pid}`)) {
      removeWithMounts(join(tmpdir(), name));
    }
  }
  const dataDir = mkdtempSync(join(tmpdir(), `${PREFIX}${process.pid}-`));
  // mkdtemp closes the folder to all others; the servers run as nobody.
  chmodSync(dataDir, 0o711);
  return dataDir;
}

/** Starts a pair of zones for each of jest's workers, which suites that run one after the other share, and announces them. */
export async function startTestServices(workers: number): Promise<Services[]> {
  const started: Services[] = [];
  try {
    // One pair after the other: each finds its ports free while the others' are taken.
    for (let worker = 0; worker < workers; worker += 1) {
      started.push(await startServices({ dataDir: temporaryDataDir(), ports: await freeServicePorts() }));
    }
  } catch (failure: unknown) {
    await Promise.allSettled(started.map((services) => services.stop()));
    throw failure;
  }
  const file = join(started[0]?.dataDir ?? '', 'services.json');
  writeFileSync(file, JSON.stringify(started.map(({ dataDir, ports }) => ({ dataDir, ports }))));
  announceTestServices(file);
  return started;
}

/** Ends the run: throws when a program asked Redis for more than its user may do. */
export async function stopTestServices(started: readonly Services[]): Promise<void> {
  const refusals: string[] = [];
  for (const services of started) {
    try {
      refusals.push(...(await redisRefusals(services.dmz)), ...(await redisRefusals(services.inside)));
    } finally {
      await services.stop();
      rmSync(services.dataDir, { recursive: true, force: true });
    }
  }
  if (refusals.length > 0) {
    throw new Error(
      `Redis refused commands during the run, the ACLs and the programs disagree:\n${refusals.join('\n')}`,
    );
  }
}

/** The zones of this worker of the running jest run. Tests that stop or kill servers start their own with `startServices`. */
export function testServices(): Zones {
  const all = Descriptions.parse(JSON.parse(readFileSync(testServicesFile(), 'utf8')));
  const own = all[testWorker() - 1];
  if (own === undefined) {
    throw new Error(`Worker ${String(testWorker())} has no zones: ${String(all.length)} pairs were started.`);
  }
  const { dataDir, ports } = own;
  return { dmz: zoneAccess('dmz', dataDir, ports), inside: zoneAccess('inside', dataDir, ports) };
}

/** Databases and queue prefixes that one suite has to itself; dropped by `await using` or `drop()`. */
export interface TestDatabases extends AsyncDisposable {
  portal: string;
  openemr: string;
  ledger: string;
  /** Allowed by the Redis users' patterns `bull-dmz*` and `bull-inside*`. */
  dmzQueuePrefix: string;
  insideQueuePrefix: string;
  drop: () => Promise<void>;
}

/**
 * Fresh, empty databases whose owners (`migrate`, `openemr`, `ledger_owner`, and `agent_writer` on the ledger) have
 * their rights; after migrations and schema run `applyGrants(testServices(), zone, databases)` for the other accounts.
 */
export async function createTestDatabases(label: string): Promise<TestDatabases> {
  const zones = testServices();
  const suite = `${label.toLowerCase().replace(/[^a-z0-9]+/g, '_')}_${randomBytes(4).toString('hex')}`;
  const names = { portal: `portal_${suite}`, openemr: `openemr_${suite}`, ledger: `ledger_${suite}` };
  await createDatabases(zones.dmz, names);
  await createDatabases(zones.inside, names);
  const drop = async (): Promise<void> => {
    await zones.dmz.adminSql('DROP DATABASE IF EXISTS ??', [names.portal]);
    await zones.inside.adminSql('DROP DATABASE IF EXISTS ??', [names.openemr]);
    await zones.inside.adminSql('DROP DATABASE IF EXISTS ??', [names.ledger]);
  };
  return {
    ...names,
    dmzQueuePrefix: `bull-dmz-${suite}`,
    insideQueuePrefix: `bull-inside-${suite}`,
    drop,
    [Symbol.asyncDispose]: drop,
  };
}
