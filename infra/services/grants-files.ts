import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The package's own folder, from its sources as well as from its compiled form in `dist/`. */
function packageRoot(): string {
  const parent = dirname(dirname(fileURLToPath(import.meta.url)));
  return basename(parent) === 'dist' ? dirname(parent) : parent;
}

/**
 * Path of a file of declared rights. Those of the databases inside lie with the sync agent, whose `setup` writes them
 * for a clinic: one source for both.
 */
export function grantsFile(name: string): string {
  return name === 'inside.sql'
    ? join(dirname(packageRoot()), 'sync-agent/grants', name)
    : join(packageRoot(), 'grants', name);
}
