import type { DataSource } from 'typeorm';

/**
 * Commits a clock marker with the database's own clock. Whoever reads it back from the binlog has seen every
 * transaction that was committed before the time in it: the time is taken before the marker itself commits.
 */
export async function writeClockMarker(ledger: DataSource): Promise<void> {
  await ledger.query(
    'INSERT INTO clock_marker (id, at) VALUES (1, UTC_TIMESTAMP(6)) ON DUPLICATE KEY UPDATE at = UTC_TIMESTAMP(6)',
  );
}
