import type { MigrationInterface, QueryRunner } from 'typeorm';

const TABLES = [
  // Lock and counter of one order of delivery; patient_ref is null for what an account sends before it has a grant.
  `CREATE TABLE stream (
    stream BINARY(16) NOT NULL,
    account_ref BINARY(16) NOT NULL,
    patient_ref BINARY(16) NULL,
    next_seq INT NOT NULL,
    PRIMARY KEY (stream)
  )`,
  // ix_outbox_state_position answers "what may be leased next, in order".
  `CREATE TABLE outbox (
    submission_id BINARY(16) NOT NULL,
    position BIGINT NOT NULL AUTO_INCREMENT,
    account_ref BINARY(16) NOT NULL,
    patient_ref BINARY(16) NULL,
    stream BINARY(16) NOT NULL,
    stream_seq INT NOT NULL,
    kind VARCHAR(32) NOT NULL,
    envelope MEDIUMTEXT NOT NULL,
    state VARCHAR(6) NOT NULL,
    lease BINARY(16) NULL,
    leased_until DATETIME(3) NULL,
    acked_at DATETIME(3) NULL,
    idempotency_key VARCHAR(64) NOT NULL,
    body_mac BINARY(32) NOT NULL,
    created_at DATETIME(3) NOT NULL,
    PRIMARY KEY (submission_id),
    UNIQUE INDEX ux_outbox_position (position),
    UNIQUE INDEX ux_outbox_stream_seq (stream, stream_seq),
    UNIQUE INDEX ux_outbox_idempotency_key (account_ref, idempotency_key),
    INDEX ix_outbox_state_position (state, position)
  )`,
  `CREATE TABLE own_copy (
    submission_id BINARY(16) NOT NULL,
    account_ref BINARY(16) NOT NULL,
    patient_ref BINARY(16) NOT NULL,
    stream BINARY(16) NOT NULL,
    kind VARCHAR(32) NOT NULL,
    sealed MEDIUMBLOB NOT NULL,
    created_at DATETIME(3) NOT NULL,
    PRIMARY KEY (submission_id),
    INDEX ix_own_copy_patient_ref (patient_ref, account_ref)
  )`,
  // ix_receipt_account_ref answers "what did this account send, lately".
  `CREATE TABLE receipt (
    submission_id BINARY(16) NOT NULL,
    account_ref BINARY(16) NOT NULL,
    patient_ref BINARY(16) NULL,
    kind VARCHAR(32) NOT NULL,
    state VARCHAR(12) NOT NULL,
    saved_at DATETIME(3) NOT NULL,
    collected_at DATETIME(3) NULL,
    PRIMARY KEY (submission_id),
    INDEX ix_receipt_account_ref (account_ref, saved_at)
  )`,
];

export class CreateSubmissions1763800000001 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    for (const table of TABLES) {
      await runner.query(`${table} ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin`);
    }
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const name of ['receipt', 'own_copy', 'outbox', 'stream']) {
      await runner.query(`DROP TABLE ${name}`);
    }
  }
}
