import {
  agentEnvironment,
  gatewayEnvironment,
  migrateEnvironment,
  portalApiEnvironment,
  type ZonePlaces,
  type ProgramSettings,
} from '../services/process-environment.js';
import { DEFAULT_DATABASES } from '../services/services.js';
import { listenerOf, PROCESSES, type Zone } from '../zones/zones.js';
import { addressIn } from './container-networks.js';
import { PROGRAMS, STATE } from './placement.js';

/** The two ways of running on a host. */
export const WAYS = ['compose', 'systemd'] as const;
export type Way = (typeof WAYS)[number];

export type ProgramName = 'portal-api' | 'sync-gateway' | 'migrate' | 'sync-agent' | 'agent-commands';
export type Environment = Readonly<Record<string, string>>;

/** What only the installation knows: written by a person into one file on each host. */
export const OF_THE_INSTALLATION = {
  dmz: ['SITE_ID', 'PUBLIC_ORIGIN', 'PRACTICE_NAME', 'PRACTICE_TIME_ZONE'],
  inside: [
    'SITE_ID',
    'GATEWAY_URL',
    'OPENEMR_DB_HOST',
    'OPENEMR_DB_PORT',
    'OPENEMR_DB_NAME',
    'LEDGER_DB_NAME',
    'FEED',
    'PORTAL_ORIGIN',
    'POOLS',
    'OPENEMR_URL',
  ],
} as const;

/** The address that the gateway's port is published on: only containers are told. */
export const PUBLISHING = 'INSIDE_FACING_ADDRESS';

export function namesOfTheInstallation(zone: Zone, way: Way): string[] {
  return [...OF_THE_INSTALLATION[zone], ...(zone === 'dmz' && way === 'compose' ? [PUBLISHING] : [])];
}

/** Where a container finds a secret. systemd hands them over in a folder of the unit's own, which it calls %d. */
const SECRETS_AT: Record<Way, string> = { compose: '/run/secrets', systemd: '%d' };
const OWNER_ONLY = /^LEDGER_OWNER_/;
const OWN_HOST = '127.0.0.1';
/** Names on the certificates of the zones' servers. */
export const SERVER_NAMES = {
  'dmz-mariadb': 'mariadb.dmz',
  'dmz-redis': 'redis.dmz',
  'inside-redis': 'redis.inside',
} as const;

/**
 * The environment of a program, made by the functions that the demo uses, with the paths and addresses of a host. What
 * the installation knows is left as `${NAME}`.
 */
export function programEnvironment(program: ProgramName, way: Way): Environment {
  const environment = { ...raw(program, way) };
  const zone = program === 'sync-agent' || program === 'agent-commands' ? 'inside' : 'dmz';
  for (const name of OF_THE_INSTALLATION[zone]) {
    if (name in environment) {
      environment[name] = `\${${name}}`;
    }
  }
  return Object.fromEntries(
    Object.entries(environment).map(([name, value]) => [
      name,
      value.replace(/^\/run\/(?:secrets|tls)\//, `${SECRETS_AT[way]}/`),
    ]),
  );
}

/** The files with secrets, keys and certificates that an environment names. */
export function credentialsOf(environment: Environment): string[] {
  const names = Object.values(environment).flatMap((value) => /^(?:\/run\/secrets|%d)\/(.+)$/.exec(value)?.[1] ?? []);
  return [...new Set(names)].sort();
}

function raw(program: ProgramName, way: Way): Record<string, string> {
  const containers = way === 'compose';
  switch (program) {
    case 'portal-api':
      return {
        ...portalApiEnvironment(places(way), SETTINGS),
        LISTEN_HOST: containers ? addressIn('front', 'portal-api') : OWN_HOST,
        METRICS_HOST: containers ? addressIn('portal-data', 'portal-api') : OWN_HOST,
        TRUST_PROXY: containers ? addressIn('front', 'web-proxy') : OWN_HOST,
      };
    case 'sync-gateway':
      return {
        ...gatewayEnvironment(places(way), SETTINGS),
        // On a host without containers the firewall of the host says on which interface it is reached.
        GATEWAY_HOST: containers ? addressIn('crossing', 'sync-gateway') : '0.0.0.0',
        METRICS_HOST: containers ? addressIn('gateway-data', 'sync-gateway') : OWN_HOST,
      };
    case 'migrate':
      return migrateEnvironment(places(way), SETTINGS);
    case 'sync-agent':
      return {
        ...Object.fromEntries(Object.entries(agent(way)).filter(([name]) => !OWNER_ONLY.test(name))),
        // The host reads them at the container's address in a network that leads nowhere else.
        METRICS_HOST: containers ? addressIn('agent-data', 'sync-agent') : OWN_HOST,
      };
    case 'agent-commands':
      return agent(way);
  }
}

function agent(way: Way): Record<string, string> {
  const environment = agentEnvironment(places(way), SETTINGS);
  return {
    ...environment,
    KEY_DIR: `${STATE}/keys`,
    OPENEMR_DB_CA_FILE: '/run/tls/openemr-mariadb-ca.crt',
    OPENEMR_CA_FILE: '/run/tls/openemr-ca.crt',
    OPENEMR_CLIENT_ID_FILE: `${STATE}/keys/openemr-client.id`,
  };
}

function places(way: Way): ZonePlaces {
  const host = (name: keyof typeof SERVER_NAMES): string => (way === 'compose' ? SERVER_NAMES[name] : OWN_HOST);
  const secretFile = (account: string): string => `/run/secrets/${account}.password`;
  const server = (address: string, port: number, ca: string): ZonePlaces['dmz']['redis'] => ({
    host: address,
    port,
    caFile: `/run/tls/${ca}.crt`,
  });
  return {
    dmz: {
      dir: '/run',
      mariadb: server(host('dmz-mariadb'), listenerOf('dmz-mariadb').port, 'dmz-ca'),
      redis: server(host('dmz-redis'), listenerOf('dmz-redis').port, 'dmz-ca'),
      secretFile,
    },
    inside: {
      dir: '/run',
      mariadb: server('', listenerOf('openemr-mariadb').port, 'inside-ca'),
      redis: server(host('inside-redis'), listenerOf('inside-redis').port, 'inside-ca'),
      secretFile,
    },
  };
}

/** What stands here for the installation's own values is replaced. */
const SETTINGS: ProgramSettings = {
  siteId: '',
  publicOrigin: '',
  portalPort: listenerOf('portal-api').port,
  gatewayPort: listenerOf('sync-gateway').port,
  webRoot: `${PROGRAMS}/portal-web/dist`,
  rootPublicKeyFile: '/run/secrets/root.pub',
  practiceName: '',
  practiceTimeZone: '',
  pools: {},
  openemrPort: listenerOf('openemr').port,
  metricsPorts: {
    portalApi: PROCESSES['portal-api'].listens[1].port,
    gateway: PROCESSES['sync-gateway'].listens[1].port,
    agent: PROCESSES['sync-agent'].listens[0].port,
  },
  databases: DEFAULT_DATABASES,
};
