import 'reflect-metadata';
import { Command } from 'commander';
import { readKeysConfig, readOwnerConfig } from './config.js';
import { cutCommand } from './cut/cut.command.js';
import { doctorCommand } from './doctor/doctor.command.js';
import { statusCommand } from './doctor/status.command.js';
import { inviteCommand } from './enrol/invite.command.js';
import { patientsCommand } from './enrol/patients.command.js';
import { initKeys } from './keys/key-files.js';
import { createLedgerDataSource } from './ledger/ledger-database.js';
import { reconciliationCommand } from './reconcile/reconciliation.command.js';
import { releaseCommand } from './release/release.command.js';
import { registerCommand } from './setup/register.command.js';
import { backupCommand, eraCommand, restoreCommand } from './restore/restore.command.js';
import { setupCommand } from './setup/setup.command.js';

function keysCommand(): Command {
  const init = new Command('init')
    .description('make the missing keys and statements, and a new sealing key when the newest is a month old')
    .action(async () => {
      const { keyDir, siteId } = readKeysConfig();
      process.stdout.write(`${await initKeys(keyDir, siteId)}\n`);
    });
  return new Command('keys').description("the agent's keys").addCommand(init);
}

function ledgerCommand(): Command {
  const migrate = new Command('migrate').description("bring the ledger's tables up to date").action(async () => {
    const { address, owner } = readOwnerConfig();
    const ledger = await createLedgerDataSource(address, owner).initialize();
    try {
      const done = await ledger.runMigrations({ transaction: 'each' });
      process.stdout.write(`${String(done.length)} migrations applied\n`);
    } finally {
      await ledger.destroy();
    }
  });
  return new Command('ledger').description("the ledger's tables").addCommand(migrate);
}

const program = new Command('sync-agent')
  .description("the sync agent's command line")
  .addCommand(keysCommand())
  .addCommand(ledgerCommand())
  .addCommand(registerCommand())
  .addCommand(setupCommand())
  .addCommand(inviteCommand())
  .addCommand(patientsCommand())
  .addCommand(doctorCommand())
  .addCommand(cutCommand())
  .addCommand(statusCommand())
  .addCommand(reconciliationCommand())
  .addCommand(releaseCommand())
  .addCommand(backupCommand())
  .addCommand(eraCommand())
  .addCommand(restoreCommand());

try {
  await program.parseAsync();
} catch (failure: unknown) {
  process.stderr.write(`${failure instanceof Error ? failure.message : 'the command failed'}\n`);
  process.exitCode = 1;
}
