import { Command } from 'commander';
import type { Connection } from 'mysql2/promise';
import { until } from '../demo/until.js';
import { withAdmin } from '../services/mariadb-server.js';
import { DEFAULT_DATABASES } from '../services/services.js';
import { RandomChoice } from './random-choice.js';
import { Mutator } from './tamper-mutations.js';
import { COMPARED_EVERY, isClean, TamperPractice } from './tamper-practice.js';
import { ReplicaTables } from './tamper-replica.js';
import { printVerdict, say } from './verdict.js';

/**
 * `npm run drill -- tamper`: somebody is root of the DMZ's database and writes into the replica while patients are signed
 * in. After every batch of writes everybody reads every section: nothing may be served that the inside did not render
 * last. Then the inside comes back, compares, and everything has to be right again without help. Two states that the
 * portal cannot tell from the truth are tried apart and counted with their reasons. With verification switched off the
 * same writes have to be seen by patients, or the drill is worth nothing.
 */

interface TamperArguments {
  mutations: number;
  patients: number;
  seed: number;
  short: boolean;
}

/** Writes between two looks at everything: after few of them much is still served, after many hardly anything. */
const SIZES = [1, 1, 2, 4, 8, 20] as const;
const LARGEST = 20;
/** Batches, each on a replica that is whole, between two times that the inside has to heal it. */
const BATCHES = 40;
const [EARLIEST, EARLIER, WHOLE] = ['odp_tamper_1', 'odp_tamper_2', 'odp_tamper_whole'] as const;
const { portal: PORTAL } = DEFAULT_DATABASES;
const KINDS = [
  ...(['right', 'refused', 'documentsRight', 'documentsRefused'] as const),
  ...(['stale', 'forged', 'denied', 'underWay', 'tooCurrent'] as const),
];

class TamperDrill {
  readonly tables: ReplicaTables;
  private readonly choice: RandomChoice;
  private readonly mutator: Mutator;
  readonly served = {
    right: 0,
    refused: 0,
    documentsRight: 0,
    documentsRefused: 0,
    stale: 0,
    forged: 0,
    denied: 0,
    underWay: 0,
    tooCurrent: 0,
  };
  readonly faults: string[] = [];
  mutations = 0;
  healings = 0;
  slowestHealing = 0;

  constructor(
    readonly practice: TamperPractice,
    root: Connection,
    options: TamperArguments,
  ) {
    this.choice = new RandomChoice(options.seed);
    this.tables = new ReplicaTables(root);
    this.mutator = new Mutator(this.tables, this.choice.split(), [EARLIEST, EARLIER]);
  }

  get byKind(): Record<string, number> {
    return Object.fromEntries(this.mutator.done);
  }

  /** States that the inside really sent, to be rolled back to. */
  async makeHistory(): Promise<void> {
    for (const [round, name] of [EARLIEST, EARLIER].entries()) {
      await this.practice.look();
      await this.tables.keep(name);
      await this.practice.clinicChanges(round + 1);
      await this.practice.settled();
    }
    await this.practice.nextHeartbeat();
    const look = await this.practice.look();
    if (look.right !== this.practice.sections + this.practice.documents) {
      throw new Error(`before anything was changed patients read ${JSON.stringify(look)}`);
    }
  }

  /** Batches while the inside is away, each on a whole replica; the last is left to be healed. */
  async cycle(mutations: number): Promise<void> {
    await this.practice.insideAway();
    await this.tables.keep(WHOLE);
    const last = this.mutations + mutations;
    for (let batch = 0; batch < BATCHES && this.mutations < last; batch += 1) {
      await this.tables.putBack(WHOLE);
      await this.batch(Math.min(last - this.mutations, this.choice.of(SIZES)));
    }
    await this.practice.insideBack();
    await this.heal('after a batch');
  }

  /** Batches while the inside works and heals. */
  async cycleAlong(mutations: number): Promise<void> {
    for (let left = mutations; left > 0; left -= LARGEST) {
      await this.batch(Math.min(left, LARGEST));
    }
    await this.heal('after writing while the inside worked');
  }

  private async batch(size: number): Promise<void> {
    const kinds: string[] = [];
    for (let i = 0; i < size; i += 1) {
      kinds.push(await this.mutator.mutate());
      this.mutations += 1;
    }
    const look = await this.practice.look();
    for (const kind of KINDS) {
      this.served[kind] += look[kind];
    }
    if (!isClean(look)) {
      this.faults.push(`served after ${kinds.join(', ')}: ${JSON.stringify(look)}`);
    }
  }

  async heal(when: string): Promise<number | null> {
    const { tookMs, worst } = await this.practice.healed();
    if (tookMs === null) {
      this.faults.push(`${when}: not healed, ${JSON.stringify(worst)}`);
      return null;
    }
    this.healings += 1;
    this.slowestHealing = Math.max(this.slowestHealing, tookMs);
    return tookMs;
  }

  /**
   * Everything put back to what it was, and the portal forgets what it has seen: only the age tells. What is put back has
   * to be sound for a portal that has seen nothing, or it would be refused for writes of before: a portal that runs
   * reads no key statement again, nor a heartbeat whose number it knows, and nobody notices that their rows are changed.
   */
  async completeRollback(): Promise<{ served: number; stale: number; ageShown: boolean }> {
    await this.practice.portalForgets();
    await this.heal('after the portal was started again');
    await this.practice.insideAway();
    await this.tables.keep(WHOLE);
    const { asOf } = await this.practice.look();
    await this.practice.insideBack();
    await this.practice.clinicChanges(90);
    await this.practice.settled();
    await this.practice.insideAway();
    await this.tables.putBack(WHOLE);
    await this.practice.portalForgets();
    const look = await this.practice.look();
    await this.practice.insideBack();
    const healed = await this.heal('after a complete rollback');
    if (look.forged > 0 || healed === null) {
      this.faults.push(`after a complete rollback patients read ${JSON.stringify(look)}`);
    }
    const served = look.right + look.stale;
    say(
      `complete rollback before a restart of the portal: ${String(look.stale)} older sections of ${String(served)} parts ` +
        `served, as of ${look.asOf || 'never'}; before it as of ${asOf}; refused: ${JSON.stringify(look.answers)}`,
    );
    // What is refused shows no age: where no section is served, none was shown.
    return { served, stale: look.stale, ageShown: look.asOf !== '' && look.asOf <= asOf };
  }

  /** A chart changes, nobody has read it yet, no heartbeat names it yet: its last state is put back. */
  async rollbackBeforeHeartbeat(): Promise<number> {
    const [patient] = this.practice.patients;
    if (patient === undefined) {
      return 0;
    }
    const chart = Buffer.from(patient.patientRef, 'hex');
    for (let attempt = 1; attempt <= 5; attempt += 1) {
      await this.tables.keep(WHOLE);
      const named = await this.practice.nextHeartbeat();
      const before = await this.sequence(patient.patientRef);
      await this.practice.clinicChanges(100 + attempt, [patient.pid]);
      await until('the change in the DMZ', async () => (await this.sequence(patient.patientRef)) > before);
      await this.practice.settled();
      await this.practice.system.programs.agent.kill();
      if ((await this.practice.heartbeat()) === named) {
        await this.tables.putChartBack(WHOLE, chart);
        const { stale } = await this.practice.look([patient]);
        await this.practice.insideBack();
        await this.settleAndHeal();
        say(`rollback of an unread chart before the next heartbeat: ${String(stale)} older sections`);
        return stale;
      }
      await this.practice.insideBack();
      await this.settleAndHeal();
    }
    return 0;
  }

  private async settleAndHeal(): Promise<void> {
    await this.practice.settled();
    await this.heal('after the rollback of a chart');
  }

  private async sequence(patientRef: string): Promise<number> {
    const [row] = await this.practice.system.services.dmz.adminSql(
      'SELECT seq FROM ??.chart WHERE patient_ref = UNHEX(?)',
      [PORTAL, patientRef],
    );
    return Number(row?.['seq'] ?? 0);
  }

  /** Without verification older rows have to reach patients. */
  async control(): Promise<boolean> {
    await this.practice.insideAway();
    await this.tables.keep(WHOLE);
    const look = await this.practice.withVerificationOff(async () => {
      await this.tables.putBack(EARLIEST, ['section']);
      return this.practice.look();
    });
    await this.tables.putBack(WHOLE);
    await this.practice.insideBack();
    await this.heal('after the control');
    say(`control verification-off: ${JSON.stringify(look)}`);
    return look.stale > 0;
  }
}

/**
 * Messages that were accepted and not collected are deleted from the outbox: with what is left of them the inside has to
 * find out, also of the last of a stream. @returns whether each was reported
 */
async function outboxDeletions({ practice, tables }: TamperDrill): Promise<boolean> {
  await practice.insideAway();
  const traces: readonly (readonly ('receipt' | 'stream')[])[] = [[], ['receipt'], ['receipt', 'stream']];
  const expected: string[] = [];
  for (const [index, gone] of traces.entries()) {
    const { submissionId, stream } = await practice.sendMessage(index);
    const id = Buffer.from(submissionId.replaceAll('-', ''), 'hex');
    await tables.write('DELETE FROM ??.outbox WHERE submission_id = ?', [PORTAL, id]);
    if (gone.includes('receipt')) {
      await tables.write('DELETE FROM ??.receipt WHERE submission_id = ?', [PORTAL, id]);
    }
    if (gone.includes('stream')) {
      await tables.write('UPDATE ??.stream SET next_seq = next_seq - 1 WHERE stream = UNHEX(?)', [PORTAL, stream]);
    } else {
      expected.push(`stream ${stream} 1`);
    }
    expected.push(`submission ${submissionId}`);
  }
  await practice.insideBack();
  let reported: readonly string[] = [];
  const all = async (): Promise<boolean> => {
    reported = await practice.reportedLost();
    return expected.every((place) => reported.includes(place));
  };
  const found = await until('the deletions in the outbox to be reported', all).then(
    () => true,
    () => false,
  );
  say(`deletions in the outbox: ${String(traces.length)}, reported: ${reported.join(', ')}`);
  return found && reported.length === expected.length;
}

async function run(options: TamperArguments): Promise<boolean> {
  const began = Date.now();
  const practice = await TamperPractice.open(options.patients);
  try {
    return await withAdmin(practice.system.services.dmz.mariadb.socket, async (root) => {
      const drill = new TamperDrill(practice, root, options);
      const at = (line: string): void => {
        say(`[${String(Math.round((Date.now() - began) / 1_000))} s] ${line}`);
      };
      await drill.makeHistory();
      at(
        `${String(options.patients)} patients read ${String(practice.sections)} sections and ${String(practice.documents)} documents; two earlier states are kept`,
      );
      await practice.system.programs.agent.stop();
      await practice.insideBack();
      // A tenth while the inside works, the rest while it is away.
      const along = Math.floor(options.mutations / 10 / LARGEST) * LARGEST;
      while (drill.mutations < options.mutations - along) {
        await drill.cycle(options.mutations - along - drill.mutations);
        at(`${String(drill.mutations)} writes, healed ${String(drill.healings)} times`);
      }
      await drill.cycleAlong(along);
      at(`${String(drill.mutations)} writes; now the two states that cannot be told`);
      const complete = await drill.completeRollback();
      const beforeHeartbeat = await drill.rollbackBeforeHeartbeat();
      at('the control');
      const verificationOffSeen = await drill.control();
      const outboxReported = await outboxDeletions(drill);
      at('done');
      return verdict(options, drill, { complete, beforeHeartbeat, verificationOffSeen, outboxReported });
    });
  } finally {
    await practice.close();
  }
}

function verdict(
  options: TamperArguments,
  drill: TamperDrill,
  {
    complete,
    beforeHeartbeat,
    verificationOffSeen,
    outboxReported,
  }: {
    complete: { served: number; stale: number; ageShown: boolean };
    beforeHeartbeat: number;
    verificationOffSeen: boolean;
    outboxReported: boolean;
  },
): boolean {
  const { served, faults } = drill;
  faults.slice(0, 30).forEach((line) => {
    say(line);
  });
  const servedWrong = served.stale + served.forged + served.denied + served.tooCurrent;
  const met =
    servedWrong === 0 &&
    served.right > 0 &&
    served.refused > 0 &&
    served.documentsRight > 0 &&
    served.documentsRefused > 0 &&
    faults.length === 0 &&
    complete.ageShown &&
    outboxReported &&
    verificationOffSeen;
  printVerdict({
    name: 'tamper',
    parameters: { mutations: options.mutations, patients: options.patients, seed: options.seed, short: options.short },
    figures: {
      mutations: drill.mutations,
      byKind: drill.byKind,
      partsRead: served.right + served.underWay + served.refused + servedWrong,
      servedRight: served.right,
      servedUnderWay: served.underWay,
      refused: served.refused,
      documentsServedRight: served.documentsRight,
      documentsRefused: served.documentsRefused,
      servedWrong,
      healings: drill.healings,
      slowestHealingMs: drill.slowestHealing,
      comparedEverySeconds: COMPARED_EVERY,
      window: {
        servedAfterCompleteRollback: complete.served,
        completeRollbackBeforeRestart: complete.stale,
        ageShown: complete.ageShown,
        unreadChartBeforeHeartbeat: beforeHeartbeat,
      },
      outboxDeletionsReported: outboxReported,
      controls: { verificationOffSeen },
      faults: faults.length,
    },
    aim: 'nothing served but what the inside rendered last, outside the two named states; all healed without help; deletions in the outbox reported; the control seen',
    met,
  });
  return met;
}

const given = new Command('tamper')
  .option('--mutations <n>', 'writes into the replica', Number, 10_000)
  .option('--patients <n>', 'patients who are signed in', Number, 5)
  .option('--seed <n>', 'seed of all choices', Number, Date.now() % 1_000_000)
  .option('--short', 'fewer writes and patients, as in npm test; all steps and the control stay', false)
  .parse()
  .opts<TamperArguments>();

try {
  const options = given.short ? { ...given, mutations: 300, patients: 2 } : given;
  say(`seed ${String(options.seed)}`);
  process.exit((await run(options)) ? 0 : 1);
} catch (error: unknown) {
  process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
  process.exit(1);
}
