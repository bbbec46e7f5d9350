import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Command } from 'commander';
import type { RowDataPacket } from 'mysql2/promise';
import { PortalClient } from '../demo/portal-client.js';
import type { Program } from '../demo/program.js';
import { chartArrived } from '../demo/ready-patient.js';
import { until } from '../demo/until.js';
import { System } from '../demo/system.js';
import type { Zone } from '../services/data-folder.js';
import { freePort, freeServicePorts, type ServerName } from '../services/ports.js';
import { ClinicTraffic } from './clinic-traffic.js';
import {
  checkDelivery,
  mailDifferences,
  resultsInOpenEmr,
  resultsInPortal,
  type DeliveryFigures,
} from './crash-checks.js';
import { listCrashPoints, type CrashPoint } from './crash-points.js';
import { JournallingPatient, type JournalEntry } from './journal.js';
import { RandomChoice } from './random-choice.js';
import { printVerdict, say } from './verdict.js';

/**
 * `npm run drill -- crash`: SIGKILL of every process at every crash point of the code and at random, under traffic in
 * both directions. The clients keep the journal; at the end OpenEMR, the portal and the journal are compared.
 */

const PASSWORD = 'granite harbor seven lamps';
const CONVERGENCE_LIMIT = 120_000;
const POINT_LIMIT = 20_000;

interface CrashArguments {
  rounds: number;
  patients: number;
  seed: number;
  points: number;
  short: boolean;
}

/** A process and how to bring it down and up again. */
interface Victim {
  name: string;
  kill: () => Promise<void>;
  start: () => Promise<void>;
}

class CrashDrill {
  private readonly journal: JournalEntry[] = [];
  private readonly patients: { writer: JournallingPatient; pid: number }[] = [];
  private joined = 0;
  readonly hits = new Map<string, number>();
  kills = 0;

  private constructor(
    readonly system: System,
    private readonly dataDir: string,
    readonly choice: RandomChoice,
  ) {}

  static async start(seed: number): Promise<CrashDrill> {
    const dataDir = mkdtempSync(join(tmpdir(), 'odp-crash-'));
    chmodSync(dataDir, 0o711);
    const system = await System.start({
      dataDir,
      portalPort: await freePort(),
      gatewayPort: await freePort(),
      servicePorts: await freeServicePorts(),
      patients: 60,
      log: () => undefined,
    });
    return new CrashDrill(system, dataDir, new RandomChoice(seed));
  }

  async enrol(count: number): Promise<void> {
    for (let number = 0; number < count; number += 1) {
      const { pid, dateOfBirth } = this.nextPatient();
      const client = new PortalClient(this.system.origin);
      const invite = await this.system.invite(pid);
      const credentials = await client.join(invite.code, dateOfBirth, `crash${String(pid)}@example.org`, PASSWORD);
      const patientRef = await chartArrived(client);
      this.patients.push({
        pid,
        writer: new JournallingPatient(pid, client, credentials, patientRef, this.journal, 150),
      });
    }
  }

  get entries(): readonly JournalEntry[] {
    return this.journal;
  }

  get pids(): number[] {
    return this.patients.map(({ pid }) => pid);
  }

  startTraffic(): void {
    for (const { writer } of this.patients) {
      writer.start();
    }
  }

  async stopTraffic(): Promise<void> {
    await Promise.all(this.patients.map(({ writer }) => writer.stop()));
  }

  /** Every process of the system, in the words of the report. */
  victims(): Victim[] {
    const { portalApi, gateway, agent } = this.system.programs;
    const programs = [portalApi, gateway, agent].map((program) => ({
      name: program.name,
      kill: () => program.kill(),
      start: () => program.start(),
    }));
    const servers = (['dmz', 'inside'] as Zone[]).flatMap((zone) =>
      (['mariadb', 'redis'] as ServerName[]).map((server) => ({
        name: `${server} (${zone})`,
        kill: () => this.system.services.kill(zone, server),
        start: () => this.system.services.restart(zone, server),
      })),
    );
    return [...programs, ...servers];
  }

  async killAtRandom(victim: Victim): Promise<void> {
    await sleep(this.choice.below(400));
    await victim.kill();
    this.kills += 1;
    await sleep(this.choice.below(300));
    await victim.start();
    await this.revive();
  }

  /** Lets the program run into its crash point under traffic; true when it did. */
  async killAt(point: CrashPoint, faults: Record<string, string> = {}): Promise<boolean> {
    const program = this.programPassing(point);
    const log = join(this.dataDir, 'crash-points.log');
    rmSync(log, { force: true });
    await program.stop();
    program.expectEnd();
    const after = String(1 + this.choice.below(3));
    const armed = program.start({ CRASH_POINT: point.name, CRASH_POINT_LOG: log, CRASH_POINT_AFTER: after, ...faults });
    await armed.catch(() => undefined);
    program.expectEnd();
    const hit = () => existsSync(log) && readFileSync(log, 'utf8').includes(point.name);
    const limit = Date.now() + POINT_LIMIT;
    for (let helped = false; !hit() && Date.now() < limit;) {
      if (!helped && Date.now() > limit - POINT_LIMIT + 3_000) {
        helped = true;
        void this.provoke().catch(() => undefined);
      }
      await sleep(50);
    }
    if (hit()) {
      this.hits.set(point.name, (this.hits.get(point.name) ?? 0) + 1);
      this.kills += 1;
    }
    await program.kill();
    await program.start();
    await this.revive();
    return hit();
  }

  /** Brings up again what died on the way (a watchdog may end a program whose database went away). */
  private async revive(): Promise<void> {
    for (const program of Object.values(this.system.programs)) {
      await program.start();
    }
  }

  private programPassing(point: CrashPoint): Program {
    const { portalApi, gateway, agent } = this.system.programs;
    if (point.workspace === 'sync-agent') {
      return agent;
    }
    return /^(gateway|doorbell|housekeeping)/.test(point.file) ? gateway : portalApi;
  }

  /** What ordinary traffic does not do: a whole enrolment, a sign-in, a sign-out. */
  private async provoke(): Promise<void> {
    const patient = this.nextPatient();
    const client = new PortalClient(this.system.origin);
    try {
      const invite = await this.system.invite(patient.pid);
      const credentials = await client.join(
        invite.code,
        patient.dateOfBirth,
        `provoked${String(patient.pid)}@example.org`,
        PASSWORD,
      );
      await client.signOut();
      await client.signIn(credentials);
      await client.signOut();
    } finally {
      await client.close();
    }
  }

  private nextPatient(): System['patients'][number] {
    const patient = this.system.patients[this.joined];
    this.joined += 1;
    if (patient === undefined) {
      throw new Error('the drill ran out of synthetic patients');
    }
    return patient;
  }

  /** Waits until nothing is under way any more, then compares everything with everything. */
  async check(): Promise<DeliveryFigures & { chartDifferences: string[] }> {
    const openemr = await this.system.openemr();
    try {
      let figures = await checkDelivery(openemr, this.journal);
      let differences: string[] = [];
      const settled = async (): Promise<boolean> => {
        figures = await checkDelivery(openemr, this.journal);
        differences = await this.chartDifferences();
        return figures.lost === 0 && figures.halved === 0 && differences.length === 0;
      };
      await until('OpenEMR and the portal to agree', settled, CONVERGENCE_LIMIT).catch(() => undefined);
      return { ...figures, chartDifferences: differences };
    } finally {
      await openemr.end();
    }
  }

  private async chartDifferences(): Promise<string[]> {
    const openemr = await this.system.openemr();
    const differences: string[] = [];
    try {
      for (const { pid, writer } of this.patients) {
        if ((await writer.client.get('/api/session')).status === 401) {
          await writer.signInAgain();
        }
        const inOpenEmr = await resultsInOpenEmr(openemr, pid);
        const inPortal = await resultsInPortal(writer.client, writer.patientRef);
        for (const [marker, value] of inOpenEmr) {
          if (inPortal.get(marker) !== value) {
            differences.push(`result ${marker}: ${value} in OpenEMR, ${String(inPortal.get(marker))} in the portal`);
          }
        }
        if (inOpenEmr.size !== inPortal.size) {
          differences.push(`${String(inOpenEmr.size)} results in OpenEMR, ${String(inPortal.size)} in the portal`);
        }
        const [rows] = await openemr.query<RowDataPacket[]>(
          'SELECT portal_username AS username FROM patient_access_onsite WHERE pid = ?',
          [pid],
        );
        const username = String(rows[0]?.['username']);
        differences.push(...(await mailDifferences(openemr, username, writer.client, writer.patientRef)));
      }
    } finally {
      await openemr.end();
    }
    return differences;
  }

  async end(): Promise<void> {
    for (const { writer } of this.patients) {
      await writer.client.close();
    }
    await this.system.stop();
    rmSync(this.dataDir, { recursive: true, force: true });
  }
}

/** One whole run with the protections on. */
async function protectedRun(options: CrashArguments): Promise<{ figures: Record<string, unknown>; met: boolean }> {
  const drill = await CrashDrill.start(options.seed);
  try {
    await drill.enrol(options.patients);
    const clinic = new ClinicTraffic(drill.system, drill.pids, drill.choice, 250);
    drill.startTraffic();
    clinic.start();
    const all = listCrashPoints();
    const points = drill.choice.shuffled(all).slice(0, options.points);
    for (const [number, point] of points.entries()) {
      const hit = await drill.killAt(point);
      say(`round ${String(number + 1)}: ${point.name} ${hit ? 'hit' : 'NOT HIT'}`);
    }
    const victims = drill.victims();
    for (let round = points.length; round < options.rounds; round += 1) {
      const victim = victims[round % victims.length];
      if (victim !== undefined) {
        await drill.killAtRandom(victim);
        say(`round ${String(round + 1)}: SIGKILL of ${victim.name}`);
      }
    }
    await clinic.stop();
    await drill.stopTraffic();
    const outcome = await drill.check();
    const notHit = points.filter((point) => !drill.hits.has(point.name)).map((point) => point.name);
    for (const line of [...outcome.chartDifferences, ...notHit.map((name) => `crash point never hit: ${name}`)]) {
      say(line);
    }
    const figures = {
      kills: drill.kills,
      crashPoints: all.length,
      crashPointsTried: points.length,
      crashPointsNeverHit: notHit.length,
      clinicChanges: clinic.changes,
      ...outcome,
      chartDifferences: outcome.chartDifferences.length,
    };
    const clean = [outcome.lost, outcome.doubled, outcome.misordered, outcome.unexpected, outcome.halved].every(
      (count) => count === 0,
    );
    return {
      figures,
      met: clean && outcome.chartDifferences.length === 0 && notHit.length === 0 && outcome.accepted > 0,
    };
  } finally {
    await drill.end();
  }
}

/** The same with one protection switched off: the checks have to notice. */
async function controlRun(
  options: CrashArguments,
  fault: 'ack-before-commit' | 'openemr-outside-transaction',
  pointName: string,
  caught: (figures: DeliveryFigures) => boolean,
): Promise<boolean> {
  const drill = await CrashDrill.start(options.seed);
  try {
    await drill.enrol(1);
    const point = listCrashPoints().find((candidate) => candidate.name === pointName);
    if (point === undefined) {
      throw new Error(`the control needs the crash point ${pointName}, which the code does not have`);
    }
    drill.startTraffic();
    const hit = await drill.killAt(point, { DRILL_FAULT: fault });
    await drill.stopTraffic();
    await sleep(15_000);
    const openemr = await drill.system.openemr();
    const figures = await checkDelivery(openemr, drill.entries);
    await openemr.end();
    return hit && caught(figures);
  } finally {
    await drill.end();
  }
}

const command = new Command('crash')
  .option('--rounds <n>', 'rounds in all', Number, 60)
  .option('--points <n>', 'crash points tried (default all)', Number, Number.MAX_SAFE_INTEGER)
  .option('--patients <n>', 'patients writing messages', Number, 4)
  .option('--seed <n>', 'seed of all choices', Number, Date.now() % 1_000_000)
  .option('--short', 'a few rounds only, as in npm test; both controls stay', false);
const given = command.parse().opts<CrashArguments>();
const options: CrashArguments = given.short ? { ...given, rounds: 13, points: 6, patients: 2 } : given;

try {
  say(`seed ${String(options.seed)}`);
  const run = await protectedRun(options);
  const controls = {
    ackBeforeCommitCaught: await controlRun(
      options,
      'ack-before-commit',
      'before-commit:collect',
      (figures) => figures.lost > 0,
    ),
    outsideTransactionCaught: await controlRun(
      options,
      'openemr-outside-transaction',
      'before-commit:deliver',
      (figures) => figures.doubled > 0,
    ),
  };
  const met = run.met && Object.values(controls).every((caught) => caught);
  printVerdict({
    name: 'crash',
    parameters: { rounds: options.rounds, patients: options.patients, seed: options.seed, short: options.short },
    figures: { ...run.figures, ...controls },
    aim: 'lost 0, doubled 0, misordered 0, charts equal to OpenEMR, every crash point hit, every control caught',
    met,
  });
  process.exit(met ? 0 : 1);
} catch (error: unknown) {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exit(1);
}
