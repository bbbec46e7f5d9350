import type { MigrationInterface, QueryRunner } from 'typeorm';

const TABLES = [
  // What the root said about eras, verified again by every reader.
  `CREATE TABLE era (
    era INT NOT NULL,
    signed TEXT NOT NULL,
    PRIMARY KEY (era)
  )`,
  // A row while this database comes from a backup and the inside has not caught up with it.
  `CREATE TABLE restored (
    id TINYINT UNSIGNED NOT NULL,
    at DATETIME(3) NOT NULL,
    PRIMARY KEY (id)
  )`,
];

export class CreateEras1763900000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    for (const table of TABLES) {
      await runner.query(`${table} ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin`);
    }
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE restored');
    await runner.query('DROP TABLE era');
  }
}
