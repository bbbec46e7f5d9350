import { z } from 'zod';
import { Id, Text, WallClock, Whole } from './column-types.js';
import type { LookupsWanted } from './read-lookups.js';
import type { Snapshot } from './snapshot.js';
import { sourceRow, type SourceRow } from './source-row.js';

/** One note of a clinical notes form; a form may hold several. */
export const ClinicalNoteRow = z.object({
  id: Id,
  form_row: Id,
  encounter: Whole,
  date: WallClock,
  user: Text,
  code: Text,
  codetext: Text,
  description: Text,
  clinical_notes_type: Text,
  clinical_notes_category: Text,
});
export type ClinicalNoteRow = z.infer<typeof ClinicalNoteRow>;

/** A SOAP form: subjective, objective, assessment, plan. */
export const SoapRow = z.object({
  id: Id,
  form_row: Id,
  encounter: Whole,
  date: WallClock,
  user: Text,
  subjective: Text,
  objective: Text,
  assessment: Text,
  plan: Text,
});
export type SoapRow = z.infer<typeof SoapRow>;

export interface NoteRows {
  notes: ClinicalNoteRow[];
  soaps: SoapRow[];
}

export interface NarrativeRows {
  narratives: ClinicalNoteRow[];
}

/** A category makes a clinical note the report of an examination: radiology, pathology, cardiology, a practice's own. */
const CATEGORY = { none: "COALESCE(n.clinical_notes_category, '') = ''", some: "n.clinical_notes_category <> ''" };

/** Two queries. Forms that the practice deleted and notes that were replaced or taken back are left out. */
export async function readNotes(
  snapshot: Snapshot,
  pid: number,
  wanted: LookupsWanted,
): Promise<{ rows: NoteRows; sources: SourceRow[] }> {
  const notes = await readClinicalNotes(snapshot, 'clinical notes', pid, CATEGORY.none, wanted);
  const soaps = await snapshot.selectEntries(
    'SOAP notes',
    SoapRow,
    `SELECT s.id, f.id AS form_row, f.encounter, s.date, s.user, s.subjective, s.objective, s.assessment, s.plan
       FROM forms f JOIN form_soap s ON s.id = f.form_id AND s.pid = f.pid AND s.activity = 1
      WHERE f.pid = ? AND f.formdir = 'soap' AND f.deleted = 0 ORDER BY s.id, f.id`,
    [pid],
  );
  for (const { user } of soaps) {
    wanted.username(user);
  }
  return {
    rows: { notes, soaps },
    sources: [
      ...noteSources(notes),
      ...soaps.flatMap((row) => [sourceRow('form_soap', row), sourceRow('forms', { id: row.form_row })]),
    ],
  };
}

/** One query. What laboratories and imaging services report to an order is a result and not read here. */
export async function readReports(
  snapshot: Snapshot,
  pid: number,
  wanted: LookupsWanted,
): Promise<{ rows: NarrativeRows; sources: SourceRow[] }> {
  const narratives = await readClinicalNotes(snapshot, 'narrative reports', pid, CATEGORY.some, wanted);
  return { rows: { narratives }, sources: noteSources(narratives) };
}

async function readClinicalNotes(
  snapshot: Snapshot,
  name: string,
  pid: number,
  category: string,
  wanted: LookupsWanted,
): Promise<ClinicalNoteRow[]> {
  const notes = await snapshot.selectEntries(
    name,
    ClinicalNoteRow,
    `SELECT n.id, f.id AS form_row, f.encounter, n.date, n.user, n.code, n.codetext, n.description,
            n.clinical_notes_type, n.clinical_notes_category
       FROM forms f JOIN form_clinical_notes n ON n.form_id = f.form_id AND n.pid = f.pid AND n.activity = 1
      WHERE f.pid = ? AND f.formdir = 'clinical_notes' AND f.deleted = 0 AND ${category} ORDER BY n.id, f.id`,
    [pid],
  );
  for (const note of notes) {
    wanted.username(note.user);
    wanted.option('Clinical_Note_Type', note.clinical_notes_type);
    wanted.option('Clinical_Note_Category', note.clinical_notes_category);
  }
  return notes;
}

const noteSources = (notes: readonly ClinicalNoteRow[]): SourceRow[] =>
  notes.flatMap((row) => [sourceRow('form_clinical_notes', row), sourceRow('forms', { id: row.form_row })]);
