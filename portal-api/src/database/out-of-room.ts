import { failureCode } from '../log/failure-place.js';

/** MariaDB's names for a table, a temporary file or a log that could not grow. */
const OUT_OF_ROOM: ReadonlySet<string> = new Set([
  'ER_DISK_FULL',
  'ER_RECORD_FILE_FULL',
  'ER_ERROR_ON_WRITE',
  'ER_TEMP_FILE_WRITE_FAILURE',
]);

/** Whether the disk of the database is full. The statement had no effect, and its transaction is undone. */
export function isOutOfRoom(failure: unknown): boolean {
  return OUT_OF_ROOM.has(failureCode(failure) ?? '');
}
