import type { DataSource } from 'typeorm';
import { hexBytes } from '../database/hex-column.js';
import { STORED_GRANTS } from '../sessions/session.js';
import { preparedQuery } from '../database/prepared-query.js';

/** What the database says of a chart, its heartbeat and one section, in one consistent look. Nothing of it is trusted. */
export interface StoredChart {
  accountState: string | null;
  /** names of the account's grants, sorted, joined by a space */
  grants: string | null;
  heartbeatEra: number | null;
  heartbeatSeq: number | null;
  /** hex */
  manifestHash: string | null;
  /** hex */
  sectionId: string | null;
  sealed: Buffer | null;
}

const NOBODY = '0'.repeat(32);

/** At most one of the wanted ids is stored, unless a change of key is half done; the caller tells by the manifest. */
function statement(ids: number): string {
  return `SELECT a.state AS accountState,
      ${STORED_GRANTS} AS grants,
      h.era AS heartbeatEra, h.seq AS heartbeatSeq,
      LOWER(HEX(c.manifest_hash)) AS manifestHash,
      LOWER(HEX(s.section_id)) AS sectionId, s.sealed AS sealed
    FROM (SELECT 1) AS one
    LEFT JOIN account a ON a.account_ref = ?
    LEFT JOIN heartbeat h ON h.id = 1
    LEFT JOIN chart c ON c.patient_ref = ?
    LEFT JOIN section s ON s.patient_ref = c.patient_ref AND s.section_id IN (${Array(ids).fill('?').join(', ')})`;
}

/** @param accountRef whose grants are wanted with it, or null */
export async function queryChart(
  dataSource: DataSource,
  patientRef: string,
  sectionIds: readonly string[],
  accountRef: string | null,
): Promise<StoredChart[]> {
  const account = hexBytes(accountRef ?? NOBODY);
  const ids = sectionIds.length === 0 ? ['0'.repeat(64)] : sectionIds;
  return preparedQuery<StoredChart>(dataSource, statement(ids.length), [
    account,
    hexBytes(patientRef),
    ...ids.map(hexBytes),
  ]);
}
