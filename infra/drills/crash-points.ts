import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { repositoryRoot } from '../demo/program.js';

/** A place in the code where a process may be killed: before or after a commit, an acknowledgement or a push. */
export interface CrashPoint {
  name: string;
  /** the workspace whose processes pass it */
  workspace: 'portal-api' | 'sync-agent';
  file: string;
}

const CALL = /\bcrashPoint\(\s*'([^']+)'/g;

/** Every crash point there is, read from the sources. @throws when a name is used twice */
export function listCrashPoints(root: string = repositoryRoot()): CrashPoint[] {
  const points: CrashPoint[] = [];
  for (const workspace of ['portal-api', 'sync-agent'] as const) {
    const folder = join(root, workspace, 'src');
    for (const file of readdirSync(folder, { recursive: true, encoding: 'utf8' }).sort()) {
      if (!file.endsWith('.ts') || file.endsWith('.spec.ts')) {
        continue;
      }
      for (const match of readFileSync(join(folder, file), 'utf8').matchAll(CALL)) {
        points.push({ name: match[1] ?? '', workspace, file });
      }
    }
  }
  const names = points.map((point) => point.name);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) {
    throw new Error(`the crash point ${twice} stands in two places; a drill could not tell them apart`);
  }
  return points;
}
