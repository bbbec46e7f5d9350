import { Command } from 'commander';
import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '../demo/until.js';
import { ClinicTraffic } from './clinic-traffic.js';
import { checkDelivery, type DeliveryFigures } from './crash-checks.js';
import { compare, missingNewcomers, waitingInDmz } from './crash-comparison.js';
import { CrashDrill, type Victim } from './crash-drill.js';
import { listCrashPoints, processOf, type CrashPoint } from './crash-points.js';
import { passedByItself } from './crash-provocations.js';
import type { JournalEntry } from './journal.js';
import { printVerdict, say } from './verdict.js';

/**
 * `npm run drill -- crash`: SIGKILL of every process at every crash point of the code and at random, under traffic in
 * both directions. The clients keep the journal; at the end OpenEMR, the portal and the journal are compared. Then the
 * same with a protection switched off: what is broken then has to be found, or the drill is worth nothing.
 */

interface CrashArguments {
  /** random kills beyond the crash points */
  random: number;
  patients: number;
  /** milliseconds between two messages of one patient */
  pause: number;
  seed: number;
  short: boolean;
  /** a regular expression: only these points are tried, which looks at them and shows nothing about the aim */
  points?: string;
}

const SYNTHETIC_PATIENTS = { full: 110, short: 24 } as const;
/** Milliseconds between two changes that staff make. */
const CLINIC_PAUSE = 1_500;
const LEAST_ROUNDS = 40;
/** Crash points of one process that are hit one after the other before the system is looked at again. */
const ROW = 6;
/** What the short form never leaves out: where what was accepted passes from one durable place to the next. */
const ALWAYS = /:(?:submission|collect|deliver|chart-ack|gateway-ack|gateway-chart-batch)$/;

/** Kills at each point and then at random. @returns names of the points that were never hit */
async function rounds(
  drill: CrashDrill,
  options: CrashArguments,
  points: readonly CrashPoint[],
  journal: JournalEntry[],
): Promise<string[]> {
  const began = Date.now();
  const missed: string[] = [];
  let round = 0;
  const report = (what: string): void => {
    round += 1;
    say(`round ${String(round)}, ${String(Math.round((Date.now() - began) / 1_000))} s: ${what}`);
  };
  for (const row of inRows(drill.choice.shuffled(points), drill)) {
    const [first] = row;
    const hits = first !== undefined && row.length === 1 ? [await drill.killAt(first)] : await drill.killInARow(row);
    for (const [place, { name }] of row.entries()) {
      const hit = hits[place] === true;
      missed.push(...(hit ? [] : [name]));
      report(`${name} ${hit ? 'hit' : 'NOT HIT'}`);
    }
    await drill.recover(journal, options.pause, row.map(({ name }) => name).join(', '));
  }
  for (const victims of chooseVictims(drill, options.random)) {
    const names = victims.map(({ name }) => name).join(' and ');
    await drill.killAtRandom(victims);
    await drill.recover(journal, options.pause, names);
    report(`SIGKILL of ${names}`);
  }
  return missed;
}

/** Points that are passed by themselves, several of one process in a row; the others one by one; in any order. */
function inRows(points: readonly CrashPoint[], drill: CrashDrill): CrashPoint[][] {
  const alone = points.filter((point) => !passedByItself(point)).map((point) => [point]);
  const together = (['portalApi', 'gateway', 'agent'] as const).flatMap((process) => {
    const own = points.filter((point) => passedByItself(point) && processOf(point) === process);
    return own.flatMap((_, at) => (at % ROW === 0 ? [own.slice(at, at + ROW)] : []));
  });
  return drill.choice.shuffled([...alone, ...together]);
}

/** Each of the seven alone in turn and shuffled anew each time; every third time another one dies with it. */
function chooseVictims(drill: CrashDrill, times: number): Victim[][] {
  const chosen: Victim[][] = [];
  while (chosen.length < times) {
    const all = drill.victims();
    for (const victim of drill.choice.shuffled(all)) {
      const other = drill.choice.of(all.filter(({ name }) => name !== victim.name));
      chosen.push(chosen.length >= all.length && chosen.length % 3 === 0 ? [victim, other] : [victim]);
    }
  }
  return chosen.slice(0, times);
}

/** The run with all protections on. */
async function protectedRun(
  drill: CrashDrill,
  options: CrashArguments,
): Promise<{ figures: Record<string, unknown>; met: boolean }> {
  const all = listCrashPoints();
  const wanted = options.points === undefined ? ALWAYS : new RegExp(options.points);
  const points = options.short || options.points !== undefined ? all.filter(({ name }) => wanted.test(name)) : all;
  const journal: JournalEntry[] = [];
  for (let number = 0; number < options.patients; number += 1) {
    await drill.enrol(journal, options.pause);
  }
  const clinic = new ClinicTraffic(drill.system, drill.pids, drill.choice.split(), CLINIC_PAUSE);
  drill.writers.forEach((writer) => {
    writer.start();
  });
  clinic.start();
  const missed = await rounds(drill, options, points, journal);
  await clinic.stop();
  await Promise.all(drill.writers.map((writer) => writer.stop()));
  const { differences, ...outcome } = await compare(drill, journal);
  const faults = [...differences, ...drill.complaints, ...(await missingNewcomers(drill))];
  for (const line of [...faults.slice(0, 50), ...missed.map((name) => `crash point never hit: ${name}`)]) {
    say(line);
  }
  const { lost, doubled, misordered, unexpected, halved } = outcome;
  const done = points.length + options.random;
  return {
    figures: {
      rounds: done,
      kills: drill.kills,
      crashPoints: all.length,
      crashPointsTried: points.length,
      crashPointsNeverHit: missed.length,
      clinicChanges: clinic.changes,
      joined: drill.newcomers.length + drill.writers.length,
      ...outcome,
      chartDifferences: differences.length,
      otherFaults: faults.length - differences.length,
      slowestRecovery: drill.slowestRecovery,
    },
    met:
      lost + doubled + misordered + unexpected + halved + faults.length + missed.length === 0 &&
      outcome.accepted > 0 &&
      clinic.changes > 0 &&
      (options.short || options.points !== undefined || done >= LEAST_ROUNDS),
  };
}

const CONTROL_LIMIT = 90_000;
/** From the ledger into OpenEMR, also for the sweep that finds what a lost wake left behind. */
const SETTLING = 7_000;

/** One protection switched off in the agent: true when the kill that it protects from leaves what the checks find. */
async function controlRun(
  drill: CrashDrill,
  fault: 'ack-before-commit' | 'openemr-outside-transaction',
  pointName: string,
  caught: (figures: DeliveryFigures) => boolean,
): Promise<boolean> {
  const point = listCrashPoints().find(({ name }) => name === pointName);
  if (point === undefined) {
    throw new Error(`the control needs the crash point ${pointName}, which the code does not have`);
  }
  const journal: JournalEntry[] = [];
  const writer = await drill.enrol(journal, 400);
  writer.start();
  drill.system.allowDrillFaults();
  const hit = await drill.killAt(point, { DRILL_FAULT: fault });
  await sleep(1_000);
  await writer.stop();
  const openemr = await drill.system.openemr();
  try {
    // What waits in the DMZ is given its time, so that a message is called lost only when it is.
    await until('the outbox to be empty', async () => (await waitingInDmz(drill)) === 0, CONTROL_LIMIT);
    await sleep(SETTLING);
    const figures = await checkDelivery(openemr, journal);
    say(`control ${fault}: ${hit ? '' : 'NOT HIT, '}lost ${String(figures.lost)}, doubled ${String(figures.doubled)}`);
    return hit && caught(figures);
  } finally {
    await openemr.end();
  }
}

async function run(options: CrashArguments): Promise<boolean> {
  say(`seed ${String(options.seed)}`);
  const drill = await CrashDrill.start(options.seed, SYNTHETIC_PATIENTS[options.short ? 'short' : 'full']);
  try {
    const { figures, met: clean } = await protectedRun(drill, options);
    if (options.points !== undefined) {
      say(`${clean ? 'No fault' : 'Faults'} at the points asked for: ${JSON.stringify(figures)}`);
      return false;
    }
    const controls = {
      ackBeforeCommitCaught: await controlRun(
        drill,
        'ack-before-commit',
        'before-commit:collect',
        ({ lost }) => lost > 0,
      ),
      outsideTransactionCaught: await controlRun(
        drill,
        'openemr-outside-transaction',
        'before-commit:deliver',
        ({ doubled }) => doubled > 0,
      ),
    };
    const met = clean && Object.values(controls).every((caught) => caught);
    printVerdict({
      name: 'crash',
      parameters: { patients: options.patients, random: options.random, seed: options.seed, short: options.short },
      figures: { ...figures, ...controls },
      aim: 'lost 0, doubled 0, misordered 0, charts equal to OpenEMR, every crash point hit, every control caught',
      met,
    });
    return met;
  } finally {
    await drill.end();
  }
}

const command = new Command('crash')
  .option('--random <n>', 'random kills after the crash points', Number, 28)
  .option('--patients <n>', 'patients writing messages', Number, 6)
  .option('--pause <ms>', 'pause between two messages of a patient', Number, 6_000)
  .option('--seed <n>', 'seed of all choices', Number, Date.now() % 1_000_000)
  .option('--points <regexp>', 'only these crash points and no control, to look at them; the aim is not met')
  .option('--short', 'the main crash points and every process once, as in npm test; both controls stay', false);
const given = command.parse().opts<CrashArguments>();

try {
  const met = await run(given.short ? { ...given, random: 7, patients: 3, pause: 1_500 } : given);
  process.exit(met ? 0 : 1);
} catch (error: unknown) {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exit(1);
}
