import { createWriteStream, renameSync, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { getMetadataArgsStorage } from 'typeorm';
import type { Account, LedgerAddress } from '../config.js';
import { LEDGER_ENTITIES } from '../ledger/ledger-database.js';
import { MariadbProgramFailed, startMariadbProgram } from './mariadb-program.js';

/** Whose ledger, and the account that reads and writes its rows. */
export interface BackupTarget {
  siteId: string;
  database: LedgerAddress;
  writer: Account;
}

/** First and last line of a backup; between them stands SQL that only adds rows. */
export const backupHead = (siteId: string): string => `-- sync-agent ledger backup, site ${siteId}`;
export const BACKUP_END = '-- end of the backup';

/** What the first renders of a new era make again, and what belongs to one binlog only. */
const NOT_KEPT = [
  'chart_section',
  'dirty',
  'source_row',
  'feed_position',
  'clock_marker',
  'marker_seen',
  'polling',
  'restore_step',
  'forgotten_delivery',
  'document_blob',
];

/** What was said about trust in the DMZ is neither in a backup nor replaced by one: an older word must not lift a cut. */
const NEVER_PUT_BACK = ['cut'];

/** The tables that an import empties, and those whose rows a backup holds. */
export function ledgerTables(): { emptied: string[]; kept: string[] } {
  const entities: readonly unknown[] = LEDGER_ENTITIES;
  const all = getMetadataArgsStorage().tables.flatMap(({ target, name }) =>
    entities.includes(target) && name !== undefined ? [name] : [],
  );
  const emptied = all.filter((name) => !NEVER_PUT_BACK.includes(name));
  return { emptied, kept: emptied.filter((name) => !NOT_KEPT.includes(name)) };
}

/**
 * Writes the ledger as it is at one moment into a file that only its owner can read; work goes on meanwhile. What is in
 * it is patients' data: subjects, names in portal mail, the map from references to pids; envelopes and keys are sealed or
 * wrapped. Leaves no half file under the name.
 */
export async function backupLedger(config: BackupTarget, file: string): Promise<void> {
  const draft = `${file}.new`;
  rmSync(draft, { force: true });
  const { child, done } = startMariadbProgram('mariadb-dump', config.database, config.writer, [
    '--single-transaction',
    // Newer versions would commit after each table when the file is read in again.
    '--skip-no-autocommit',
    '--no-create-info',
    '--skip-triggers',
    '--skip-lock-tables',
    '--skip-add-locks',
    '--skip-disable-keys',
    '--no-tablespaces',
    '--skip-dump-date',
    '--complete-insert',
    '--hex-blob',
    config.database.ledgerName,
    ...ledgerTables().kept,
  ]);
  child.stdin?.end();
  const target = createWriteStream(draft, { mode: 0o600, flags: 'wx' });
  target.write(`${backupHead(config.siteId)}\n`);
  if (child.stdout === null) {
    throw new MariadbProgramFailed('mariadb-dump', 'it has no output');
  }
  try {
    await Promise.all([pipeline(child.stdout, target, { end: false }), done]);
    await new Promise<void>((resolve) => target.end(`${BACKUP_END}\n`, resolve));
    const written = await open(draft, 'r');
    await written.sync();
    await written.close();
  } catch (failure: unknown) {
    target.destroy();
    rmSync(draft, { force: true });
    throw failure;
  }
  renameSync(draft, file);
}
