import type { MigrationInterface, QueryRunner } from 'typeorm';

export class AddFeedClock1765100000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE feed_position ADD clock_at datetime(6) NULL AFTER server_start');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE feed_position DROP COLUMN clock_at');
  }
}
