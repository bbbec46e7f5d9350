import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { z } from 'zod';
import { until } from '../demo/until.js';
import { DEFAULT_DATABASES } from '../services/services.js';
import { ClinicTraffic } from './clinic-traffic.js';
import { compare, type Comparison } from './crash-comparison.js';
import { CrashDrill } from './crash-drill.js';
import type { JournalEntry } from './journal.js';
import { say } from './verdict.js';
import { within } from './within.js';

export interface RestoreArguments {
  patients: number;
  /** milliseconds of traffic before and after a backup */
  traffic: number;
  seed: number;
  short: boolean;
}

/** Longest time until a control must have been noticed, milliseconds. */
export const CONTROL_LIMIT = 60_000;
/** Nothing takes so long unless it hangs, milliseconds. */
export const STEP_LIMIT = 600_000;
const CLINIC_PAUSE = 900;
const { portal: PORTAL } = DEFAULT_DATABASES;

const Status = z.object({ stops: z.array(z.string()) });
const BegunEra = z.object({ deliveredAgain: z.number(), frozen: z.array(z.number()) });
const Confirmation = z.object({ confirmed: z.array(z.number()), frozen: z.array(z.number()) });

/** The system under traffic, its backups, and what an administrator does with them. Every wait has an end. */
export class RestoreDrill {
  readonly journal: JournalEntry[] = [];
  readonly faults: string[] = [];
  private readonly folder = mkdtempSync(join(tmpdir(), 'odp-restore-'));

  private constructor(
    readonly drill: CrashDrill,
    private readonly options: RestoreArguments,
  ) {}

  static async start(options: RestoreArguments): Promise<RestoreDrill> {
    const started = CrashDrill.start(options.seed, options.patients + 3);
    return new RestoreDrill(await within(STEP_LIMIT, 'the system to start', started), options);
  }

  async end(): Promise<void> {
    await this.drill.end();
    rmSync(this.folder, { recursive: true, force: true });
  }

  get ledgerBackup(): string {
    return join(this.folder, 'ledger.sql');
  }

  get accountsBackup(): string {
    return join(this.folder, 'accounts.sql');
  }

  /** Everybody writes, staff answer and report results. @param act meanwhile, half-way */
  async traffic(act: () => Promise<void> = () => Promise.resolve()): Promise<void> {
    const { drill, options } = this;
    const clinic = new ClinicTraffic(drill.system, drill.pids, drill.choice.split(), CLINIC_PAUSE);
    clinic.start();
    drill.writers.forEach((writer) => {
      writer.start();
    });
    await sleep(options.traffic / 2);
    await act();
    await sleep(options.traffic / 2);
    await within(STEP_LIMIT, 'the clinic to finish', clinic.stop());
    for (const writer of drill.writers) {
      await within(STEP_LIMIT, `the last message of patient ${String(writer.patient)} to be answered`, writer.stop());
    }
  }

  /** Waits until all agrees again, and keeps what does not. */
  async settle(after: string, since: number): Promise<Comparison & { tookMs: number }> {
    const outcome = await within(
      STEP_LIMIT,
      `OpenEMR and portal to be compared, ${after}`,
      compare(this.drill, this.journal),
    );
    const { lost, doubled, misordered, unexpected, halved, differences } = outcome;
    const tookMs = Date.now() - since;
    const wrong = { lost, doubled, misordered, unexpected, halved };
    for (const [name, number] of Object.entries(wrong)) {
      if (number > 0) {
        this.faults.push(`${after}: ${String(number)} ${name}`);
      }
    }
    this.faults.push(...differences.slice(0, 20).map((line) => `${after}: ${line}`));
    say(`${after}: all equal after ${String(Math.round(tookMs / 100) / 10)} s, ${JSON.stringify(wrong)}`);
    return { ...outcome, tookMs };
  }

  async restoreLedger(
    args: string[] = ['--from', this.ledgerBackup],
    extra: Record<string, string> = {},
  ): Promise<void> {
    const { system } = this.drill;
    const done = system.agentCommand(['restore', ...args, '--root-key', system.rootKeyFile], extra);
    say((await within(STEP_LIMIT, 'the ledger to be restored and its era to begin', done)).trim());
  }

  /** OpenEMR came back from a backup: a new era, and who is frozen by it. */
  async beginEra(): Promise<z.infer<typeof BegunEra>> {
    const { system } = this.drill;
    const done = system.agentCommand(['restore', '--root-key', system.rootKeyFile, '--json']);
    return BegunEra.parse(JSON.parse(await within(STEP_LIMIT, 'an era to begin', done)));
  }

  /** A person has compared the records, while the agent works. @returns who is frozen still */
  async confirmPatients(pids: readonly number[]): Promise<number[]> {
    const done = this.drill.system.agentCommand(['restore', '--same-patient', pids.join(','), '--json']);
    return Confirmation.parse(JSON.parse(await within(STEP_LIMIT, 'patients to be confirmed', done))).frozen;
  }

  async restoreAccounts(): Promise<void> {
    const done = this.drill.system.accountsCommand(['--restore', this.accountsBackup]);
    await within(STEP_LIMIT, 'the accounts to be restored', done);
  }

  /** The sentences with which the agent says that it stands still. */
  async stops(): Promise<string[]> {
    return Status.parse(await this.drill.system.agentStatus()).stops;
  }

  /** The agent is started on a ledger that somebody put back, and has to find that out. */
  async standsStill(part: string): Promise<boolean> {
    const { agent } = this.drill.system.programs;
    const before = await this.heartbeat();
    await agent.start();
    const noticed = await until(
      'the agent to stand still',
      async () => (await this.stops()).some((each) => each.includes(part)),
      CONTROL_LIMIT,
    ).then(
      () => true,
      () => false,
    );
    // Longer than the pause between two heartbeats would be no proof either: what counts is the sentence in the ledger.
    const silent = (await this.heartbeat()) === before;
    await agent.stop();
    say(`the agent ${noticed ? 'stands still' : 'WORKS ON'}: ${(await this.stops()).join(' ')}`);
    return noticed && silent;
  }

  private async heartbeat(): Promise<string> {
    const [row] = await this.drill.system.services.dmz.adminSql('SELECT era, seq FROM ??.heartbeat', [PORTAL]);
    return JSON.stringify(row ?? null);
  }
}
