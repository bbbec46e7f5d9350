import { Command, InvalidArgumentError } from 'commander';
import { parseHalfKey } from 'portal-api/src/sessions/half-key-cookie';
import { CUT_SHORT } from './canary-hunt.js';
import { labelsFromClinic, labelsOf } from './canary-plan.js';
import { PLANTED_LABELS, plantedCanaries, plantedKey, withFiles } from './stolen-dmz-controls.js';
import { chartKeyOf, guessPasswords } from './stolen-dmz-guesses.js';
import { Thief, type Look } from './stolen-dmz-look.js';
import { Practice } from './stolen-dmz-practice.js';
import { printVerdict, say } from './verdict.js';

/**
 * `npm run drill -- stolen-dmz`: somebody takes everything the DMZ stores while nobody is signed in, looks through all
 * bytes and tries every value he holds as a key, with the system's own opening code. No canary may show. The controls
 * are things he must find: they show that the look would have found something.
 */

const FEWEST_PATIENTS = 3;
const SHORT_PATIENTS = 3;
/** Canaries that go out while sealing is off are told from those that went out sealed. */
const UNSEALED_SET = 1;

interface DrillArguments {
  patients: number;
  short: boolean;
}

/** Whether exactly these labels were found; a canary cut by the border of a page is no other canary. */
function exactly({ labels }: Look, wanted: readonly string[]): boolean {
  return (
    [...labels]
      .filter((label) => label !== CUT_SHORT)
      .sort()
      .join() === [...wanted].sort().join()
  );
}

/** Whether all that was written while sealing was off shows, and nothing of patients whose charts did not change. */
function isOpenOnlyFor({ labels }: Look, pids: readonly number[]): boolean {
  const theirs = pids.flatMap((pid) => [...labelsOf(pid), ...labelsFromClinic(pid, UNSEALED_SET)]);
  return (
    pids.flatMap((pid) => labelsFromClinic(pid, UNSEALED_SET)).every((label) => labels.has(label)) &&
    [...labels].every((label) => label === CUT_SHORT || theirs.includes(label))
  );
}

async function drill(practice: Practice, patients: number): Promise<boolean> {
  const { dmz } = practice.system.services;
  const { victims } = practice;
  const [first, second] = victims;
  if (first === undefined || second === undefined) {
    throw new Error('the drill needs two patients');
  }
  const started = Date.now();
  const at = (line: string): void => {
    say(`[${((Date.now() - started) / 1000).toFixed(0).padStart(4)} s] ${line}`);
  };
  const thief = new Thief(practice);

  const sections = victims.reduce((sum, victim) => sum + victim.sections, 0);
  at(`${String(victims.length)} patients read their canaries in ${String(sections)} sections; now nobody is signed in`);
  const stolen = await thief.look();
  at(
    `${String(stolen.searched)} bytes searched, ${String(stolen.keys)} keys tried on ${String(stolen.ciphertexts)} seals`,
  );

  at("everybody's password, with no, other and every stored pepper, and with the right one");
  const guesses = await guessPasswords(dmz);

  at('one patient signed in, with that cookie in hand');
  const withCookie = await practice.whileSignedIn(first, (cookie) => {
    const half = parseHalfKey(cookie);
    if (half === null) {
      throw new Error('the session cookie has another shape');
    }
    return thief.look([
      { place: 'the stolen cookie', bytes: Buffer.from(cookie) },
      { place: 'the stolen cookie', bytes: half.key },
    ]);
  });

  at('controls: canaries in each encoding and the chart key of another patient, planted in the folder of the DMZ');
  const files = { ...plantedCanaries(), ...plantedKey(await chartKeyOf(dmz, second)) };
  const planted = await withFiles(dmz.dir, files, () => thief.look());
  at('control: sealing switched off');
  const unsealed = victims.slice(0, 2).map(({ pid }) => pid);
  const arrived = await practice.replicateUnsealed(unsealed, UNSEALED_SET);
  const open = await thief.look([], false);
  at('done');

  const controls = {
    plantedCanaries: PLANTED_LABELS.every((label) => planted.labels.has(label)),
    plantedChartKey: labelsOf(second.pid).every((label) => planted.labels.has(label)),
    nothingButPlanted: exactly(planted, [...PLANTED_LABELS, ...labelsOf(second.pid)]),
    sealingOff: arrived && isOpenOnlyFor(open, unsealed),
    rightPepper: guesses.withPepper === guesses.accounts && guesses.accounts === patients,
  };
  const onlyThatPatient = exactly(withCookie, labelsOf(first.pid));
  const met =
    victims.length === patients &&
    stolen.labels.size === 0 &&
    stolen.opened.length === 0 &&
    guesses.withoutPepper === 0 &&
    onlyThatPatient &&
    Object.values(controls).every((caught) => caught);
  printVerdict({
    name: 'stolen-dmz',
    parameters: { patients },
    figures: {
      sectionsWithCanaries: sections,
      canariesFound: stolen.labels.size,
      bytesSearched: stolen.searched,
      bytesStored: stolen.stored,
      keysTried: stolen.keys,
      ciphertexts: stolen.ciphertexts,
      tries: stolen.tries,
      opened: stolen.opened.length,
      passwordConfirmedWithoutPepper: guesses.withoutPepper,
      peppersTried: guesses.peppers,
      withCookie: { canaries: withCookie.labels.size, exactlyThatPatient: onlyThatPatient },
      controlsFound: controls,
    },
    aim: 'no canary and no opened seal with nobody signed in; exactly one patient with one cookie; every control found',
    met,
  });
  return met;
}

async function main({ patients }: { patients: number }): Promise<boolean> {
  const practice = await Practice.open(patients);
  try {
    return await drill(practice, patients);
  } finally {
    await practice.close();
  }
}

function patientCount(text: string): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < FEWEST_PATIENTS) {
    throw new InvalidArgumentError(`must be a whole number from ${String(FEWEST_PATIENTS)}.`);
  }
  return count;
}

const given = new Command('stolen-dmz')
  .option('--patients <n>', 'patients with canaries', patientCount, 50)
  .option('--short', 'few patients, as in npm test; all controls stay', false)
  .parse()
  .opts<DrillArguments>();
try {
  process.exit((await main(given.short ? { patients: SHORT_PATIENTS } : given)) ? 0 : 1);
} catch (error: unknown) {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exit(1);
}
