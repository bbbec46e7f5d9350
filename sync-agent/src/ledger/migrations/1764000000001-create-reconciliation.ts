import type { MigrationInterface, QueryRunner } from 'typeorm';

const TABLES = [
  `CREATE TABLE reconciliation (
    id bigint NOT NULL AUTO_INCREMENT,
    kind varchar(8) NOT NULL,
    began_at datetime(3) NOT NULL,
    ended_at datetime(3) NOT NULL,
    charts int NOT NULL,
    sections int NOT NULL,
    skipped int NOT NULL,
    differences int NOT NULL,
    found varchar(1000) NOT NULL,
    INDEX ix_reconciliation_kind (kind, ended_at),
    PRIMARY KEY (id)
  )`,
  `CREATE TABLE reconciliation_statement (
    day char(10) NOT NULL,
    signed mediumtext NOT NULL,
    made_at datetime(3) NOT NULL,
    PRIMARY KEY (day)
  )`,
  `CREATE TABLE reconciliation_state (
    id tinyint NOT NULL,
    content_day char(10) NULL,
    content_after binary(16) NULL,
    content_began_at datetime(3) NULL,
    content_so_far varchar(1000) NULL,
    vanishing_stopped_at datetime(3) NULL,
    vanishing_allowed_until datetime(3) NULL,
    PRIMARY KEY (id)
  )`,
  `CREATE TABLE lost_submission (
    place varchar(70) NOT NULL,
    found_at datetime(3) NOT NULL,
    confirmed_at datetime(3) NULL,
    PRIMARY KEY (place)
  )`,
  `CREATE TABLE vanished (
    patient_ref binary(16) NOT NULL,
    seq bigint NOT NULL,
    entries int NOT NULL,
    at datetime(3) NOT NULL,
    INDEX ix_vanished_at (at),
    PRIMARY KEY (patient_ref, seq)
  )`,
];

export class CreateReconciliation1764000000001 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    for (const table of TABLES) {
      await runner.query(`${table} ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin`);
    }
    await runner.query('INSERT INTO reconciliation_state (id) VALUES (1)');
    await runner.query(
      "ALTER TABLE chart_section ADD owed tinyint NOT NULL DEFAULT '0', ADD entries int NOT NULL DEFAULT '0'",
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE chart_section DROP COLUMN entries, DROP COLUMN owed');
    for (const table of [
      'vanished',
      'lost_submission',
      'reconciliation_state',
      'reconciliation_statement',
      'reconciliation',
    ]) {
      await runner.query(`DROP TABLE ${table}`);
    }
  }
}
