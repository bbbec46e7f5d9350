import type { MigrationInterface, QueryRunner } from 'typeorm';

const TABLES = [
  // completed_at answers "may it be served": the bytes are all there and have the hash.
  `CREATE TABLE document_blob (
    blob_id BINARY(16) NOT NULL,
    patient_ref BINARY(16) NOT NULL,
    chunks INT NOT NULL,
    size INT NOT NULL,
    sha256 BINARY(32) NOT NULL,
    created_at DATETIME(3) NOT NULL,
    completed_at DATETIME(3) NULL,
    PRIMARY KEY (blob_id),
    INDEX ix_document_blob_patient_ref (patient_ref)
  )`,
  `CREATE TABLE document_chunk (
    blob_id BINARY(16) NOT NULL,
    n INT NOT NULL,
    sealed MEDIUMBLOB NOT NULL,
    PRIMARY KEY (blob_id, n)
  )`,
];

export class CreateBlobs1764000000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    for (const table of TABLES) {
      await runner.query(`${table} ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin`);
    }
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE document_chunk');
    await runner.query('DROP TABLE document_blob');
  }
}
