/**
 * `npm run sbom`: every package that runs in production or in a patient's browser, as CycloneDX on standard output. Needs
 * no network.
 *
 * `npm sbom --omit=dev` over the repository leaves out whatever any package.json also names under devDependencies, even
 * where production needs it. So npm is asked about a copy of the lock that has no development packages at all.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))));
const read = (path) => JSON.parse(readFileSync(join(root, path), 'utf8'));
const withoutDevelopment = (manifest) => ({ ...manifest, devDependencies: undefined });

function productionLock() {
  const lock = read('package-lock.json');
  const packages = Object.entries(lock.packages)
    // What is for other platforms is in the lock and not here.
    .filter(([path, { dev }]) => !dev && existsSync(join(root, path)))
    .map(([path, entry]) => [path, withoutDevelopment(entry)]);
  return { ...lock, packages: Object.fromEntries(packages) };
}

const { name, workspaces } = read('package.json');
const place = mkdtempSync(join(tmpdir(), 'odp-sbom-'));
// npm names the whole after its folder.
const folder = join(place, name);
try {
  const write = (path, content) => {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), JSON.stringify(content));
  };
  for (const path of ['package.json', ...workspaces.map((workspace) => join(workspace, 'package.json'))]) {
    write(path, withoutDevelopment(read(path)));
  }
  write('package-lock.json', productionLock());
  const { status } = spawnSync('npm', ['sbom', '--sbom-format', 'cyclonedx', '--package-lock-only'], {
    cwd: folder,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  process.exitCode = status ?? 1;
} finally {
  rmSync(place, { recursive: true, force: true });
}
