import { existsSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { finding, type Finding } from './finding.js';

const MIB = 1024 * 1024;
/** Keys and statements are small; where there is less than this, something fills the disk. */
const LITTLE = 64 * MIB;

/** Where `backup` and `restore` look for MariaDB's client programs. */
const PROGRAM_FOLDERS = ['/usr/local/bin', '/usr/bin', '/bin'];

/** What the agent needs of the machine it runs on. The disks of the databases cannot be seen from here. */
export function checkHost(keyDir: string): Finding[] {
  return [...(existsSync(keyDir) ? checkSpace(keyDir) : []), ...checkPrograms(PROGRAM_FOLDERS)];
}

function checkSpace(folder: string): Finding[] {
  const { bavail, bsize } = statfsSync(folder);
  const free = bavail * bsize;
  return free >= LITTLE
    ? []
    : [
        finding(
          'space-short',
          `the disk of KEY_DIR has ${String(Math.floor(free / MIB))} MiB left`,
          'free some space there, or new keys and statements cannot be written',
        ),
      ];
}

/** @param folders where they are looked for */
export function checkPrograms(folders: readonly string[]): Finding[] {
  const missing = ['mariadb', 'mariadb-dump'].filter(
    (name) => !folders.some((folder) => existsSync(join(folder, name))),
  );
  return missing.length === 0
    ? []
    : [
        finding(
          'client-programs-missing',
          `${missing.join(' and ')} cannot be found on this machine, so backup and restore do not work here`,
          'install the Debian package mariadb-client, or use the image that has it',
        ),
      ];
}
