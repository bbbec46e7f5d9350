import { z } from 'zod';
import { Id, OptionalWhole, Text, WallClock } from './column-types.js';
import type { Snapshot } from './snapshot.js';
import { sourceRow, type SourceRow } from './source-row.js';

/** What every entry of OpenEMR's issue list (`lists`) has, whatever its type. */
export const IssueRow = z.object({
  id: Id,
  date: WallClock,
  title: Text,
  begdate: WallClock,
  enddate: WallClock,
  diagnosis: Text,
  activity: OptionalWhole,
  comments: Text,
  user: Text,
});
export type IssueRow = z.infer<typeof IssueRow>;

/** A visit that an entry of the issue list was linked to. */
export const IssueVisitRow = z.object({ id: OptionalWhole, list_id: Id, encounter: Id });
export type IssueVisitRow = z.infer<typeof IssueVisitRow>;

export type IssueType = 'medical_problem' | 'health_concern' | 'allergy' | 'surgery' | 'medical_device';

/** One query. `name` stands for the types in errors. */
export async function readIssues<Row extends IssueRow>(
  snapshot: Snapshot,
  name: string,
  row: z.ZodType<Row> & { shape: Record<string, unknown> },
  pid: number,
  types: readonly IssueType[],
): Promise<Row[]> {
  const columns = Object.keys(row.shape).join(', ');
  const sql = `SELECT ${columns} FROM lists WHERE pid = ? AND type IN (?) ORDER BY id`;
  return snapshot.selectEntries(name, row, sql, [pid, types]);
}

/** One query, in the order the links were made, or of the visits where OpenEMR does not number the links. A link between two patients' rows is no link. */
export async function readIssueVisits(
  snapshot: Snapshot,
  name: string,
  pid: number,
  types: readonly IssueType[],
): Promise<IssueVisitRow[]> {
  return snapshot.selectLookups(
    name,
    IssueVisitRow,
    `SELECT v.id, v.list_id, v.encounter
       FROM ${snapshot.table('issue_encounter', 'v')} JOIN lists l ON l.id = v.list_id AND l.pid = v.pid
      WHERE v.pid = ? AND l.type IN (?) ORDER BY v.id, v.encounter, v.list_id`,
    [pid, types],
  );
}

export const issueSources = (issues: readonly IssueRow[]): SourceRow[] => issues.map((row) => sourceRow('lists', row));

export const visitSources = (pid: number, visits: readonly IssueVisitRow[]): SourceRow[] =>
  visits.map((row) => sourceRow('issue_encounter', { ...row, pid }));
