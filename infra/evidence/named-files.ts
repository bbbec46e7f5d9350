import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { repositoryRoot } from '../demo/program.js';

const LEFT_OUT = new Set(['node_modules', 'dist', '.git', 'coverage']);
const FILE = /^[\w@.<>/-]+\.(ts|mjs|js|json|sql|acl|svg|svelte|yml|md|conf|nft)$/;
const FOLDER = /^[\w.-]+(\/[\w.-]+)*\/$/;
const Manifest = z.object({ scripts: z.record(z.string(), z.string()) });

/** Every file of the repository, from its root. */
export function repositoryFiles(): string[] {
  const walk = (folder: string): string[] =>
    readdirSync(join(repositoryRoot(), folder), { withFileTypes: true }).flatMap((entry) => {
      const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
      if (LEFT_OUT.has(entry.name)) {
        return [];
      }
      return entry.isDirectory() ? walk(path) : [path];
    });
  return walk('');
}

/**
 * What a text names in code marks that is not there: a file by its path or the end of it, a folder, a script of npm. A
 * name with a placeholder stands for files that somebody is to make; a compiled file for its source.
 */
export function missingNames(text: string, files: readonly string[]): string[] {
  const { scripts } = Manifest.parse(JSON.parse(readFileSync(join(repositoryRoot(), 'package.json'), 'utf8')));
  const names = [...text.matchAll(/`([^`\n]+)`/g)].map(([, name = '']) => name);
  const exists = (name: string): boolean => {
    const source = name.replace('/dist/', '/src/').replace(/\.js$/, '.ts');
    return [name, source].some((path) => files.some((file) => file === path || file.endsWith(`/${path}`)));
  };
  const gone = names.filter((name) => {
    if (name.includes('<')) {
      return false;
    }
    if (FOLDER.test(name)) {
      return !files.some((file) => file.startsWith(name) || file.includes(`/${name}`));
    }
    return FILE.test(name) && !exists(name);
  });
  const commands = [...text.matchAll(/npm run ([\w:-]+)/g)].map(([, name = '']) => name);
  return [...gone, ...commands.filter((name) => scripts[name] === undefined).map((name) => `npm run ${name}`)];
}
