import { DataSource } from 'typeorm';
import { dataSourceOptions, type DatabaseConfig } from './data-source.js';
import { MIGRATIONS } from './migrations.js';

/** At most this long one migration run waits for another, seconds. */
const PATIENCE = 60;

/**
 * Brings a database to the present shape. Safe to repeat, and safe to start twice at once: the second waits.
 * @returns names of the migrations that ran
 */
export async function migrate(database: DatabaseConfig): Promise<string[]> {
  const dataSource = new DataSource({ ...dataSourceOptions(database), migrations: MIGRATIONS, poolSize: 2 });
  await dataSource.initialize();
  const guard = dataSource.createQueryRunner();
  try {
    const [lock] = await guard.manager.query<{ got: number | string | null }[]>('SELECT GET_LOCK(?, ?) AS got', [
      `migrate-${database.name}`,
      PATIENCE,
    ]);
    if (Number(lock?.got) !== 1) {
      throw new Error(`another migration of the database ${database.name} is still running`);
    }
    const done = await dataSource.runMigrations();
    return done.map((migration) => migration.name);
  } finally {
    await guard.release();
    await dataSource.destroy();
  }
}
