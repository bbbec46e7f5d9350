import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Entries are found by who acted and on whose chart; what the head's row repeated of the last entry goes, its lock stays. */
export class IndexAuditByPerson1764300000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`ALTER TABLE audit_entry
      ADD account_ref BINARY(16) NULL, ADD patient_ref BINARY(16) NULL,
      ADD INDEX ix_audit_entry_account_ref (account_ref), ADD INDEX ix_audit_entry_patient_ref (patient_ref)`);
    await runner.query(`UPDATE audit_entry
      SET account_ref = UNHEX(JSON_VALUE(body, '$.actor')), patient_ref = UNHEX(JSON_VALUE(body, '$.onBehalfOf'))
      WHERE JSON_VALUE(body, '$.actor') REGEXP '^[0-9a-f]{32}$'`);
    await runner.query('ALTER TABLE audit_head DROP COLUMN n, DROP COLUMN hash');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(
      `ALTER TABLE audit_head ADD n BIGINT NOT NULL DEFAULT 0, ADD hash BINARY(32) NOT NULL DEFAULT 0x${'00'.repeat(32)}`,
    );
    await runner.query(`UPDATE audit_head h JOIN (SELECT n, hash FROM audit_entry ORDER BY n DESC LIMIT 1) e
      SET h.n = e.n, h.hash = e.hash`);
    await runner.query('ALTER TABLE audit_head ALTER n DROP DEFAULT, ALTER hash DROP DEFAULT');
    await runner.query(`ALTER TABLE audit_entry
      DROP INDEX ix_audit_entry_account_ref, DROP INDEX ix_audit_entry_patient_ref,
      DROP COLUMN account_ref, DROP COLUMN patient_ref`);
  }
}
