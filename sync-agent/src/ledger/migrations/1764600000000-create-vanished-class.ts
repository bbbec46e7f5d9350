import type { MigrationInterface, QueryRunner } from 'typeorm';

export class CreateVanishedClass1764600000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`CREATE TABLE vanished_class (
      patient_ref binary(16) NOT NULL,
      seq bigint NOT NULL,
      record_class varchar(32) NOT NULL,
      entries int NOT NULL,
      emptied tinyint NOT NULL,
      at datetime(3) NOT NULL,
      INDEX ix_vanished_class_at (at),
      PRIMARY KEY (patient_ref, seq, record_class)
    ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE vanished_class');
  }
}
