import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The chain starts with an empty head, so that appending never has to decide who is first. */
export class CreateAudit1763800000003 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`CREATE TABLE audit_entry (
      n BIGINT NOT NULL,
      body TEXT NOT NULL,
      hash BINARY(32) NOT NULL,
      PRIMARY KEY (n)
    ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin`);
    await runner.query(`CREATE TABLE audit_head (
      id TINYINT UNSIGNED NOT NULL,
      n BIGINT NOT NULL,
      hash BINARY(32) NOT NULL,
      PRIMARY KEY (id)
    ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin`);
    await runner.query('INSERT INTO audit_head (id, n, hash) VALUES (1, 0, ?)', [Buffer.alloc(32)]);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE audit_head');
    await runner.query('DROP TABLE audit_entry');
  }
}
