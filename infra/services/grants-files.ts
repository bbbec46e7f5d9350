import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The package's own folder, from its sources as well as from its compiled form in `dist/`. */
function packageRoot(): string {
  const parent = dirname(dirname(fileURLToPath(import.meta.url)));
  return basename(parent) === 'dist' ? dirname(parent) : parent;
}

/** Path of a file of declared rights in `grants/`. */
export function grantsFile(name: string): string {
  return join(packageRoot(), 'grants', name);
}
