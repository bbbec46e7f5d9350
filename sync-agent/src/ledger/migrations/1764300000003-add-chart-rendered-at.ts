import type { MigrationInterface, QueryRunner } from 'typeorm';

export class AddChartRenderedAt1764300000003 implements MigrationInterface {
  readonly name = 'AddChartRenderedAt1764300000003';

  async up(runner: QueryRunner): Promise<void> {
    await runner.query(
      'ALTER TABLE chart ADD rendered_at datetime(3) NULL, ADD INDEX ix_chart_rendered_at (rendered_at)',
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE chart DROP INDEX ix_chart_rendered_at, DROP COLUMN rendered_at');
  }
}
