import type { DataSourceOptions } from 'typeorm';
import { SnakeNaming } from './snake-naming.js';

type MariadbOptions = Extract<DataSourceOptions, { type: 'mysql' | 'mariadb' }>;

/** How a process reaches its MariaDB. */
export interface DatabaseConfig {
  host: string;
  port: number;
  name: string;
  user: string;
  password: string;
  /** PEM of the CA that signed the server's certificate */
  ca: string;
}

/**
 * Options of every connection to the DMZ's MariaDB: TLS 1.3, the server's certificate and name verified, times in UTC,
 * no file access by SQL, one statement a call. Errors of the server may quote values, therefore nothing is logged here.
 */
export function dataSourceOptions(
  database: DatabaseConfig,
  entities: NonNullable<MariadbOptions['entities']> = [],
): MariadbOptions {
  return {
    type: 'mariadb',
    host: database.host,
    port: database.port,
    database: database.name,
    username: database.user,
    password: database.password,
    ssl: { ca: database.ca, rejectUnauthorized: true, verifyIdentity: true, minVersion: 'TLSv1.3' },
    charset: 'utf8mb4',
    timezone: 'Z',
    connectTimeout: 10_000,
    multipleStatements: false,
    flags: ['-LOCAL_FILES'],
    poolSize: 10,
    namingStrategy: new SnakeNaming(),
    entities,
    synchronize: false,
    migrationsRun: false,
    migrationsTransactionMode: 'each',
    logging: false,
  };
}
