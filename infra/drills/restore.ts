import { Command } from 'commander';
import { until } from '../demo/until.js';
import { DEFAULT_DATABASES } from '../services/services.js';
import { checkDelivery } from './crash-checks.js';
import { waitingInDmz, type Comparison } from './crash-comparison.js';
import { Newcomer } from './crash-newcomer.js';
import { dumpOpenEmr, restoreOpenEmr } from './openemr-backup.js';
import { CONTROL_LIMIT, RestoreDrill, STEP_LIMIT, type RestoreArguments } from './restore-drill.js';
import { printVerdict, say } from './verdict.js';
import { within } from './within.js';

/**
 * `npm run drill -- restore`: ledger and accounts are put back to backups of before while patients and clinic went on:
 * the ledger alone, the accounts alone, both; then OpenEMR's database alone. Each time what the senders kept in their
 * journal, OpenEMR and the portal are compared: nothing lost, nothing doubled, charts equal. Then the same with a
 * protection off, and restores of which the agent was not told: all have to be noticed, or the drill is worth nothing.
 */

const MESSAGE_PAUSE = 700;
const { ledger: LEDGER } = DEFAULT_DATABASES;

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
      const { ledgerBackup, accountsBackup } = restore;
      await within(STEP_LIMIT, 'a backup of the ledger', system.agentCommand(['backup', '--to', ledgerBackup]));
      await within(STEP_LIMIT, 'a backup of the accounts', system.accountsCommand(['--to', accountsBackup]));
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

    const openemr = await openEmrAlone(restore);

    const doublesSeen = await withoutReadBack(restore);
    const controls = {
      unfinishedNoticed: died && unfinished,
      foreignRestoreNoticed: noticed,
      openemrRestoreNoticed: openemr.noticed,
      doublesSeen,
    };
    const faults = [...restore.faults, ...drill.complaints];
    faults.slice(0, 50).forEach((line) => {
      say(line);
    });
    const sum = (name: 'lost' | 'doubled'): number =>
      before[name] + ledger[name] + accounts[name] + both[name] + openemr[name];
    return {
      figures: {
        accepted: openemr.accepted,
        lost: sum('lost'),
        doubled: sum('doubled'),
        faults: faults.length,
        ledgerRestoredMs: ledger.tookMs,
        accountsRestoredMs: accounts.tookMs,
        bothRestoredMs: both.tookMs,
        openemrRestoredMs: openemr.tookMs,
        openemrDeliveredAgain: openemr.deliveredAgain,
        ...controls,
      },
      met: faults.length === 0 && openemr.accepted > 0 && Object.values(controls).every((caught) => caught),
    };
  } finally {
    await restore.end();
  }
}

/**
 * OpenEMR's database alone goes back to a backup, the ledger stays: what was delivered since is delivered again, and
 * whoever joined since is frozen until a person has confirmed them, while the agent works.
 */
async function openEmrAlone(
  restore: RestoreDrill,
): Promise<Comparison & { tookMs: number; noticed: boolean; deliveredAgain: number }> {
  const { drill, journal } = restore;
  const { inside } = drill.system.services;
  const { agent } = drill.system.programs;
  const dump = await within(STEP_LIMIT, "the backup of OpenEMR's database", dumpOpenEmr(inside));
  const { patient: joinedSince } = await drill.enrol(journal, MESSAGE_PAUSE);
  await restore.traffic();
  await restore.settle("before OpenEMR's restore", Date.now());
  await agent.stop();
  const since = Date.now();
  await within(STEP_LIMIT, "OpenEMR's database to be restored", restoreOpenEmr(inside, dump));
  const noticed = await restore.standsStill('OpenEMR is behind the ledger');
  const { deliveredAgain, frozen } = await restore.beginEra();
  say(`era begun: ${String(deliveredAgain)} messages are delivered again, frozen: ${frozen.join(', ')}`);
  if (deliveredAgain === 0 || frozen.join() !== String(joinedSince)) {
    restore.faults.push(`OpenEMR restored: patient ${String(joinedSince)} had to be frozen and messages to be undone`);
  }
  await agent.start();
  await restore.traffic(async () => {
    const left = await restore.confirmPatients(frozen);
    restore.faults.push(...left.map((pid) => `OpenEMR restored: patient ${String(pid)} is still frozen`));
  });
  return { ...(await restore.settle('OpenEMR restored', since)), noticed, deliveredAgain };
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
