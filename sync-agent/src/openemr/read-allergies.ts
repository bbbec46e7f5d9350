import type { z } from 'zod';
import { Text, Whole } from './column-types.js';
import { IssueRow, issueSources, readIssues } from './read-issues.js';
import type { LookupsWanted } from './read-lookups.js';
import type { Snapshot } from './snapshot.js';
import type { SourceRow } from './source-row.js';

export const AllergyRow = IssueRow.extend({
  outcome: Whole,
  reaction: Text,
  severity_al: Text,
  verification: Text,
});
export type AllergyRow = z.infer<typeof AllergyRow>;

export interface AllergyRows {
  allergies: AllergyRow[];
}

/** One query. */
export async function readAllergies(
  snapshot: Snapshot,
  pid: number,
  wanted: LookupsWanted,
): Promise<{ rows: AllergyRows; sources: SourceRow[] }> {
  const allergies = await readIssues(snapshot, 'allergies', AllergyRow, pid, ['allergy']);
  for (const allergy of allergies) {
    wanted.username(allergy.user);
    wanted.option('reaction', allergy.reaction);
    wanted.option('severity_ccda', allergy.severity_al);
    wanted.option('allergyintolerance-verification', allergy.verification);
  }
  return { rows: { allergies }, sources: issueSources(allergies) };
}
