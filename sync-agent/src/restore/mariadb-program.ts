import { spawn, type ChildProcess } from 'node:child_process';
import type { Account, LedgerAddress } from '../config.js';

const PATH = '/usr/local/bin:/usr/bin:/bin';
const KEPT_OF_ERRORS = 2_000;

/** MariaDB's own client program ended with an error, or is not installed. */
export class MariadbProgramFailed extends Error {
  readonly code = 'mariadb-program-failed';
  constructor(program: string, reason: string) {
    super(`${program} did not succeed: ${reason}`);
  }
}

/**
 * Feeds SQL to `mariadb`, piece by piece, on one connection: when that is lost the command fails. It is never opened again
 * in the middle, where what follows would stand outside of the transaction. @throws MariadbProgramFailed
 */
export async function feedMariadb(
  address: LedgerAddress,
  account: Account,
  pieces: AsyncIterable<Buffer | string>,
): Promise<void> {
  const { child, done } = startMariadbProgram('mariadb', address, account, [
    '--batch',
    '--binary-mode',
    '--skip-reconnect',
    `--database=${address.ledgerName}`,
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
  } catch (failure: unknown) {
    child.kill('SIGKILL');
    throw failure;
  }
  await done;
}

/** Runs `mariadb` or `mariadb-dump` against the ledger's server, over TLS; the password is in no argument. */
export function startMariadbProgram(
  program: 'mariadb' | 'mariadb-dump',
  address: LedgerAddress,
  account: Account,
  args: readonly string[],
): { child: ChildProcess; done: Promise<void> } {
  const child = spawn(
    program,
    [
      '--no-defaults',
      '--protocol=TCP',
      `--host=${address.host}`,
      `--port=${String(address.port)}`,
      `--user=${account.user}`,
      `--ssl-ca=${address.caFile}`,
      '--ssl-verify-server-cert',
      '--default-character-set=utf8mb4',
      ...args,
    ],
    { env: { PATH, MYSQL_PWD: account.password }, stdio: ['pipe', 'pipe', 'pipe'] },
  );
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(0, KEPT_OF_ERRORS);
  });
  const done = new Promise<void>((resolve, reject) => {
    child.once('error', (error) => {
      reject(new MariadbProgramFailed(program, `${error.message}; install the Debian package mariadb-client`));
    });
    child.once('close', (code) => {
      if (code === 0) {
        resolve();
      } else {
        reject(new MariadbProgramFailed(program, said.trim() || `exit code ${String(code)}`));
      }
    });
  });
  // Whoever writes to a program that has died hears of it here.
  child.stdin.on('error', () => undefined);
  done.catch(() => undefined);
  return { child, done };
}
