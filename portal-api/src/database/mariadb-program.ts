import { spawn, type ChildProcess } from 'node:child_process';
import type { BackupConfig } from './config.js';

const PATH = '/usr/local/bin:/usr/bin:/bin';
const KEPT_OF_ERRORS = 2_000;

/**
 * Feeds SQL to `mariadb`, piece by piece, on one connection: when that is lost the command fails. It is never opened again
 * in the middle, where what follows would stand outside of the transaction. @throws Error with one sentence
 */
export async function feedMariadb(config: BackupConfig, pieces: AsyncIterable<Buffer | string>): Promise<void> {
  const { child, done } = startMariadbProgram('mariadb', config, [
    '--batch',
    '--binary-mode',
    '--skip-reconnect',
    `--database=${config.database.name}`,
  ]);
  const { stdin } = child;
  try {
    for await (const piece of pieces) {
      if (stdin?.write(piece) === false) {
        // Waits while the program reads; its end ends the wait.
        await Promise.race([new Promise((resolve) => stdin.once('drain', resolve)), done]);
      }
    }
    stdin?.end();
  } catch (error: unknown) {
    child.kill('SIGKILL');
    throw error;
  }
  await done;
}

/** Runs `mariadb` or `mariadb-dump` against the DMZ's server, over TLS; the password is in no argument. */
export function startMariadbProgram(
  program: 'mariadb' | 'mariadb-dump',
  { database, caFile }: BackupConfig,
  args: readonly string[],
): { child: ChildProcess; done: Promise<void> } {
  const child = spawn(
    program,
    [
      '--no-defaults',
      '--protocol=TCP',
      `--host=${database.host}`,
      `--port=${String(database.port)}`,
      `--user=${database.user}`,
      `--ssl-ca=${caFile}`,
      '--ssl-verify-server-cert',
      '--default-character-set=utf8mb4',
      ...args,
    ],
    { env: { PATH, MYSQL_PWD: database.password }, stdio: ['pipe', 'pipe', 'pipe'] },
  );
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(0, KEPT_OF_ERRORS);
  });
  const done = new Promise<void>((resolve, reject) => {
    child.once('error', (error) => {
      reject(new Error(`${program} did not start: ${error.message}; install the Debian package mariadb-client`));
    });
    child.once('close', (code) => {
      if (code === 0) {
        resolve();
      } else {
        reject(new Error(`${program} did not succeed: ${said.trim() || `exit code ${String(code)}`}`));
      }
    });
  });
  // Whoever writes to a program that has died hears of it here.
  child.stdin.on('error', () => undefined);
  done.catch(() => undefined);
  return { child, done };
}
