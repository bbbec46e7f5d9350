import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { Pool, request } from 'undici';
import { PortalClient } from '../demo/portal-client.js';
import { Program } from '../demo/program.js';
import { readyPatient } from '../demo/ready-patient.js';
import { System } from '../demo/system.js';
import { printVerdict, say } from '../drills/verdict.js';
import { freePort, freeServicePorts } from '../services/ports.js';
import { DEFAULT_DATABASES } from '../services/services.js';
import type { BareSettings } from './bare-server.main.js';
import { BARE_SETTINGS } from './config.js';
import { percentiles } from './percentiles.js';

/**
 * `npm run bench -- read`: a section of a chart through portal-api as it runs in production (session, grants, signed
 * manifest, opening of the seal, audit entry committed before the answer) beside a bare Node server that answers the
 * same bytes out of the same MariaDB with a prepared statement. In turns, in one run, so that what else the machine
 * does meets both.
 */

const CONCURRENCY = [1, 8, 32] as const;
const SECTIONS = ['medications', 'results'] as const;
/** portal-api's own. */
const CONNECTIONS = 10;
const AIM = 0.5;
/** Of both servers before anything is measured: what runs for days in production is compiled by then. */
const WARM_UP_SECONDS = 8;

interface ReadArguments {
  /** of each measurement */
  seconds: number;
  /** alternations of both servers; the median of their ratios counts */
  turns: number;
}

/** Who answers, and how it is asked. */
interface Side {
  origin: string;
  path: (section: string) => string;
  headers: Record<string, string>;
}

interface Measured {
  perSecond: number;
  p50: number;
  p99: number;
}

/** As many askers as `concurrency`, each with one request under way, for `seconds`. */
async function measure(side: Side, section: string, concurrency: number, seconds: number): Promise<Measured> {
  const pool = new Pool(side.origin, { connections: concurrency });
  const took: number[] = [];
  const end = performance.now() + seconds * 1_000;
  const ask = async (): Promise<void> => {
    while (performance.now() < end) {
      const began = performance.now();
      const answer = await pool.request({ method: 'GET', path: side.path(section), headers: side.headers });
      await answer.body.dump();
      if (answer.statusCode !== 200) {
        throw new Error(`${side.origin}${side.path(section)} answered ${String(answer.statusCode)}`);
      }
      took.push(performance.now() - began);
    }
  };
  const began = performance.now();
  try {
    await Promise.all(Array.from({ length: concurrency }, ask));
  } finally {
    await pool.close();
  }
  const { p50, p99 } = percentiles(took);
  return { perSecond: Math.round((took.length * 1_000) / (performance.now() - began)), p50, p99 };
}

const median = (values: readonly number[]): number =>
  [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

/** The bytes that portal-api sends for a section, as they are on the wire. */
async function bytesOf(side: Side, section: string): Promise<Buffer> {
  const { statusCode, body } = await request(side.origin + side.path(section), { headers: side.headers });
  if (statusCode !== 200) {
    throw new Error(`${section}: portal-api answered ${String(statusCode)}`);
  }
  return Buffer.from(await body.arrayBuffer());
}

/** Section to number of bytes. */
async function fillBareTable(
  { services }: System,
  portal: Side,
  sections: readonly string[],
): Promise<Map<string, number>> {
  const sizes = new Map<string, number>();
  const table = [DEFAULT_DATABASES.portal];
  await services.dmz.adminSql(
    'CREATE TABLE ??.bench_section (name VARCHAR(64) PRIMARY KEY, body MEDIUMBLOB NOT NULL)',
    table,
  );
  for (const section of sections) {
    const bytes = await bytesOf(portal, section);
    sizes.set(section, bytes.length);
    await services.dmz.adminSql('INSERT INTO ??.bench_section VALUES (?, ?)', [...table, section, bytes]);
  }
  return sizes;
}

async function startBareServer({ services }: System, dataDir: string, port: number): Promise<Program> {
  const { mariadb, secretFile } = services.dmz;
  const settings: BareSettings = {
    port,
    database: {
      host: mariadb.host,
      port: mariadb.port,
      caFile: mariadb.caFile,
      user: 'migrate',
      name: DEFAULT_DATABASES.portal,
    },
    passwordFile: secretFile('migrate'),
    connections: CONNECTIONS,
  };
  const file = join(dataDir, 'bare-server.json');
  writeFileSync(file, JSON.stringify(settings), { mode: 0o600 });
  const program = new Program(
    {
      name: 'the bare server',
      entry: 'infra/dist/benches/bare-server.main.js',
      env: { [BARE_SETTINGS]: file },
      logFile: join(dataDir, 'logs/bare-server.log'),
      probe: async () => {
        await (await request(`http://127.0.0.1:${String(port)}/`)).body.dump();
      },
    },
    (failure) => {
      throw failure;
    },
  );
  await program.start();
  return program;
}

/** The largest year of results stands for long sections. */
async function chooseSections(browser: PortalClient, patientRef: string): Promise<string[]> {
  const { body } = await browser.section(patientRef, 'results');
  const years = Array.isArray(body['years']) ? (body['years'] as { section: string; count: number }[]) : [];
  const [largest] = years.toSorted((a, b) => b.count - a.count);
  return [...SECTIONS, ...(largest === undefined ? [] : [largest.section])];
}

async function run({ seconds, turns }: ReadArguments, dataDir: string): Promise<void> {
  await using system = await System.start({
    dataDir,
    portalPort: await freePort(),
    gatewayPort: await freePort(),
    servicePorts: await freeServicePorts(),
    patients: 2,
    log: say,
  });
  const patient = await readyPatient(system, dataDir);
  const browser = new PortalClient(system.entrance);
  await browser.signIn(patient);
  const patientRef = (await browser.patientRef()) ?? '';
  const portal: Side = {
    origin: system.origin,
    path: (section) => `/api/charts/${patientRef}/sections/${section}`,
    headers: {
      accept: 'application/json',
      'accept-encoding': 'br',
      cookie: browser.cookieHeader,
      'sec-fetch-site': 'same-origin',
      'x-requested-with': 'portal',
    },
  };
  const port = await freePort();
  const bare: Side = {
    origin: `http://127.0.0.1:${String(port)}`,
    path: (section) => `/${encodeURIComponent(section)}`,
    headers: {},
  };
  const sections = await chooseSections(browser, patientRef);
  const sizes = await fillBareTable(system, portal, sections);
  const program = await startBareServer(system, dataDir, port);
  const figures: Record<string, unknown>[] = [];
  for (const side of [portal, bare]) {
    await measure(side, SECTIONS[0], Math.max(...CONCURRENCY), WARM_UP_SECONDS);
  }
  for (const section of sections) {
    for (const concurrency of CONCURRENCY) {
      await measure(portal, section, concurrency, 1);
      await measure(bare, section, concurrency, 1);
      const pairs: { portal: Measured; bare: Measured }[] = [];
      for (let turn = 0; turn < turns; turn += 1) {
        const there = await measure(bare, section, concurrency, seconds);
        pairs.push({ bare: there, portal: await measure(portal, section, concurrency, seconds) });
      }
      const ratio = Math.round(median(pairs.map((pair) => pair.portal.perSecond / pair.bare.perSecond)) * 100) / 100;
      const last = pairs.at(-1);
      figures.push({ section, bytes: sizes.get(section), concurrency, ratio, ...last });
      say(
        `${section} (${String(sizes.get(section))} bytes), ${String(concurrency)} at once: ratio ${String(ratio)}; ` +
          `portal-api ${String(last?.portal.perSecond)}/s, p99 ${String(last?.portal.p99)} ms; ` +
          `bare ${String(last?.bare.perSecond)}/s, p99 ${String(last?.bare.p99)} ms`,
      );
    }
  }
  await program.stop();
  await browser.close();
  printVerdict({
    name: 'read',
    parameters: { seconds, turns, cores: cpus().length, audit: true },
    figures: { unit: 'ms', sections: figures },
    aim: `at least ${String(AIM)} of the bare server's requests per second, at each concurrency`,
    met: figures.every(({ ratio }) => Number(ratio) >= AIM),
  });
}

const options = new Command('read')
  .option('--seconds <n>', 'of each measurement', Number, 5)
  .option('--turns <n>', 'alternations of both servers', Number, 3)
  .parse()
  .opts<ReadArguments>();
const dataDir = mkdtempSync(join(tmpdir(), 'odp-bench-'));
chmodSync(dataDir, 0o711);
try {
  await run(options, dataDir);
} finally {
  rmSync(dataDir, { recursive: true, force: true });
}
