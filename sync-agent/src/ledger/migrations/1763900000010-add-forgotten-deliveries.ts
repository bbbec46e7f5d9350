import type { MigrationInterface, QueryRunner } from 'typeorm';

export class AddForgottenDeliveries1763900000010 implements MigrationInterface {
  readonly name = 'AddForgottenDeliveries1763900000010';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`CREATE TABLE forgotten_delivery (
      mail_id bigint NOT NULL,
      marker varchar(100) NOT NULL,
      INDEX ix_forgotten_delivery_marker (marker),
      PRIMARY KEY (mail_id)
    ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin`);
    await runner.query('ALTER TABLE patient ADD record_mac binary(32) NULL');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE patient DROP COLUMN record_mac');
    await runner.query('DROP TABLE forgotten_delivery');
  }
}
