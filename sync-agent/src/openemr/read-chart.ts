import type { RecordClass } from 'sync-contract/classes';
import { readAppointments, type AppointmentRows } from './read-appointments.js';
import { readAssessments, type AssessmentRows } from './read-assessments.js';
import { readBilling, type BillingRows } from './read-billing.js';
import { readCarePlan, type CarePlanRows } from './read-care-plan.js';
import { readCareTeam, type CareTeamRows } from './read-care-team.js';
import { readCoverage, type CoverageRows } from './read-coverage.js';
import { readEncounters, type EncounterRows } from './read-encounters.js';
import { readAllergies, type AllergyRows } from './read-allergies.js';
import { readDevices, type DeviceRows } from './read-devices.js';
import { readImmunizations, type ImmunizationRows } from './read-immunizations.js';
import { readDocuments, type DocumentRows } from './read-documents.js';
import { LookupsWanted, lookupSources, readLookups, type Lookups } from './read-lookups.js';
import { readMedications, type MedicationRows } from './read-medications.js';
import { readMessages, type MessageRows } from './read-messages.js';
import { readProblems, type ProblemRows } from './read-problems.js';
import { readProcedures, type ProcedureRows } from './read-procedures.js';
import { readNotes, readReports, type NarrativeRows, type NoteRows } from './read-notes.js';
import { readPractice, type PracticeRows } from './read-practice.js';
import { readProfile, type ProfileRows } from './read-profile.js';
import { readResults, type ResultRows } from './read-results.js';
import { readVitals, type VitalRows } from './read-vitals.js';
import { readSocialHistory, type SocialHistoryRows } from './read-social-history.js';
import { OpenEmrReadFailed, type Snapshot, type UnreadableRow } from './snapshot.js';
import { sourceRow, type SourceRow } from './source-row.js';

/** What a reader gives for one class: its rows as the renderer takes them, and every row it used. */
export interface ReadRows<Rows> {
  rows: Rows;
  sources: SourceRow[];
}

/** One class of a chart over one snapshot. What its rows point to in the practice it asks of `wanted`. */
type ReadClass<Rows> = (snapshot: Snapshot, pid: number, wanted: LookupsWanted) => Promise<ReadRows<Rows>>;

/** The rows of each class beside the profile; a later section adds its class here and in `READERS`. */
export interface RowsOfClass {
  problems: ProblemRows;
  medications: MedicationRows;
  allergies: AllergyRows;
  immunizations: ImmunizationRows;
  procedures: ProcedureRows;
  devices: DeviceRows;
  'social-history': SocialHistoryRows;
  results: ResultRows;
  messages: MessageRows;
  appointments: AppointmentRows;
  coverage: CoverageRows;
  vitals: VitalRows;
  encounters: EncounterRows;
  documents: DocumentRows;
  notes: NoteRows;
  reports: NarrativeRows;
  'care-team': CareTeamRows;
  'care-plan': CarePlanRows;
  goals: CarePlanRows;
  assessments: AssessmentRows;
  practice: PracticeRows;
  billing: BillingRows;
}

type ReadPart = (
  parts: Partial<RowsOfClass>,
  ...read: Parameters<ReadClass<unknown>>
) => Promise<ReadRows<unknown>['sources']>;

function part<Class extends keyof RowsOfClass>(recordClass: Class, read: ReadClass<RowsOfClass[Class]>): ReadPart {
  return async (parts, ...from) => {
    const { rows, sources } = await read(...from);
    parts[recordClass] = rows;
    return sources;
  };
}

const READERS: Record<keyof RowsOfClass, ReadPart> = {
  problems: part('problems', readProblems),
  medications: part('medications', readMedications),
  allergies: part('allergies', readAllergies),
  immunizations: part('immunizations', readImmunizations),
  procedures: part('procedures', readProcedures),
  devices: part('devices', readDevices),
  'social-history': part('social-history', readSocialHistory),
  results: part('results', readResults),
  messages: part('messages', readMessages),
  appointments: part('appointments', readAppointments),
  coverage: part('coverage', readCoverage),
  vitals: part('vitals', readVitals),
  encounters: part('encounters', readEncounters),
  documents: part('documents', readDocuments),
  notes: part('notes', readNotes),
  reports: part('reports', readReports),
  'care-team': part('care-team', readCareTeam),
  'care-plan': part('care-plan', readCarePlan),
  goals: part('goals', readCarePlan),
  assessments: part('assessments', readAssessments),
  practice: part('practice', readPractice),
  billing: part('billing', readBilling),
};

// A mapped type over exactly these keys: Object.keys gives nothing else.
export const CLASSES_BESIDE_PROFILE = Object.keys(READERS) as readonly (keyof RowsOfClass)[];
export type ReadableClass = 'profile' | keyof RowsOfClass;
/** Classes of records the reader knows. */
export const READABLE_CLASSES: readonly ReadableClass[] = ['profile', ...CLASSES_BESIDE_PROFILE];

/** Everything one render needs; a part is absent when its class was not asked for, or could not be read. */
export interface ChartRows extends Partial<RowsOfClass> {
  pid: number;
  timeZone: string;
  /** the clinic's date of the snapshot, `yyyy-MM-dd` */
  readOn: string;
  profile: ProfileRows;
  lookups: Lookups;
  /** every row used, once, with the classes it was read for; the change feed resolves rows without a pid by them */
  sources: ChartSource[];
  /** classes that were asked for and could not be read, each with its reason; never to be taken for empty */
  failures: ReadonlyMap<ReadableClass, Error>;
  /** rows that the classes are without because they cannot be read */
  unreadable: readonly UnreadableOfClass[];
}

export interface UnreadableOfClass extends UnreadableRow {
  /** null for what several classes share */
  recordClass: ReadableClass | null;
}

export interface ChartSource extends SourceRow {
  classes: ReadableClass[];
}

/**
 * Reads a chart's rows for the given classes, in a bounded number of queries whatever the chart's size. The patient's own
 * row is always read, so that a chart whose patient vanished fails instead of looking empty. Another class that cannot
 * be read is a failure of that class alone.
 * @throws PatientRowMissing, OpenEmrReadFailed
 */
export async function readChart(
  snapshot: Snapshot,
  pid: number,
  classes: readonly RecordClass[] = READABLE_CLASSES,
): Promise<ChartRows> {
  const sources = new ChartSources();
  const wanted = new Map<ReadableClass, LookupsWanted>();
  const wantedBy = (recordClass: ReadableClass): LookupsWanted => {
    const ofClass = new LookupsWanted();
    wanted.set(recordClass, ofClass);
    return ofClass;
  };

  const unreadable: UnreadableOfClass[] = [];
  const noteUnreadable = (recordClass: ReadableClass | null): void => {
    unreadable.push(...snapshot.takeUnreadable().map((row) => ({ ...row, recordClass })));
  };

  const profile = await readProfile(snapshot, pid, wantedBy('profile'));
  noteUnreadable('profile');
  sources.add('profile', profile.sources);
  const parts: Partial<RowsOfClass> = {};
  const failures = new Map<ReadableClass, Error>();
  for (const recordClass of CLASSES_BESIDE_PROFILE) {
    if (classes.includes(recordClass)) {
      try {
        sources.add(recordClass, await READERS[recordClass](parts, snapshot, pid, wantedBy(recordClass)));
      } catch (failure: unknown) {
        failures.set(recordClass, failure instanceof Error ? failure : new OpenEmrReadFailed(recordClass, failure));
      }
      noteUnreadable(recordClass);
    }
  }

  const lookups = await readLookups(snapshot, [...wanted.values()]);
  noteUnreadable(null);
  for (const recordClass of READABLE_CLASSES) {
    if (classes.includes(recordClass)) {
      sources.add(recordClass, [sourceRow('globals', { gl_name: 'gbl_time_zone', gl_index: 0 })]);
      const ofClass = recordClass === 'messages' ? undefined : wanted.get(recordClass);
      sources.add(recordClass, ofClass === undefined ? [] : lookupSources(ofClass, lookups));
    }
  }
  const { timeZone, readOn } = snapshot;
  return {
    ...parts,
    pid,
    timeZone,
    readOn,
    profile: profile.rows,
    lookups,
    sources: sources.all(),
    failures,
    unreadable,
  };
}

class ChartSources {
  private readonly sources = new Map<string, ChartSource>();

  add(recordClass: ReadableClass, rows: readonly SourceRow[]): void {
    for (const row of rows) {
      const id = `${row.table} ${row.key}`;
      const source = this.sources.get(id) ?? { ...row, classes: [] };
      this.sources.set(id, { ...source, classes: [...new Set([...source.classes, recordClass])] });
    }
  }

  all(): ChartSource[] {
    return [...this.sources.values()];
  }
}
