import { readFileSync } from 'node:fs';
import { createConnection, createPool, type Connection, type ConnectionOptions, type Pool } from 'mysql2/promise';

export interface OpenEmrAccess {
  host: string;
  port: number;
  database: string;
  user: string;
  passwordFile: string;
  caFile: string;
}

/** A connection as the clinic's own application has it: over TLS, dates as the text MariaDB prints. */
export function connectOpenEmr(access: OpenEmrAccess): Promise<Connection> {
  return createConnection(connectionOptions(access));
}

/** The same for many requests at a time; connections open when first used. */
export function createOpenEmrPool(access: OpenEmrAccess): Pool {
  return createPool({ ...connectionOptions(access), connectionLimit: 4 });
}

function connectionOptions(access: OpenEmrAccess): ConnectionOptions {
  return {
    host: access.host,
    port: access.port,
    user: access.user,
    password: readFileSync(access.passwordFile, 'utf8').trim(),
    database: access.database,
    charset: 'utf8mb4',
    dateStrings: true,
    supportBigNumbers: true,
    ssl: { ca: readFileSync(access.caFile, 'utf8'), minVersion: 'TLSv1.3', verifyIdentity: true },
  };
}
