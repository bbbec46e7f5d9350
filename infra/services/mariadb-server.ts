import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { userInfo } from 'node:os';
import { createConnection, type Connection, type RowDataPacket } from 'mysql2/promise';
import { bareEnvironment, run, type ServerUser } from './child-process.js';
import { DATABASE_ACCOUNTS, type Zone } from '../zones/zones.js';
import { readSecret, writeForServer } from './data-folder.js';
import type { Place } from './place.js';
import { SERVER_TITLES } from './ports.js';
import { ServerProcess } from './server-process.js';

/** Accounts come over loopback; names are not resolved. */
export const ACCOUNT_HOST = '127.0.0.1';

/** Small, quick to start, and durable: an answered COMMIT survives a power cut. */
const COMMON_SETTINGS = {
  skip_name_resolve: 'ON',
  require_secure_transport: 'ON',
  tls_version: 'TLSv1.3',
  local_infile: 'OFF',
  symbolic_links: 'OFF',
  skip_external_locking: 'ON',
  innodb_flush_log_at_trx_commit: '1',
  innodb_buffer_pool_load_at_startup: 'OFF',
  innodb_buffer_pool_dump_at_shutdown: 'OFF',
  performance_schema: 'OFF',
  general_log: 'OFF',
  slow_query_log: 'OFF',
  character_set_server: 'utf8mb4',
  default_time_zone: '+00:00',
  max_connections: '150',
  key_buffer_size: '1M',
  aria_pagecache_buffer_size: '4M',
  table_open_cache: '400',
};

const ZONE_SETTINGS: Record<Zone, Record<string, string>> = {
  dmz: {
    skip_log_bin: 'ON',
    // Rows that were deleted (revoked grants, collected envelopes) must not stay readable in free pages for long.
    innodb_immediate_scrub_data_uncompressed: 'ON',
    collation_server: 'utf8mb4_bin',
    innodb_buffer_pool_size: '48M',
    innodb_log_file_size: '48M',
    max_allowed_packet: '32M',
  },
  inside: {
    log_bin: 'binlog',
    server_id: '1',
    binlog_format: 'ROW',
    binlog_row_metadata: 'FULL',
    binlog_row_image: 'FULL',
    sync_binlog: '1',
    expire_logs_days: '7',
    // OpenEMR clears the mode of every session it opens; its tables hold zero dates.
    sql_mode: '',
    collation_server: 'utf8mb4_general_ci',
    innodb_buffer_pool_size: '96M',
    innodb_log_file_size: '96M',
    max_allowed_packet: '64M',
  },
};

/** What a zone's MariaDB is told wherever it runs; paths, port and address come from the place. */
export function mariadbSettings(zone: Zone): Record<string, string> {
  return { ...COMMON_SETTINGS, ...ZONE_SETTINGS[zone] };
}

const TIME_ZONE_TABLES = ['time_zone', 'time_zone_name', 'time_zone_transition', 'time_zone_transition_type'];

export type SqlValue = string | number | bigint | boolean | null | Date | Buffer;
export type SqlRow = Record<string, unknown>;

/** The MariaDB of a zone in its folder, with its set-up on first start. */
export class MariadbServer {
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
    private readonly place: Place,
    onFailure: (error: Error) => void,
  ) {
    this.folder = join(zoneDir, 'mariadb');
    this.caFile = join(zoneDir, 'tls', `${zone}-ca.crt`);
    this.socket = join(zoneDir, 'run', 'mariadb.sock');
    this.process = new ServerProcess(
      {
        title: SERVER_TITLES[zone].mariadb,
        program: 'mariadbd',
        args: [`--defaults-file=${join(this.folder, 'my.cnf')}`],
        folder: this.folder,
        logFile: join(zoneDir, 'logs', 'mariadb.log'),
        port,
        user,
        place,
        probe: async () => {
          await adminQuery(this.socket, 'SELECT 1');
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
    const first = !existsSync(join(this.folder, 'data'));
    if (first) {
      await this.install();
    }
    // Files may be read and written by SQL in one empty folder only, which the server itself may not write.
    mkdirSync(join(this.folder, 'no-files'), { recursive: true, mode: 0o555 });
    rmSync(this.socket, { force: true });
    writeForServer(join(this.folder, 'my.cnf'), this.configuration(settings), this.user);
    await this.process.start();
  }

  stop(): Promise<void> {
    return this.process.stop();
  }

  kill(): Promise<void> {
    return this.process.kill();
  }

  /** Makes the accounts and sets their passwords to what the secret files say; they start without any right. */
  async ensureAccounts(secretFile: (account: string) => string): Promise<void> {
    await withAdmin(this.socket, async (connection) => {
      // Account statements carry password hashes, and whoever reads the binlog must not get them.
      await connection.query('SET SESSION sql_log_bin = 0');
      for (const account of DATABASE_ACCOUNTS[this.zone]) {
        const password = readSecret(secretFile(account));
        await connection.query(`CREATE USER IF NOT EXISTS ?@? IDENTIFIED BY ? REQUIRE SSL`, [
          account,
          ACCOUNT_HOST,
          password,
        ]);
        await connection.query(`ALTER USER ?@? IDENTIFIED BY ? REQUIRE SSL`, [account, ACCOUNT_HOST, password]);
      }
    });
  }

  /** Loads the named time zones once; OpenEMR's sessions, and ours, set `time_zone` by name. */
  async ensureTimeZones(): Promise<void> {
    const [known] = await adminQuery(this.socket, 'SELECT COUNT(*) AS zones FROM mysql.time_zone_name');
    if (Number(known?.['zones']) > 0) {
      return;
    }
    const environment = { env: bareEnvironment(this.folder) };
    const sql = await run('mariadb-tzinfo-to-sql', ['--skip-write-binlog', '/usr/share/zoneinfo'], environment);
    // The folders posix/ and right/ repeat every zone twice.
    const [head = '', ...zones] = sql.split(/^(?=INSERT INTO time_zone \(Use_leap_seconds\))/m);
    const end = zones.at(-1)?.search(/^UNLOCK TABLES/m) ?? -1;
    const tail = zones.splice(-1, 1, zones.at(-1)?.slice(0, end) ?? '')[0]?.slice(end) ?? '';
    const wanted = zones.filter((zone) => !/VALUES \('(posix|right)\//.test(zone));
    // Without the table's own log an INSERT need not wait for the disk: seconds less at the first start.
    const journal = (on: 0 | 1): string =>
      TIME_ZONE_TABLES.map((table) => `ALTER TABLE ${table} TRANSACTIONAL = ${on};\n`).join('');
    const input = [journal(0), head, ...wanted, tail, journal(1)].join('');
    const client = ['--no-defaults', `--socket=${this.socket}`, '--user', userInfo().username];
    await run('mariadb', [...client, '--init-command=SET SESSION sql_log_bin = 0', 'mysql'], { ...environment, input });
  }

  /** The system tables grow in a folder of another name, so that an interrupted installation is not taken for a whole one. */
  private async install(): Promise<void> {
    for (const left of readdirSync(this.folder)) {
      rmSync(join(this.folder, left), { recursive: true, force: true });
    }
    const growing = join(this.folder, 'data.new');
    await run(
      'mariadb-install-db',
      [
        ...[
          '--no-defaults',
          `--datadir=${growing}`,
          `--tmpdir=${this.folder}`,
          '--skip-test-db',
          '--skip-name-resolve',
        ],
        ...['--auth-root-authentication-method=socket', `--auth-root-socket-user=${userInfo().username}`],
        `--innodb-log-file-size=${ZONE_SETTINGS[this.zone]['innodb_log_file_size'] ?? '48M'}`,
      ],
      { user: this.user, cwd: this.folder, env: bareEnvironment(this.folder) },
    );
    renameSync(growing, join(this.folder, 'data'));
  }

  private configuration(changed: Readonly<Record<string, string>>): string {
    const settings: Record<string, string> = {
      ...mariadbSettings(this.zone),
      bind_address: [this.host, ...this.place.mariadbAddresses].join(','),
      ...changed,
      port: String(this.port),
      socket: this.socket,
      datadir: join(this.folder, 'data'),
      tmpdir: this.folder,
      secure_file_priv: join(this.folder, 'no-files'),
      pid_file: join(this.zoneDir, 'run', 'mariadb.pid'),
      ssl_ca: this.caFile,
      ssl_cert: join(this.zoneDir, 'tls', 'mariadb.crt'),
      ssl_key: join(this.zoneDir, 'tls', 'mariadb.key'),
    };
    const lines = Object.entries(settings).map(([name, value]) => `${name} = ${value}`);
    return `[mariadbd]\n${lines.join('\n')}\n`;
  }
}

/** Work on one connection of the server's root, who is known by the operating system's user on the socket. */
export async function withAdmin<T>(socket: string, use: (connection: Connection) => Promise<T>): Promise<T> {
  const connection = await createConnection({ socketPath: socket, user: userInfo().username, supportBigNumbers: true });
  try {
    return await use(connection);
  } finally {
    connection.destroy();
  }
}

/** One statement as the server's root. */
export function adminQuery(socket: string, sql: string, params: SqlValue[] = []): Promise<SqlRow[]> {
  return withAdmin(socket, async (connection) => {
    const [result] = await connection.query<RowDataPacket[]>(sql, params);
    return Array.isArray(result) ? result : [];
  });
}
