import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { Eras, signEra, type EraStatement } from 'sync-contract/era-statement';
import { Signed } from 'sync-contract/signed';
import { readAgentConfig, readKeysConfig, type AgentConfig } from '../config.js';
import { GatewayClient } from '../gateway-client/gateway-client.js';
import { GatewayConnection } from '../gateway-client/gateway-connection.js';
import { KEY_FILES, readRootKey, readRootPublicKey } from '../keys/key-files.js';
import { KeyStore } from '../keys/key-store.js';
import { createLedgerDataSource } from '../ledger/ledger-database.js';
import { SingleAgent } from '../ledger/single-agent.js';
import { readStandStill } from '../ledger/stand-still.js';
import { openEmrTables } from '../openemr/writer-tables.js';
import { backupLedger } from './backup-ledger.js';
import { beginEra, begunButNotTold, highestEra, type BegunEra } from './begin-era.js';
import { confirmPatients, readFrozen, type Confirmation } from './freeze-patients.js';
import { importLedger } from './import-ledger.js';

export interface RestoreOptions {
  from?: string;
  rootKey?: string;
  eraStatement?: string;
  samePatient?: number[];
  json?: true;
}

/** The era cannot begin; the message says what to do. */
export class RestoreRefused extends Error {
  readonly code = 'restore-refused';
  readonly logLevel = 'warn';
}

export function backupCommand(): Command {
  return new Command('backup')
    .description('write the ledger as it is now into a file; keep it as safe as a backup of OpenEMR')
    .requiredOption('--to <file>', 'the file, which only its owner will be able to read')
    .action(async ({ to }: { to: string }) => {
      const config = readAgentConfig();
      await backupLedger(config, to);
      process.stdout.write(
        `The ledger is in ${to}. It is of use only with the key folder ${config.keyDir}: ${KEY_FILES.wrap}, ` +
          `${KEY_FILES.resourceId}, ${KEY_FILES.sign}, agent-seal-*.key, ${KEY_FILES.statements}, ${KEY_FILES.rootPublic}.\n`,
      );
    });
}

export function eraCommand(): Command {
  const sign = new Command('sign')
    .description('where the root key is: sign the statement that begins an era, for `restore --era-statement`')
    .requiredOption('--era <n>', 'the number that `restore` asks for', parseWhole)
    .option('--root-key <file>', "the root's private key; by default in the key folder")
    .option('--to <file>', 'where to write the statement instead of standard output')
    .action(({ era, rootKey, to }: { era: number; rootKey?: string; to?: string }) => {
      const { siteId, keyDir } = readKeysConfig();
      const signed = signEra(siteId, era, readRootKey(rootKey ?? join(keyDir, KEY_FILES.root)));
      const text = `${JSON.stringify(signed)}\n`;
      if (to === undefined) {
        process.stdout.write(text);
      } else {
        writeFileSync(to, text, { mode: 0o600, flag: 'wx' });
      }
    });
  return new Command('era').description('eras, which restores begin').addCommand(sign);
}

/**
 * `restore`: after the ledger, OpenEMR or both came from a backup. Reads the ledger's backup in when asked to, then begins
 * a new era. The agent must not run; it does the rest at its next start. Run again after an interruption, it ends in the
 * same state. With nothing but `--same-patient` it confirms patients, and the agent may run.
 */
export function restoreCommand(): Command {
  return new Command('restore')
    .description('begin a new era after a restore of the ledger or of OpenEMR')
    .option('--from <file>', 'first put the ledger back to this backup')
    .option('--root-key <file>', "the root's private key, when it is here")
    .option('--era-statement <file>', 'the statement that `era sign` made where the root key is')
    .option(
      '--same-patient <pids>',
      'pids, with commas, of whom a person saw that OpenEMR still has the same patient',
      parsePids,
    )
    .option('--json', 'print JSON instead of text')
    .action(async (options: RestoreOptions) => {
      try {
        const config = readAgentConfig();
        const { samePatient, from, rootKey, eraStatement, json } = options;
        if (samePatient !== undefined && from === undefined && rootKey === undefined && eraStatement === undefined) {
          const confirmation = await runConfirmation(config, samePatient);
          process.stdout.write(
            json === true ? `${JSON.stringify(confirmation)}\n` : describeConfirmation(confirmation),
          );
          process.exitCode = confirmation.refused.length > 0 ? 2 : 0;
          return;
        }
        const begun = await runRestore(config, options, (sentence) => process.stderr.write(`${sentence}\n`));
        process.stdout.write(json === true ? `${JSON.stringify(begun)}\n` : describe(begun));
      } catch (error: unknown) {
        if (!(error instanceof RestoreRefused)) {
          throw error;
        }
        process.stderr.write(`${error.message}\n`);
        process.exitCode = 2;
      }
    });
}

/** The command without its command line. @throws RestoreRefused, BackupRefused, Transient, Permanent */
export async function runRestore(
  config: AgentConfig,
  options: RestoreOptions,
  say: (sentence: string) => void,
): Promise<BegunEra> {
  const keys = KeyStore.open(config.keyDir, config.siteId);
  const publicKey = readRootPublicKey(config.keyDir);
  await using _alone = await SingleAgent.claim(config.database, config.writer, say);
  const fromGateway = await readEras(config, keys);
  const ledger = await createLedgerDataSource(config.database, config.writer).initialize();
  try {
    const told = options.from === undefined ? await begunButNotTold(ledger) : null;
    if (told !== null && (options.samePatient ?? []).length === 0) {
      return { era: told, charts: 0, deliveredAgain: 0, frozen: await readFrozen(ledger.manager) };
    }
    // Before anything is changed: without the root's word the ledger stays as it is.
    const beginning = await rootsWord(
      config,
      options,
      publicKey,
      await highestEra(ledger, fromGateway, { publicKey, site: config.siteId }),
    );
    if (options.from !== undefined) {
      await importLedger(config, options.from);
    }
    return await beginEra(ledger, {
      ...beginning,
      tables: openEmrTables(config.database.openemrName),
      resourceIdKey: keys.resourceIdKey,
      samePatients: options.samePatient ?? [],
    });
  } finally {
    await ledger.destroy();
  }
}

/** `restore --same-patient` by itself. @throws RestoreRefused while the ledger waits for its era */
export async function runConfirmation(config: AgentConfig, pids: readonly number[]): Promise<Confirmation> {
  const { resourceIdKey } = KeyStore.open(config.keyDir, config.siteId);
  const ledger = await createLedgerDataSource(config.database, config.writer).initialize();
  try {
    if ((await readStandStill(ledger)) !== null) {
      throw new RestoreRefused(
        'A new era has to begin first: run `restore` with --root-key or --era-statement, and --same-patient with it.',
      );
    }
    return await confirmPatients(ledger, { tables: openEmrTables(config.database.openemrName), resourceIdKey }, pids);
  } finally {
    await ledger.destroy();
  }
}

async function readEras(config: AgentConfig, keys: KeyStore): Promise<Signed[]> {
  const gateway = new GatewayClient(
    new GatewayConnection(config.gateway),
    config.siteId,
    keys.statements,
    () => undefined,
  );
  try {
    return (await gateway.readEras()).eras;
  } finally {
    await gateway.close();
  }
}

/** @throws RestoreRefused without a statement for an era above `highest` */
async function rootsWord(
  config: AgentConfig,
  { rootKey, eraStatement }: RestoreOptions,
  publicKey: Buffer,
  highest: number,
): Promise<{ statement: EraStatement; signed: Signed }> {
  const eras = new Eras(publicKey, config.siteId);
  if (eraStatement !== undefined) {
    const signed = Signed.parse(JSON.parse(readFileSync(eraStatement, 'utf8')));
    const statement = eras.add(signed);
    if (statement.era <= highest) {
      throw new RestoreRefused(
        `Era ${String(statement.era)} was begun before. Sign era ${String(highest + 1)} where the root key is.`,
      );
    }
    return Promise.resolve({ statement, signed });
  }
  if (rootKey === undefined) {
    throw new RestoreRefused(
      `The root has to begin era ${String(highest + 1)}: run \`sync-agent era sign --era ${String(highest + 1)} --to FILE\` ` +
        'where the root key is, then `restore --era-statement FILE`; or name the key with --root-key.',
    );
  }
  const signed = signEra(config.siteId, highest + 1, readRootKey(rootKey));
  return { statement: eras.add(signed), signed };
}

function describe({ era, charts, deliveredAgain, frozen }: BegunEra): string {
  return [
    `Era ${String(era)} has begun. Start the agent: it sends ${String(charts)} charts anew and asks the DMZ for its outbox again.`,
    ...(deliveredAgain > 0 ? [`${String(deliveredAgain)} messages that OpenEMR has lost are delivered again.`] : []),
    ...frozenLines(frozen),
    '',
  ].join('\n');
}

export function describeConfirmation({ confirmed, refused, frozen }: Confirmation): string {
  return [
    ...(confirmed.length > 0
      ? [`Confirmed: pid ${confirmed.join(', ')}. Their charts and messages go on; open invites of before are void.`]
      : []),
    ...refused.map(({ pid, reason }) => `Not confirmed: pid ${String(pid)}, because ${reason}.`),
    ...frozenLines(frozen),
    '',
  ].join('\n');
}

function frozenLines(frozen: readonly number[]): string[] {
  return frozen.length > 0
    ? [
        `Frozen, because OpenEMR's record may be another person's now: pid ${frozen.join(', ')}. Compare name and date of birth ` +
          'with what the practice knows, then run `patients --same-patient` with the pids that are still the same person.',
      ]
    : [];
}

function parseWhole(text: string): number {
  const whole = Number(text);
  if (!/^\d{1,9}$/.test(text) || whole === 0) {
    throw new InvalidArgumentError('must be a whole number above 0.');
  }
  return whole;
}

function parsePids(text: string): number[] {
  return text.split(',').map(parseWhole);
}
