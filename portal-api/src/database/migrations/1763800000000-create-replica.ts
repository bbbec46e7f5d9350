import type { MigrationInterface, QueryRunner } from 'typeorm';

const TABLES = [
  // What the root said about the agent's keys, verified again by every reader.
  `CREATE TABLE key_statement (
    kid CHAR(16) NOT NULL,
    signed TEXT NOT NULL,
    PRIMARY KEY (kid)
  )`,
  // lookup answers "is this code known", without the code being stored.
  `CREATE TABLE invite (
    invite_id BINARY(5) NOT NULL,
    lookup BINARY(32) NOT NULL,
    expires_at DATETIME(3) NOT NULL,
    state VARCHAR(8) NOT NULL,
    account_ref BINARY(16) NULL,
    PRIMARY KEY (invite_id),
    UNIQUE INDEX ux_invite_lookup (lookup),
    INDEX ix_invite_expires_at (expires_at)
  )`,
  `CREATE TABLE chart_grant (
    grant_id BINARY(16) NOT NULL,
    account_ref BINARY(16) NOT NULL,
    patient_ref BINARY(16) NOT NULL,
    signed TEXT NOT NULL,
    epoch INT NOT NULL,
    starts_at DATETIME(3) NOT NULL,
    ends_at DATETIME(3) NULL,
    PRIMARY KEY (grant_id),
    INDEX ix_chart_grant_account_ref (account_ref),
    INDEX ix_chart_grant_patient_ref (patient_ref)
  )`,
  `CREATE TABLE chart (
    patient_ref BINARY(16) NOT NULL,
    era INT NOT NULL,
    seq INT NOT NULL,
    manifest MEDIUMTEXT NOT NULL,
    manifest_hash BINARY(32) NOT NULL,
    updated_at DATETIME(3) NOT NULL,
    PRIMARY KEY (patient_ref)
  )`,
  `CREATE TABLE section (
    patient_ref BINARY(16) NOT NULL,
    section_id BINARY(32) NOT NULL,
    era INT NOT NULL,
    seq INT NOT NULL,
    epoch INT NOT NULL,
    sha256 BINARY(32) NOT NULL,
    sealed LONGBLOB NOT NULL,
    PRIMARY KEY (patient_ref, section_id)
  )`,
  // One row, id 1: the newest heartbeat and the 256 roots (32 bytes each, in order) under its root.
  `CREATE TABLE heartbeat (
    id TINYINT UNSIGNED NOT NULL,
    era INT NOT NULL,
    seq INT NOT NULL,
    signed MEDIUMTEXT NOT NULL,
    bucket_roots BLOB NOT NULL,
    PRIMARY KEY (id)
  )`,
  `CREATE TABLE heartbeat_bucket (
    bucket TINYINT UNSIGNED NOT NULL,
    leaves MEDIUMTEXT NOT NULL,
    PRIMARY KEY (bucket)
  )`,
];

export class CreateReplica1763800000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    for (const table of TABLES) {
      await runner.query(`${table} ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin`);
    }
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const name of [
      'heartbeat_bucket',
      'heartbeat',
      'section',
      'chart',
      'chart_grant',
      'invite',
      'key_statement',
    ]) {
      await runner.query(`DROP TABLE ${name}`);
    }
  }
}
