import type { DataSource } from 'typeorm';
import { RecordClass } from 'sync-contract/classes';
import { crashPoint } from '../crash-point.js';
import { markDirty } from '../ledger/dirty.js';
import type { LedgerSection } from './compare-chart.js';

export interface OwedChart {
  pid: number;
  patientRef: string;
  owed: readonly LedgerSection[];
}

/**
 * The DMZ is owed these sections again: they are sealed anew under the next number though their content is the same.
 * Everything else about it is the normal path's business.
 */
export async function oweSections(ledger: DataSource, charts: readonly OwedChart[]): Promise<void> {
  if (charts.length === 0) {
    return;
  }
  await ledger.transaction(async (manager) => {
    // A push that is on its way says nothing about what is owed from here on: it settles no dirty row.
    await manager.query('UPDATE feed_position SET generation = generation + 1 WHERE id = 1');
    for (const { pid, patientRef, owed } of charts) {
      await manager.query('UPDATE chart_section SET owed = 1 WHERE patient_ref = UNHEX(?) AND name IN (?)', [
        patientRef,
        owed.map(({ name }) => name),
      ]);
      await markDirty(manager, pid, [...new Set(owed.map(({ recordClass }) => RecordClass.parse(recordClass)))]);
    }
    crashPoint('before-commit:owed-sections');
  });
  crashPoint('after-commit:owed-sections');
}

export async function oweGrants(ledger: DataSource, grantIds: readonly string[]): Promise<void> {
  if (grantIds.length === 0) {
    return;
  }
  crashPoint('before-commit:owed-grants');
  await ledger.query("UPDATE account_grant SET pushed_at = NULL WHERE grant_id IN (?) AND state = 'active'", [
    grantIds.map((id) => Buffer.from(id, 'hex')),
  ]);
  crashPoint('after-commit:owed-grants');
}
