/**
 * `npm run pack -- dmz|inside|prepare <folder>`: one zone's programs as they go to its host or into its images, whole:
 * compiled code, the packages it needs and no others, the pinned Node, settings. Needs no network.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, existsSync, mkdirSync, readdirSync, realpathSync, symlinkSync } from 'node:fs';
import { basename, join, relative, sep } from 'node:path';
import { prepare, refuse, ROOT, say } from './bootstrap.mjs';

const OWN_FOLDERS = ['dist', 'data', 'grants'];
const ZONES = {
  dmz: { workspace: 'portal-api', also: ['portal-web/dist'] },
  inside: { workspace: 'sync-agent', also: [] },
  // What makes a host ready; it does not stay there as a part of the running system.
  prepare: { workspace: 'infra', also: [] },
};

const [zone, target] = process.argv.slice(2);
if (!Object.hasOwn(ZONES, zone ?? '') || target === undefined) {
  refuse('Say what to pack and where to: npm run pack -- dmz|inside|prepare <folder>', 2);
}
if (existsSync(target) && readdirSync(target).length > 0) {
  refuse(`${target} is not empty; name a new folder.`, 2);
}
await prepare();
const { workspace, also } = ZONES[zone];
for (const folder of installedFor(workspace)) {
  copyPackage(folder);
}
for (const path of also) {
  copy(path);
}
mkdirSync(join(target, 'bin'), { recursive: true });
cpSync(realpathSync(join(ROOT, 'node_modules/node/bin/node')), join(target, 'bin/node'));
chmodSync(join(target, 'bin/node'), 0o755);
copySettings();
say(`${zone} packed into ${target}`);

/** Folders of all packages that a workspace needs to run, itself among them, as npm knows them. */
function installedFor(name) {
  const args = ['ls', '--all', '--omit=dev', '--parseable', '-w', name];
  const npm = process.env['npm_execpath'];
  const [program, first] = npm?.endsWith('.js') ? [process.execPath, [npm]] : ['npm', []];
  const listed = spawnSync(program, [...first, ...args], { cwd: ROOT, encoding: 'utf8', maxBuffer: 1 << 26 });
  const folders = listed.stdout
    .trim()
    .split('\n')
    .filter((folder) => folder !== ROOT && folder.startsWith(ROOT));
  if (folders.length < 10) {
    refuse(`npm does not say which packages ${name} needs: ${listed.stderr.trim()}`, 1);
  }
  return folders;
}

/** A workspace is a link in node_modules: what it is made of goes under its own name, and the link with it. */
function copyPackage(folder) {
  const real = realpathSync(folder);
  if (real.includes(`${sep}node_modules${sep}`)) {
    copy(relative(ROOT, folder), (path) => basename(path) !== 'node_modules' || path === folder);
    return;
  }
  const name = relative(ROOT, real);
  for (const part of ['package.json', ...OWN_FOLDERS].filter((each) => existsSync(join(real, each)))) {
    copy(join(name, part), (path) => !path.endsWith('.tsbuildinfo') && !path.endsWith('.d.ts'));
  }
  if (name !== basename(folder)) {
    refuse(`the workspace ${name} is linked as ${folder}`, 1);
  }
  mkdirSync(join(target, 'node_modules'), { recursive: true });
  symlinkSync(join('..', name), join(target, 'node_modules', name));
}

function copy(path, filter = () => true) {
  cpSync(join(ROOT, path), join(target, path), { recursive: true, dereference: true, filter });
}

function copySettings() {
  const production = join(ROOT, 'infra/production');
  const settings = join(target, 'settings');
  if (zone === 'prepare') {
    return;
  }
  mkdirSync(settings, { recursive: true });
  cpSync(join(production, zone, 'redis.conf'), join(settings, `redis-${zone}.conf`));
  copyHostFiles(production);
  if (zone === 'inside') {
    cpSync(join(production, 'inside/agent-commands'), join(target, 'agent-commands'));
    return;
  }
  cpSync(join(production, 'dmz/accounts-backup'), join(target, 'accounts-backup'));
  cpSync(join(production, 'dmz/mariadb.cnf'), join(settings, 'mariadb.cnf'));
  cpSync(join(production, 'start-mariadb.sh'), join(target, 'start-mariadb'));
  cpSync(join(ROOT, 'infra/proxy/nginx.conf'), join(settings, 'web-proxy/nginx.conf'));
  for (const name of ['portal-api-address.conf', 'portal-api-in-containers.conf']) {
    cpSync(join(production, 'dmz', name), join(settings, 'web-proxy', name));
  }
  mkdirSync(join(settings, 'web-proxy/tls'));
}

/** What the guide has an administrator copy or load: units, the host's rules, the compose file, dashboards, alert rules. */
function copyHostFiles(production) {
  const host = join(target, 'host');
  mkdirSync(host);
  for (const name of readdirSync(join(production, zone)).filter((each) => /\.(service|nft)$|^odp\.conf$/.test(each))) {
    cpSync(join(production, zone, name), join(host, name));
  }
  const [compose, dashboard] =
    zone === 'dmz' ? ['docker-compose.dmz.yml', 'portal-dmz.json'] : ['infra/compose.inside.yml', 'sync-agent.json'];
  cpSync(join(ROOT, compose), join(host, basename(compose)));
  cpSync(join(ROOT, `infra/grafana/${dashboard}`), join(host, dashboard));
  cpSync(join(ROOT, `infra/prometheus/${zone}.yml`), join(host, 'prometheus-rules.yml'));
}
