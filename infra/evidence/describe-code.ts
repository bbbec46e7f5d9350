import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { repositoryRoot } from '../demo/program.js';

const Manifest = z.object({ name: z.string(), version: z.string() });

/** Which code a folder speaks of: version, commit where there is one and whether files differ from it, lock of packages. */
export function describeCode(): string {
  const root = repositoryRoot();
  const { name, version } = Manifest.parse(JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')));
  const lock = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');
  const git = (...args: string[]): string | null => {
    const { status, stdout } = spawnSync('git', args, { cwd: root, encoding: 'utf8' });
    return status === 0 ? stdout.trim() : null;
  };
  const commit = git('rev-parse', 'HEAD');
  const changed = git('status', '--porcelain') !== '';
  const place =
    commit === null
      ? 'in no git checkout'
      : `commit ${commit}${changed ? ', with changes that are not committed' : ''}`;
  return `${name} ${version}, ${place}; package-lock.json SHA-256 ${lock}`;
}
