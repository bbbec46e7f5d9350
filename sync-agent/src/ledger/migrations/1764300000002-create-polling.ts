import type { MigrationInterface, QueryRunner } from 'typeorm';

export class CreatePolling1764300000002 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`CREATE TABLE polling (
      id tinyint NOT NULL,
      pass_began datetime(6) NOT NULL,
      passed_pid bigint NULL,
      looked_at datetime NOT NULL,
      last_keys text NOT NULL,
      PRIMARY KEY (id)
    ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4 COLLATE=utf8mb4_bin`);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DROP TABLE polling');
  }
}
