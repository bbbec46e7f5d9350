import { Command } from 'commander';
import { readAgentConfig } from '../config.js';
import { cutOff, liftCut, type Step } from './cut-off.js';

interface CutOptions {
  json?: true;
  undo?: true;
  dmzIsTrustedAgain?: true;
}

/**
 * `cut`: for the moment in which the DMZ is believed taken, so it asks nothing. Exit code 1 when a step could not be
 * done; each sentence says what to do instead.
 */
export function cutCommand(): Command {
  return new Command('cut')
    .description('the DMZ is believed taken: stop all exchange, end all sessions, revoke the agent’s certificate')
    .option('--undo', 'lift the cut; needs a new certificate and --dmz-is-trusted-again')
    .option('--dmz-is-trusted-again', 'with --undo: the DMZ was set up anew or found to be clean')
    .option('--json', 'print JSON instead of text')
    .action(async (options: CutOptions) => {
      const config = readAgentConfig();
      const began = performance.now();
      const steps =
        options.undo === true ? await liftCut(config, options.dmzIsTrustedAgain === true) : await cutOff(config);
      const ms = Math.round(performance.now() - began);
      process.stdout.write(options.json === true ? `${JSON.stringify({ steps, ms })}\n` : describeSteps(steps, ms));
      if (steps.some(({ done }) => !done)) {
        process.exitCode = 1;
      }
    });
}

export function describeSteps(steps: readonly Step[], ms: number): string {
  const lines = steps.map(
    ({ step, done, ms: took, sentence }) =>
      `${step.padEnd(12)}${done ? 'done  ' : 'FAILED'}${`${String(took)} ms`.padStart(10)}  ${sentence}`,
  );
  return `${lines.join('\n')}\n${'together'.padEnd(18)}${`${String(ms)} ms`.padStart(10)}\n`;
}
