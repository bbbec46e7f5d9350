import type { DataSource } from 'typeorm';
import { hexBytes } from '../database/hex-column.js';
import { preparedQuery } from '../database/prepared-query.js';
import { grantName, grantVersion } from '../sessions/session.js';

/** What the database says of a chart, its heartbeat and sections, in one consistent look. Nothing of it is trusted. */
export interface StoredChart {
  accountState: string | null;
  /** names of the account's grants, as `Session.grantList` has them */
  grants: string;
  heartbeat: { era: number; seq: number } | null;
  /** hex */
  manifestHash: string | null;
  /** sealed sections by their ids in hex */
  sealed: Map<string, Buffer>;
}

/** Whose grants are looked at with the chart, and the one of them that its sections are wanted for. */
export interface AccountLook {
  accountRef: string;
  grantId: string;
}

interface Row {
  accountState?: string | null;
  grantId?: Buffer | null;
  signed?: string | null;
  era: number | null;
  seq: number | null;
  manifestHash: Buffer | null;
  sectionId: Buffer | null;
  sealed: Buffer | null;
}

const places = (ids: readonly string[]): string => ids.map(() => '?').join(', ');

const ofChart = (ids: readonly string[]): string => `LEFT JOIN heartbeat h ON h.id = 1
    LEFT JOIN chart c ON c.patient_ref = ?
    LEFT JOIN section s ON s.patient_ref = c.patient_ref AND s.section_id IN (${places(ids)})`;

const STANDING = 'h.era AS era, h.seq AS seq, c.manifest_hash AS manifestHash, s.section_id AS sectionId';

/** Always has a row. */
const chartAlone = (ids: readonly string[]): string =>
  `SELECT ${STANDING}, s.sealed AS sealed FROM (SELECT 1) AS one ${ofChart(ids)}`;

/**
 * A row for each grant of the account, the sections' bytes in one of them only. MariaDB takes a third longer when it has to
 * gather and hash the grants itself.
 */
const chartWithGrants = (ids: readonly string[]): string =>
  `SELECT a.state AS accountState, g.grant_id AS grantId, g.signed AS signed,
      ${STANDING}, IF(g.grant_id = ?, s.sealed, NULL) AS sealed
    FROM account a LEFT JOIN chart_grant g ON g.account_ref = a.account_ref ${ofChart(ids)}
    WHERE a.account_ref = ?`;

const NO_SECTION = '0'.repeat(64);

/** At most one of the wanted ids is stored, unless a change of key is half done; the caller tells by the manifest. */
export async function queryChart(
  dataSource: DataSource,
  patientRef: string,
  sectionIds: readonly string[],
  look: AccountLook | null,
): Promise<StoredChart> {
  const ids = sectionIds.length === 0 ? [NO_SECTION] : sectionIds;
  const [sql, values] =
    look === null
      ? [chartAlone(ids), [patientRef, ...ids]]
      : [chartWithGrants(ids), [look.grantId, patientRef, ...ids, look.accountRef]];
  const rows = await preparedQuery<Row>(dataSource, sql, values.map(hexBytes));
  const { accountState = null, era = null, seq = null, manifestHash = null } = rows[0] ?? {};
  return {
    accountState,
    grants: grantNames(rows),
    heartbeat: era === null || seq === null ? null : { era, seq },
    manifestHash: manifestHash?.toString('hex') ?? null,
    sealed: new Map(
      rows.flatMap(({ sectionId, sealed }) => (sectionId && sealed ? [[sectionId.toString('hex'), sealed]] : [])),
    ),
  };
}

function grantNames(rows: readonly Row[]): string {
  const names = rows.flatMap(({ grantId, signed }) =>
    grantId && typeof signed === 'string'
      ? [grantName({ grantId: grantId.toString('hex'), version: grantVersion(signed) })]
      : [],
  );
  return [...new Set(names)].sort().join(' ');
}
