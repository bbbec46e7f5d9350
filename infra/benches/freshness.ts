import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { randomUUID } from 'node:crypto';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Command, Option } from 'commander';
import type { Connection, RowDataPacket } from 'mysql2/promise';
import { z } from 'zod';
import { launchBrowser } from '../demo/browser.js';
import { PatientPage } from '../demo/patient-page.js';
import { runProgram } from '../demo/program.js';
import { PortalClient } from '../demo/portal-client.js';
import { chartArrived, readyPatient, type ReadyPatient } from '../demo/ready-patient.js';
import { System } from '../demo/system.js';
import { newResult } from '../openemr-sim/clinic-labs.js';
import { printVerdict, say } from '../drills/verdict.js';
import { freePort, freeServicePorts } from '../services/ports.js';
import { OtherCharts } from './other-charts.js';
import { percentiles } from './percentiles.js';

/**
 * `npm run bench -- freshness`: from COMMIT in OpenEMR's database (made by the clinic's command line, in a process of
 * its own) to the text on the page in Chromium, and from the patient's press on Send to the row in OpenEMR's mailbox.
 * Idle, and with changes on other charts: `--rate` in a minute, spread over `--others` charts. All on this machine, one
 * clock. With `--feed polling` the agent polls OpenEMR: new results are what its quick looks see, corrected ones what only
 * its full passes find.
 */

const PASSWORD = 'copper window gentle hill';
/** Up to this many changes a minute the aim is the one of a quiet practice. */
const ORDINARY_RATE = 100;
const SAMPLES_PER_WRITER = 100;
const SAMPLES_PER_CONVERSATION = 25;
/** Share of the changes that must have been made in time. */
const REACHED = 0.99;
/** Each takes as long as it takes until the next full pass. */
const CORRECTIONS = 20;

/** What the measurements of the inward way need. */
interface Bench {
  openemr: Connection;
  /** Joins the next patient who has no account yet; the page is theirs. */
  newWriter: () => Promise<PatientPage>;
}

interface BenchArguments {
  samples: number;
  rate: number;
  others: number;
  feed: 'binlog' | 'polling';
  pollingSeconds: number;
}

const CommitLine = z.object({ committingAt: z.string() });

async function outward(system: System, patient: ReadyPatient, page: PatientPage, samples: number): Promise<number[]> {
  await page.goTo('/results');
  await page.page.getByRole('heading', { name: 'Test results', level: 1 }).waitFor();
  const delays: number[] = [];
  for (let sample = 0; sample < samples; sample += 1) {
    const name = `Glucose ${randomUUID().slice(0, 8)}`;
    const shown = page.textShown(name);
    const output = await runProgram(
      'infra/dist/openemr-sim/clinic.main.js',
      [
        'new-result',
        '--pid',
        String(patient.pid),
        '--loinc',
        '2345-7',
        '--name',
        name,
        '--value',
        '97',
        '--units',
        'mg/dL',
      ],
      system.clinicEnvironment(),
    );
    const committing = CommitLine.parse(JSON.parse(output)).committingAt;
    delays.push((await shown) - Date.parse(committing.replace(/(\.\d{3})\d*Z$/, '$1Z')));
  }
  return delays;
}

/** From the correction of a shown result, in a row that keeps no time of its change, to its value on the page. */
async function corrected(
  openemr: Connection,
  patient: ReadyPatient,
  page: PatientPage,
  samples: number,
): Promise<number[]> {
  const name = `Potassium ${randomUUID().slice(0, 8)}`;
  await page.goTo('/results');
  const shown = page.textShown(name);
  await newResult(openemr, { pid: patient.pid, loinc: '2823-3', name, value: '4.1', units: 'mmol/L' });
  await shown;
  await page.page.getByRole('link', { name }).first().click();
  await page.textShown('4.1');
  const delays: number[] = [];
  for (let sample = 0; sample < samples; sample += 1) {
    // No zero at the end: a page shows numbers without.
    const value = `${String(10 + sample)}.737`;
    const there = page.textShown(value, 3_000 * pollingSeconds + 60_000);
    // A pass may begin at any moment of the pause between two.
    await sleep(Math.random() * 1_000 * pollingSeconds);
    const committing = Date.now();
    await openemr.query('UPDATE procedure_result SET result = ? WHERE result_text = ?', [value, name]);
    delays.push((await there) - committing);
  }
  return delays;
}

/** A quick look comes every five seconds; a full pass finds the rest. */
function aimFor(figures: Readonly<Record<string, { p95: number }>>): { aim: string; met: boolean } {
  const under = (limit: (name: string) => number): boolean =>
    Object.entries(figures).every(([name, { p95 }]) => p95 < limit(name));
  const pass = 1_000 * pollingSeconds + 10_000;
  const loaded = rate > ORDINARY_RATE ? 2_000 : 1_000;
  const binlog = `p95 under 1000 ms each way idle and under ${String(loaded)} ms loaded`;
  const polling =
    'p95 under 10 s for new results, under a full pass and 10 s for corrected ones, under 1000 ms inwards';
  return feed === 'binlog'
    ? { aim: binlog, met: under((name) => (name.endsWith('Loaded') ? loaded : 1_000)) }
    : {
        aim: polling,
        met: under((name) => (name === 'corrected' ? pass : name.startsWith('outward') ? 10_000 : 1_000)),
      };
}

/** One writer after another, so that nobody writes more in a day than the practice takes; short conversations. */
async function inward(bench: Bench, samples: number): Promise<number[]> {
  const delays: number[] = [];
  while (delays.length < samples) {
    const page = await bench.newWriter();
    for (let sent = 0; sent < SAMPLES_PER_WRITER && delays.length < samples; sent += 1) {
      if (sent % SAMPLES_PER_CONVERSATION === 0) {
        const opening = randomUUID().slice(0, 8);
        await page.sendMessage('General question', `Bench ${opening}`, `First ${opening}`);
        await rowWritten(bench.openemr, `First ${opening}`);
        await page.textShown(`First ${opening}`);
      }
      const mark = `Message ${randomUUID().slice(0, 8)}`;
      const [pressed, written] = await Promise.all([page.reply(mark), rowWritten(bench.openemr, mark)]);
      delays.push(written - pressed);
      await page.textShown(mark);
    }
    await page.page.context().close();
  }
  return delays;
}

/** Looks at the staff's mailbox until the row is there; the look itself costs less than the pause between two. */
async function rowWritten(openemr: Connection, mark: string): Promise<number> {
  const [highest] = await openemr.query<RowDataPacket[]>('SELECT COALESCE(MAX(id), 0) AS id FROM onsite_mail');
  for (const limit = Date.now() + 30_000; Date.now() < limit;) {
    const [rows] = await openemr.query<RowDataPacket[]>(
      'SELECT id FROM onsite_mail WHERE id > ? AND owner <> sender_id AND body LIKE ?',
      [Number(highest[0]?.['id']) - 4, `%${mark}%`],
    );
    if (rows.length > 0) {
      return Date.now();
    }
    await sleep(3);
  }
  throw new Error('the message did not reach OpenEMR');
}

async function enrolOthers(system: System): Promise<void> {
  for (const other of system.patients.slice(1, 1 + others)) {
    const client = new PortalClient(system.entrance);
    const invite = await system.invite(other.pid);
    await client.join(invite.code, other.dateOfBirth, `bench${String(other.pid)}@example.org`, PASSWORD);
    await chartArrived(client);
    await client.close();
  }
}

const { samples, rate, others, feed, pollingSeconds } = new Command('freshness')
  .option('--samples <n>', 'samples of each measurement', Number, 200)
  .option('--rate <n>', 'changes a minute on other charts while it is measured under load', Number, ORDINARY_RATE)
  .option('--others <n>', 'other charts that change', Number, 8)
  .addOption(
    new Option('--feed <feed>', 'how the agent notices changes').choices(['binlog', 'polling']).default('binlog'),
  )
  .option('--polling-seconds <n>', 'from the start of a full pass to that of the next', Number, 60)
  .parse()
  .opts<BenchArguments>();

const POLLING = feed === 'polling' ? { polling: { seconds: pollingSeconds } } : {};
const writers = 2 * Math.ceil(samples / SAMPLES_PER_WRITER);
const dataDir = mkdtempSync(join(tmpdir(), 'odp-bench-'));
chmodSync(dataDir, 0o711);
const system = await System.start({
  dataDir,
  portalPort: await freePort(),
  gatewayPort: await freePort(),
  servicePorts: await freeServicePorts(),
  patients: 1 + others + writers,
  ...POLLING,
  log: say,
});
const browser = await launchBrowser();
const openemr = await system.openemr();
try {
  const patient = await readyPatient(system, dataDir);
  await enrolOthers(system);
  const page = await PatientPage.open(browser, system.origin);
  await page.signIn(patient);
  const waiting = system.patients.slice(1 + others);
  const bench: Bench = {
    openemr,
    newWriter: async () => {
      const patient = waiting.shift();
      if (patient === undefined) {
        throw new Error('there is no patient left to write');
      }
      const writer = await PatientPage.open(browser, system.origin);
      const { code } = await system.invite(patient.pid);
      await writer.join(code, patient.dateOfBirth, `writer${String(patient.pid)}@example.org`, PASSWORD);
      return writer;
    },
  };
  const idle = {
    outwardIdle: percentiles(await outward(system, patient, page, samples)),
    inwardIdle: percentiles(await inward(bench, samples)),
    ...(feed === 'polling'
      ? { corrected: percentiles(await corrected(openemr, patient, page, Math.min(samples, CORRECTIONS))) }
      : {}),
  };
  const load = await OtherCharts.change(system, { rate, charts: system.patients.slice(1, 1 + others) });
  const loaded = {
    outwardLoaded: percentiles(await outward(system, patient, page, samples)),
    inwardLoaded: percentiles(await inward(bench, samples)),
  };
  const { reached, caughtUpMs } = await load.end();
  const figures = { ...idle, ...loaded };
  for (const [name, { p50, p95, p99 }] of Object.entries(figures)) {
    say(`${name.padEnd(14)} p50 ${String(p50)} ms   p95 ${String(p95)} ms   p99 ${String(p99)} ms`);
  }
  say(`changes a minute on ${String(others)} other charts: ${String(reached)}, asked for ${String(rate)}`);
  say(`after the last of them the DMZ had everything within ${String(caughtUpMs)} ms`);
  const { aim, met } = aimFor(figures);
  printVerdict({
    name: 'freshness',
    parameters: { samples, feed, pollingSeconds, changesPerMinute: rate, otherCharts: others },
    figures: { unit: 'ms', ...figures, changesPerMinute: reached, caughtUp: caughtUpMs },
    aim: `${aim}; the changes of other charts at the rate asked for`,
    met: met && reached >= rate * REACHED,
  });
} finally {
  await openemr.end();
  await browser.close();
  await system.stop();
  rmSync(dataDir, { recursive: true, force: true });
}
