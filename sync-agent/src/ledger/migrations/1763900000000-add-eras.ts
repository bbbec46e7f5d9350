import type { MigrationInterface, QueryRunner } from 'typeorm';

export class AddEras1763900000000 implements MigrationInterface {
  readonly name = 'AddEras1763900000000';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`CREATE TABLE era (
      era int NOT NULL,
      signed mediumtext NOT NULL,
      begun_at datetime(3) NOT NULL,
      mails_up_to bigint NOT NULL,
      PRIMARY KEY (era)
    ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin`);
    await runner.query(`CREATE TABLE restore_step (
      step varchar(16) NOT NULL,
      PRIMARY KEY (step)
    ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin`);
    await runner.query(
      "ALTER TABLE heartbeat_state ADD acked_seq bigint NOT NULL DEFAULT '0', ADD refilled_at datetime(3) NULL",
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE heartbeat_state DROP COLUMN refilled_at, DROP COLUMN acked_seq');
    await runner.query('DROP TABLE restore_step');
    await runner.query('DROP TABLE era');
  }
}
