import { join } from 'node:path';
import type { Zone } from '../zones/zones.js';
import { DEFAULT_DATABASES } from './services.js';
import type { DatabaseNames } from './grants.js';

/** What the environments of the programs say beyond what the zones know. No value here is secret: secrets are paths. */
export interface ProgramSettings {
  siteId: string;
  logLevel?: string;
  databases?: DatabaseNames;
  /** Where patients reach the portal, for example `http://localhost:8080`. */
  publicOrigin: string;
  portalPort: number;
  /** addresses of the proxy that serves an https origin */
  trustProxy?: string;
  gatewayPort: number;
  /** where the gateway listens, and the address at which the agent finds it; loopback unless given */
  gatewayAddress?: { listens: string; reached: string };
  /** of OpenEMR's API; without it the agent is told of none */
  openemrPort?: number;
  /** patients may ask for OpenEMR's own C-CDA; off without */
  ccd?: boolean;
  webRoot: string;
  /** Public half of the clinic's root key, as its file outside the DMZ is copied into it. */
  rootPublicKeyFile: string;
  practiceName: string;
  practiceTimeZone: string;
  /** Ports of the metrics; off without. */
  metricsPorts?: { portalApi: number; gateway: number; agent: number };
  /** polling instead of reading the binlog; seconds from the start of a full pass to that of the next */
  polling?: { seconds: number };
  /** Topic → OpenEMR user name; `default` is required. */
  pools: Record<string, string>;
}

type Environment = Record<string, string>;

/** Where a zone's servers answer and its files lie: all that an environment is made from. */
export interface ZonePlace {
  /** Holds the folders `secrets`, `tls` and, inside, `keys`. */
  dir: string;
  mariadb: { host: string; port: number; caFile: string };
  redis: { host: string; port: number; caFile: string };
  /** Path of an account's password. */
  secretFile: (account: string) => string;
}
export type ZonePlaces = Record<Zone, ZonePlace>;

/** The environment of portal-api's public process. */
export function portalApiEnvironment(zones: ZonePlaces, settings: ProgramSettings): Environment {
  const secrets = join(zones.dmz.dir, 'secrets');
  return {
    ...common(settings),
    ...database(zones.dmz, portalName(settings), 'portal_api'),
    ...redis(zones.dmz, 'portal_api'),
    ...metrics(settings.metricsPorts?.portalApi),
    PUBLIC_ORIGIN: settings.publicOrigin,
    LISTEN_HOST: '127.0.0.1',
    LISTEN_PORT: String(settings.portalPort),
    ...(settings.trustProxy === undefined ? {} : { TRUST_PROXY: settings.trustProxy }),
    WEB_ROOT: settings.webRoot,
    ROOT_PUBLIC_KEY_FILE: settings.rootPublicKeyFile,
    PEPPER_FILE: join(secrets, 'pepper.key'),
    BLIND_INDEX_KEY_FILE: join(secrets, 'blind-index.key'),
    PRACTICE_NAME: settings.practiceName,
    PRACTICE_TIME_ZONE: settings.practiceTimeZone,
  };
}

/** The environment of the gateway, the one door to the inside. */
export function gatewayEnvironment(zones: ZonePlaces, settings: ProgramSettings): Environment {
  const tls = join(zones.dmz.dir, 'tls');
  return {
    ...common(settings),
    ...database(zones.dmz, portalName(settings), 'sync_gateway'),
    ...redis(zones.dmz, 'sync_gateway'),
    ...metrics(settings.metricsPorts?.gateway),
    GATEWAY_HOST: settings.gatewayAddress?.listens ?? '127.0.0.1',
    GATEWAY_PORT: String(settings.gatewayPort),
    TLS_CERT_FILE: join(tls, 'gateway.crt'),
    TLS_KEY_FILE: join(tls, 'gateway.key'),
    AGENT_CA_FILE: join(tls, 'crossing-ca.crt'),
    AGENT_COMMON_NAME: 'sync-agent',
    ROOT_PUBLIC_KEY_FILE: settings.rootPublicKeyFile,
  };
}

/** The environment of the migrations of the DMZ's database. */
export function migrateEnvironment(
  zones: ZonePlaces,
  settings: Pick<ProgramSettings, 'siteId' | 'logLevel' | 'databases'>,
): Environment {
  return { ...common(settings), ...database(zones.dmz, portalName(settings), 'migrate') };
}

/** The environment of the sync agent and of its command line. */
export function agentEnvironment(zones: ZonePlaces, settings: ProgramSettings): Environment {
  const { inside } = zones;
  const tls = join(inside.dir, 'tls');
  return {
    ...common(settings),
    ...redis(inside, 'sync_agent'),
    ...metrics(settings.metricsPorts?.agent),
    GATEWAY_URL: `https://${settings.gatewayAddress?.reached ?? '127.0.0.1'}:${settings.gatewayPort}`,
    GATEWAY_CA_FILE: join(tls, 'crossing-ca.crt'),
    GATEWAY_NAME: 'sync-gateway.dmz',
    AGENT_CERT_FILE: join(tls, 'agent.crt'),
    AGENT_KEY_FILE: join(tls, 'agent.key'),
    KEY_DIR: join(inside.dir, 'keys'),
    OPENEMR_DB_HOST: inside.mariadb.host,
    OPENEMR_DB_PORT: String(inside.mariadb.port),
    OPENEMR_DB_NAME: settings.databases?.openemr ?? DEFAULT_DATABASES.openemr,
    OPENEMR_DB_CA_FILE: inside.mariadb.caFile,
    ...openemrApi(inside, settings),
    READER_USER: 'agent_reader',
    READER_PASSWORD_FILE: inside.secretFile('agent_reader'),
    WRITER_USER: 'agent_writer',
    WRITER_PASSWORD_FILE: inside.secretFile('agent_writer'),
    ...(settings.polling === undefined
      ? { FEED: 'binlog', FEED_USER: 'agent_feed', FEED_PASSWORD_FILE: inside.secretFile('agent_feed') }
      : { FEED: 'polling', POLLING_SECONDS: String(settings.polling.seconds) }),
    LEDGER_OWNER_USER: 'ledger_owner',
    LEDGER_OWNER_PASSWORD_FILE: inside.secretFile('ledger_owner'),
    LEDGER_DB_NAME: settings.databases?.ledger ?? DEFAULT_DATABASES.ledger,
    PORTAL_ORIGIN: settings.publicOrigin,
    POOLS: JSON.stringify(settings.pools),
  };
}

function openemrApi({ dir }: Pick<ZonePlace, 'dir'>, { openemrPort, ccd }: ProgramSettings): Environment {
  if (openemrPort === undefined) {
    return {};
  }
  return {
    OPENEMR_URL: `https://127.0.0.1:${openemrPort}`,
    OPENEMR_CA_FILE: join(dir, 'tls', 'inside-ca.crt'),
    OPENEMR_CLIENT_ID_FILE: join(dir, 'keys', 'openemr-client.id'),
    ...(ccd === undefined ? {} : { OPENEMR_CCD: ccd ? 'on' : 'off' }),
  };
}

function metrics(port: number | undefined): Environment {
  return port === undefined ? {} : { METRICS_HOST: '127.0.0.1', METRICS_PORT: String(port) };
}

function common({ siteId, logLevel }: Pick<ProgramSettings, 'siteId' | 'logLevel'>): Environment {
  return { SITE_ID: siteId, LOG_LEVEL: logLevel ?? 'info', NODE_ENV: 'production' };
}

function portalName({ databases }: Pick<ProgramSettings, 'databases'>): string {
  return databases?.portal ?? DEFAULT_DATABASES.portal;
}

/** How an account reaches a zone's MariaDB. */
export function database(zone: ZonePlace, name: string, account: string): Environment {
  return {
    DB_HOST: zone.mariadb.host,
    DB_PORT: String(zone.mariadb.port),
    DB_NAME: name,
    DB_USER: account,
    DB_PASSWORD_FILE: zone.secretFile(account),
    DB_CA_FILE: zone.mariadb.caFile,
  };
}

/** How an account reaches a zone's Redis. */
export function redis(zone: ZonePlace, account: string): Environment {
  return {
    REDIS_HOST: zone.redis.host,
    REDIS_PORT: String(zone.redis.port),
    REDIS_USER: account,
    REDIS_PASSWORD_FILE: zone.secretFile(account),
    REDIS_CA_FILE: zone.redis.caFile,
  };
}
