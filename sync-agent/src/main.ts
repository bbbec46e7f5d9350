import 'reflect-metadata';
import type { INestApplicationContext } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { AgentLog } from './agent-log.js';
import { AppModule } from './app.module.js';
import { drillFaultSetting, readAgentConfig, type AgentConfig } from './config.js';
import { SingleAgent } from './ledger/single-agent.js';
import { awaitWork } from './restore/await-work.js';
import { RestoreService } from './restore/restore.service.js';

/** Longest time that work under way gets to finish; what it leaves is taken up by the next start. */
const PATIENCE = 10_000;

/**
 * Runs until SIGTERM or SIGINT, which end it with code 0; work under way is finished or left to the next start. When a
 * database was restored it stands still, and works on when `restore` has begun a new era.
 */
async function run(config: AgentConfig): Promise<void> {
  const log = new AgentLog(config.logLevel);
  let app: INestApplicationContext | null = null;
  let single: SingleAgent | null = null;
  const end = async (): Promise<void> => {
    setTimeout(() => process.exit(0), PATIENCE).unref();
    await app?.close();
    await single?.[Symbol.asyncDispose]();
    process.exit(0);
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => void end());
  }
  single = await SingleAgent.claim(config.database, config.writer, (sentence) => {
    log.warn(sentence, 'start');
  });
  void single.lost.then(() => {
    log.fatal('another agent took over the ledger; this one ends', 'start');
    process.exit(1);
  });
  const fault = drillFaultSetting();
  if (fault !== undefined) {
    log.error(`a drill has switched a protection off: ${fault}`, 'start');
  }
  for (;;) {
    await awaitWork(config, {
      fatal: (sentence) => {
        log.fatal(sentence, 'restore');
      },
      warn: (sentence) => {
        log.warn(sentence, 'start');
      },
    });
    app = await NestFactory.createApplicationContext(AppModule.of(config), { logger: log, abortOnError: false });
    log.log({ msg: 'the sync agent runs' }, 'start');
    await app.get(RestoreService, { strict: false }).stopped;
    log.fatal('the agent stands still', 'restore');
    await app.close();
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
