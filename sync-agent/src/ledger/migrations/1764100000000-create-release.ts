import type { MigrationInterface, QueryRunner } from 'typeorm';

const TABLES = [
  `CREATE TABLE release_decision (
    id int NOT NULL AUTO_INCREMENT,
    kind varchar(8) NOT NULL,
    pid bigint NULL,
    resource_id binary(16) NULL,
    record_class varchar(32) NULL,
    code_system varchar(190) NULL,
    code varchar(100) NULL,
    sensitivity varchar(16) NULL,
    reason varchar(16) NOT NULL,
    author varchar(255) NOT NULL,
    operator varchar(64) NOT NULL,
    made_at datetime(3) NOT NULL,
    expires_at datetime(3) NULL,
    ended_at datetime(3) NULL,
    ended_by varchar(255) NULL,
    INDEX ix_release_decision_in_force (ended_at, pid),
    PRIMARY KEY (id)
  )`,
  `CREATE TABLE withheld_item (
    id bigint NOT NULL AUTO_INCREMENT,
    pid bigint NOT NULL,
    resource_id binary(16) NOT NULL,
    resource_type varchar(40) NOT NULL,
    record_class varchar(32) NOT NULL,
    decision_id int NOT NULL,
    since datetime(3) NOT NULL,
    ended_at datetime(3) NULL,
    released_seq bigint NULL,
    INDEX ix_withheld_item_pid (pid, ended_at),
    INDEX ix_withheld_item_decision (decision_id, ended_at),
    PRIMARY KEY (id)
  )`,
  `CREATE TABLE release_time (
    day char(10) NOT NULL,
    record_class varchar(32) NOT NULL,
    within int NOT NULL,
    changes int NOT NULL,
    PRIMARY KEY (day, record_class, within)
  )`,
  `CREATE TABLE late_release (
    patient_ref binary(16) NOT NULL,
    era int NOT NULL,
    seq bigint NOT NULL,
    record_class varchar(32) NOT NULL,
    changed_at datetime(3) NOT NULL,
    acked_at datetime(3) NOT NULL,
    INDEX ix_late_release_acked_at (acked_at),
    PRIMARY KEY (patient_ref, era, seq, record_class)
  )`,
];

export class CreateRelease1764100000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    for (const table of TABLES) {
      await runner.query(`${table} ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin`);
    }
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of ['late_release', 'release_time', 'withheld_item', 'release_decision']) {
      await runner.query(`DROP TABLE ${table}`);
    }
  }
}
