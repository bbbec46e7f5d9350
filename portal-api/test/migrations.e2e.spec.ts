import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import 'reflect-metadata';
import { DataSource, getMetadataArgsStorage } from 'typeorm';
import { createTestDatabases, testServices, type TestDatabases } from 'infra/services/test-services';
import { dataSourceOptions, type DatabaseConfig } from '../src/database/data-source.js';
import { migrate } from '../src/database/migrate.js';
import { MIGRATIONS } from '../src/database/migrations.js';

const SOURCES = join(import.meta.dirname, '../src');

describe('migrations', () => {
  let databases: TestDatabases;
  let database: DatabaseConfig;
  let dataSource: DataSource;

  beforeAll(async () => {
    databases = await createTestDatabases('migrations');
    const { dmz } = testServices();
    database = {
      host: dmz.mariadb.host,
      port: dmz.mariadb.port,
      name: databases.portal,
      user: 'migrate',
      password: readFileSync(dmz.secretFile('migrate'), 'utf8').trim(),
      ca: readFileSync(dmz.mariadb.caFile, 'utf8'),
    };
  });
  afterEach(async () => dataSource.destroy());
  afterAll(async () => databases.drop());

  test('on an empty database, started twice at once, run once each and leave no difference to any entity', async () => {
    const [first, second] = await Promise.all([migrate(database), migrate(database)]);
    expect([...first, ...second].sort()).toEqual(MIGRATIONS.map((migration) => migration.name).sort());

    for (const file of globSync('**/*.entity.ts', { cwd: SOURCES })) {
      await import(pathToFileURL(join(SOURCES, file)).href);
    }
    const entities = getMetadataArgsStorage().tables.map((table) => table.target);
    expect(entities.length).toBeGreaterThanOrEqual(14);
    dataSource = await new DataSource({ ...dataSourceOptions(database), entities }).initialize();
    const difference = await dataSource.driver.createSchemaBuilder().log();
    expect(difference.upQueries.map((query) => query.query)).toEqual([]);

    const tables = dataSource.entityMetadatas.map((entity) => entity.tableName).sort();
    const made = await dataSource.query<{ name: string }[]>(
      "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name <> 'migrations'",
    );
    expect(made.map((table) => table.name).sort()).toEqual(tables);
  });

  test('go back to nothing and forth again', async () => {
    dataSource = await new DataSource({ ...dataSourceOptions(database), migrations: MIGRATIONS }).initialize();
    for (const _ of MIGRATIONS) {
      await dataSource.undoLastMigration();
    }
    const left = await dataSource.query<unknown[]>(
      "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name <> 'migrations'",
    );
    expect(left).toEqual([]);
    expect(await migrate(database)).toHaveLength(MIGRATIONS.length);
  });
});
