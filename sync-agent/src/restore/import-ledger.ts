import { createReadStream } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import type { Writable } from 'node:stream';
import { BACKUP_END, backupHead, ledgerTables, type BackupTarget } from './backup-ledger.js';
import { startMariadbProgram } from './mariadb-program.js';

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
  const { child, done } = startMariadbProgram('mariadb', config.database, config.writer, [
    '--batch',
    '--binary-mode',
    `--database=${config.database.ledgerName}`,
  ]);
  const { stdin } = child;
  if (stdin === null) {
    return done;
  }
  const before = [
    'SET SESSION innodb_lock_wait_timeout = 30;',
    'START TRANSACTION;',
    ...ledgerTables().emptied.map((table) => `DELETE FROM \`${table}\`;`),
  ];
  stdin.write(`${before.join('\n')}\n`);
  try {
    for await (const part of createReadStream(file)) {
      await write(stdin, Buffer.from(part as Uint8Array), done);
    }
    stdin.end("\nINSERT INTO restore_step (step) VALUES ('era');\nCOMMIT;\n");
  } catch (failure: unknown) {
    child.kill('SIGKILL');
    throw failure;
  }
  await done;
}

/** Waits while the program reads; its end ends the wait. */
async function write(stdin: Writable, part: Buffer, done: Promise<void>): Promise<void> {
  if (!stdin.write(part)) {
    await Promise.race([new Promise((resolve) => stdin.once('drain', resolve)), done]);
  }
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
