import { readFileSync } from 'node:fs';
import { createPool, type Pool, type PoolOptions } from 'mysql2/promise';

/** Where OpenEMR's database is, and as whom to sign in. */
export interface OpenEmrDatabaseOptions {
  host: string;
  port: number;
  database: string;
  user: string;
  password: string;
  /** PEM file of the CA the server's certificate must come from; the certificate must also name the host. */
  caFile: string;
  connectionLimit?: number;
}

/**
 * What every connection to OpenEMR's database needs, whatever the account: dates as the text the columns hold (they
 * are clinic wall-clock time, no JavaScript Date may guess a zone), decimals as text, whole numbers beyond 2^53 as
 * text, one statement per query, and no file of this machine handed to a server that asks for it.
 */
export const OPENEMR_CONNECTION_OPTIONS = {
  charset: 'utf8mb4',
  dateStrings: true,
  supportBigNumbers: true,
  bigNumberStrings: false,
  decimalNumbers: false,
  multipleStatements: false,
  flags: ['-LOCAL_FILES'],
  // Snapshots set a session once and rely on it for as long as the connection lasts.
  resetOnRelease: false,
} satisfies PoolOptions;

/** Connections are opened when first used; the caller ends the pool. */
export function createOpenEmrPool(options: OpenEmrDatabaseOptions): Pool {
  return createPool({
    ...OPENEMR_CONNECTION_OPTIONS,
    host: options.host,
    port: options.port,
    database: options.database,
    user: options.user,
    password: options.password,
    connectionLimit: options.connectionLimit ?? 4,
    connectTimeout: 10_000,
    ssl: { ca: readFileSync(options.caFile), minVersion: 'TLSv1.2', rejectUnauthorized: true, verifyIdentity: true },
  });
}
