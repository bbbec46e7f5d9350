import type { MigrationInterface, QueryRunner } from 'typeorm';

export class AddPatientWish1764400000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE release_decision ADD after_report bigint NULL');
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE release_decision DROP COLUMN after_report');
  }
}
