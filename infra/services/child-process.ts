import { spawn, type ChildProcess, type StdioOptions } from 'node:child_process';

/** An operating-system user that servers run as; null when the launcher itself is unprivileged. */
export interface ServerUser {
  uid: number;
  gid: number;
}

/** Debian and Ubuntu give `nobody`/`nogroup` this number; it owns no file of the system. */
const NOBODY = { uid: 65534, gid: 65534 };

const SYSTEM_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

export function serverUser(): ServerUser | null {
  return process.getuid?.() === 0 ? NOBODY : null;
}

export interface ChildOptions {
  user?: ServerUser | null;
  /** The whole environment of the child, beside a system PATH: nothing is inherited. */
  env: Record<string, string>;
  cwd?: string;
  stdio?: StdioOptions;
  /** the place's command, put before everything: it must replace itself by what follows */
  prefix?: readonly string[];
}

/**
 * Starts a program that cannot outlive this process: the kernel kills it when its parent dies, whatever the parent
 * died of (PR_SET_PDEATHSIG through setpriv, which replaces itself by the program, so the pid is the program's own).
 * It has its own process group, so that Ctrl-C reaches the launcher alone, which then stops everything in order.
 * Core dumps are off because a dump holds keys; new privileges cannot be gained.
 */
export function spawnChild(program: string, args: string[], options: ChildOptions): ChildProcess {
  const identity = options.user
    ? ['--reuid', String(options.user.uid), '--regid', String(options.user.gid), '--clear-groups']
    : [];
  const [first = '', ...rest] = [
    ...(options.prefix ?? []),
    ...['/usr/bin/prlimit', '--core=0'],
    ...['/usr/bin/setpriv', '--pdeathsig', 'KILL', '--no-new-privs', ...identity, '--', program, ...args],
  ];
  return spawn(first, rest, {
    env: { PATH: SYSTEM_PATH, ...options.env },
    cwd: options.cwd,
    stdio: options.stdio ?? 'ignore',
    detached: true,
  });
}

/** Settles when the child is gone; never rejects. A child that could not be started counts as gone. */
export function exited(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    if (child.exitCode !== null || child.signalCode !== null) {
      resolve(exitReason(child.exitCode, child.signalCode));
      return;
    }
    child.once('exit', (code, signal) => {
      resolve(exitReason(code, signal));
    });
    child.once('error', (error) => {
      resolve(error.message);
    });
  });
}

function exitReason(code: number | null, signal: NodeJS.Signals | null): string {
  return signal ? `ended by ${signal}` : `ended with exit code ${code}`;
}

/** Runs a program to its end and gives its standard output; throws with its last words when it fails. */
export async function run(
  program: string,
  args: string[],
  options: ChildOptions & { input?: string },
): Promise<string> {
  const child = spawnChild(program, args, { ...options, stdio: ['pipe', 'pipe', 'pipe'] });
  let output = '';
  let complaints = '';
  child.stdout?.setEncoding('utf8').on('data', (chunk: string) => (output += chunk));
  child.stderr?.setEncoding('utf8').on('data', (chunk: string) => (complaints += chunk));
  // A program that stops reading early says so by its exit code; the broken pipe itself is no news.
  child.stdin?.on('error', () => undefined);
  child.stdin?.end(options.input ?? '');
  await new Promise((resolve) => {
    child.once('close', resolve);
    child.once('error', resolve);
  });
  if (child.exitCode !== 0) {
    const reason = exitReason(child.exitCode, child.signalCode);
    throw new Error(`${program} ${reason}: ${(complaints || output).trim().split('\n').slice(-5).join(' | ')}`);
  }
  return output;
}

/** Environment of the servers and of the tools that set them up: nothing secret, nothing of the caller's. */
export function bareEnvironment(home: string): Record<string, string> {
  return { HOME: home, TMPDIR: home, LC_ALL: 'C' };
}
