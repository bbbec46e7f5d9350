import type { RecordClass } from 'sync-contract/classes';
import { LookupsWanted, readLookups, type Lookups } from './read-lookups.js';
import { readMedications, type MedicationRows } from './read-medications.js';
import { readMessages, type MessageRows } from './read-messages.js';
import { readProfile, type ProfileRows } from './read-profile.js';
import { readResults, type ResultRows } from './read-results.js';
import type { Snapshot } from './snapshot.js';
import { sourceRow, type SourceRow } from './tables.js';

/** Classes of records the reader knows; a later section adds its class here. */
export const READABLE_CLASSES = ['profile', 'medications', 'results', 'messages'] as const satisfies RecordClass[];
export type ReadableClass = (typeof READABLE_CLASSES)[number];

/** Everything one render needs; a part is absent when its class was not asked for. */
export interface ChartRows {
  pid: number;
  timeZone: string;
  /** the clinic's date of the snapshot, `yyyy-MM-dd` */
  readOn: string;
  profile: ProfileRows;
  medications?: MedicationRows;
  results?: ResultRows;
  messages?: MessageRows;
  lookups: Lookups;
  /** every row used, once, with the classes it was read for; the change feed resolves rows without a pid by them */
  sources: ChartSource[];
}

export interface ChartSource extends SourceRow {
  classes: ReadableClass[];
}

/**
 * Reads a chart's rows for the given classes: at most 20 queries whatever the chart's size. The patient's own row is
 * always read, so that a chart whose patient vanished fails instead of looking empty.
 * @throws PatientRowMissing, OpenEmrReadFailed
 */
export async function readChart(
  snapshot: Snapshot,
  pid: number,
  classes: readonly RecordClass[] = READABLE_CLASSES,
): Promise<ChartRows> {
  const wanted = new LookupsWanted();
  const sources = new Map<string, ChartSource>();
  const add = (recordClass: ReadableClass, rows: readonly SourceRow[]): void => {
    for (const row of rows) {
      const id = `${row.table} ${row.key}`;
      const source = sources.get(id) ?? { ...row, classes: [] };
      sources.set(id, { ...source, classes: [...new Set([...source.classes, recordClass])] });
    }
  };
  const asked = READABLE_CLASSES.filter((recordClass) => classes.includes(recordClass));

  const profile = await readProfile(snapshot, pid, wanted);
  add('profile', profile.sources);
  const medications = asked.includes('medications') ? await readMedications(snapshot, pid, wanted) : undefined;
  add('medications', medications?.sources ?? []);
  const results = asked.includes('results') ? await readResults(snapshot, pid, wanted) : undefined;
  add('results', results?.sources ?? []);
  const messages = asked.includes('messages') ? await readMessages(snapshot, pid) : undefined;
  add('messages', messages?.sources ?? []);
  const { lookups, sources: lookupSources } = await readLookups(snapshot, wanted);
  for (const recordClass of asked) {
    add(recordClass, [sourceRow('globals', { gl_name: 'gbl_time_zone', gl_index: 0 })]);
    add(recordClass, recordClass === 'messages' ? [] : lookupSources);
  }
  return {
    pid,
    timeZone: snapshot.timeZone,
    readOn: snapshot.readOn,
    profile: profile.rows,
    medications: medications?.rows,
    results: results?.rows,
    messages: messages?.rows,
    lookups,
    sources: [...sources.values()],
  };
}
