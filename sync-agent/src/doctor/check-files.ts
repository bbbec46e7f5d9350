import { statSync } from 'node:fs';
import { finding, type Finding } from './finding.js';

/** What a path comes to; null when there is nothing. */
export interface FileFacts {
  mode: number;
  uid: number;
  folder: boolean;
}

export function fileFacts(path: string): FileFacts | null {
  const stats = statSync(path, { throwIfNoEntry: false });
  return stats === undefined ? null : { mode: stats.mode & 0o777, uid: stats.uid, folder: stats.isDirectory() };
}

const GROUP_AND_OTHERS = 0o077;

/** Whether anybody but this process's user and root could read or change it. @param me uid of this process */
export function isOpenToOthers({ mode, uid }: FileFacts, me: number): boolean {
  return (mode & GROUP_AND_OTHERS) !== 0 || (uid !== me && uid !== 0);
}

/** 0 on systems without user ids. */
export function myUid(): number {
  return process.getuid?.() ?? 0;
}

/** Passwords and private keys that the configuration names. @param files variable → path */
export function checkSecretFiles(files: readonly { variable: string; path: string }[]): Finding[] {
  return files.flatMap(({ variable, path }) => {
    const facts = fileFacts(path);
    return facts !== null && isOpenToOthers(facts, myUid())
      ? [
          finding(
            'secret-file-open',
            `the file of ${variable} can be read or changed by others than its user (mode ${facts.mode.toString(8)})`,
            `make it the agent's own with chmod 0400, and replace the secret when others had access`,
          ),
        ]
      : [];
  });
}
