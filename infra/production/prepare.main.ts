import { Argument, Command, Option } from 'commander';
import { ZONES, type Zone } from '../zones/zones.js';
import { CONFIGURATION, SECRETS, STATE } from './placement.js';
import { prepareHost } from './prepare-host.js';
import { WAYS, type Way } from './program-environments.js';

const program = new Command('prepare')
  .description('make what this host needs before its first start; may be repeated')
  .addArgument(new Argument('<zone>', 'which host this is').choices(ZONES))
  .addOption(new Option('--way <way>', 'how its processes will run').choices(WAYS).makeOptionMandatory())
  .option('--from <folder>', 'folder with what was made elsewhere')
  .action(async (zone: Zone, { way, from }: { way: Way; from?: string }) => {
    if (process.getuid?.() !== 0) {
      throw new Error('Run this as root: every file belongs to the process that reads it.');
    }
    const { done, missing, unset } = await prepareHost({
      zone,
      way,
      configuration: CONFIGURATION,
      secrets: SECRETS,
      state: STATE,
      owned: true,
      ...(from === undefined ? {} : { from }),
    });
    process.stdout.write(done.map((line) => `${line}\n`).join(''));
    if (unset.length > 0) {
      process.stderr.write(`Fill in ${CONFIGURATION}/${zone}.env: ${unset.join(', ')}.\n`);
      process.exitCode = 1;
    }
    if (missing.length > 0) {
      process.stderr.write(
        `Still missing in ${SECRETS}: ${missing.join(', ')}. Put them into a folder and name it with --from.\n`,
      );
      process.exitCode = 1;
    }
  });

try {
  await program.parseAsync();
} catch (error: unknown) {
  process.stderr.write(`${error instanceof Error ? error.message : 'the preparation failed'}\n`);
  process.exitCode = 1;
}
