import { z } from 'zod';
import { DATABASE_VARIABLES, databaseConfig, readEnvironment } from './database-environment.js';
import type { DatabaseConfig } from './data-source.js';

/** Configuration of the migration program: the account `migrate` with its rights on tables. */
export function migrateConfig(environment: NodeJS.ProcessEnv = process.env): DatabaseConfig {
  return databaseConfig(readEnvironment(DATABASE_VARIABLES, environment));
}

/** The same for MariaDB's own programs, which read the CA from its file. */
export interface BackupConfig {
  database: DatabaseConfig;
  caFile: string;
  siteId: string;
}

export function backupConfig(environment: NodeJS.ProcessEnv = process.env): BackupConfig {
  const { DB_CA_FILE: caFile, SITE_ID: siteId } = readEnvironment(
    { DB_CA_FILE: z.string().min(1), SITE_ID: z.uuid() },
    environment,
  );
  return { database: migrateConfig(environment), caFile, siteId };
}
