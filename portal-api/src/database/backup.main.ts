import { parseArgs } from 'node:util';
import { backupAccounts, restoreAccounts } from './backup.js';
import { backupConfig } from './config.js';

const USAGE = 'Say what to do: --to FILE writes a backup of the accounts, --restore FILE puts them back to one.';

try {
  const { values } = parseArgs({
    options: { to: { type: 'string' }, restore: { type: 'string' }, help: { type: 'boolean' } },
  });
  if (values.help === true) {
    process.stdout.write(`${USAGE}\n`);
  } else if (values.to !== undefined && values.restore === undefined) {
    await backupAccounts(backupConfig(), values.to);
    process.stdout.write(
      `The accounts are in ${values.to}. Without the pepper and blind-index key files nobody can sign in with them: keep these elsewhere.\n`,
    );
  } else if (values.restore !== undefined && values.to === undefined) {
    await restoreAccounts(backupConfig(), values.restore);
    process.stdout.write(
      'The accounts are restored. Start gateway and portal; the sync agent sends the charts again.\n',
    );
  } else {
    throw new Error(USAGE);
  }
} catch (error: unknown) {
  process.stderr.write(`${error instanceof Error ? error.message : 'unknown reason'}\n`);
  process.exitCode = 1;
}
