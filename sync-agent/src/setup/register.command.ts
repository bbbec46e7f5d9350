import { Command } from 'commander';
import { readOpenEmrApiConfig } from '../config.js';
import { registerAtOpenEmr, type RegisterOptions, type RegistrationState } from './register-at-openemr.js';

/**
 * `register`: makes the agent known to OpenEMR, once. Run it again to see how far it is. Exit code 0 when OpenEMR lets
 * the agent in or waits for the administrator's click only.
 */
export function registerCommand(): Command {
  return new Command('register')
    .description('register the agent as an API client of OpenEMR, or tell how far that is')
    .option('--contact <address>', 'e-mail address shown to the administrator', 'sync-agent@localhost.invalid')
    .option('--client-id <id>', 'use a client that is registered already')
    .option('--again', 'register a new client in place of the one that is known here')
    .option('--json', 'print JSON instead of text')
    .action(async ({ json, ...options }: RegisterOptions & { json?: true }) => {
      const state = await registerAtOpenEmr(readOpenEmrApiConfig(), options);
      process.stdout.write(json === true ? `${JSON.stringify(state)}\n` : registrationText(state));
      process.exitCode = state.state === 'ready' || state.state === 'not-enabled' ? 0 : 1;
    });
}

function registrationText({ clientId, clientName, registered, state, sentence }: RegistrationState): string {
  return [
    `Client         ${clientName}`,
    `Client id      ${clientId}`,
    `Registered     ${registered === 'now' ? 'just now' : 'before'}`,
    `State          ${state}`,
    '',
    sentence,
    ...(state === 'not-enabled' ? ['Then run `register` again: it says when OpenEMR lets the agent in.'] : []),
    '',
  ].join('\n');
}
