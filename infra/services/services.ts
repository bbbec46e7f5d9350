import { existsSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Server } from 'node:net';
import { ensureCertificates } from './certificates.js';
import { serverUser } from './child-process.js';
import { DATABASE_ACCOUNTS, REDIS_ACCOUNTS, ZONES, type Zone } from '../zones/zones.js';
import { ensureSecret, lockDataFolder, prepareDataFolder, readSecret } from './data-folder.js';
import { convergeGrants, namesGiven, type DatabaseNames } from './grants.js';
import { adminQuery, MariadbServer, type SqlRow, type SqlValue } from './mariadb-server.js';
import { THIS_MACHINE, type Place } from './place.js';
import { DEFAULT_PORTS, type ServerName, type ServicePorts } from './ports.js';
import { withRedis } from './redis-client.js';
import { RedisServer } from './redis-server.js';

/** Databases that every installation has; tests make more of them beside these. */
export const DEFAULT_DATABASES = { portal: 'portal', openemr: 'openemr', ledger: 'portal_ledger' } as const;

/** What a zone offers to those who use it, also from another process than the launcher's. */
export interface ZoneAccess {
  zone: Zone;
  dir: string;
  mariadb: { host: string; port: number; caFile: string; socket: string };
  redis: { host: string; port: number; caFile: string; socket: string };
  /** Path of an account's password (or of another secret of the zone by its name). */
  secretFile: (account: string) => string;
  /** One statement as MariaDB's root over the socket; nothing but tests, set-up and drills has this. */
  adminSql: (sql: string, params?: SqlValue[]) => Promise<SqlRow[]>;
}

export interface ZoneServices extends ZoneAccess {
  mariadb: ZoneAccess['mariadb'] & { readonly pid: number | undefined };
  redis: ZoneAccess['redis'] & { readonly pid: number | undefined };
}

/** Both zones, wherever they were started. */
export type Zones = Record<Zone, ZoneAccess>;

export interface Services extends Record<Zone, ZoneServices> {
  dataDir: string;
  ports: ServicePorts;
  /** Ends all servers in order and frees the data folder. May be called more than once. */
  stop: () => Promise<void>;
  /** Settles with the reason when a server ends that nobody stopped; the others still run then. */
  failed: Promise<Error>;
  /** SIGKILL and the end awaited: a power cut of one server. */
  kill: (zone: Zone, server: ServerName) => Promise<void>;
  /**
   * Starts a server again, stopping it first when it runs; resolves when it answers. Same port, same data. `settings`
   * take the place of the zone's own until the next restart.
   */
  restart: (zone: Zone, server: ServerName, settings?: Readonly<Record<string, string>>) => Promise<void>;
}

export interface StartOptions {
  dataDir: string;
  ports?: ServicePorts;
  /** where each zone's servers run; this machine unless given */
  places?: Record<Zone, Place>;
  log?: (line: string) => void;
}

/**
 * Starts both zones' MariaDB and Redis on the data folder, which the first start fills: CAs, certificates, secrets,
 * accounts, empty databases. Any later start, also after a kill -9, goes on with what is there. The servers die with
 * this process. When one of them does not start, those that did are stopped and the error says which and why.
 */
export async function startServices({
  dataDir: folder,
  ports = DEFAULT_PORTS,
  places = { dmz: THIS_MACHINE, inside: THIS_MACHINE },
  log,
}: StartOptions): Promise<Services> {
  const dataDir = resolve(folder);
  const user = serverUser();
  prepareDataFolder(dataDir, user);
  const lock = await lockDataFolder(dataDir);
  const firstStart = !existsSync(join(dataDir, 'inside/mariadb/data'));
  log?.(firstStart ? `First start: setting up ${dataDir}` : `Continuing with ${dataDir}`);

  const failure = Promise.withResolvers<Error>();
  const access = { dmz: zoneAccess('dmz', dataDir, ports), inside: zoneAccess('inside', dataDir, ports) };
  const servers = { dmz: zoneServers('dmz'), inside: zoneServers('inside') };
  function zoneServers(zone: Zone): { mariadb: MariadbServer; redis: RedisServer } {
    const { dir, secretFile } = access[zone];
    const place = places[zone];
    return {
      mariadb: new MariadbServer(zone, dir, ports[zone].mariadb, user, place, failure.resolve),
      redis: new RedisServer(zone, dir, ports[zone].redis, user, secretFile, place, failure.resolve),
    };
  }

  try {
    for (const zone of ZONES) {
      for (const account of [...DATABASE_ACCOUNTS[zone], ...REDIS_ACCOUNTS[zone]]) {
        ensureSecret(access[zone].secretFile(account));
      }
    }
    for (const name of ['pepper', 'blind-index']) {
      ensureSecret(join(access.dmz.dir, 'secrets', `${name}.key`));
    }
    await ensureCertificates(dataDir, user);
    await allOrFirstError(ZONES.flatMap((zone) => [startMariadb(zone), servers[zone].redis.start()]));
  } catch (error: unknown) {
    await stopServers(servers, lock);
    throw error;
  }

  async function startMariadb(zone: Zone): Promise<void> {
    await servers[zone].mariadb.start();
    await servers[zone].mariadb.ensureAccounts(access[zone].secretFile);
    if (zone === 'inside') {
      await servers[zone].mariadb.ensureTimeZones();
    }
    await createDatabases(access[zone], DEFAULT_DATABASES);
  }

  let stopping: Promise<void> | undefined;
  log?.('MariaDB and Redis of both zones answer');
  return {
    dataDir,
    ports,
    dmz: withPids(access.dmz, servers.dmz),
    inside: withPids(access.inside, servers.inside),
    failed: failure.promise,
    stop: () => (stopping ??= stopServers(servers, lock)),
    kill: (zone, server) => servers[zone][server].kill(),
    restart: async (zone, server, settings) => {
      await servers[zone][server].stop();
      await servers[zone][server].start(settings);
    },
  };
}

/** Use of zones that run already, from the data folder and the ports alone. */
export function zoneAccess(zone: Zone, dataDir: string, ports: ServicePorts): ZoneAccess {
  const dir = join(dataDir, zone);
  const caFile = join(dir, 'tls', `${zone}-ca.crt`);
  const socket = (server: string): string => join(dir, 'run', `${server}.sock`);
  return {
    zone,
    dir,
    mariadb: { host: '127.0.0.1', port: ports[zone].mariadb, caFile, socket: socket('mariadb') },
    redis: { host: '127.0.0.1', port: ports[zone].redis, caFile, socket: socket('redis') },
    secretFile: (account) => join(dir, 'secrets', `${account}.password`),
    adminSql: (sql, params) => adminQuery(socket('mariadb'), sql, params),
  };
}

function withPids(access: ZoneAccess, servers: { mariadb: MariadbServer; redis: RedisServer }): ZoneServices {
  const withPid = <T extends object>(
    facts: T,
    server: { pid: number | undefined },
  ): T & { readonly pid: number | undefined } =>
    Object.defineProperty(facts, 'pid', { get: () => server.pid, enumerable: true }) as T & {
      readonly pid: number | undefined;
    };
  return { ...access, mariadb: withPid(access.mariadb, servers.mariadb), redis: withPid(access.redis, servers.redis) };
}

/** Which databases a zone holds: the portal's in the DMZ, OpenEMR's and the ledger inside. */
function namesOf(zone: Zone, { portal, openemr, ledger }: DatabaseNames): DatabaseNames {
  return zone === 'dmz' ? { portal } : { openemr, ledger };
}

/** Makes a zone's databases, empty, with the rights of the accounts that own them: what migrations and loaders need. */
export async function createDatabases(access: ZoneAccess, all: DatabaseNames): Promise<void> {
  const names = namesOf(access.zone, all);
  for (const name of namesGiven(names)) {
    await access.adminSql('CREATE DATABASE IF NOT EXISTS ??', [name]);
  }
  await convergeGrants(access.zone, access.mariadb.socket, names, 'owners');
}

/**
 * Makes every account's rights in the named databases what the zone's grants file declares, no less and no more.
 * Run it after the migrations (and OpenEMR's schema) made the tables; it may be repeated at any time.
 */
export async function applyGrants(zones: Zones, zone: Zone, all: DatabaseNames = DEFAULT_DATABASES): Promise<void> {
  await convergeGrants(zone, zones[zone].mariadb.socket, namesOf(zone, all), 'all');
}

/** Commands that Redis refused to its users since its start; a well-behaved run leaves none. Failed sign-ins do not count. */
export async function redisRefusals(access: ZoneAccess): Promise<string[]> {
  const operator = readSecret(access.secretFile('operator'));
  const entries = await withRedis({ path: access.redis.socket }, 'operator', operator, (redis) =>
    redis.call('ACL', 'LOG', '100'),
  );
  return Array.isArray(entries)
    ? entries.map((entry) => JSON.stringify(entry)).filter((entry) => !entry.includes('"reason","auth"'))
    : [];
}

/** Waits for all, so that nothing is still starting when the first error is handled. */
async function allOrFirstError(tasks: Promise<void>[]): Promise<void> {
  const results = await Promise.allSettled(tasks);
  const failed = results.find((result) => result.status === 'rejected');
  if (failed) {
    throw failed.reason;
  }
}

async function stopServers(
  servers: Record<Zone, { mariadb: MariadbServer; redis: RedisServer }>,
  lock: Server,
): Promise<void> {
  await Promise.all(ZONES.flatMap((zone) => [servers[zone].mariadb.stop(), servers[zone].redis.stop()]));
  lock.close();
}
