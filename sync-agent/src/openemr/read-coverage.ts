import { z } from 'zod';
import { Id, Text, WallClock, Whole } from './column-types.js';
import type { LookupsWanted } from './read-lookups.js';
import type { Snapshot } from './snapshot.js';
import { sourceRow, type SourceRow } from './source-row.js';

export const InsuranceRow = z.object({
  id: Id,
  type: Text,
  provider: Text,
  plan_name: Text,
  policy_number: Text,
  group_number: Text,
  subscriber_relationship: Text,
  subscriber_fname: Text,
  subscriber_mname: Text,
  subscriber_lname: Text,
  copay: Text,
  date: WallClock,
  date_end: WallClock,
});
export type InsuranceRow = z.infer<typeof InsuranceRow>;

/** An insurer, with what its kind is called. */
export const InsurerRow = z.object({ id: Id, name: Text, cqm_sop: Whole, ins_type_code: Whole, kind: Text });
export type InsurerRow = z.infer<typeof InsurerRow>;

export interface CoverageRows {
  insurances: InsuranceRow[];
  insurers: InsurerRow[];
}

/** Two queries. OpenEMR keeps a row without insurer, plan or number for each place that is not insured: none of those. */
export async function readCoverage(
  snapshot: Snapshot,
  pid: number,
  wanted: LookupsWanted,
): Promise<{ rows: CoverageRows; sources: SourceRow[] }> {
  const insurances = await snapshot.selectEntries(
    'insurances',
    InsuranceRow,
    `SELECT id, type, provider, plan_name, policy_number, group_number, subscriber_relationship, subscriber_fname,
            subscriber_mname, subscriber_lname, copay, date, date_end
       FROM insurance_data WHERE pid = ?
        AND (COALESCE(provider, '') NOT IN ('', '0') OR COALESCE(plan_name, '') <> '' OR COALESCE(policy_number, '') <> '')
      ORDER BY id`,
    [pid],
  );
  const insurerIds = new Set(insurances.map(insurerOf).filter((id) => id > 0));
  const insurers =
    insurerIds.size === 0
      ? []
      : await snapshot.selectLookups(
          'insurers',
          InsurerRow,
          `SELECT c.id, c.name, c.cqm_sop, c.ins_type_code, t.type AS kind
             FROM insurance_companies c LEFT JOIN insurance_type_codes t ON t.id = c.ins_type_code
            WHERE c.id IN (?) ORDER BY c.id`,
          [[...insurerIds]],
        );
  for (const insurance of insurances) {
    wanted.option('sub_relation', insurance.subscriber_relationship);
  }
  return {
    rows: { insurances, insurers },
    sources: [
      ...insurances.map((row) => sourceRow('insurance_data', row)),
      ...[...insurerIds].map((id) => sourceRow('insurance_companies', { id })),
      ...insurers.map((row) => sourceRow('insurance_type_codes', { id: row.ins_type_code })),
    ],
  };
}

/** `insurance_companies.id`; the column is text. */
export function insurerOf({ provider }: InsuranceRow): number {
  return /^\d{1,15}$/.test(provider) ? Number(provider) : 0;
}
