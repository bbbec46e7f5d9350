import 'reflect-metadata';
import type { INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { AgentLog } from './agent-log.js';
import { AppModule } from './app.module.js';
import { drillFaultSetting, readAgentConfig, type AgentConfig } from './config.js';
import { CutWatch } from './cut/cut-watch.js';
import { GatewayClient } from './gateway-client/gateway-client.js';
import { SingleAgent } from './ledger/single-agent.js';
import { awaitWork } from './restore/await-work.js';
import { RestoreService } from './restore/restore.service.js';

/** Longest time that work under way gets to finish; what it leaves is taken up by the next start. */
const PATIENCE = 10_000;

/**
 * Runs until SIGTERM or SIGINT, which end it with code 0; work under way is finished or left to the next start. When a
 * database was restored it stands still, and works on when `restore` has begun a new era. While the ledger says that the
 * DMZ is cut off the process rests: no connection to the gateway, no work, no lock on the ledger.
 */
async function run(config: AgentConfig): Promise<void> {
  const log = new AgentLog(config.logLevel);
  const cuts = new CutWatch(config);
  let work: Work | null = null;
  const end = async (): Promise<void> => {
    setTimeout(() => process.exit(0), PATIENCE).unref();
    await work?.end();
    await cuts[Symbol.asyncDispose]();
    process.exit(0);
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => void end());
  }
  const fault = drillFaultSetting();
  if (fault !== undefined) {
    log.error(`a drill has switched a protection off: ${fault}`, 'start');
  }
  for (;;) {
    await cuts.untilTrusted(() => {
      log.error('the DMZ is cut off: this agent does nothing until `cut --undo`', 'start');
    });
    work = new Work(config, log);
    await work.untilCut(cuts);
  }
}

/** The agent between two cuts. */
class Work {
  private app: INestApplicationContext | null = null;
  private single: SingleAgent | null = null;

  constructor(
    private readonly config: AgentConfig,
    private readonly log: AgentLog,
  ) {}

  async untilCut(cuts: CutWatch): Promise<void> {
    const { config, log } = this;
    this.single = await SingleAgent.claim(config.database, config.writer, (sentence) => {
      log.warn(sentence, 'start');
    });
    void this.single.lost.then(() => {
      log.fatal('another agent took over the ledger; this one ends', 'start');
      process.exit(1);
    });
    const cut = new AbortController();
    const isCut = cuts.untilCut().then(() => {
      cut.abort();
    });
    while (!cut.signal.aborted) {
      await this.workOnce(isCut, cut.signal);
    }
    await this.end();
  }

  /** Lines to the gateway go first: what is under way with it ends in the middle. */
  async end(): Promise<void> {
    await this.app?.get(GatewayClient, { strict: false }).close();
    await this.app?.close();
    await this.single?.[Symbol.asyncDispose]();
  }

  /** Waits until there may be work, and works until a cut or a restored database ends it. */
  private async workOnce(isCut: Promise<void>, cut: AbortSignal): Promise<void> {
    const { config, log } = this;
    const say = {
      fatal: (sentence: string) => {
        log.fatal(sentence, 'restore');
      },
      warn: (sentence: string) => {
        log.warn(sentence, 'start');
      },
    };
    await awaitWork(config, say, cut);
    if (cut.aborted) {
      return;
    }
    const app = await NestFactory.createApplicationContext(AppModule.of(config), { logger: log, abortOnError: false });
    this.app = app;
    log.log({ msg: 'the sync agent runs' }, 'start');
    const { stopped } = app.get(RestoreService, { strict: false });
    const isCutOff = await Promise.race([isCut.then(() => true), stopped.then(() => false)]);
    const overdue = isCutOff ? setTimeout(() => process.exit(1), PATIENCE) : undefined;
    if (isCutOff) {
      await app.get(GatewayClient, { strict: false }).close();
    } else {
      log.fatal('the agent stands still', 'restore');
    }
    await app.close();
    clearTimeout(overdue);
    this.app = null;
  }
}

// A listener takes the signal's default away, which is to open the inspector.
process.on('SIGUSR1', () => undefined);

try {
  await run(readAgentConfig());
} catch (failure: unknown) {
  process.stderr.write(`${failure instanceof Error ? failure.message : 'the sync agent did not start'}\n`);
  process.exit(1);
}
