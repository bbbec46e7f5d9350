import type { Logger } from '@nestjs/common';
import type { UnreadableOfClass } from '../openemr/read-chart.js';

/** Rows of which it is remembered that the log has named them, the newest. */
const REMEMBERED = 10_000;

/**
 * Tells the log of rows that charts are without because they cannot be read, of each once however often it is met. What
 * many charts share is told without naming one of them.
 */
export function nameUnreadable(
  log: Pick<Logger, 'warn'>,
): (patientRef: string, rows: readonly UnreadableOfClass[]) => void {
  const named = new Set<string>();
  return (patientRef, rows) => {
    for (const { read, key, reason, isEntry } of rows) {
      const entry = { ...(isEntry ? { patientRef } : {}), read, row: key, reason };
      const name = JSON.stringify(entry);
      if (!named.has(name)) {
        named.add(name);
        log.warn({ msg: 'a row of OpenEMR cannot be read; charts are without it', ...entry });
        const [oldest] = named.size > REMEMBERED ? named : [];
        named.delete(oldest ?? '');
      }
    }
  };
}
