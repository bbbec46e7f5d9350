import type { Connection, RowDataPacket } from 'mysql2/promise';
import { ClinicRefusal, commitBetween, openScreen, type Commit } from './clinic-session.js';
import { insertRow } from './insert-rows.js';

/** What the clinical notes form offers: a few of its types, each with the code and title that the form stores. */
export const NOTE_TYPES = {
  progress_note: ['LOINC:11506-3', 'Progress Note'],
  consultation_note: ['LOINC:11488-4', 'Consultation Note'],
  discharge_summary: ['LOINC:18842-5', 'Discharge Summary Note'],
  diagnostic_imaging_narrative: ['LOINC:18748-4', 'Diagnostic imaging study'],
} as const;
export type NoteType = keyof typeof NOTE_TYPES;
/** Options of list `Clinical_Note_Category`; a note with one is the report of an examination. */
export const NOTE_CATEGORIES = ['', 'radiology', 'pathology', 'cardiology'] as const;
export type NoteCategory = (typeof NOTE_CATEGORIES)[number];

export interface NewNote {
  pid: number;
  text: string;
  type: NoteType;
  category: NoteCategory;
}

export interface NewVitals {
  pid: number;
  /** mmHg */
  systolic: number;
  diastolic: number;
  /** per minute; 0 is "not measured", as on the form */
  pulse: number;
  /** pounds; 0 is "not measured" */
  weight: number;
  note: string;
}

async function lastVisit(connection: Connection, pid: number): Promise<{ encounter: number; username: string }> {
  const [rows] = await connection.execute<RowDataPacket[]>(
    `SELECT e.encounter, u.username FROM form_encounter AS e JOIN users AS u ON u.id = e.provider_id
      WHERE e.pid = ? ORDER BY e.date DESC, e.id DESC LIMIT 1`,
    [pid],
  );
  const visit = rows[0];
  if (visit === undefined) {
    throw new ClinicRefusal('there is no such patient, or they were never here');
  }
  return { encounter: Number(visit.encounter), username: String(visit.username) };
}

/** The form belongs to a visit only once its row in `forms` is there, which the screens write last. */
async function addForm(
  connection: Connection,
  form: { pid: number; encounter: number; username: string; name: string; dir: string; formId: number; now: string },
): Promise<Commit> {
  const [, commit] = await commitBetween(connection, () =>
    insertRow(connection, 'forms', {
      date: form.now,
      encounter: form.encounter,
      form_name: form.name,
      form_id: form.formId,
      pid: form.pid,
      user: form.username,
      groupname: 'Default',
      authorized: 1,
      formdir: form.dir,
    }),
  );
  return commit;
}

/** The doctor of the last visit writes a clinical note into it. */
export async function writeNote(connection: Connection, note: NewNote): Promise<{ formId: number } & Commit> {
  const { now } = await openScreen(connection);
  const visit = await lastVisit(connection, note.pid);
  // OpenEMR numbers these forms itself, apart from the rows.
  const [rows] = await connection.query<RowDataPacket[]>(
    'SELECT COALESCE(MAX(form_id), 0) + 1 AS formId FROM form_clinical_notes',
  );
  const formId = Number(rows[0]?.formId);
  const [code, codetext] = NOTE_TYPES[note.type];
  await insertRow(connection, 'form_clinical_notes', {
    form_id: formId,
    date: now.slice(0, 10),
    pid: note.pid,
    encounter: String(visit.encounter),
    user: visit.username,
    groupname: 'Default',
    authorized: 1,
    activity: 1,
    code,
    codetext,
    description: note.text,
    external_id: '',
    clinical_notes_type: note.type,
    clinical_notes_category: note.category,
    note_related_to: '',
  });
  const commit = await addForm(connection, {
    ...visit,
    ...{ pid: note.pid, name: 'Clinical Notes Form', dir: 'clinical_notes', formId, now },
  });
  return { formId, ...commit };
}

/** The doctor of the last visit enters vital signs into it. */
export async function recordVitals(connection: Connection, vitals: NewVitals): Promise<{ vitalsId: number } & Commit> {
  const { now } = await openScreen(connection);
  const visit = await lastVisit(connection, vitals.pid);
  const vitalsId = await insertRow(connection, 'form_vitals', {
    date: now,
    pid: vitals.pid,
    user: visit.username,
    groupname: 'Default',
    authorized: 1,
    activity: 1,
    bps: String(vitals.systolic),
    bpd: String(vitals.diastolic),
    weight: vitals.weight.toFixed(2),
    pulse: vitals.pulse,
    note: vitals.note,
  });
  const commit = await addForm(connection, {
    ...visit,
    ...{ pid: vitals.pid, name: 'Vitals', dir: 'vitals', formId: vitalsId, now },
  });
  return { vitalsId, ...commit };
}
