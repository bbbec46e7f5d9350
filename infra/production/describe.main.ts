import { chmodSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { repositoryRoot } from '../demo/program.js';
import { describedFiles } from './describe.js';

/** Folders that hold nothing but what is written here. */
const OWN_FOLDERS = ['infra/production/dmz', 'infra/production/inside'];

const root = repositoryRoot();
const files = describedFiles();
for (const folder of OWN_FOLDERS) {
  mkdirSync(join(root, folder), { recursive: true });
  for (const name of readdirSync(join(root, folder))) {
    rmSync(join(root, folder, name));
  }
}
for (const [path, text] of Object.entries(files)) {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
  if (text.startsWith('#!')) {
    chmodSync(join(root, path), 0o755);
  }
}
process.stdout.write(`${String(Object.keys(files).length)} files written\n`);
