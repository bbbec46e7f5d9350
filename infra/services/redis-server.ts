import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import type { ServerUser } from './child-process.js';
import { readSecret, writeForServer, type Zone } from './data-folder.js';
import { grantsFile } from './grants-files.js';
import { SERVER_TITLES } from './ports.js';
import { ServerProcess } from './server-process.js';

/** Redis users by zone. `operator` is the launcher's own: it reads, lists refusals, and flushes in drills. */
export const REDIS_ACCOUNTS = {
  dmz: ['portal_api', 'sync_gateway', 'operator'],
  inside: ['sync_agent', 'operator'],
} as const satisfies Record<Zone, readonly string[]>;

const ZONE_SETTINGS: Record<Zone, string[]> = {
  // What the DMZ's Redis holds (sessions) must never reach a disk.
  dmz: ['appendonly no'],
  inside: ['appendonly yes', 'appendfsync everysec', 'aof-load-truncated yes'],
};

/** The Redis of a zone in its folder. */
export class RedisServer {
  readonly host = '127.0.0.1';
  readonly caFile: string;
  private readonly folder: string;
  private readonly process: ServerProcess;

  constructor(
    private readonly zone: Zone,
    private readonly zoneDir: string,
    readonly port: number,
    private readonly user: ServerUser | null,
    private readonly secretFile: (account: string) => string,
    onFailure: (error: Error) => void,
  ) {
    this.folder = join(zoneDir, 'redis');
    this.caFile = join(zoneDir, 'tls', `${zone}-ca.crt`);
    this.process = new ServerProcess(
      {
        title: SERVER_TITLES[zone].redis,
        program: 'redis-server',
        args: [join(this.folder, 'redis.conf')],
        folder: this.folder,
        logFile: join(zoneDir, 'logs', 'redis.log'),
        port,
        user,
        probe: async () => {
          await this.asOperator((redis) => redis.ping());
        },
      },
      onFailure,
    );
  }

  get pid(): number | undefined {
    return this.process.pid;
  }

  async start(): Promise<void> {
    writeForServer(join(this.folder, 'users.acl'), redisUsers(this.zone, this.secretFile), this.user);
    writeForServer(join(this.folder, 'redis.conf'), this.configuration(), this.user);
    await this.process.start();
  }

  stop(): Promise<void> {
    return this.process.stop();
  }

  kill(): Promise<void> {
    return this.process.kill();
  }

  /** Runs one piece of work on a connection of the operator, who may read everything, list refusals, and flush. */
  asOperator<T>(work: (redis: Redis) => Promise<T>): Promise<T> {
    return withRedis(this, 'operator', readSecret(this.secretFile('operator')), work);
  }

  private configuration(): string {
    const inTls = (name: string): string => join(this.zoneDir, 'tls', name);
    return [
      'bind 127.0.0.1',
      'port 0',
      `tls-port ${this.port}`,
      `tls-cert-file ${inTls('redis.crt')}`,
      `tls-key-file ${inTls('redis.key')}`,
      `tls-ca-cert-file ${this.caFile}`,
      'tls-protocols TLSv1.3',
      // Clients prove themselves by their ACL user's password.
      'tls-auth-clients no',
      `aclfile ${join(this.folder, 'users.acl')}`,
      `dir ${this.folder}`,
      'daemonize no',
      'save ""',
      'maxmemory-policy noeviction',
      'databases 1',
      'enable-protected-configs no',
      'enable-debug-command no',
      'enable-module-command no',
      // Neither commands with their arguments nor a crash's memory belong in a log.
      'slowlog-log-slower-than -1',
      'slowlog-max-len 0',
      'crash-log-enabled no',
      'crash-memcheck-enabled no',
      ...ZONE_SETTINGS[this.zone],
      '',
    ].join('\n');
  }
}

/** The declared users of a zone with the hashes of their passwords in place of the placeholders. */
export function redisUsers(zone: Zone, secretFile: (account: string) => string): string {
  const declared = readFileSync(grantsFile(`${zone}-redis.acl`), 'utf8');
  return declared
    .split('\n')
    .filter((line) => line.startsWith('user '))
    .map((line) =>
      line.replace(/\{\{(\w+)\}\}/, (_, account: string) =>
        createHash('sha256').update(readSecret(secretFile(account))).digest('hex'),
      ),
    )
    .join('\n')
    .concat('\n');
}

/** A connection that reports refusals at once instead of trying again, closed after the work. */
export async function withRedis<T>(
  server: { host: string; port: number; caFile: string },
  username: string,
  password: string,
  work: (redis: Redis) => Promise<T>,
): Promise<T> {
  const redis = new Redis({
    host: server.host,
    port: server.port,
    username,
    password,
    tls: { ca: readFileSync(server.caFile), servername: 'localhost' },
    lazyConnect: true,
    retryStrategy: () => null,
    maxRetriesPerRequest: 0,
  });
  // Without a listener an error of the connection would be printed; the work's own promise reports it.
  redis.on('error', () => undefined);
  try {
    await redis.connect();
    return await work(redis);
  } finally {
    redis.disconnect();
  }
}
