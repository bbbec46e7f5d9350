import { readFileSync } from 'node:fs';
import { stdin } from 'node:process';
import { Command } from 'commander';
import { createOpenEmrPool } from '../openemr/openemr-database.js';
import { readInstalledVersion } from '../openemr/known-versions.js';
import { AnswersRefused, QUESTIONS, completeAnswers, type GivenAnswers } from './setup-answers.js';
import { writeSetup, type SetupReport } from './write-setup.js';

interface SetupFlags extends GivenAnswers {
  folder: string;
  versionUser?: string;
  versionPasswordFile?: string;
  renewCertificates: boolean;
  renewFiles: boolean;
  json?: true;
}

/**
 * `setup`: writes what connects a clinic's OpenEMR, and says what to do with it. Asks on a terminal; needs flags
 * elsewhere. Touches neither OpenEMR nor any server.
 */
export function setupCommand(): Command {
  const command = new Command('setup')
    .description('write accounts, keys, certificates and example settings that connect an OpenEMR into a folder')
    .requiredOption('--folder <folder>', 'where everything is written; a second run keeps what is there');
  for (const { flag, asks } of Object.values(QUESTIONS)) {
    command.option(`${flag} <value>`, asks);
  }
  return command
    .option('--version-user <user>', "database account with which OpenEMR's version is read instead of given")
    .option('--version-password-file <file>', 'its password')
    .option('--renew-certificates', 'new certificates for gateway and agent', false)
    .option('--renew-files', 'write SQL, example settings and the client document anew', false)
    .option('--json', 'ask nothing and print JSON')
    .action(async (flags: SetupFlags) => {
      const { json, folder, renewCertificates, renewFiles } = flags;
      const given = { ...flags, openemrVersion: flags.openemrVersion ?? (await installedVersion(flags)) };
      const answers = await completeAnswers(given, json !== true && stdin.isTTY);
      const report = await writeSetup(answers, { folder, renewCertificates, renewFiles });
      process.stdout.write(json === true ? `${JSON.stringify(report)}\n` : reportText(report));
    });
}

/** @throws AnswersRefused, VersionUnknown */
async function installedVersion(flags: SetupFlags): Promise<string | undefined> {
  const { versionUser, versionPasswordFile, databaseHost, databaseCa, databasePort, openemrDatabase } = flags;
  if (versionUser === undefined) {
    return undefined;
  }
  if (versionPasswordFile === undefined || databaseHost === undefined || databaseCa === undefined) {
    throw new AnswersRefused('--version-user needs --version-password-file, --database-host and --database-ca');
  }
  const pool = createOpenEmrPool({
    host: databaseHost,
    port: Number(databasePort ?? '3306'),
    database: openemrDatabase ?? 'openemr',
    user: versionUser,
    password: readFileSync(versionPasswordFile, 'utf8').trim(),
    caFile: databaseCa,
    connectionLimit: 1,
  });
  try {
    const connection = await pool.getConnection();
    try {
      return await readInstalledVersion(connection);
    } finally {
      connection.release();
    }
  } finally {
    await pool.end();
  }
}

function reportText({ folder, siteId, made, kept, different }: SetupReport): string {
  const list = (title: string, names: readonly string[]): string[] =>
    names.length === 0 ? [] : [title, ...names.map((name) => `  ${name}`), ''];
  return [
    `Folder   ${folder}`,
    `Site     ${siteId}`,
    '',
    ...list('Made:', made),
    ...list('Kept as they were:', kept),
    ...list('Kept, though the answers now differ (--renew-files writes them anew):', different),
    'What to do next, in this order:',
    '  1. Keep private/ off both hosts, under lock: it signs who may cross. Needed again only to renew certificates.',
    "  2. On OpenEMR's database server, as its administrator: mariadb < inside/openemr-accounts.sql",
    "  3. Bring inside/ to the agent's host, readable by its user only; there, with inside.env: sync-agent ledger migrate",
    '  4. Carry dmz/ to the DMZ host; its programs read gateway.crt, gateway.key, crossing-ca.crt and root.pub.',
    "  5. On the agent's host: sync-agent register, then the one click in OpenEMR that it names, then register again.",
    '  6. sync-agent doctor, until it finds nothing; then start the agent.',
    '  7. Move inside/keys/root.key to a place that is offline; it is needed only when keys are renewed.',
    '',
  ].join('\n');
}
