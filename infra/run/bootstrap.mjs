/**
 * What every entry script needs before the real programs can run, in plain JavaScript for whatever Node (20.19+) is
 * there: npm packages, Debian packages, compiled code. The programs themselves run under the pinned Node of
 * `node_modules`.
 */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildAll } from './build-steps.mjs';
import { ensureDebianPackages } from './debian-packages.mjs';

export const ROOT = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
export const PINNED_NODE = join(ROOT, 'node_modules/.bin/node');
const INSTALLED_LOCK = join(ROOT, 'node_modules/.package-lock.json');

/** Ends the script with one sentence for the person and the exit code that says what kind of thing is missing. */
export function refuse(sentence, code) {
  process.stderr.write(`${sentence}\n`);
  process.exit(code);
}

export function say(line) {
  process.stderr.write(`${line}\n`);
}

/**
 * @param {{ debian?: ('servers' | 'browser' | 'networks' | 'description')[], build?: boolean }} needs
 */
export async function prepare({ debian = [], build = true } = {}) {
  requireNode();
  ensureNpmPackages();
  ensureDebianPackages(debian, { say, refuse });
  if (build) {
    await buildAll({ root: ROOT, node: PINNED_NODE, say, refuse });
  }
}

function requireNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major < 20 || (major === 20 && minor < 19)) {
    refuse(`Node ${process.versions.node} is too old; 20.19 or newer is needed to start, 24 is then brought along.`, 3);
  }
}

/** Installs unless it was done. What then lies there must be what the lock names; the lock itself is not written. */
function ensureNpmPackages() {
  const lockFile = join(ROOT, 'package-lock.json');
  const stamp = join(ROOT, 'node_modules/.installed-lock');
  const lock = readFileSync(lockFile);
  const wanted = createHash('sha256').update(lock).digest('hex');
  const installed = existsSync(stamp) ? readFileSync(stamp, 'utf8') : undefined;
  if (installed === wanted) {
    return;
  }
  if (installed !== undefined || !installedByHand(lockFile)) {
    installNpmPackages();
  }
  const others = existsSync(INSTALLED_LOCK)
    ? otherThanLocked(JSON.parse(lock).packages, JSON.parse(readFileSync(INSTALLED_LOCK)).packages)
    : ['all'];
  if (others.length > 0) {
    const some = others.length > 5 ? [...others.slice(0, 5), '…'] : others;
    refuse(
      `The installed npm packages are not those of package-lock.json (${String(others.length)} differ: ${some.join(', ')}). ` +
        'Delete node_modules; look at the settings of npm (package-lock, omit) and at changes of package.json.',
      1,
    );
  }
  writeFileSync(stamp, wanted);
}

function installNpmPackages() {
  say('Installing the npm packages of the lock file');
  // Not `npm ci`: it refuses where a registry has gained or lost packages for other platforms, which `--no-save` keeps out
  // of the lock. As npm itself started this script, its own path is known; otherwise the one on PATH serves.
  const npm = process.env['npm_execpath'];
  const args = ['install', '--no-save', '--no-audit', '--no-fund', '--no-update-notifier', '--loglevel=error'];
  const [program, programArgs] = npm?.endsWith('.js') ? [process.execPath, [npm, ...args]] : ['npm', args];
  const result = spawnSync(program, programArgs, { cwd: ROOT, stdio: ['ignore', 2, 2] });
  if (result.status !== 0) {
    refuse('npm could not install the packages; its message is above.', 1);
  }
}

/**
 * Paths of packages that were installed otherwise than the lock names them, or that it does not name, or that it demands
 * and that are not there. Packages for other platforms (`optional`) may be absent.
 *
 * @param {Record<string, { version?: string, integrity?: string, link?: boolean, optional?: boolean }>} locked
 *   `packages` of package-lock.json (npm's lockfileVersion 3)
 * @param {typeof locked} installed the same of node_modules/.package-lock.json, which npm writes of what it installed
 */
export function otherThanLocked(locked, installed) {
  const same = (path) => {
    const [one, other] = [locked[path], installed[path]];
    return one.version === other.version && one.integrity === other.integrity && one.link === other.link;
  };
  const strange = Object.keys(installed).filter((path) => !(path in locked) || !same(path));
  const absent = Object.keys(locked).filter((path) => path !== '' && !locked[path].optional && !(path in installed));
  return [...strange, ...absent];
}

function installedByHand(lockFile) {
  return (
    existsSync(INSTALLED_LOCK) &&
    existsSync(PINNED_NODE) &&
    statSync(INSTALLED_LOCK).mtimeMs >= statSync(lockFile).mtimeMs
  );
}

const SIGNALS = { SIGINT: 130, SIGTERM: 143, SIGHUP: 129 };

/**
 * Runs a program under the pinned Node and answers its exit code. Signals reach it, and once it has ended they end this
 * script too, so that nothing that would come next is started; when this script is killed the program is told to end.
 */
export async function runNode(script, args = [], { env = {}, nodeArgs = [] } = {}) {
  const command = [PINNED_NODE, ...nodeArgs, join(ROOT, script), ...args];
  const [program, ...rest] = existsSync('/usr/bin/setpriv')
    ? ['/usr/bin/setpriv', '--pdeathsig', 'TERM', '--', ...command]
    : command;
  const child = spawn(program, rest, { cwd: ROOT, stdio: 'inherit', env: { ...process.env, ...env } });
  let received;
  const pass = (signal) => {
    received = signal;
    // A terminal sends Ctrl-C to the whole group: the program has it already.
    if (signal !== 'SIGINT' || !process.stdin.isTTY) {
      child.kill(signal);
    }
  };
  for (const signal of Object.keys(SIGNALS)) {
    process.on(signal, pass);
  }
  const code = await new Promise((resolve) => {
    child.once('error', (error) => {
      say(error.message);
      resolve(1);
    });
    child.once('exit', (exitCode, signal) => resolve(exitCode ?? SIGNALS[signal] ?? 1));
  });
  for (const signal of Object.keys(SIGNALS)) {
    process.off(signal, pass);
  }
  if (received !== undefined) {
    process.exit(code);
  }
  return code;
}

/** Names of the compiled programs of a folder, for messages that list them. */
export function nameArgument(kind, names) {
  const [name, ...args] = process.argv.slice(2);
  if (name === undefined || !names.includes(name)) {
    refuse(`Say which ${kind}: npm run ${kind} -- <name>, one of: ${names.join(', ')}`, 2);
  }
  return { name, args };
}
