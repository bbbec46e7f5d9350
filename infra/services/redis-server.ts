import { join } from 'node:path';
import type { Redis } from 'ioredis';
import type { ServerUser } from './child-process.js';
import type { Zone } from '../zones/zones.js';
import { readSecret, writeForServer } from './data-folder.js';
import type { Place } from './place.js';
import { SERVER_TITLES } from './ports.js';
import { withRedis } from './redis-client.js';
import { declaredRedisUsers } from './redis-users.js';
import { ServerProcess } from './server-process.js';

const ZONE_SETTINGS: Record<Zone, string[]> = {
  // What the DMZ's Redis holds (sessions) must never reach a disk.
  dmz: ['appendonly no'],
  inside: ['appendonly yes', 'appendfsync everysec', 'aof-load-truncated yes'],
};

/** What a zone's Redis is told wherever it runs; paths, port and address come from the place. */
export function redisSettings(zone: Zone): string[] {
  return [
    'port 0',
    'tls-protocols TLSv1.3',
    // Clients prove themselves by their ACL user's password.
    'tls-auth-clients no',
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
    ...ZONE_SETTINGS[zone],
  ];
}

/** The Redis of a zone in its folder. */
export class RedisServer {
  readonly host = '127.0.0.1';
  readonly caFile: string;
  readonly socket: string;
  private readonly folder: string;
  private readonly process: ServerProcess;

  constructor(
    private readonly zone: Zone,
    private readonly zoneDir: string,
    readonly port: number,
    private readonly user: ServerUser | null,
    private readonly secretFile: (account: string) => string,
    place: Place,
    onFailure: (error: Error) => void,
  ) {
    this.folder = join(zoneDir, 'redis');
    this.caFile = join(zoneDir, 'tls', `${zone}-ca.crt`);
    this.socket = join(zoneDir, 'run', 'redis.sock');
    this.process = new ServerProcess(
      {
        title: SERVER_TITLES[zone].redis,
        program: 'redis-server',
        args: [join(this.folder, 'redis.conf')],
        folder: this.folder,
        logFile: join(zoneDir, 'logs', 'redis.log'),
        port,
        user,
        place,
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

  /** @param settings take the place of the zone's own, for this run */
  async start(settings: Readonly<Record<string, string>> = {}): Promise<void> {
    const users = declaredRedisUsers({ zone: this.zone, secretFile: this.secretFile });
    writeForServer(join(this.folder, 'users.acl'), `${users.join('\n')}\n`, this.user);
    writeForServer(join(this.folder, 'redis.conf'), this.configuration(settings), this.user);
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
    return withRedis({ path: this.socket }, 'operator', readSecret(this.secretFile('operator')), work);
  }

  private configuration(changed: Readonly<Record<string, string>>): string {
    const inTls = (name: string): string => join(this.zoneDir, 'tls', name);
    return [
      'bind 127.0.0.1',
      `tls-port ${this.port}`,
      `unixsocket ${this.socket}`,
      'unixsocketperm 700',
      `tls-cert-file ${inTls('redis.crt')}`,
      `tls-key-file ${inTls('redis.key')}`,
      `tls-ca-cert-file ${this.caFile}`,
      `aclfile ${join(this.folder, 'users.acl')}`,
      `dir ${this.folder}`,
      ...redisSettings(this.zone),
      // Of two lines for one setting the later counts.
      ...Object.entries(changed).map(([name, value]) => `${name} ${value}`),
      '',
    ].join('\n');
  }
}
