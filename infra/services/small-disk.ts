import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join, sep } from 'node:path';

const MIB = 1024 * 1024;
const BALLAST = 'ballast';

/**
 * A file system of its own over one folder, so small that a test can fill it: what the kernel then answers to whoever
 * writes there is what it answers on a full disk. Needs root, like the isolation proof.
 */
export class SmallDisk implements Disposable {
  private constructor(private readonly folder: string) {}

  /** What lies in the folder already is hidden until the end. */
  static over(folder: string, mebibytes: number): SmallDisk {
    mkdirSync(folder, { recursive: true });
    const size = `size=${String(mebibytes)}m,mode=0755`;
    const { status, stderr } = spawnSync('mount', ['-t', 'tmpfs', '-o', size, 'small-disk', folder], {
      encoding: 'utf8',
    });
    if (status !== 0) {
      throw new Error(`A test that fills a disk needs one of its own: run it as root (${stderr.trim()}).`);
    }
    return new SmallDisk(folder);
  }

  /** Leaves room for not one page more. */
  fill(): void {
    for (let part = 0; this.room > 0; part += 1) {
      const bytes = Math.min(this.room, 8 * MIB);
      writeFileSync(join(this.folder, `${BALLAST}-${String(part)}-${String(Date.now())}`), Buffer.alloc(bytes, 1));
    }
  }

  /** Somebody has cleared up. */
  clear(): void {
    spawnSync('find', [this.folder, '-maxdepth', '1', '-name', `${BALLAST}-*`, '-delete']);
  }

  private get room(): number {
    const { bavail, bsize } = statfsSync(this.folder);
    return bavail * bsize;
  }

  [Symbol.dispose](): void {
    unmount(this.folder);
  }
}

/** Removes a folder whole, with what a test that was killed has left mounted in it. */
export function removeWithMounts(folder: string): void {
  const mounted = readFileSync('/proc/self/mounts', 'utf8')
    .split('\n')
    .map((line) => line.split(' ')[1] ?? '')
    .filter((path) => path.startsWith(`${folder}${sep}`));
  for (const path of mounted.reverse()) {
    unmount(path);
  }
  rmSync(folder, { recursive: true, force: true });
}

/** At once for who looks, later for who still holds a file. */
function unmount(folder: string): void {
  spawnSync('umount', ['--lazy', folder]);
}
