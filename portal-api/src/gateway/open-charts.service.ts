import { Injectable } from '@nestjs/common';
import { LIMITS } from 'sync-contract/limits';
import { DataSource } from 'typeorm';

/** Entries of the audit log that are looked through: an open page leaves some at each change of its chart. */
const AUDIT_ENTRIES = 5_000;

/**
 * Charts that somebody looked at, by the newest entries of the audit log, the last one first. What is read is in the log
 * before it is answered, and a page that is open reads at every change, so nothing else has to be kept.
 */
@Injectable()
export class OpenCharts {
  constructor(private readonly dataSource: DataSource) {}

  async lastLookedAt(): Promise<string[]> {
    // By the number, whatever the server thinks of reading the whole index of charts instead.
    const rows = await this.dataSource.query<{ ref: string }[]>(
      `SELECT LOWER(HEX(patient_ref)) AS ref FROM audit_entry FORCE INDEX (PRIMARY)
        WHERE n > (SELECT MAX(n) FROM audit_entry) - ? AND patient_ref IS NOT NULL
        GROUP BY patient_ref ORDER BY MAX(n) DESC LIMIT ?`,
      [AUDIT_ENTRIES, LIMITS.openCharts],
    );
    return rows.map(({ ref }) => ref);
  }
}
