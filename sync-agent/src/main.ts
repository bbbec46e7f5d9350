import 'reflect-metadata';
import { NestFactory } from '@nestjs/core';
import { AgentLog } from './agent-log.js';
import { AppModule } from './app.module.js';
import { drillFaultSetting, readAgentConfig, type AgentConfig } from './config.js';
import { SingleAgent } from './ledger/single-agent.js';

/** Runs until SIGTERM or SIGINT; work under way is finished or left to the next start, whichever is safe. */
async function run(config: AgentConfig): Promise<void> {
  const log = new AgentLog(config.logLevel);
  const single = await SingleAgent.claim(config.database, config.writer, (sentence) => {
    log.warn(sentence, 'start');
  });
  const app = await NestFactory.createApplicationContext(AppModule.of(config), { logger: log, abortOnError: false });
  app.enableShutdownHooks(['SIGTERM', 'SIGINT']);
  log.log({ msg: 'the sync agent runs' }, 'start');
  const fault = drillFaultSetting();
  if (fault !== undefined) {
    log.error(`a drill has switched a protection off: ${fault}`, 'start');
  }
  void single.lost.then(() => {
    log.fatal('another agent took over the ledger; this one ends', 'start');
    process.exit(1);
  });
}

try {
  await run(readAgentConfig());
} catch (failure: unknown) {
  process.stderr.write(`${failure instanceof Error ? failure.message : 'the sync agent did not start'}\n`);
  process.exit(1);
}
