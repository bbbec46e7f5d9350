import type { MigrationInterface, QueryRunner } from 'typeorm';

export class CreatePatientDecision1764200000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`CREATE TABLE patient_decision (
      id bigint NOT NULL AUTO_INCREMENT,
      patient_ref binary(16) NOT NULL,
      decision varchar(10) NOT NULL,
      cause varchar(20) NOT NULL,
      decided_by varchar(8) NOT NULL,
      at datetime(3) NOT NULL,
      revoked_at datetime(3) NULL,
      sections_deleted int NULL,
      INDEX ix_patient_decision_patient (patient_ref),
      INDEX ix_patient_decision_at (decision, at),
      PRIMARY KEY (id)
    ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin`);
    await runner.query(`ALTER TABLE patient ADD record_id bigint NULL, ADD name_mac binary(32) NULL,
      ADD birth_mac binary(32) NULL`);
    await runner.query("ALTER TABLE chart ADD frozen_shown tinyint NOT NULL DEFAULT '0'");
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE chart DROP COLUMN frozen_shown');
    await runner.query('ALTER TABLE patient DROP COLUMN birth_mac, DROP COLUMN name_mac, DROP COLUMN record_id');
    await runner.query('DROP TABLE patient_decision');
  }
}
