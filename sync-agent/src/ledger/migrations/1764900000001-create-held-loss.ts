import type { MigrationInterface, QueryRunner } from 'typeorm';

export class CreateHeldLoss1764900000001 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`CREATE TABLE held_loss (
      patient_ref binary(16) NOT NULL,
      seq bigint NOT NULL,
      held_at datetime(3) NOT NULL,
      allowed_at datetime(3) NULL,
      PRIMARY KEY (patient_ref)
    ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE held_loss');
  }
}
