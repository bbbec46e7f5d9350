import type { z } from 'zod';
import { Text, Whole } from './column-types.js';
import {
  IssueRow,
  issueSources,
  readIssues,
  readIssueVisits,
  visitSources,
  type IssueVisitRow,
} from './read-issues.js';
import type { LookupsWanted } from './read-lookups.js';
import type { Snapshot } from './snapshot.js';
import type { SourceRow } from './source-row.js';

export const ProblemRow = IssueRow.extend({
  type: Text,
  subtype: Text,
  occurrence: Whole,
  outcome: Whole,
  verification: Text,
});
export type ProblemRow = z.infer<typeof ProblemRow>;

export interface ProblemRows {
  problems: ProblemRow[];
  visits: IssueVisitRow[];
}

export const PROBLEM_TYPES = ['medical_problem', 'health_concern'] as const;

/** Two queries: medical problems and health concerns, and the visits they are linked to. */
export async function readProblems(
  snapshot: Snapshot,
  pid: number,
  wanted: LookupsWanted,
): Promise<{ rows: ProblemRows; sources: SourceRow[] }> {
  const problems = await readIssues(snapshot, 'problems', ProblemRow, pid, PROBLEM_TYPES);
  const visits = await readIssueVisits(snapshot, 'visits of problems', pid, PROBLEM_TYPES);
  for (const problem of problems) {
    wanted.username(problem.user);
    wanted.option('occurrence', problem.occurrence);
    wanted.option('outcome', problem.outcome);
    wanted.option('condition-verification', problem.verification);
  }
  return { rows: { problems, visits }, sources: [...issueSources(problems), ...visitSources(pid, visits)] };
}
