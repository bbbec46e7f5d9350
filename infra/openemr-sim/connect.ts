import { readFileSync } from 'node:fs';
import { createConnection, type Connection } from 'mysql2/promise';

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
  return createConnection({
    host: access.host,
    port: access.port,
    user: access.user,
    password: readFileSync(access.passwordFile, 'utf8').trim(),
    database: access.database,
    charset: 'utf8mb4',
    dateStrings: true,
    supportBigNumbers: true,
    ssl: { ca: readFileSync(access.caFile, 'utf8'), minVersion: 'TLSv1.3', verifyIdentity: true },
  });
}
