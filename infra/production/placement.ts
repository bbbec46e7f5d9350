import type { ProcessName, Zone } from '../zones/zones.js';

/** Where the product lies on a host and in an image. */
export const PRODUCT = 'openemr-dmz-portal';
export const PROGRAMS = `/opt/${PRODUCT}`;
export const STATE = `/var/lib/${PRODUCT}`;
export const CONFIGURATION = `/etc/${PRODUCT}`;
/** Each file here belongs to the one process that reads it. */
export const SECRETS = `${CONFIGURATION}/secrets`;
export const VERSION = '0.1.0';

/** What a process gets of its host, and as whom it runs: numbers that the files' owners on the host go by too. */
export interface Share {
  readonly zone: Zone;
  /** image that holds it */
  readonly image: 'web-proxy' | 'portal-api' | 'mariadb' | 'redis' | 'sync-agent';
  readonly uid: number;
  readonly user: string;
  readonly memoryMiB: number;
  readonly pids: number;
  readonly cpus: number;
  /** files and connections it may hold open */
  readonly openFiles: number;
  /** folder below the state folder that it writes */
  readonly writes?: string;
}

/**
 * The processes that the product brings along; OpenEMR and its MariaDB are the clinic's. A sign-in costs portal-api
 * 64 MiB while it runs.
 */
export const SHARES = {
  'web-proxy': share('dmz', 'web-proxy', 10_001, 'odp-web-proxy', [256, 64, 1, 16_384]),
  'portal-api': share('dmz', 'portal-api', 10_002, 'odp-portal-api', [1536, 128, 2, 16_384]),
  'sync-gateway': share('dmz', 'portal-api', 10_003, 'odp-sync-gateway', [512, 128, 1, 4096]),
  'dmz-mariadb': { ...share('dmz', 'mariadb', 10_004, 'odp-mariadb', [1024, 256, 2, 16_384]), writes: 'mariadb' },
  'dmz-redis': share('dmz', 'redis', 10_005, 'odp-redis', [384, 64, 1, 16_384]),
  'sync-agent': share('inside', 'sync-agent', 10_006, 'odp-sync-agent', [1024, 128, 2, 4096]),
  'inside-redis': { ...share('inside', 'redis', 10_007, 'odp-redis', [384, 64, 1, 16_384]), writes: 'redis' },
} as const satisfies Partial<Record<ProcessName, Share>>;

export type Resident = keyof typeof SHARES;

/** Programs that run once and end, as one of the accounts that no running process uses. */
export const ONE_OFFS = {
  migrate: share('dmz', 'portal-api', 10_008, 'odp-migrate', [512, 64, 1, 1024]),
} as const;

/** Folder of backups below the state folder, and whose commands write it: they run beside the processes that stay. */
export const BACKUPS = `${STATE}/backups`;
export const BACKUP_WRITERS: Record<Zone, Share> = { dmz: ONE_OFFS.migrate, inside: SHARES['sync-agent'] };

/** What is kept for Redis's data; the rest of its memory is for its clients and for copying on write. */
export const REDIS_DATA_MIB = 256;

/** Beyond the settings that the launcher uses: what a host of its own can afford. */
export const MARIADB_SIZES = { innodb_buffer_pool_size: '384M', innodb_log_file_size: '192M' } as const;

export function residents(zone: Zone): Resident[] {
  return (Object.keys(SHARES) as Resident[]).filter((name) => SHARES[name].zone === zone);
}

function share(
  zone: Zone,
  image: Share['image'],
  uid: number,
  user: string,
  [memoryMiB, pids, cpus, openFiles]: [number, number, number, number],
): Share {
  return { zone, image, uid, user, memoryMiB, pids, cpus, openFiles };
}
