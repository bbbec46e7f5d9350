import type { MigrationInterface, QueryRunner } from 'typeorm';

export class CreateDocumentBlob1764000000000 implements MigrationInterface {
  readonly name = 'CreateDocumentBlob1764000000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`CREATE TABLE document_blob (
      blob_id binary(16) NOT NULL,
      patient_ref binary(16) NOT NULL,
      document_id int NOT NULL,
      fingerprint binary(32) NOT NULL,
      uuid varchar(36) NULL,
      key_wrapped varbinary(128) NOT NULL,
      state varchar(8) NOT NULL,
      reason varchar(16) NULL,
      content_sha256 binary(32) NULL,
      size int NULL,
      sealed_sha256 binary(32) NULL,
      failures int NOT NULL,
      retry_at datetime(3) NULL,
      PRIMARY KEY (blob_id),
      INDEX ix_document_blob_patient_ref (patient_ref),
      INDEX ix_document_blob_due (state, retry_at)
    ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE document_blob');
  }
}
