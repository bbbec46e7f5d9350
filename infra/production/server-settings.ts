import { mariadbSettings } from '../services/mariadb-server.js';
import { redisSettings } from '../services/redis-server.js';
import { listenerOf, type Zone } from '../zones/zones.js';
import { MARIADB_SIZES, REDIS_DATA_MIB, STATE } from './placement.js';

/** Folder of a server's socket and other files that need not outlive it. */
export const MARIADB_RUN = '/run/odp-mariadb';

const NOT_BY_HAND = '# Written by `npm run describe`; change the sources it names and run it again.\n';

/** Where a server finds what a host's preparation made for it. */
export interface ServerFiles {
  /** folder of keys, certificates and accounts, as this server sees it */
  readonly secrets: string;
  readonly listen: string;
}

/** my.cnf of the DMZ's MariaDB. The same in a container and without one; the rest are arguments. */
export function mariadbConfiguration(): string {
  const settings: Record<string, string> = {
    ...mariadbSettings('dmz'),
    ...MARIADB_SIZES,
    port: String(listenerOf('dmz-mariadb').port),
    datadir: `${STATE}/mariadb/data`,
    socket: `${MARIADB_RUN}/mariadb.sock`,
    pid_file: `${MARIADB_RUN}/mariadb.pid`,
    tmpdir: MARIADB_RUN,
    // Files may be read and written by SQL in one empty folder only, which the server itself may not write.
    secure_file_priv: `${STATE}/mariadb/no-files`,
  };
  const lines = Object.entries(settings).map(([name, value]) => `${name} = ${value}`);
  return `${NOT_BY_HAND}# infra/services/mariadb-server.ts, infra/production/\n[mariadbd]\n${lines.join('\n')}\n`;
}

/** The accounts are made, and their passwords set, by every start. */
export function mariadbArguments({ secrets, listen }: ServerFiles): string[] {
  return [
    `--bind-address=${listen}`,
    `--ssl-ca=${secrets}/dmz-ca.crt`,
    `--ssl-cert=${secrets}/mariadb.crt`,
    `--ssl-key=${secrets}/mariadb.key`,
    `--init-file=${secrets}/accounts.sql`,
  ];
}

/** redis.conf of a zone. */
export function redisConfiguration(zone: Zone): string {
  const port = listenerOf(zone === 'dmz' ? 'dmz-redis' : 'inside-redis').port;
  const lines = [
    `tls-port ${String(port)}`,
    ...redisSettings(zone),
    `maxmemory ${String(REDIS_DATA_MIB)}mb`,
    'loglevel notice',
    // What the DMZ's Redis holds reaches no disk: it has no folder of its own.
    `dir ${zone === 'dmz' ? '/' : `${STATE}/redis`}`,
  ];
  return `${NOT_BY_HAND}# infra/services/redis-server.ts, infra/production/\n${lines.join('\n')}\n`;
}

export function redisArguments(zone: Zone, { secrets, listen }: ServerFiles): string[] {
  return [
    ...['--bind', listen, '--aclfile', `${secrets}/users.acl`],
    ...['--tls-cert-file', `${secrets}/redis.crt`, '--tls-key-file', `${secrets}/redis.key`],
    ...['--tls-ca-cert-file', `${secrets}/${zone}-ca.crt`],
  ];
}
