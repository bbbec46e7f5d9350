import { z } from 'zod';
import { Id, Text, WallClock, Whole } from './column-types.js';
import type { LookupsWanted } from './read-lookups.js';
import { parseHabit } from './habit.js';
import type { Snapshot } from './snapshot.js';
import { sourceRow, type SourceRow } from './source-row.js';

/** The patient's history as it was saved last; each save of the form is a new row. */
export const HistoryRow = z.object({
  id: Id,
  date: WallClock,
  created_by: Whole,
  tobacco: Text,
  alcohol: Text,
  coffee: Text,
  recreational_drugs: Text,
  exercise_patterns: Text,
  sleep_patterns: Text,
  seatbelt_use: Text,
  counseling: Text,
  hazardous_activities: Text,
});
export type HistoryRow = z.infer<typeof HistoryRow>;

export interface SocialHistoryRows {
  histories: HistoryRow[];
}

/** One query, for the newest row alone: OpenEMR's own screens show no other. */
export async function readSocialHistory(
  snapshot: Snapshot,
  pid: number,
  wanted: LookupsWanted,
): Promise<{ rows: SocialHistoryRows; sources: SourceRow[] }> {
  const histories = await snapshot.selectEntries(
    'the social history',
    HistoryRow,
    `SELECT ${Object.keys(HistoryRow.shape).join(', ')}
       FROM history_data WHERE pid = ? ORDER BY id DESC LIMIT 1`,
    [pid],
  );
  for (const history of histories) {
    wanted.user(history.created_by);
    wanted.option('smoking_status', parseHabit(history.tobacco).option);
  }
  return { rows: { histories }, sources: histories.map((row) => sourceRow('history_data', row)) };
}
