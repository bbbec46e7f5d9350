import type { MigrationInterface, QueryRunner } from 'typeorm';

export class AddCcdRequest1764500000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`CREATE TABLE ccd_request (
      patient_ref binary(16) NOT NULL,
      submission_id binary(16) NOT NULL,
      from_day char(10) NULL,
      to_day char(10) NULL,
      kept_at datetime(3) NOT NULL,
      PRIMARY KEY (patient_ref)
    ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin`);
    await runner.query('ALTER TABLE chart ADD offers_ccd tinyint NOT NULL DEFAULT 0');
    // Not known of charts that are there: their lists may name C-CDAs that staff had OpenEMR make, and are rendered again.
    await runner.query('UPDATE chart SET offers_ccd = 2');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE chart DROP COLUMN offers_ccd');
    await runner.query('DROP TABLE ccd_request');
  }
}
