import type { MigrationInterface, QueryRunner } from 'typeorm';

const TABLES = [
  `CREATE TABLE reconciliation_difference (
    id bigint NOT NULL AUTO_INCREMENT,
    patient_ref binary(16) NOT NULL,
    record_class varchar(32) NOT NULL,
    difference varchar(24) NOT NULL,
    found_at datetime(3) NOT NULL,
    healed_at datetime(3) NULL,
    INDEX ix_reconciliation_difference_healed_at (healed_at),
    INDEX ix_reconciliation_difference_chart (patient_ref, healed_at),
    PRIMARY KEY (id)
  )`,
  `CREATE TABLE reconciliation_sign_off (
    id bigint NOT NULL AUTO_INCREMENT,
    day char(10) NOT NULL,
    signed mediumtext NOT NULL,
    made_at datetime(3) NOT NULL,
    INDEX ix_reconciliation_sign_off_day (day),
    PRIMARY KEY (id)
  )`,
];

export class AddStatementProof1764700000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    for (const table of TABLES) {
      await runner.query(`${table} ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin`);
    }
    await runner.query('ALTER TABLE reconciliation_state ADD compared mediumtext NULL');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE reconciliation_state DROP COLUMN compared');
    await runner.query('DROP TABLE reconciliation_sign_off');
    await runner.query('DROP TABLE reconciliation_difference');
  }
}
