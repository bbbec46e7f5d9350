import { z } from 'zod';
import { Id, Text, WallClock, Whole } from './column-types.js';
import type { LookupsWanted } from './read-lookups.js';
import type { Snapshot } from './snapshot.js';
import { sourceRow, type SourceRow } from './source-row.js';

export const ImmunizationRow = z.object({
  id: Id,
  administered_date: WallClock,
  immunization_id: Whole,
  cvx_code: Text,
  manufacturer: Text,
  lot_number: Text,
  administered_by_id: Whole,
  administered_by: Text,
  education_date: WallClock,
  vis_date: WallClock,
  note: Text,
  create_date: WallClock,
  amount_administered: z.number().nullable(),
  amount_administered_unit: Text,
  expiration_date: WallClock,
  route: Text,
  administration_site: Text,
  added_erroneously: Whole,
  completion_status: Text,
  information_source: Text,
  refusal_reason: Text,
  ordering_provider: Whole,
  reason_code: Text,
  reason_description: Text,
  encounter_id: Whole,
});
export type ImmunizationRow = z.infer<typeof ImmunizationRow>;

/** A vaccine in OpenEMR's table of codes. */
export const VaccineRow = z.object({ id: Id, code: Text, code_text: Text, code_text_short: Text });
export type VaccineRow = z.infer<typeof VaccineRow>;

export interface ImmunizationRows {
  immunizations: ImmunizationRow[];
  vaccines: VaccineRow[];
}

/** `codes.code_type` of CVX, which OpenEMR gives the same number in every installation. */
const CVX = 100;

/** Two queries: the immunizations, and the names of their vaccines. */
export async function readImmunizations(
  snapshot: Snapshot,
  pid: number,
  wanted: LookupsWanted,
): Promise<{ rows: ImmunizationRows; sources: SourceRow[] }> {
  const immunizations = await snapshot.selectEntries(
    'immunizations',
    ImmunizationRow,
    `SELECT ${Object.keys(ImmunizationRow.shape).join(', ')}
       FROM ${snapshot.table('immunizations')} WHERE patient_id = ? ORDER BY id`,
    [pid],
  );
  const codes = new Set(immunizations.map((row) => row.cvx_code).filter((code) => code !== ''));
  const vaccines =
    codes.size === 0
      ? []
      : await snapshot.selectLookups(
          'names of vaccines',
          VaccineRow,
          `SELECT id, code, code_text, code_text_short
             FROM codes WHERE code IN (?) AND code_type = ${String(CVX)} ORDER BY active DESC, id`,
          [[...codes]],
        );
  for (const row of immunizations) {
    want(row, wanted);
  }
  return {
    rows: { immunizations, vaccines },
    sources: [
      ...immunizations.map((row) => sourceRow('immunizations', row)),
      ...vaccines.map((row) => sourceRow('codes', row)),
    ],
  };
}

function want(row: ImmunizationRow, wanted: LookupsWanted): void {
  wanted.user(row.administered_by_id);
  wanted.user(row.ordering_provider);
  wanted.option('immunizations', row.immunization_id);
  wanted.option('Immunization_Manufacturer', row.manufacturer);
  wanted.option('Immunization_Completion_Status', row.completion_status);
  wanted.option('immunization_refusal_reason', row.refusal_reason);
  wanted.option('immunization_informationsource', row.information_source);
  wanted.option('immunization_administered_site', row.administration_site);
  wanted.option('drug_route', row.route);
  wanted.option('drug_units', row.amount_administered_unit);
}
