import { randomBytes } from 'node:crypto';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:net';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { ZONES } from '../zones/zones.js';
import type { ServerUser } from './child-process.js';

const FOLDERS = {
  dmz: ['secrets', 'run', 'logs', 'tls', 'mariadb', 'redis'],
  inside: ['secrets', 'run', 'logs', 'tls', 'ca', 'keys', 'mariadb', 'redis'],
} as const;
/** Folders that only the launcher's own user may enter. */
const PRIVATE: readonly string[] = ['secrets', 'ca', 'keys'];
/** Folders that belong to the servers' user. */
const OF_SERVERS: readonly string[] = ['mariadb', 'redis', 'run', 'logs'];

/** Where the data lies unless the caller says otherwise: a place the servers' user can reach. */
export function defaultDataDir(): string {
  return process.getuid?.() === 0 ? '/var/lib/openemr-dmz-portal' : join(homedir(), '.local/share/openemr-dmz-portal');
}

/** Makes what is missing of the data folder and sets owners and modes again, so that a careless copy is mended. */
export function prepareDataFolder(dataDir: string, user: ServerUser | null): void {
  mkdirSync(dataDir, { recursive: true, mode: 0o755 });
  refuseUnreachable(dataDir, user);
  for (const zone of ZONES) {
    const zoneDir = join(dataDir, zone);
    mkdirSync(zoneDir, { recursive: true });
    chmodSync(zoneDir, 0o711);
    for (const name of FOLDERS[zone]) {
      const folder = join(zoneDir, name);
      mkdirSync(folder, { recursive: true });
      chmodSync(folder, PRIVATE.includes(name) || OF_SERVERS.includes(name) ? 0o700 : 0o711);
      if (user && OF_SERVERS.includes(name)) {
        chownSync(folder, user.uid, user.gid);
      }
    }
  }
  const longest = join(dataDir, 'inside/run/mariadb.sock');
  if (Buffer.byteLength(longest) > 107) {
    throw new Error(`The data folder's path is too long for a socket (${longest}); choose a shorter --data-dir.`);
  }
}

function refuseUnreachable(dataDir: string, user: ServerUser | null): void {
  if (!user) {
    return;
  }
  for (let folder = realpathSync(dataDir); folder !== dirname(folder); folder = dirname(folder)) {
    const { mode, uid } = statSync(folder);
    if (uid !== user.uid && (mode & 0o001) === 0) {
      throw new Error(`The servers run as nobody, who cannot enter ${folder}; choose another --data-dir.`);
    }
  }
}

/**
 * Makes this process the only launcher on the folder for as long as it lives. The lock is an abstract socket named
 * after the folder's inode: the kernel frees it with the process, so that nothing stale can remain after a kill -9.
 */
export async function lockDataFolder(dataDir: string): Promise<Server> {
  const { dev, ino } = statSync(dataDir);
  const pidFile = join(dataDir, 'launcher.pid');
  const lock = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve, reject) => {
    lock.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EADDRINUSE') {
        reject(error);
        return;
      }
      const holder = existsSync(pidFile) ? readFileSync(pidFile, 'utf8').trim() : 'unknown';
      reject(
        new Error(`The data folder ${dataDir} is in use by the process ${holder}; stop it or use another folder.`),
      );
    });
    lock.listen({ path: `\0openemr-dmz-portal-${dev}-${ino}` }, resolve);
  });
  lock.unref();
  writeFileSync(pidFile, `${process.pid}\n`);
  return lock;
}

/**
 * A random secret of 32 bytes, written once as base64url text and never changed, readable by the launcher's user only.
 * Gives the path of the file: values travel as files, not through environments.
 */
export function ensureSecret(path: string): string {
  if (!existsSync(path)) {
    writeFileSync(path, randomBytes(32).toString('base64url'), { mode: 0o400, flag: 'wx' });
  }
  return path;
}

export function readSecret(path: string): string {
  return readFileSync(path, 'utf8').trim();
}

/** Replaces a file that a server reads, owned by that server and closed to everybody else. */
export function writeForServer(path: string, content: string, user: ServerUser | null): void {
  if (existsSync(path)) {
    chmodSync(path, 0o600);
  }
  writeFileSync(path, content, { mode: 0o600 });
  if (user) {
    chownSync(path, user.uid, user.gid);
  }
  chmodSync(path, 0o400);
}
