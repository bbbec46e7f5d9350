import { cpus } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { Command } from 'commander';
import type { Program } from '../demo/program.js';
import { until } from '../demo/until.js';
import { RandomChoice } from '../drills/random-choice.js';
import { printVerdict, say } from '../drills/verdict.js';
import type { Services } from '../services/services.js';
import { changedSections } from './content-root.js';
import { LoadMetrics, type LoadCounts } from './load-metrics.js';
import { LoadPractice } from './load-practice.js';
import { ProcessUsage } from './process-usage.js';

/**
 * `npm run bench -- initial-load`: a practice invites everybody, and the agent's and the gateway's own programs bring all
 * charts into an empty DMZ, killed again and again on the way. Then the DMZ loses its replica and keeps its accounts, and
 * everything is built again, undisturbed: the same content, and what the first time cost beyond that is rework.
 */

/** Who have accounts; joining costs an argon2id run each, and replication asks for none. */
const READERS = 2;
const LOOK = 250;
/** A scrape makes the agent count its ledger: seldom enough that it costs the load nothing to see. */
const SCRAPE = 2_000;
const PROGRESS = 10_000;
/** Without any progress for so long the bench gives up, milliseconds. */
const STILLNESS = 120_000;
const AIM = 0.05;

interface LoadArguments {
  patients: number;
  kills: number;
  seed: number;
}

interface Phase {
  seconds: number;
  patientsPerSecond: number;
  rowsPerSecond: number;
  sectionsPerSecond: number;
  bytesPerSecond: number;
  /** of the renders' time; they run side by side */
  share: Record<'openemr' | 'rendering' | 'crypto' | 'feed' | 'gateway' | 'ledgerAndWaiting', number>;
  cpuSeconds: Record<string, number>;
  peakMiB: { agent: number; gateway: number };
  kills: number;
}

interface Measured {
  phase: Phase;
  /** pushes that were begun of charts without documents */
  attempts: number;
  /** rows that OpenEMR's server gave to the reader, by its own count */
  rowsRead: number;
}

const rounded = (value: number, places = 1): number => Math.round(value * 10 ** places) / 10 ** places;

/** Rows that the reader's account was sent since the last call of this. */
async function rowsSentToReader({ inside }: Services): Promise<number> {
  const [row] = await inside.adminSql(
    "SELECT COALESCE(SUM(ROWS_SENT), 0) AS n FROM information_schema.USER_STATISTICS WHERE USER = 'agent_reader'",
  );
  await inside.adminSql('FLUSH USER_STATISTICS');
  return Number(row?.['n']);
}

/** From the start of agent and gateway until the DMZ has every chart. */
class Load {
  private readonly choice: RandomChoice;
  private readonly killAt: number[];
  private readonly usage: Record<'agent' | 'gateway' | 'openemrServer' | 'dmzServer', ProcessUsage>;
  private readonly metrics: LoadMetrics;
  private kills = 0;
  private scraped = 0;

  constructor(
    private readonly practice: LoadPractice,
    /** that are to be brought into the DMZ */
    private readonly charts: number,
    kills: number,
    seed: number,
  ) {
    this.choice = new RandomChoice(seed);
    this.killAt = Array.from({ length: kills }, () => this.choice.below(charts)).sort((a, b) => a - b);
    const { services, programs } = practice.system;
    this.usage = {
      agent: new ProcessUsage(() => programs.agent.pid),
      gateway: new ProcessUsage(() => programs.gateway.pid),
      openemrServer: new ProcessUsage(() => services.inside.mariadb.pid),
      dmzServer: new ProcessUsage(() => services.dmz.mariadb.pid),
    };
    this.metrics = new LoadMetrics(practice.metricsPort);
  }

  async run(): Promise<Measured> {
    const { services, programs } = this.practice.system;
    const attemptsBefore = (await this.practice.standing()).attempts;
    await rowsSentToReader(services);
    const began = performance.now();
    await programs.gateway.start();
    await this.practice.startAgent();
    // That the replica is gone the agent finds when it starts.
    await until('charts to be due', async () => (await this.practice.standing()).done < this.practice.charts);
    await this.untilDone();
    const seconds = (performance.now() - began) / 1_000;
    await this.look(true);
    await programs.agent.stop();
    const { attempts } = await this.practice.standing();
    return {
      phase: this.phase(seconds, this.metrics.counts),
      attempts: attempts - attemptsBefore,
      rowsRead: await rowsSentToReader(services),
    };
  }

  private async untilDone(): Promise<void> {
    let moved = { at: performance.now(), done: -1, blobs: -1 };
    let told = 0;
    const began = performance.now();
    for (;;) {
      await this.look();
      const { done, blobs } = await this.practice.standing();
      if (done === this.practice.charts && blobs === 0) {
        return;
      }
      const now = performance.now();
      if (done !== moved.done || blobs !== moved.blobs) {
        moved = { at: now, done, blobs };
      } else if (now - moved.at > STILLNESS) {
        throw new Error(`nothing moves any more: ${String(done)} of ${String(this.practice.charts)} charts are there`);
      }
      if (now - told > PROGRESS) {
        told = now;
        say(
          `${String(Math.round((now - began) / 1_000))} s: ${String(done)} of ${String(this.practice.charts)} charts`,
        );
      }
      const due = this.killAt[this.kills];
      if (due !== undefined && done >= due + this.practice.charts - this.charts) {
        await this.kill();
      }
      await sleep(LOOK);
    }
  }

  /** The agent, the gateway or both, at a random moment; each is started again at once, as a supervisor does. */
  private async kill(): Promise<void> {
    this.kills += 1;
    const { agent, gateway } = this.practice.system.programs;
    const victims = this.choice.of<Program[]>([[agent], [gateway], [agent, gateway]]);
    await sleep(this.choice.below(LOOK));
    await this.look(true);
    await Promise.all(victims.map((victim) => victim.kill()));
    if (victims.includes(agent)) {
      this.metrics.endRun();
    }
    for (const victim of victims) {
      await (victim === agent ? this.practice.startAgent() : victim.start());
    }
  }

  private async look(scrape = performance.now() - this.scraped > SCRAPE): Promise<void> {
    Object.values(this.usage).forEach((usage) => {
      usage.look();
    });
    if (scrape) {
      this.scraped = performance.now();
      await this.metrics.look();
    }
  }

  private phase(seconds: number, counts: LoadCounts): Phase {
    const { openemrSeconds, renderingSeconds, cryptoSeconds, feedSeconds, gatewaySeconds } = counts;
    const parts = openemrSeconds + renderingSeconds + cryptoSeconds + feedSeconds + gatewaySeconds;
    const share = (part: number): number => rounded(part / counts.renderSeconds, 3);
    const cpu = Object.entries(this.usage).map(([name, usage]) => [name, rounded(usage.cpuSeconds)] as const);
    return {
      seconds: rounded(seconds),
      patientsPerSecond: rounded(this.charts / seconds),
      rowsPerSecond: Math.round(counts.rows / seconds),
      sectionsPerSecond: Math.round(counts.sections / seconds),
      bytesPerSecond: Math.round(counts.bytes / seconds),
      share: {
        openemr: share(openemrSeconds),
        rendering: share(renderingSeconds),
        crypto: share(cryptoSeconds),
        feed: share(feedSeconds),
        gateway: share(gatewaySeconds),
        ledgerAndWaiting: share(counts.renderSeconds - parts),
      },
      cpuSeconds: Object.fromEntries(cpu),
      peakMiB: { agent: this.usage.agent.peakMiB, gateway: this.usage.gateway.peakMiB },
      kills: this.kills,
    };
  }
}

async function run({ patients, kills, seed }: LoadArguments, practice: LoadPractice): Promise<void> {
  const { services, programs } = practice.system;
  await practice.join(READERS);
  await Promise.all([programs.agent.stop(), programs.gateway.stop()]);
  say(`Inviting ${String(practice.charts - READERS)} patients`);
  await practice.inviteOthers();
  await services.inside.adminSql('SET GLOBAL userstat = ON');

  say(`First load, with ${String(kills)} kills`);
  const first = await new Load(practice, practice.charts - READERS, kills, seed).run();
  const afterFirst = await practice.content();
  say(JSON.stringify(first.phase));

  await Promise.all([programs.gateway.stop(), programs.portalApi.stop()]);
  await practice.wipeReplica();
  await programs.portalApi.start();
  say('Rebuilding the wiped DMZ');
  const rebuilt = await new Load(practice, practice.charts, 0, seed).run();
  const afterRebuild = await practice.content();
  say(JSON.stringify(rebuilt.phase));
  await practice.startAgent();
  const served = await practice.readersServed();

  // The second time the charts of those who had joined before were read as well.
  const rowsOfOthers = (rebuilt.rowsRead * (practice.charts - READERS)) / practice.charts;
  const rework = {
    pushes: rebuilt.attempts === 0 ? null : rounded(first.attempts / rebuilt.attempts - 1, 4),
    rowsRead: rounded(first.rowsRead / rowsOfOthers - 1, 4),
  };
  const isEqual = [afterFirst, afterRebuild].every(
    ({ sections, equal, different }) => equal === sections && different === 0,
  );
  const figures = {
    firstLoad: first.phase,
    rebuild: rebuilt.phase,
    rework,
    sections: afterRebuild.sections,
    different: afterFirst.different + afterRebuild.different,
    sameContentRoot: afterFirst.root === afterRebuild.root,
    changedSections: changedSections(afterFirst, afterRebuild),
    contentRoot: afterRebuild.root,
    accountsServedAfterRebuild: served,
  };
  printVerdict({
    name: 'initial-load',
    parameters: { patients, kills, seed, cores: cpus().length },
    figures,
    aim: `the same content root after the kills as undisturbed, every section in the DMZ opens to it, at most ${String(AIM * 100)} % rework, accounts kept`,
    met:
      first.phase.kills === kills &&
      figures.sameContentRoot &&
      isEqual &&
      (rework.pushes ?? 0) <= AIM &&
      rework.rowsRead <= AIM &&
      served === READERS,
  });
}

const options = new Command('initial-load')
  .option('--patients <n>', 'who are invited', Number, 2_000)
  .option('--kills <n>', 'of agent, gateway or both during the first load', Number, 20)
  .option('--seed <n>', 'of the moments and victims', Number, 1)
  .parse()
  .opts<LoadArguments>();
const practice = await LoadPractice.open(options.patients);
try {
  await run(options, practice);
} finally {
  await practice.close();
}
