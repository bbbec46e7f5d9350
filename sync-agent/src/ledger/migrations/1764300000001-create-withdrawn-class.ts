import type { MigrationInterface, QueryRunner } from 'typeorm';

export class CreateWithdrawnClass1764300000001 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`CREATE TABLE withdrawn_class (
      patient_ref binary(16) NOT NULL,
      record_class varchar(32) NOT NULL,
      PRIMARY KEY (patient_ref, record_class)
    ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE withdrawn_class');
  }
}
