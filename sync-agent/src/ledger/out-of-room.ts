import { failureCode } from '../failure-code.js';

/** MariaDB's names for a table, a temporary file or a log that could not grow. */
const OUT_OF_ROOM: ReadonlySet<string> = new Set([
  'ER_DISK_FULL',
  'ER_RECORD_FILE_FULL',
  'ER_ERROR_ON_WRITE',
  'ER_TEMP_FILE_WRITE_FAILURE',
]);

/** What to say when it is: the transaction is undone, and the same work succeeds when there is room. */
export const NO_ROOM =
  "the disk of OpenEMR's database server is full; nothing is lost, free some space there and the agent goes on by itself";

/** Whether a statement failed because the database server's disk is full. */
export function isOutOfRoom(failure: unknown): boolean {
  return OUT_OF_ROOM.has(failureCode(failure));
}
