import { createReadStream } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { BACKUP_END, backupHead, ledgerTables, type BackupTarget } from './backup-ledger.js';
import { feedMariadb } from './mariadb-program.js';

/** The file is no backup of this ledger; the sentence says why. Nothing was changed. */
export class BackupRefused extends Error {
  readonly code = 'backup-refused';
  constructor(file: string, reason: string) {
    super(`${file} ${reason}`);
  }
}

/**
 * Puts the ledger back to a backup, in one transaction: whatever dies meanwhile, it is the ledger of before or the one of
 * the backup. From then on nothing runs until an era begins. @throws BackupRefused, MariadbProgramFailed
 */
export async function importLedger(config: BackupTarget, file: string): Promise<void> {
  await assertBackup(file, config.siteId);
  await importRows(config, createReadStream(file));
}

/** The same from the backup's SQL, in pieces, without a look at where it begins and ends. @throws MariadbProgramFailed */
export async function importRows({ database, writer }: BackupTarget, rows: AsyncIterable<Buffer>): Promise<void> {
  await feedMariadb(database, writer, inOneTransaction(rows));
}

async function* inOneTransaction(rows: AsyncIterable<Buffer>): AsyncGenerator<Buffer | string> {
  const emptied = ledgerTables().emptied.map((table) => `DELETE FROM \`${table}\`;\n`);
  yield `SET SESSION innodb_lock_wait_timeout = 30;\nSTART TRANSACTION;\n${emptied.join('')}`;
  yield* rows;
  yield "\nINSERT INTO restore_step (step) VALUES ('era');\nCOMMIT;\n";
}

async function assertBackup(file: string, siteId: string): Promise<void> {
  const handle = await open(file, 'r').catch(() => null);
  if (handle === null) {
    throw new BackupRefused(file, 'cannot be read');
  }
  try {
    const { size } = await handle.stat();
    if (!(await textAt(handle, 0, 200)).startsWith(`${backupHead(siteId)}\n`)) {
      throw new BackupRefused(file, 'is no backup of the ledger of this site');
    }
    if (!(await textAt(handle, Math.max(0, size - 200), 200)).endsWith(`\n${BACKUP_END}\n`)) {
      throw new BackupRefused(file, 'is cut off: its last line is missing');
    }
  } finally {
    await handle.close();
  }
}

async function textAt(handle: FileHandle, position: number, length: number): Promise<string> {
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, position);
  return buffer.subarray(0, bytesRead).toString('utf8');
}
