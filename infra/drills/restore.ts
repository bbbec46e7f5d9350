import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Command } from 'commander';
import { z } from 'zod';
import { until } from '../demo/until.js';
import { DEFAULT_DATABASES } from '../services/services.js';
import { ClinicTraffic } from './clinic-traffic.js';
import { checkDelivery } from './crash-checks.js';
import { compare, waitingInDmz, type Comparison } from './crash-comparison.js';
import { CrashDrill } from './crash-drill.js';
import { Newcomer } from './crash-newcomer.js';
import type { JournalEntry } from './journal.js';
import { printVerdict, say } from './verdict.js';

/**
 * `npm run drill -- restore`: ledger and accounts are put back to backups of before while patients and clinic went on:
 * the ledger alone, the accounts alone, both. Each time what the senders kept in their journal, OpenEMR and the portal
 * are compared: nothing lost, nothing doubled, charts equal. Then the same with a protection off, and a restore of which
 * the agent was not told: both have to be noticed, or the drill is worth nothing.
 */

interface RestoreArguments {
  patients: number;
  /** milliseconds of traffic before and after a backup */
  traffic: number;
  seed: number;
  short: boolean;
}

const MESSAGE_PAUSE = 700;
const CLINIC_PAUSE = 900;
/** Longest time until a control must have been noticed, milliseconds. */
const CONTROL_LIMIT = 60_000;
const { ledger: LEDGER, portal: PORTAL } = DEFAULT_DATABASES;

const Status = z.object({ stops: z.array(z.string()) });

class RestoreDrill {
  readonly journal: JournalEntry[] = [];
  readonly faults: string[] = [];
  private readonly folder = mkdtempSync(join(tmpdir(), 'odp-restore-'));

  private constructor(
    readonly drill: CrashDrill,
    private readonly options: RestoreArguments,
  ) {}

  static async start(options: RestoreArguments): Promise<RestoreDrill> {
    return new RestoreDrill(await CrashDrill.start(options.seed, options.patients + 2), options);
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
    await clinic.stop();
    await Promise.all(drill.writers.map((writer) => writer.stop()));
  }

  /** Waits until all agrees again, and keeps what does not. */
  async settle(after: string, since: number): Promise<Comparison & { tookMs: number }> {
    const outcome = await compare(this.drill, this.journal);
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
    say((await system.agentCommand(['restore', ...args, '--root-key', system.rootKeyFile], extra)).trim());
  }

  async restoreAccounts(): Promise<void> {
    await this.drill.system.accountsCommand(['--restore', this.accountsBackup]);
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

interface Run {
  figures: Record<string, unknown>;
  met: boolean;
}

async function run(options: RestoreArguments): Promise<Run> {
  const restore = await RestoreDrill.start(options);
  const { drill, journal } = restore;
  const { system } = drill;
  const { agent, gateway, portalApi } = system.programs;
  try {
    for (let number = 0; number < options.patients; number += 1) {
      await drill.enrol(journal, MESSAGE_PAUSE);
    }
    const invited = drill.nextPatient();
    const { code } = await system.invite(invited.pid);
    await restore.traffic(async () => {
      await system.agentCommand(['backup', '--to', restore.ledgerBackup]);
      await system.accountsCommand(['--to', restore.accountsBackup]);
    });
    // Joined with a code of before, after the backups; and all that was written since.
    const late = await Newcomer.join(system, invited, { code });
    await drill.letWrite(late, journal, MESSAGE_PAUSE);
    await restore.traffic();
    const before = await restore.settle('before', Date.now());

    // The ledger alone. The command dies half-way first; then somebody else's restore, without a new era.
    await agent.stop();
    const crash = { CRASH_POINT: 'before-commit:begin-era' };
    const died = await restore.restoreLedger(undefined, crash).then(
      () => false,
      () => true,
    );
    const unfinished = await restore.standsStill('has not begun');
    await system.services.inside.adminSql('DELETE FROM ??.restore_step', [LEDGER]);
    const noticed = await restore.standsStill('the ledger is behind OpenEMR');
    let since = Date.now();
    await restore.restoreLedger();
    await agent.start();
    await restore.traffic();
    const ledger = await restore.settle('ledger restored', since);

    // The accounts alone: whoever joined after the backup needs a new invite.
    await Promise.all([portalApi.stop(), gateway.stop()]);
    drill.writers.pop();
    since = Date.now();
    await restore.restoreAccounts();
    await Promise.all([gateway.start(), portalApi.start()]);
    await restore.traffic();
    const accounts = await restore.settle('accounts restored', since);

    // Both, once more to the first backup; the DMZ comes up before the inside.
    await agent.stop();
    await Promise.all([portalApi.stop(), gateway.stop()]);
    since = Date.now();
    await restore.restoreAccounts();
    await Promise.all([gateway.start(), portalApi.start()]);
    await restore.restoreLedger();
    await agent.start();
    drill.writers.forEach((writer) => {
      writer.forgetThreads();
    });
    await restore.traffic();
    const both = await restore.settle('both restored', since);

    const doublesSeen = await withoutReadBack(restore);
    const controls = { unfinishedNoticed: died && unfinished, foreignRestoreNoticed: noticed, doublesSeen };
    const faults = [...restore.faults, ...drill.complaints];
    faults.slice(0, 50).forEach((line) => {
      say(line);
    });
    const sum = (name: 'lost' | 'doubled'): number => before[name] + ledger[name] + accounts[name] + both[name];
    return {
      figures: {
        accepted: both.accepted,
        lost: sum('lost'),
        doubled: sum('doubled'),
        faults: faults.length,
        ledgerRestoredMs: ledger.tookMs,
        accountsRestoredMs: accounts.tookMs,
        bothRestoredMs: both.tookMs,
        ...controls,
      },
      met: faults.length === 0 && both.accepted > 0 && Object.values(controls).every((caught) => caught),
    };
  } finally {
    await restore.end();
  }
}

/** Control: the ledger comes back and deliveries do not look whether OpenEMR holds the message. True when doubles show. */
async function withoutReadBack(restore: RestoreDrill): Promise<boolean> {
  const { drill, journal } = restore;
  const { agent } = drill.system.programs;
  await agent.stop();
  await restore.restoreLedger();
  drill.system.allowDrillFaults();
  await agent.start({ DRILL_FAULT: 'read-back-off' });
  const openemr = await drill.system.openemr();
  try {
    let doubled = 0;
    await until(
      'doubles without the read-back',
      async () => {
        ({ doubled } = await checkDelivery(openemr, journal));
        return doubled > 0 && (await waitingInDmz(drill)) === 0;
      },
      CONTROL_LIMIT,
    ).catch(() => undefined);
    say(`control read-back-off: doubled ${String(doubled)}`);
    return doubled > 0;
  } finally {
    await openemr.end();
  }
}

const command = new Command('restore')
  .option('--patients <n>', 'patients writing messages', Number, 5)
  .option('--traffic <ms>', 'traffic before and after each step', Number, 15_000)
  .option('--seed <n>', 'seed of all choices', Number, Date.now() % 1_000_000)
  .option('--short', 'fewer patients and less traffic, as in npm test; all steps and controls stay', false);
const given = command.parse().opts<RestoreArguments>();

try {
  const options = given.short ? { ...given, patients: 2, traffic: 4_000 } : given;
  say(`seed ${String(options.seed)}`);
  const { figures, met } = await run(options);
  printVerdict({
    name: 'restore',
    parameters: { patients: options.patients, traffic: options.traffic, seed: options.seed, short: options.short },
    figures,
    aim: 'lost 0, doubled 0, charts equal to OpenEMR after each restore, every control caught',
    met,
  });
  process.exit(met ? 0 : 1);
} catch (error: unknown) {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exit(1);
}
