import { createReadStream, createWriteStream, renameSync, rmSync } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import type { BackupConfig } from './config.js';
import { feedMariadb, startMariadbProgram } from './mariadb-program.js';

/**
 * What only the DMZ has: who has an account, what was submitted, and the audit log; with the grants, so that accounts work
 * as soon as their charts are back. All of it is ciphertext, references and times.
 */
const KEPT = [
  'key_statement',
  'era',
  'invite',
  'account',
  'chart_grant',
  'stream',
  'outbox',
  'own_copy',
  'receipt',
  'audit_entry',
  'audit_head',
] as const;
/** What the inside sends again, or what was counted against tries of before. */
const MADE_ANEW = [
  'chart',
  'section',
  'document_blob',
  'document_chunk',
  'heartbeat',
  'heartbeat_bucket',
  'throttle',
  'restored',
] as const;

const END = '-- end of the backup';

function head(siteId: string): string {
  return `-- openemr portal accounts backup, site ${siteId}`;
}

/** Writes the accounts as they are at one moment; the portal works on meanwhile. Leaves no half file under the name. */
export async function backupAccounts(config: BackupConfig, file: string): Promise<void> {
  const draft = `${file}.new`;
  rmSync(draft, { force: true });
  const { child, done } = startMariadbProgram('mariadb-dump', config, [
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
    config.database.name,
    ...KEPT,
  ]);
  child.stdin?.end();
  const target = createWriteStream(draft, { mode: 0o600, flags: 'wx' });
  target.write(`${head(config.siteId)}\n`);
  try {
    await Promise.all([child.stdout === null ? undefined : pipeline(child.stdout, target, { end: false }), done]);
    await new Promise<void>((resolve) => target.end(`${END}\n`, resolve));
    const written = await open(draft, 'r');
    await written.sync();
    await written.close();
  } catch (error: unknown) {
    target.destroy();
    rmSync(draft, { force: true });
    throw error;
  }
  renameSync(draft, file);
}

/**
 * Puts the accounts back to a backup, in one transaction, and forgets the replica: the inside is told at the next
 * handshake and sends it again. Until it has said how far the streams are, no submissions are taken. Portal and gateway
 * must not run meanwhile. @throws Error with one sentence; nothing was changed then
 */
export async function restoreAccounts(config: BackupConfig, file: string): Promise<void> {
  await assertBackup(file, config.siteId);
  await restoreRows(config, createReadStream(file));
}

/** The same from the backup's SQL, in pieces, without a look at where it begins and ends. */
export async function restoreRows(config: BackupConfig, rows: AsyncIterable<Buffer>): Promise<void> {
  await feedMariadb(config, inOneTransaction(rows));
}

async function* inOneTransaction(rows: AsyncIterable<Buffer>): AsyncGenerator<Buffer | string> {
  const emptied = [...KEPT, ...MADE_ANEW].map((table) => `DELETE FROM \`${table}\`;\n`);
  yield `SET SESSION innodb_lock_wait_timeout = 30;\nSTART TRANSACTION;\n${emptied.join('')}`;
  yield* rows;
  yield '\nINSERT INTO restored (id, at) VALUES (1, UTC_TIMESTAMP(3));\nCOMMIT;\n';
}

async function assertBackup(file: string, siteId: string): Promise<void> {
  const handle = await open(file, 'r').catch(() => null);
  if (handle === null) {
    throw new Error(`${file} cannot be read`);
  }
  try {
    const { size } = await handle.stat();
    if (!(await textAt(handle, 0, 200)).startsWith(`${head(siteId)}\n`)) {
      throw new Error(`${file} is no backup of the accounts of this site`);
    }
    if (!(await textAt(handle, Math.max(0, size - 200), 200)).endsWith(`\n${END}\n`)) {
      throw new Error(`${file} is cut off: its last line is missing`);
    }
  } finally {
    await handle.close();
  }
}

async function textAt(handle: FileHandle, position: number, length: number): Promise<string> {
  const { buffer, bytesRead } = await handle.read(Buffer.alloc(length), 0, length, position);
  return buffer.subarray(0, bytesRead).toString('utf8');
}
