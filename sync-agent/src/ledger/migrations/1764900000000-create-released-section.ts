import type { MigrationInterface, QueryRunner } from 'typeorm';

export class CreateReleasedSection1764900000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`CREATE TABLE released_section (
      patient_ref binary(16) NOT NULL,
      name varchar(100) NOT NULL,
      era int NOT NULL,
      seq bigint NOT NULL,
      content_hash binary(32) NULL,
      items mediumblob NULL,
      acked_at datetime(3) NOT NULL,
      PRIMARY KEY (patient_ref, name, era, seq),
      INDEX ix_released_section_acked_at (acked_at)
    ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin`);
    // What is in the portal already; which entries those sections have is not in the ledger.
    await runner.query(`INSERT INTO released_section (patient_ref, name, era, seq, content_hash, items, acked_at)
      SELECT patient_ref, name, era, seq, content_hash, NULL, UTC_TIMESTAMP(3) FROM chart_section`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE released_section');
  }
}
