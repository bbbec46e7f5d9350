import { NODE_FLAGS } from '../services/node-flags.js';
import type { Zone } from '../zones/zones.js';
import { CONFIGURATION, ONE_OFFS, PROGRAMS, residents, SECRETS, SHARES, STATE, type Resident } from './placement.js';
import {
  credentialsOf,
  OF_THE_INSTALLATION,
  programEnvironment,
  type Environment,
  type ProgramName,
} from './program-environments.js';
import { MARIADB_RUN, mariadbArguments, redisArguments } from './server-settings.js';

const NOT_BY_HAND = '# Written by `npm run describe` from infra/production/ and infra/zones/; do not edit.';
const SERVER_FILES = { secrets: '%d', listen: '127.0.0.1' };

type Setting = readonly [name: string, value: string];

/** What only this unit has. */
interface Part {
  description: string;
  command: string[];
  environment?: Environment;
  credentials: string[];
  after?: string[];
  /** folders it may write */
  writes?: string[];
  /** address families beside AF_UNIX; none where it speaks through a socket on the host only */
  addresses: 'the host' | 'anywhere';
  /** translates code as it runs, which needs memory that is written and executed */
  compiles: boolean;
  extra?: Setting[];
}

/** The unit files of a zone, by name, for hosts without containers. */
export function systemdUnits(zone: Zone): Record<string, string> {
  const running = residents(zone).map((name): [string, string] => [unitName(name), unit(name, PARTS[name])]);
  const once: [string, string][] = zone === 'dmz' ? [['odp-migrate.service', unit('migrate', MIGRATE)]] : [];
  return Object.fromEntries([...running, ...once, ['odp.conf', sysusers(zone)]]);
}

export function unitName(name: Resident): string {
  return `odp-${name.replace(/^(dmz|inside)-/, '')}.service`;
}

const MIGRATE: Part = {
  description: 'Migrations of the DMZ’s database',
  ...nodeProgram('migrate', 'portal-api/dist/database/migrate.main.js'),
  after: ['odp-mariadb.service'],
  addresses: 'the host',
};

const PARTS: Record<Resident, Part> = {
  'web-proxy': {
    description: 'Web proxy of the patient portal',
    // It opens its standard output by name, which works for a pipe and not for the journal's socket.
    command: [
      '/bin/sh',
      '-c',
      `'/usr/sbin/nginx -c ${PROGRAMS}/settings/web-proxy/nginx.conf -p /run/odp-web-proxy/ | cat'`,
    ],
    credentials: [],
    after: ['odp-portal-api.service'],
    addresses: 'anywhere',
    compiles: false,
    extra: [
      ['RuntimeDirectory', 'odp-web-proxy'],
      ['RuntimeDirectoryMode', '0700'],
      ['BindReadOnlyPaths', `${SECRETS}/portal.crt:${PROGRAMS}/settings/web-proxy/tls/portal.crt`],
      ['BindReadOnlyPaths', `${SECRETS}/portal.key:${PROGRAMS}/settings/web-proxy/tls/portal.key`],
      ['AmbientCapabilities', 'CAP_NET_BIND_SERVICE'],
    ],
  },
  'portal-api': {
    description: 'portal-api, the process that patients reach through the web proxy',
    ...nodeProgram('portal-api', 'portal-api/dist/main.js'),
    after: ['odp-mariadb.service', 'odp-redis.service'],
    addresses: 'the host',
  },
  'sync-gateway': {
    description: 'sync-gateway, the process that the sync agent reaches',
    ...nodeProgram('sync-gateway', 'portal-api/dist/gateway.main.js'),
    after: ['odp-mariadb.service', 'odp-redis.service'],
    // The agent's address is added on the host, in a drop-in; without it nobody reaches the gateway.
    addresses: 'the host',
  },
  'dmz-mariadb': {
    description: 'MariaDB of the DMZ',
    command: [`${PROGRAMS}/start-mariadb`, ...mariadbArguments(SERVER_FILES)],
    credentials: ['dmz-ca.crt', 'mariadb.crt', 'mariadb.key', 'accounts.sql'],
    writes: [`${STATE}/mariadb`],
    addresses: 'the host',
    compiles: true,
    extra: [
      ['RuntimeDirectory', MARIADB_RUN.replace('/run/', '')],
      ['TimeoutStartSec', '300'],
    ],
  },
  'dmz-redis': redis('dmz'),
  'sync-agent': {
    description: 'The sync agent',
    ...nodeProgram('sync-agent', 'sync-agent/dist/main.js'),
    after: ['odp-redis.service'],
    addresses: 'anywhere',
    extra: [['ReadOnlyPaths', `${STATE}/keys`]],
  },
  'inside-redis': redis('inside'),
};

function nodeProgram(
  name: ProgramName,
  entry: string,
): Pick<Part, 'command' | 'environment' | 'credentials' | 'compiles'> {
  const environment = programEnvironment(name, 'systemd');
  return {
    command: [`${PROGRAMS}/bin/node`, ...NODE_FLAGS, `${PROGRAMS}/${entry}`],
    environment,
    credentials: credentialsOf(environment),
    compiles: true,
  };
}

function redis(zone: Zone): Part {
  return {
    description: `Redis of the ${zone}`,
    command: [
      '/usr/bin/redis-server',
      `${PROGRAMS}/settings/redis-${zone}.conf`,
      ...redisArguments(zone, SERVER_FILES),
    ],
    credentials: [`${zone}-ca.crt`, 'redis.crt', 'redis.key', 'users.acl'],
    ...(zone === 'inside' ? { writes: [`${STATE}/redis`] } : {}),
    addresses: 'the host',
    compiles: false,
  };
}

function unit(name: Resident | 'migrate', part: Part): string {
  const once = name === 'migrate';
  const share = name === 'migrate' ? ONE_OFFS.migrate : SHARES[name];
  const sections: [string, Setting[]][] = [
    [
      'Unit',
      [
        ['Description', part.description],
        ...(part.after ?? []).flatMap((each): Setting[] => [
          ['After', each],
          ['Wants', each],
        ]),
        ['After', 'network.target'],
      ],
    ],
    [
      'Service',
      [
        ...(once
          ? ([['Type', 'oneshot']] as Setting[])
          : ([
              ['Restart', 'always'],
              ['RestartSec', '2s'],
            ] as Setting[])),
        ['User', share.user],
        ['Group', share.user],
        ...environmentSettings(part.environment, share.zone),
        ...part.credentials.map((file): Setting => ['LoadCredential', `${file}:${SECRETS}/${file}`]),
        ['ExecStart', part.command.join(' ')],
        ...sandbox(name, part),
        ['MemoryMax', `${String(share.memoryMiB)}M`],
        ['MemorySwapMax', '0'],
        ['TasksMax', String(share.pids)],
        ['CPUQuota', `${String(share.cpus * 100)}%`],
        ['LimitNOFILE', String(share.openFiles)],
        ['LimitCORE', '0'],
      ],
    ],
    ...(once ? [] : ([['Install', [['WantedBy', 'multi-user.target']]]] as [string, Setting[]][])),
  ];
  const text = sections.map(
    ([title, settings]) => `[${title}]\n${settings.map(([key, value]) => `${key}=${value}`).join('\n')}\n`,
  );
  return `${NOT_BY_HAND}\n${text.join('\n')}`;
}

function environmentSettings(environment: Environment | undefined, zone: Zone): Setting[] {
  if (environment === undefined) {
    return [];
  }
  const ofInstallation: readonly string[] = OF_THE_INSTALLATION[zone];
  const own = Object.entries(environment).filter(([name]) => !ofInstallation.includes(name));
  return [
    ['EnvironmentFile', `${CONFIGURATION}/${zone}.env`],
    ...own.map(([name, value]): Setting => ['Environment', `"${name}=${value.replaceAll('"', '\\"')}"`]),
  ];
}

function sandbox(name: Resident | 'migrate', { addresses, compiles, writes, extra }: Part): Setting[] {
  const bindsLow = name === 'web-proxy';
  return [
    ['NoNewPrivileges', 'yes'],
    ['CapabilityBoundingSet', bindsLow ? 'CAP_NET_BIND_SERVICE' : ''],
    ['ProtectSystem', 'strict'],
    ...(writes ?? []).map((path): Setting => ['ReadWritePaths', path]),
    ['ProtectHome', 'yes'],
    ['PrivateTmp', 'yes'],
    ['PrivateDevices', 'yes'],
    // A capability that counts on the host cannot be held in a user namespace.
    ['PrivateUsers', bindsLow ? 'no' : 'yes'],
    ['ProtectProc', 'invisible'],
    ['ProcSubset', compiles ? 'all' : 'pid'],
    ['ProtectClock', 'yes'],
    ['ProtectHostname', 'yes'],
    ['ProtectKernelLogs', 'yes'],
    ['ProtectKernelModules', 'yes'],
    ['ProtectKernelTunables', 'yes'],
    ['ProtectControlGroups', 'yes'],
    ['RestrictAddressFamilies', 'AF_UNIX AF_INET AF_INET6'],
    ['RestrictNamespaces', 'yes'],
    ['RestrictRealtime', 'yes'],
    ['RestrictSUIDSGID', 'yes'],
    ['RemoveIPC', 'yes'],
    ['LockPersonality', 'yes'],
    ['MemoryDenyWriteExecute', compiles ? 'no' : 'yes'],
    ['SystemCallArchitectures', 'native'],
    ['SystemCallFilter', '@system-service'],
    ['SystemCallFilter', '~@privileged @resources @obsolete'],
    ['SystemCallErrorNumber', 'EPERM'],
    ['KeyringMode', 'private'],
    ['UMask', '0077'],
    ...(addresses === 'the host'
      ? ([
          ['IPAddressDeny', 'any'],
          ['IPAddressAllow', 'localhost'],
        ] as Setting[])
      : []),
    ...(extra ?? []),
  ];
}

/** Users under the numbers that own their files, for systemd-sysusers. */
function sysusers(zone: Zone): string {
  const shares = [...residents(zone).map((name) => SHARES[name]), ...(zone === 'dmz' ? [ONE_OFFS.migrate] : [])];
  const lines = shares.map(({ user, uid }) => `u ${user} ${String(uid)} "${PROGRAMS}" /nonexistent /usr/sbin/nologin`);
  return `${NOT_BY_HAND}\n${lines.join('\n')}\n`;
}
