import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';

/** Programs that npm cannot bring, by what they are for: a file that shows the package is there → its name. */
const PACKAGES = {
  servers: [
    ['/usr/sbin/mariadbd', 'mariadb-server'],
    ['/usr/bin/mariadb-tzinfo-to-sql', 'mariadb-client'],
    ['/usr/bin/redis-server', 'redis-server'],
    ['/usr/bin/openssl', 'openssl'],
    ['/usr/bin/setpriv', 'util-linux'],
    ['/usr/share/zoneinfo/America/New_York', 'tzdata'],
  ],
  browser: [['/usr/bin/chromium', 'chromium']],
  networks: [
    ['/usr/sbin/nginx', 'nginx'],
    ['/usr/sbin/nft', 'nftables'],
    ['/usr/bin/ss', 'iproute2'],
    ['/usr/bin/ping', 'iputils-ping'],
  ],
  // What the production description is checked with.
  description: [
    ['/usr/sbin/nginx', 'nginx'],
    ['/usr/sbin/nft', 'nftables'],
    ['/usr/bin/docker-compose', 'docker-compose'],
    ['/usr/bin/systemd-analyze', 'systemd'],
  ],
};
const POLICY = '/usr/sbin/policy-rc.d';
const NOT_NOW = '#!/bin/sh\n# Put here by openemr-dmz-portal while it installs packages.\nexit 101\n';
const KEPT_POLICY = '/usr/sbin/policy-rc.d.kept-by-openemr-dmz-portal';
/** What Debian would start at the next boot for a package. */
const SERVICES = {
  'mariadb-server': ['mariadb.service', 'mariadb.socket'],
  'redis-server': ['redis-server.service'],
  nginx: ['nginx.service'],
};

/** Installs what is missing as root on Debian or Ubuntu, with no service started; otherwise refuses with exit code 3. */
export function ensureDebianPackages(groups, { say, refuse }) {
  const missing = [
    ...new Set(
      groups
        .flatMap((group) => PACKAGES[group])
        .filter(([file]) => !existsSync(file))
        .map(([, name]) => name),
    ),
  ];
  if (missing.length === 0) {
    return;
  }
  const names = missing.join(' ');
  if (process.getuid?.() !== 0 || !isDebianOrUbuntu()) {
    refuse(`Missing: ${names}. Install these packages (Debian, Ubuntu: apt-get install ${names}) and start again.`, 3);
  }
  say(`Installing the Debian packages ${names}`);
  const services = missing.flatMap((name) => SERVICES[name] ?? []);
  const problem = withoutStartingServices(
    services,
    () => apt(['update']) ?? apt(['install', '-y', '--no-install-recommends', ...missing]),
  );
  if (problem !== undefined) {
    refuse(`apt-get could not install ${names}: ${problem}`, 3);
  }
}

function isDebianOrUbuntu() {
  return (
    existsSync('/usr/bin/apt-get') &&
    existsSync('/etc/os-release') &&
    /^ID(_LIKE)?=.*(debian|ubuntu)/m.test(readFileSync('/etc/os-release', 'utf8'))
  );
}

/** @returns {string | undefined} the last words of a run that failed */
function apt(args) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const result = spawnSync('apt-get', ['-qq', ...args], { encoding: 'utf8', env, maxBuffer: 1 << 28 });
  return result.status === 0 ? undefined : `${result.stdout}\n${result.stderr}`.trim().split('\n').slice(-5).join('\n');
}

/**
 * Debian starts a server as it is installed unless policy-rc.d says no. The machine's own policy comes back afterwards,
 * and the services just installed, which nothing here uses, do not start at the next boot either.
 */
function withoutStartingServices(services, install) {
  // What an interrupted installation left of ours is not the machine's own.
  if (existsSync(POLICY) && !existsSync(KEPT_POLICY) && readFileSync(POLICY, 'utf8') !== NOT_NOW) {
    renameSync(POLICY, KEPT_POLICY);
  }
  writeFileSync(POLICY, NOT_NOW, { mode: 0o755 });
  try {
    return install();
  } finally {
    rmSync(POLICY, { force: true });
    if (existsSync(KEPT_POLICY)) {
      renameSync(KEPT_POLICY, POLICY);
    }
    if (services.length > 0 && existsSync('/usr/bin/systemctl')) {
      spawnSync('systemctl', ['disable', '--now', ...services], { stdio: 'ignore' });
    }
  }
}
