import type { MigrationInterface, QueryRunner } from 'typeorm';

export class AddAccountEnd1764200000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE account ADD revoked_at DATETIME(3) NULL');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE account DROP COLUMN revoked_at');
  }
}
