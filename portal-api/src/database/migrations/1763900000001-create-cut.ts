import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Rows are added and never changed: the newest statement counts, and revocations of all of them together. */
export class CreateCut1763900000001 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`CREATE TABLE cut_statement (
      statement_hash BINARY(32) NOT NULL,
      issued_at DATETIME(3) NOT NULL,
      signed TEXT NOT NULL,
      PRIMARY KEY (statement_hash),
      INDEX ix_cut_statement_issued_at (issued_at)
    ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE cut_statement');
  }
}
