import { z } from 'zod';
import { Id, OptionalWhole, Text, WallClock, Whole } from './column-types.js';
import { readIssueVisits, visitSources, type IssueVisitRow } from './read-issues.js';
import type { LookupsWanted } from './read-lookups.js';
import { PROBLEM_TYPES } from './read-problems.js';
import type { Snapshot } from './snapshot.js';
import { sourceRow, type SourceRow } from './source-row.js';

export const EncounterRow = z.object({
  id: Id,
  /** the number that links everything of an encounter; `id` is another one */
  encounter: Whole,
  form_row: OptionalWhole,
  date: WallClock,
  date_end: WallClock,
  reason: Text,
  facility: Text,
  facility_id: Whole,
  sensitivity: Text,
  pc_catid: Whole,
  provider_id: Whole,
  supervisor_id: Whole,
  referring_provider_id: Whole,
  class_code: Text,
  discharge_disposition: Text,
  encounter_type_code: Text,
  encounter_type_description: Text,
});
export type EncounterRow = z.infer<typeof EncounterRow>;

/** Category of a visit, as the calendar and the encounter form name it. */
export const VisitCategoryRow = z.object({ pc_catid: Id, pc_catname: Text });
export type VisitCategoryRow = z.infer<typeof VisitCategoryRow>;

export interface EncounterRows {
  encounters: EncounterRow[];
  categories: VisitCategoryRow[];
  /** problems that were linked to a visit */
  diagnoses: IssueVisitRow[];
}

/** Three queries. OpenEMR's screens hide an encounter whose own form is marked deleted, and so does this. */
export async function readEncounters(
  snapshot: Snapshot,
  pid: number,
  wanted: LookupsWanted,
): Promise<{ rows: EncounterRows; sources: SourceRow[] }> {
  const encounters = await snapshot.selectEntries(
    'encounters',
    EncounterRow,
    `SELECT e.id, e.encounter, f.id AS form_row, e.date, e.date_end, e.reason, e.facility, e.facility_id, e.sensitivity,
            e.pc_catid, e.provider_id, e.supervisor_id, e.referring_provider_id, e.class_code, e.discharge_disposition,
            e.encounter_type_code, e.encounter_type_description
       FROM form_encounter e
       LEFT JOIN forms f ON f.pid = e.pid AND f.encounter = e.encounter AND f.formdir = 'newpatient'
      WHERE e.pid = ? AND COALESCE(f.deleted, 0) = 0 ORDER BY e.id, f.id`,
    [pid],
  );
  const categoryIds = [...new Set(encounters.map((row) => row.pc_catid).filter((id) => id > 0))];
  const categories =
    categoryIds.length === 0
      ? []
      : await snapshot.selectLookups(
          'categories of visits',
          VisitCategoryRow,
          'SELECT pc_catid, pc_catname FROM openemr_postcalendar_categories WHERE pc_catid IN (?) ORDER BY pc_catid',
          [categoryIds],
        );
  const diagnoses = await readIssueVisits(snapshot, 'diagnoses of visits', pid, PROBLEM_TYPES);
  for (const row of encounters) {
    wanted.facility(row.facility_id);
    wanted.user(row.provider_id);
    wanted.user(row.supervisor_id);
    wanted.user(row.referring_provider_id);
    wanted.option('_ActEncounterCode', row.class_code);
    wanted.option('discharge-disposition', row.discharge_disposition);
    wanted.option('encounter-types', row.encounter_type_code);
  }
  return {
    rows: { encounters, categories, diagnoses },
    sources: [
      ...encounters.flatMap((row) => [
        sourceRow('form_encounter', row),
        ...(row.form_row === null ? [] : [sourceRow('forms', { id: row.form_row })]),
      ]),
      ...visitSources(pid, diagnoses),
      ...diagnoses.map(({ list_id }) => sourceRow('lists', { id: list_id })),
      ...categoryIds.map((pc_catid) => sourceRow('openemr_postcalendar_categories', { pc_catid })),
    ],
  };
}
