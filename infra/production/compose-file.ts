import { stringify } from 'yaml';
import { NODE_FLAGS } from '../services/node-flags.js';
import { listenerOf, type Zone } from '../zones/zones.js';
import { addressIn, NETWORKS, networksOf, subnetOf, type Member, type NetworkName } from './container-networks.js';
import { BACKUPS, ONE_OFFS, PRODUCT, PROGRAMS, SECRETS, SHARES, STATE, VERSION, type Share } from './placement.js';
import { credentialsOf, programEnvironment, SERVER_NAMES, type Environment } from './program-environments.js';
import { MARIADB_RUN, mariadbArguments, redisArguments } from './server-settings.js';

const SECRETS_IN_CONTAINER = '/run/secrets';
const NODE = `${PROGRAMS}/bin/node`;
const NOT_BY_HAND = 'Written by `npm run describe` from infra/production/ and infra/zones/; do not edit.';

const HEADS: Record<Zone, string> = {
  dmz: [
    'The DMZ in containers. Nothing here has a way out of its host, and two ports lead in: 443 from the internet, 8443',
    'from the inside. README.md, "Two hosts", says how it is prepared and started.',
  ].join('\n '),
  inside: [
    'The sync agent and its Redis in containers. Nothing is published. OpenEMR and its MariaDB are the clinic’s own.',
    'README.md, "Two hosts", says how it is prepared and started.',
  ].join('\n '),
};

/** What only this service has. */
interface Part {
  share: Share;
  /** when it is not the one of its share */
  image?: string;
  member: Member;
  entrypoint: string[];
  environment?: Environment;
  secrets: Secret[];
  healthcheck?: string[];
  /** folders in memory, beside /tmp */
  scratch?: string[];
  volumes?: Volume[];
  published?: string;
  dependsOn?: string[];
  /** runs once when asked for */
  once?: boolean;
  mayBindLowPorts?: boolean;
}

interface Volume {
  source: string;
  target: string;
  writable: boolean;
}

interface Secret {
  name: string;
  /** where the program looks for it, when that is not the folder of secrets */
  target?: string;
}

/** The compose file of a zone, whole. */
export function composeFile(zone: Zone): string {
  const parts = zone === 'dmz' ? dmzParts() : insideParts();
  const secrets = new Set(Object.values(parts).flatMap((part) => part.secrets.map(({ name }) => name)));
  const networks = new Set(Object.values(parts).flatMap(({ member }) => networksOf(member)));
  const file = {
    services: Object.fromEntries(Object.entries(parts).map(([name, part]) => [name, service(part, zone)])),
    networks: Object.fromEntries([...networks].map((name) => [name, network(name)])),
    secrets: Object.fromEntries([...secrets].sort().map((name) => [name, { file: `${SECRETS}/${name}` }])),
  };
  const text = stringify(file, { lineWidth: 0, singleQuote: true, aliasDuplicateObjects: false });
  return `# ${NOT_BY_HAND}\n# ${HEADS[zone].replaceAll('\n ', '\n# ')}\n\n${text}`;
}

/** Whose process reads a file of the host's folder of secrets; several read only what is public. */
export function readersOfSecrets(zone: Zone): Map<string, Set<number>> {
  const readers = new Map<string, Set<number>>();
  for (const { share, secrets } of Object.values(zone === 'dmz' ? dmzParts() : insideParts())) {
    for (const { name } of secrets) {
      readers.set(name, (readers.get(name) ?? new Set()).add(share.uid));
    }
  }
  return readers;
}

function dmzParts(): Record<string, Part> {
  const mariadb = { secrets: SECRETS_IN_CONTAINER, listen: '0.0.0.0' };
  const portal = `http://${addressIn('front', 'portal-api')}:${String(listenerOf('portal-api').port)}/api/health/ready`;
  return {
    'web-proxy': {
      share: SHARES['web-proxy'],
      member: 'web-proxy',
      entrypoint: ['nginx', '-c', `${PROGRAMS}/settings/web-proxy/nginx.conf`, '-p', '/run/web-proxy/'],
      secrets: ['portal.crt', 'portal.key'].map((name) => ({
        name,
        target: `${PROGRAMS}/settings/web-proxy/tls/${name}`,
      })),
      scratch: ['/run/web-proxy'],
      healthcheck: ['bash', '-c', `: < /dev/tcp/127.0.0.1/${String(listenerOf('web-proxy').port)}`],
      published: published('web-proxy'),
      dependsOn: ['portal-api'],
      mayBindLowPorts: true,
    },
    'portal-api': program('portal-api', 'portal-api', 'portal-api/dist/main.js', {
      healthcheck: nodeCheck(`(await fetch('${portal}')).ok || process.exit(1)`),
      dependsOn: ['dmz-mariadb', 'dmz-redis'],
    }),
    'sync-gateway': program('sync-gateway', 'sync-gateway', 'portal-api/dist/gateway.main.js', {
      healthcheck: connectCheck(addressIn('crossing', 'sync-gateway'), listenerOf('sync-gateway').port),
      published: `\${INSIDE_FACING_ADDRESS:?set INSIDE_FACING_ADDRESS to the address that the sync agent reaches}:${published('sync-gateway')}`,
      dependsOn: ['dmz-mariadb', 'dmz-redis'],
    }),
    'dmz-mariadb': {
      share: SHARES['dmz-mariadb'],
      member: 'dmz-mariadb',
      entrypoint: [`${PROGRAMS}/start-mariadb`, ...mariadbArguments(mariadb)],
      secrets: ['dmz-ca.crt', 'mariadb.crt', 'mariadb.key', 'accounts.sql', 'grants.sql'].map((name) => ({ name })),
      scratch: [MARIADB_RUN],
      volumes: [{ source: `${STATE}/mariadb`, target: `${STATE}/mariadb`, writable: true }],
      healthcheck: ['mariadb-admin', '--no-defaults', `--socket=${MARIADB_RUN}/mariadb.sock`, 'ping'],
    },
    'dmz-redis': redis('dmz'),
    migrate: program('migrate', 'migrate', 'portal-api/dist/database/migrate.main.js', {
      dependsOn: ['dmz-mariadb'],
      once: true,
    }),
    'accounts-backup': program('migrate', 'migrate', 'portal-api/dist/database/backup.main.js', {
      image: 'accounts-backup',
      volumes: [{ source: BACKUPS, target: BACKUPS, writable: true }],
      dependsOn: ['dmz-mariadb'],
      once: true,
    }),
  };
}

function insideParts(): Record<string, Part> {
  const folder = (path: string, writable: boolean): Volume => ({ source: path, target: path, writable });
  const keys = `${STATE}/keys`;
  return {
    'sync-agent': program('sync-agent', 'sync-agent', 'sync-agent/dist/main.js', {
      volumes: [folder(keys, false)],
      healthcheck: nodeCheck(agentCheck(addressIn('agent-data', 'sync-agent'), listenerOf('sync-agent').port)),
      dependsOn: ['inside-redis'],
    }),
    'inside-redis': redis('inside'),
    'agent-commands': {
      ...program('agent-commands', 'sync-agent', 'sync-agent/dist/cli.main.js', {
        image: 'agent-commands',
        volumes: [folder(keys, true), folder(BACKUPS, true)],
        once: true,
      }),
      // Beside the running agent, whose address is taken.
      member: 'agent-commands',
    },
  };
}

function program(
  name: Parameters<typeof programEnvironment>[0],
  member: Member & (keyof typeof SHARES | keyof typeof ONE_OFFS),
  entry: string,
  part: Partial<Part>,
): Part {
  const environment = programEnvironment(name, 'compose');
  return {
    share: { ...SHARES, ...ONE_OFFS }[member],
    member,
    entrypoint: [NODE, ...NODE_FLAGS, `${PROGRAMS}/${entry}`],
    environment,
    secrets: credentialsOf(environment).map((file) => ({ name: file })),
    ...part,
  };
}

function redis(zone: Zone): Part {
  const name = zone === 'dmz' ? 'dmz-redis' : 'inside-redis';
  const files = { secrets: SECRETS_IN_CONTAINER, listen: '0.0.0.0' };
  const ca = `${SECRETS_IN_CONTAINER}/${zone}-ca.crt`;
  const port = String(listenerOf(name).port);
  return {
    share: SHARES[name],
    member: name,
    entrypoint: ['redis-server', `${PROGRAMS}/settings/redis-${zone}.conf`, ...redisArguments(zone, files)],
    secrets: [`${zone}-ca.crt`, 'redis.crt', 'redis.key', 'users.acl'].map((each) => ({ name: each })),
    // A refusal to a stranger is an answer.
    healthcheck: [
      'sh',
      '-c',
      `redis-cli -h 127.0.0.1 -p ${port} --tls --cacert ${ca} ping 2>&1 | grep -qE 'NOAUTH|PONG'`,
    ],
    ...(zone === 'inside' ? { volumes: [{ source: `${STATE}/redis`, target: `${STATE}/redis`, writable: true }] } : {}),
  };
}

function service(part: Part, zone: Zone): object {
  const { share, once } = part;
  const owner = `uid=${String(share.uid)},gid=${String(share.uid)}`;
  const memory = `${String(share.memoryMiB)}m`;
  const image = part.image ?? share.image;
  return {
    image: `${PRODUCT}/${image}:${VERSION}`,
    build: { context: zone === 'dmz' ? '.' : '..', dockerfile: 'infra/production/Dockerfile', target: image },
    ...(once === true ? { profiles: ['once'] } : { restart: 'unless-stopped' }),
    ...(part.dependsOn === undefined
      ? {}
      : { depends_on: Object.fromEntries(part.dependsOn.map((name) => [name, { condition: 'service_healthy' }])) }),
    user: `${String(share.uid)}:${String(share.uid)}`,
    entrypoint: part.entrypoint,
    ...(part.environment === undefined ? {} : { environment: withRefusals(part.environment, zone) }),
    ...(part.published === undefined ? {} : { ports: [part.published] }),
    networks: Object.fromEntries(networksOf(part.member).map((name) => [name, membership(name, part.member)])),
    // Names outside the file resolve nowhere in the DMZ.
    ...(zone === 'dmz' ? { dns: ['127.0.0.1'] } : {}),
    secrets: part.secrets.map(({ name, target }) => ({ source: name, ...(target === undefined ? {} : { target }) })),
    ...(part.volumes === undefined ? {} : { volumes: part.volumes.map(bind) }),
    tmpfs: ['/tmp', ...(part.scratch ?? [])].map((path) => `${path}:size=64m,mode=0700,${owner},noexec,nosuid,nodev`),
    read_only: true,
    cap_drop: ['ALL'],
    security_opt: ['no-new-privileges:true'],
    ...(part.mayBindLowPorts === true ? { sysctls: { 'net.ipv4.ip_unprivileged_port_start': '0' } } : {}),
    ipc: 'private',
    init: true,
    mem_limit: memory,
    // Equal to the limit of memory: no page of it is ever swapped out.
    memswap_limit: memory,
    pids_limit: share.pids,
    cpus: share.cpus,
    ulimits: { core: 0, nofile: { soft: share.openFiles, hard: share.openFiles } },
    stop_grace_period: '30s',
    ...(part.healthcheck === undefined
      ? { healthcheck: { disable: true } }
      : {
          healthcheck: {
            test: ['CMD', ...part.healthcheck],
            interval: '15s',
            timeout: '10s',
            retries: 4,
            start_period: '120s',
          },
        }),
    logging: { driver: 'json-file', options: { 'max-size': '20m', 'max-file': '5' } },
  };
}

/** A value of the installation that is not set stops compose with a sentence. */
function withRefusals(environment: Environment, zone: Zone): Environment {
  return Object.fromEntries(
    Object.entries(environment).map(([name, value]) => [
      name,
      value.replace(/^\$\{(\w+)\}$/, `\${$1:?set $1 in the environment file of the ${zone}}`),
    ]),
  );
}

function membership(name: NetworkName, member: Member): object {
  const alias = member in SERVER_NAMES ? SERVER_NAMES[member as keyof typeof SERVER_NAMES] : undefined;
  return { ipv4_address: addressIn(name, member), ...(alias === undefined ? {} : { aliases: [alias] }) };
}

function network(name: NetworkName): object {
  const facts = NETWORKS[name];
  const beyond = 'beyondTheHost' in facts ? facts.beyondTheHost : undefined;
  return {
    ...(beyond === undefined ? { internal: true } : {}),
    driver: 'bridge',
    driver_opts: {
      'com.docker.network.bridge.name': facts.bridge,
      'com.docker.network.bridge.enable_icc': beyond === undefined ? 'true' : 'false',
      // Who is only reached has no address to go out under.
      'com.docker.network.bridge.enable_ip_masquerade': beyond === 'opens' ? 'true' : 'false',
    },
    ipam: { config: [{ subnet: subnetOf(name) }] },
  };
}

function bind({ source, target, writable }: Volume): object {
  return { type: 'bind', source, target, read_only: !writable };
}

function published(name: 'web-proxy' | 'sync-gateway'): string {
  const port = String(listenerOf(name).port);
  return `${port}:${port}`;
}

function nodeCheck(code: string): string[] {
  return [NODE, '--input-type=module', '--eval', code];
}

/** The feed records its place with every clock marker, seconds apart: where it does, process, ledger and feed are well. */
const LONGEST_SILENCE = 120;

/** Code that ends with 0 while the agent at this address follows OpenEMR. A cut agent, and one that stands still, does not. */
export function agentCheck(host: string, port: number): string {
  return (
    `const text = await (await fetch('http://${host}:${String(port)}/metrics')).text(); ` +
    `const age = /^agent_binlog_position_age_seconds (\\S+)/m.exec(text)?.[1]; ` +
    `process.exit(Number(age ?? NaN) < ${String(LONGEST_SILENCE)} ? 0 : 1)`
  );
}

/** Somebody listens: the gateway speaks to nobody without the agent's certificate. */
function connectCheck(host: string, port: number): string[] {
  return nodeCheck(
    `const { connect } = await import('node:net'); connect(${String(port)}, '${host}', () => process.exit(0)).on('error', () => process.exit(1))`,
  );
}
