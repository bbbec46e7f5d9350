import type { MigrationInterface, QueryRunner } from 'typeorm';

export class AllowUnknownChangeTime1764800000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE late_release MODIFY changed_at datetime(3) NULL');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('DELETE FROM late_release WHERE changed_at IS NULL');
    await runner.query('ALTER TABLE late_release MODIFY changed_at datetime(3) NOT NULL');
  }
}
