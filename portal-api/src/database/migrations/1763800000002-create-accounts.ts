import type { MigrationInterface, QueryRunner } from 'typeorm';

const TABLES = [
  // name_index is an HMAC of the sign-in name; every secret here is wrapped under a key derived from the password.
  `CREATE TABLE account (
    account_ref BINARY(16) NOT NULL,
    name_index BINARY(16) NOT NULL,
    salt BINARY(16) NOT NULL,
    verifier BINARY(32) NOT NULL,
    public_key BINARY(32) NOT NULL,
    private_key_wrapped VARBINARY(128) NOT NULL,
    totp_wrapped VARBINARY(128) NOT NULL,
    totp_last_step BIGINT NULL,
    enrolment_proof_sealed VARBINARY(512) NULL,
    state VARCHAR(10) NOT NULL,
    enrolment_outcome VARCHAR(12) NULL,
    enrolment_tries_left INT NULL,
    created_at DATETIME(3) NOT NULL,
    PRIMARY KEY (account_ref),
    UNIQUE INDEX ix_account_name_index (name_index)
  )`,
  `CREATE TABLE throttle (
    bucket BINARY(32) NOT NULL,
    failures INT NOT NULL,
    retry_at DATETIME(3) NOT NULL,
    updated_at DATETIME(3) NOT NULL,
    PRIMARY KEY (bucket)
  )`,
];

export class CreateAccounts1763800000002 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    for (const table of TABLES) {
      await runner.query(`${table} ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin`);
    }
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE throttle');
    await runner.query('DROP TABLE account');
  }
}
