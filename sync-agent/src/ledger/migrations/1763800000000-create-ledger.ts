import type { MigrationInterface, QueryRunner } from 'typeorm';

/** The ledger's tables, whole. Text is compared byte by byte: keys of rows and names of sections are no prose. */
const TABLES = {
  chart_section: `
    patient_ref binary(16) NOT NULL,
    name varchar(100) NOT NULL,
    record_class varchar(32) NOT NULL,
    section_id binary(32) NOT NULL,
    era int NOT NULL,
    seq bigint NOT NULL,
    epoch int NOT NULL,
    content_hash binary(32) NOT NULL,
    sha256 binary(32) NOT NULL,
    size int NOT NULL,
    as_of datetime(3) NOT NULL,
    PRIMARY KEY (patient_ref, name)`,
  chart: `
    patient_ref binary(16) NOT NULL,
    pid bigint NOT NULL,
    era int NOT NULL,
    seq bigint NOT NULL,
    attempted_seq bigint NOT NULL,
    epoch int NOT NULL,
    chart_key_wrapped varbinary(128) NOT NULL,
    manifest mediumtext NULL,
    manifest_hash binary(32) NULL,
    failed_t datetime(6) NULL,
    stopped_reason varchar(500) NULL,
    UNIQUE INDEX uq_chart_pid (pid),
    PRIMARY KEY (patient_ref)`,
  dirty: `
    pid bigint NOT NULL,
    record_class varchar(32) NOT NULL,
    file_no int NOT NULL,
    file_offset bigint NOT NULL,
    touches int NOT NULL DEFAULT '1',
    PRIMARY KEY (pid, record_class, file_no, file_offset)`,
  source_row: `
    table_name varchar(64) NOT NULL,
    row_key varchar(190) NOT NULL,
    pid bigint NOT NULL,
    record_class varchar(32) NOT NULL,
    INDEX ix_source_row_pid (pid, record_class),
    PRIMARY KEY (table_name, row_key, pid, record_class)`,
  feed_position: `
    id tinyint NOT NULL,
    file_no int NOT NULL,
    file_offset bigint NOT NULL,
    gtid varchar(100) NULL,
    generation int NOT NULL DEFAULT '1',
    server_start datetime NULL,
    committed_at datetime(3) NOT NULL,
    PRIMARY KEY (id)`,
  clock_marker: `
    id tinyint NOT NULL,
    at datetime(6) NOT NULL,
    PRIMARY KEY (id)`,
  marker_seen: `
    file_no int NOT NULL,
    file_offset bigint NOT NULL,
    at datetime(6) NOT NULL,
    PRIMARY KEY (file_no, file_offset)`,
  heartbeat_state: `
    id tinyint NOT NULL,
    era int NOT NULL,
    seq bigint NOT NULL,
    stopped_reason varchar(500) NULL,
    PRIMARY KEY (id)`,
  invite: `
    invite_id binary(5) NOT NULL,
    pid bigint NOT NULL,
    secret_wrapped varbinary(128) NOT NULL,
    lookup binary(32) NOT NULL,
    expires_at datetime(3) NOT NULL,
    tries_left int NOT NULL DEFAULT '5',
    state varchar(8) NOT NULL,
    account_ref binary(16) NULL,
    pushed_at datetime(3) NULL,
    INDEX ix_invite_pid (pid),
    PRIMARY KEY (invite_id)`,
  account_grant: `
    grant_id binary(16) NOT NULL,
    account_ref binary(16) NOT NULL,
    patient_ref binary(16) NOT NULL,
    public_key varchar(43) NOT NULL,
    relation varchar(8) NOT NULL,
    scopes varchar(200) NOT NULL,
    epoch int NOT NULL,
    signed mediumtext NOT NULL,
    state varchar(8) NOT NULL,
    pushed_at datetime(3) NULL,
    INDEX ix_account_grant_patient (patient_ref),
    INDEX ix_account_grant_account (account_ref),
    PRIMARY KEY (grant_id)`,
  outgoing: `
    id bigint NOT NULL AUTO_INCREMENT,
    kind varchar(16) NOT NULL,
    body mediumtext NOT NULL,
    pushed_at datetime(3) NULL,
    INDEX ix_outgoing_pushed (pushed_at, id),
    PRIMARY KEY (id)`,
  patient: `
    pid bigint NOT NULL,
    patient_ref binary(16) NOT NULL,
    state varchar(8) NOT NULL,
    portal_username varchar(100) COLLATE utf8mb4_general_ci NULL,
    created_at datetime(3) NOT NULL,
    UNIQUE INDEX uq_patient_ref (patient_ref),
    INDEX ix_patient_portal_username (portal_username),
    PRIMARY KEY (pid)`,
  submission: `
    submission_id binary(16) NOT NULL,
    account_ref binary(16) NOT NULL,
    patient_ref binary(16) NULL,
    kind varchar(32) NOT NULL,
    stream binary(16) NOT NULL,
    stream_seq int NOT NULL,
    envelope mediumtext NOT NULL,
    state varchar(12) NOT NULL,
    reason varchar(500) NULL,
    received_at datetime(3) NOT NULL,
    done_at datetime(3) NULL,
    settled_at datetime(3) NULL,
    effect mediumtext NULL,
    INDEX ix_submission_patient (patient_ref, received_at),
    INDEX ix_submission_state_stream (state, stream),
    UNIQUE INDEX uq_submission_stream_seq (stream, stream_seq),
    PRIMARY KEY (submission_id)`,
  stream: `
    stream binary(16) NOT NULL,
    patient_ref binary(16) NULL,
    kind varchar(32) NOT NULL,
    next_seq int NOT NULL DEFAULT '1',
    stopped_reason varchar(500) NULL,
    PRIMARY KEY (stream)`,
  thread: `
    thread_id binary(16) NOT NULL,
    pid bigint NOT NULL,
    topic varchar(32) NOT NULL,
    subject varchar(255) NOT NULL,
    first_patient_mail_id bigint NULL,
    first_staff_mail_id bigint NULL,
    created_at datetime(3) NOT NULL,
    INDEX ix_thread_pid (pid),
    PRIMARY KEY (thread_id)`,
  thread_mail: `
    mail_id bigint NOT NULL,
    thread_id binary(16) NOT NULL,
    submission_id binary(16) NULL,
    INDEX ix_thread_mail_thread (thread_id),
    PRIMARY KEY (mail_id)`,
} as const;

export class CreateLedger1763800000000 implements MigrationInterface {
  readonly name = 'CreateLedger1763800000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER DATABASE CHARACTER SET utf8mb4 COLLATE utf8mb4_bin');
    for (const [table, columns] of Object.entries(TABLES)) {
      await runner.query(
        `CREATE TABLE \`${table}\` (${columns}) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin`,
      );
    }
  }

  async down(runner: QueryRunner): Promise<void> {
    for (const table of Object.keys(TABLES).reverse()) {
      await runner.query(`DROP TABLE \`${table}\``);
    }
  }
}
