import { createReadStream, createWriteStream, renameSync, rmSync } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import type { Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { BackupConfig } from './config.js';
import { startMariadbProgram } from './mariadb-program.js';

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
const MADE_ANEW = ['chart', 'section', 'heartbeat', 'heartbeat_bucket', 'throttle', 'restored'] as const;

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
 * Puts the accounts back to a backup, in one transaction, and forgets the replica: the inside notices and sends it again.
 * Until it has said how far the streams are, no submissions are taken. Portal and gateway must not run meanwhile.
 * @throws Error with one sentence; nothing was changed then
 */
export async function restoreAccounts(config: BackupConfig, file: string): Promise<void> {
  await assertBackup(file, config.siteId);
  const { child, done } = startMariadbProgram('mariadb', config, [
    '--batch',
    '--binary-mode',
    `--database=${config.database.name}`,
  ]);
  const { stdin } = child;
  if (stdin === null) {
    return done;
  }
  const before = [
    'SET SESSION innodb_lock_wait_timeout = 30;',
    'START TRANSACTION;',
    ...[...KEPT, ...MADE_ANEW].map((table) => `DELETE FROM \`${table}\`;`),
  ];
  stdin.write(`${before.join('\n')}\n`);
  try {
    for await (const part of createReadStream(file)) {
      await write(stdin, Buffer.from(part as Uint8Array), done);
    }
    stdin.end('\nINSERT INTO restored (id, at) VALUES (1, UTC_TIMESTAMP(3));\nCOMMIT;\n');
  } catch (error: unknown) {
    child.kill('SIGKILL');
    throw error;
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
