import 'reflect-metadata';
import { migrateConfig } from './config.js';
import { migrate } from './migrate.js';

try {
  const ran = await migrate(migrateConfig());
  process.stdout.write(ran.length === 0 ? 'The database is up to date.\n' : `Ran ${ran.join(', ')}.\n`);
} catch (error: unknown) {
  process.stderr.write(`Migration failed: ${error instanceof Error ? error.message : 'unknown reason'}\n`);
  process.exitCode = 1;
}
