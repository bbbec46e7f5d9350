import { DATABASE_VARIABLES, databaseConfig, readEnvironment } from './database-environment.js';
import type { DatabaseConfig } from './data-source.js';

/** Configuration of the migration program: the account `migrate` with its rights on tables. */
export function migrateConfig(environment: NodeJS.ProcessEnv = process.env): DatabaseConfig {
  return databaseConfig(readEnvironment(DATABASE_VARIABLES, environment));
}
