import type { MigrationInterface, QueryRunner } from 'typeorm';

export class CreateCut1763900000001 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`CREATE TABLE cut (
      issued_at datetime(3) NOT NULL,
      state varchar(6) NOT NULL,
      revoked binary(32) NULL,
      PRIMARY KEY (issued_at)
    ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE cut');
  }
}
