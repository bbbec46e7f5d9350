import type { DataSource } from 'typeorm';
import { crashPoint } from '../crash-point.js';

/**
 * Commits a clock marker with the database's own clock. Whoever reads it back from the binlog has seen every
 * transaction that was committed before the time in it: the time is taken before the marker itself commits.
 */
export async function writeClockMarker(ledger: DataSource): Promise<void> {
  crashPoint('before-commit:clock-marker');
  await ledger.query(
    'INSERT INTO clock_marker (id, at) VALUES (1, UTC_TIMESTAMP(6)) ON DUPLICATE KEY UPDATE at = UTC_TIMESTAMP(6)',
  );
  crashPoint('after-commit:clock-marker');
}
