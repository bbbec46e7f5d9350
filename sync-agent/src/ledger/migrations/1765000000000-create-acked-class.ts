import type { MigrationInterface, QueryRunner } from 'typeorm';

export class CreateAckedClass1765000000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`CREATE TABLE acked_class (
      patient_ref binary(16) NOT NULL,
      record_class varchar(32) NOT NULL,
      entries int NOT NULL,
      seq bigint NOT NULL,
      PRIMARY KEY (patient_ref, record_class)
    ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin`);
    await runner.query(`INSERT INTO acked_class (patient_ref, record_class, entries, seq)
      SELECT patient_ref, record_class, SUM(entries), MAX(seq) FROM chart_section GROUP BY patient_ref, record_class`);
    // Rows of another number than the chart's were over.
    await runner.query(
      'DELETE h FROM held_loss h LEFT JOIN chart c USING (patient_ref, seq) WHERE c.patient_ref IS NULL',
    );
    await runner.query('ALTER TABLE held_loss DROP COLUMN seq');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE held_loss ADD seq bigint NOT NULL AFTER patient_ref');
    await runner.query('UPDATE held_loss h JOIN chart c USING (patient_ref) SET h.seq = c.seq');
    await runner.query('DROP TABLE acked_class');
  }
}
