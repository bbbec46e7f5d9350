import { z } from 'zod';
import { Id, Text, WallClock } from './column-types.js';
import type { LookupsWanted } from './read-lookups.js';
import type { Snapshot } from './snapshot.js';
import { sourceRow, type SourceRow } from './source-row.js';

/**
 * One line of a care plan form, a goal or something planned. The table has no primary key: the lines of a form share its
 * id, and nothing but what they say tells them apart.
 */
export const PlanLineRow = z.object({
  id: Id,
  form_row: Id,
  encounter: Text,
  user: Text,
  date: WallClock,
  date_end: WallClock,
  proposed_date: WallClock,
  care_plan_type: Text,
  code: Text,
  codetext: Text,
  description: Text,
  plan_status: Text,
  reason_code: Text,
  reason_description: Text,
});
export type PlanLineRow = z.infer<typeof PlanLineRow>;

export interface CarePlanRows {
  lines: PlanLineRow[];
}

export const GOAL = 'goal';

/** Lines of forms that nobody deleted. A plan refers to the goals of its encounter, so both classes take all. */
export async function readCarePlan(
  snapshot: Snapshot,
  pid: number,
  wanted: LookupsWanted,
): Promise<{ rows: CarePlanRows; sources: SourceRow[] }> {
  const lines = await linesOf(snapshot, pid);
  for (const line of lines) {
    wanted.username(line.user);
    wanted.option('Plan_of_Care_Type', line.care_plan_type);
  }
  return {
    rows: { lines },
    sources: lines.flatMap((row) => [sourceRow('form_care_plan', row), sourceRow('forms', { id: row.form_row })]),
  };
}

const readOf = new WeakMap<Snapshot, { pid: number; lines: Promise<PlanLineRow[]> }>();

/** One query for both classes: OpenEMR's table has no index to find a patient's lines by, and is read whole. */
function linesOf(snapshot: Snapshot, pid: number): Promise<PlanLineRow[]> {
  const before = readOf.get(snapshot);
  if (before?.pid === pid) {
    return before.lines;
  }
  const lines = snapshot.select(
    'care plans',
    PlanLineRow,
    `SELECT p.id, f.id AS form_row, p.encounter, p.user, p.date, p.date_end, p.proposed_date, p.care_plan_type, p.code,
            p.codetext, p.description, p.plan_status, p.reason_code, p.reason_description
       FROM forms f JOIN ${snapshot.table('form_care_plan', 'p')} ON p.id = f.form_id AND p.pid = f.pid
      WHERE f.pid = ? AND f.formdir = 'care_plan' AND f.deleted = 0`,
    [pid],
  );
  readOf.set(snapshot, { pid, lines });
  return lines;
}
