import type { Connection, RowDataPacket } from 'mysql2/promise';
import { z } from 'zod';

/** What any account may know of the server. */
export interface ServerFacts {
  version: string;
  /** global variable as the server prints it; undefined where it has none of the name */
  variable: (name: string) => string | undefined;
  /** the server's clock minus ours, milliseconds; exact to half the call's duration */
  skewMs: number;
  /** time zones by name */
  knowsTimeZones: boolean;
  /** null when the server does not say */
  certificateEnd: Date | null;
}

const VARIABLES = [
  'log_bin',
  'binlog_format',
  'binlog_row_metadata',
  'binlog_row_image',
  'binlog_expire_logs_seconds',
  'expire_logs_days',
  'innodb_flush_log_at_trx_commit',
  'sync_binlog',
];

const Schemata = z.array(z.object({ name: z.string() }));

/** The databases that an account has any right in. */
export async function listDatabases(connection: Connection): Promise<string[]> {
  const [rows] = await connection.query<RowDataPacket[]>('SELECT schema_name AS name FROM information_schema.schemata');
  return Schemata.parse(rows).map(({ name }) => name);
}

const NamedRows = z.array(z.object({ Variable_name: z.string(), Value: z.string() }));
const Clock = z.tuple([z.object({ version: z.string(), utc: z.string(), zoned: z.string().nullable() })]);

export async function readServerFacts(connection: Connection): Promise<ServerFacts> {
  const sentAt = Date.now();
  const [clockRows] = await connection.query<RowDataPacket[]>(
    `SELECT VERSION() AS version, CAST(UTC_TIMESTAMP(3) AS CHAR) AS utc,
            CAST(CONVERT_TZ('2026-01-01 00:00:00', 'UTC', 'America/New_York') AS CHAR) AS zoned`,
  );
  const between = (sentAt + Date.now()) / 2;
  const [clock] = Clock.parse(clockRows);
  const [variableRows] = await connection.query<RowDataPacket[]>('SHOW GLOBAL VARIABLES WHERE Variable_name IN (?)', [
    VARIABLES,
  ]);
  const variables = new Map(NamedRows.parse(variableRows).map(({ Variable_name, Value }) => [Variable_name, Value]));
  const [statusRows] = await connection.query<RowDataPacket[]>("SHOW STATUS LIKE 'Ssl_server_not_after'");
  const end = Date.parse(NamedRows.parse(statusRows)[0]?.Value ?? '');
  return {
    version: clock.version,
    variable: (name) => variables.get(name),
    skewMs: Math.round(Date.parse(`${clock.utc.replace(' ', 'T')}Z`) - between),
    knowsTimeZones: clock.zoned !== null,
    certificateEnd: Number.isNaN(end) ? null : new Date(end),
  };
}
