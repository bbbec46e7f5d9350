import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Program } from '../demo/program.js';
import type { SimulatedPatient } from '../demo/simulator.js';
import { System } from '../demo/system.js';
import type { Zone } from '../zones/zones.js';
import { freePort, freeServicePorts, type ServerName } from '../services/ports.js';
import { DEFAULT_DATABASES } from '../services/services.js';
import { processOf, type CrashPoint } from './crash-points.js';
import { Newcomer } from './crash-newcomer.js';
import type { ProvocationContext } from './crash-provocation.js';
import { commandLineDies, provocationOf, spares } from './crash-provocations.js';
import { JournallingPatient, type JournalEntry } from './journal.js';
import { RandomChoice } from './random-choice.js';

const POINT_LIMIT = 90_000;
/** After a new era everything that the outbox still keeps is collected again before what is new: it grows with the run. */
const RECOVERY_LIMIT = 300_000;

/** A process and how to bring it down and up again. */
export interface Victim {
  name: string;
  kill: () => Promise<void>;
  start: () => Promise<void>;
}

/** The whole system, patients who write and keep the journal, and every way to kill a part of it. */
export class CrashDrill {
  readonly writers: JournallingPatient[] = [];
  readonly newcomers: Newcomer[] = [];
  private used = 0;
  kills = 0;
  /** of all rounds the longest time from the last kill to a message of later arriving in OpenEMR, milliseconds */
  slowestRecovery = 0;
  /** what ought to have worked again after a kill and did not, in words */
  readonly complaints: string[] = [];

  private constructor(
    readonly system: System,
    private readonly dataDir: string,
    readonly choice: RandomChoice,
  ) {}

  static async start(seed: number, patients: number): Promise<CrashDrill> {
    const dataDir = mkdtempSync(join(tmpdir(), 'odp-crash-'));
    chmodSync(dataDir, 0o711);
    const system = await System.start({
      dataDir,
      portalPort: await freePort(),
      gatewayPort: await freePort(),
      servicePorts: await freeServicePorts(),
      patients,
      log: () => undefined,
    });
    return new CrashDrill(system, dataDir, new RandomChoice(seed));
  }

  /** Somebody else writes in the place of each who has written as much as portal-api takes in a day. */
  async replaceTired(journal: JournalEntry[], pause: number): Promise<void> {
    const tired = this.writers.filter((writer) => writer.dayIsOver);
    for (const writer of tired) {
      writer.dayIsOver = false;
      (await this.enrol(journal, pause)).start();
    }
  }

  /** One more patient who writes, with `pause` milliseconds between messages. */
  async enrol(journal: JournalEntry[], pause: number): Promise<JournallingPatient> {
    return this.letWrite(await Newcomer.join(this.system, this.nextPatient()), journal, pause);
  }

  /** Lets a newcomer write, as soon as there is a chart. */
  async letWrite(newcomer: Newcomer, journal: JournalEntry[], pause: number): Promise<JournallingPatient> {
    const patientRef = await newcomer.chart();
    const { pid, client, credentials } = newcomer;
    const own = this.choice.split();
    const writer = new JournallingPatient(pid, client, credentials, patientRef, journal, own, pause);
    this.writers.push(writer);
    return writer;
  }

  get pids(): number[] {
    return this.writers.map(({ patient }) => patient);
  }

  /** Every process of the system, in the words of the report. */
  victims(): Victim[] {
    const programs = Object.values(this.system.programs).map((program) => ({
      name: program.name,
      kill: () => program.kill(),
      // A program that finds its database gone ends as well; it is started again when the others are up.
      start: () => program.start().catch(() => undefined),
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

  /** SIGKILL of all of them at once at a random moment; each comes back after a random pause. */
  async killAtRandom(victims: readonly Victim[]): Promise<void> {
    await sleep(this.choice.below(400));
    await Promise.all(victims.map((victim) => victim.kill()));
    this.kills += victims.length;
    for (const victim of victims) {
      await sleep(this.choice.below(1_500));
      await victim.start();
    }
  }

  /** Lets the program run into its crash point; true when it did. */
  async killAt(point: CrashPoint, faults: Record<string, string> = {}): Promise<boolean> {
    const context: ProvocationContext = {
      system: this.system,
      nextPatient: () => this.nextPatient(),
      joined: this.newcomers,
    };
    const { spared, before, whileDown, act, after, environment, commandLine } = provocationOf(point, context);
    const noting = async (work: Promise<void> | undefined): Promise<void> => {
      await work?.catch((error: unknown) => {
        this.complaints.push(`${point.name}: ${error instanceof Error ? error.message : 'unknown reason'}`);
      });
    };
    await noting(before?.());
    if (commandLine !== undefined) {
      const died = await this.killCommandLine(point, commandLine);
      await this.revive();
      await noting(after?.());
      return died;
    }
    const program = this.programPassing(point);
    await this.kill(program);
    await noting(whileDown?.());
    const started = this.startArmed(program, point, spared, { ...environment, ...faults });
    const work = noting(act?.(started));
    const hit = await this.diesAt(program, point, started);
    await this.revive();
    await work;
    await noting(after?.());
    return hit;
  }

  /** Points of one program that traffic passes by itself, one after the other: each start runs into the next. */
  async killInARow(points: readonly CrashPoint[]): Promise<boolean[]> {
    const hits: boolean[] = [];
    for (const point of points) {
      const program = this.programPassing(point);
      await this.kill(program);
      const { spared } = spares(point);
      hits.push(await this.diesAt(program, point, this.startArmed(program, point, spared, {})));
    }
    await this.revive();
    return hits;
  }

  /** Brings up what died on the way: a program may end when its database is gone, and a supervisor starts it again. */
  async revive(): Promise<void> {
    for (const program of Object.values(this.system.programs)) {
      await program.start();
    }
  }

  /** Waits until a message that was accepted from now on has arrived in OpenEMR. */
  async recover(journal: JournalEntry[], pause: number, label: string): Promise<void> {
    const since = Date.now();
    for (;;) {
      await this.revive();
      await this.replaceTired(journal, pause);
      const accepted = journal.filter(({ acceptedAt }) => (acceptedAt ?? 0) > since).slice(0, 20);
      if (accepted.length > 0 && (await this.anyDelivered(accepted))) {
        break;
      }
      if (Date.now() - since > RECOVERY_LIMIT) {
        this.complaints.push(`${label}: no message went through within ${String(RECOVERY_LIMIT / 1_000)} s`);
        break;
      }
      await sleep(100);
    }
    this.slowestRecovery = Math.max(this.slowestRecovery, Date.now() - since);
  }

  async end(): Promise<void> {
    await Promise.all([...this.writers, ...this.newcomers].map(({ client }) => client.close()));
    await this.system.stop();
    rmSync(this.dataDir, { recursive: true, force: true });
  }

  private async kill(program: Program): Promise<void> {
    if (program.pid !== undefined) {
      this.kills += 1;
      await program.kill();
    }
  }

  private startArmed(
    program: Program,
    point: CrashPoint,
    spared: number,
    faults: Record<string, string>,
  ): Promise<void> {
    rmSync(this.hitFile, { force: true });
    return program.start({ ...this.armedWith(point, spared), ...faults }).catch(() => undefined);
  }

  private armedWith(point: CrashPoint, spared: number): Record<string, string> {
    return {
      CRASH_POINT: point.name,
      CRASH_POINT_LOG: this.hitFile,
      CRASH_POINT_AFTER: String(1 + this.choice.below(spared + 1)),
    };
  }

  /** Waits for the armed program to run into its point, or ends it when it does not. */
  private async diesAt(program: Program, point: CrashPoint, started: Promise<void>): Promise<boolean> {
    for (const limit = Date.now() + POINT_LIMIT; !this.wasHit(point) && Date.now() < limit;) {
      await sleep(20);
    }
    program.expectEnd();
    this.kills += 1;
    await program.kill();
    await started;
    return this.wasHit(point);
  }

  /** The command line dies at its point, and is run again by whoever sees that. */
  private async killCommandLine(point: CrashPoint, commandLine: string[]): Promise<boolean> {
    rmSync(this.hitFile, { force: true });
    const died = await commandLineDies(this.system, commandLine, this.armedWith(point, 0));
    this.kills += 1;
    if (await commandLineDies(this.system, commandLine, {})) {
      this.complaints.push(`the command line that died at ${point.name} fails when it is repeated`);
    }
    return died && this.wasHit(point);
  }

  private wasHit({ name }: CrashPoint): boolean {
    return existsSync(this.hitFile) && readFileSync(this.hitFile, 'utf8').includes(name);
  }

  private get hitFile(): string {
    return join(this.dataDir, 'crash-points.log');
  }

  private async anyDelivered(entries: readonly JournalEntry[]): Promise<boolean> {
    const [row] = await this.system.services.inside.adminSql(
      `SELECT COUNT(*) AS n FROM ??.onsite_mail WHERE ${entries.map(() => 'body LIKE ?').join(' OR ')}`,
      [DEFAULT_DATABASES.openemr, ...entries.map(({ token }) => `%${token}%`)],
    );
    return Number(row?.['n']) > 0;
  }

  private programPassing(point: CrashPoint): Program {
    return this.system.programs[processOf(point)];
  }

  /** The next synthetic patient whom nobody has used. */
  nextPatient(): SimulatedPatient {
    const patient = this.system.patients[this.used];
    this.used += 1;
    if (patient === undefined) {
      throw new Error('the drill ran out of synthetic patients');
    }
    return patient;
  }
}
