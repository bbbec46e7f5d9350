import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync, utimesSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

/** Compiles what is stale: TypeScript by its own bookkeeping, the web app by the age of its files. */
export async function buildAll({ root, node, say, refuse }) {
  const run = (what, args, cwd = root) => {
    const result = spawnSync(node, args, { cwd, stdio: ['ignore', 2, 2] });
    if (result.status !== 0) {
      refuse(`${what} failed; the message is above.`, 1);
    }
  };
  run('Compiling', [join(root, 'node_modules/typescript/bin/tsc'), '-b']);
  if (webIsStale(root)) {
    say('Building the web app');
    run('Building the web app', [viteProgram(root), 'build', '--logLevel', 'warn'], join(root, 'portal-web'));
    const now = new Date();
    utimesSync(join(root, 'portal-web/dist/index.html'), now, now);
  }
}

/** npm may install vite beside the workspace or at the root. */
function viteProgram(root) {
  const resolve = createRequire(join(root, 'portal-web/package.json')).resolve;
  return join(dirname(resolve('vite/package.json')), 'bin/vite.js');
}

function webIsStale(root) {
  const web = join(root, 'portal-web');
  const page = join(web, 'dist/index.html');
  if (!existsSync(page)) {
    return true;
  }
  const built = statSync(page).mtimeMs;
  const sources = ['src', 'public', 'index.html', 'vite.config.ts', 'svelte.config.js', 'package.json'];
  return (
    sources.some((name) => newest(join(web, name)) > built) || newest(join(root, 'portal-api/src/http.ts')) > built
  );
}

function newest(path) {
  if (!existsSync(path)) {
    return 0;
  }
  const facts = statSync(path);
  if (!facts.isDirectory()) {
    return facts.mtimeMs;
  }
  // A folder's own time moves when a file in it is removed.
  return Math.max(facts.mtimeMs, ...readdirSync(path).map((name) => newest(join(path, name))));
}
