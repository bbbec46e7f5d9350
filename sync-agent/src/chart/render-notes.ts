import type { Resource } from 'sync-contract/section-content';
import type { ClinicalNoteRow, NarrativeRows, NoteRows, SoapRow } from '../openemr/read-notes.js';
import { parseCodes, type ListOptions } from './coded-values.js';
import { profileMeta, resource, type CodeableConcept, type Reference } from './fhir.js';
import type { RenderTools } from './render-tools.js';

interface RenderedList {
  resources: Resource[];
  skipped: number;
}

/** Notes of all types, newest first; then the people and the practice they name. A note without words says nothing. */
export function renderNotes(rows: NoteRows, tools: RenderTools): RenderedList {
  return newestFirst(
    [
      ...firstOfEach(rows.notes).map((row) => ({ ...row, render: () => renderClinicalNote(row, tools) })),
      ...firstOfEach(rows.soaps).map((row) => ({ ...row, render: () => renderSoap(row, tools) })),
    ],
    tools,
  );
}

/** Narrative reports of examinations, newest first. */
export function renderReports(rows: NarrativeRows, tools: RenderTools): RenderedList {
  return newestFirst(
    firstOfEach(rows.narratives).map((row) => ({ ...row, render: () => renderNarrative(row, tools) })),
    tools,
  );
}

interface Entry {
  id: number;
  date: string | null;
  render: () => Resource | undefined;
}

function newestFirst(entries: readonly Entry[], tools: RenderTools): RenderedList {
  const order = ({ date }: Entry): number => {
    const at = tools.time.dateTime(date);
    return at === undefined ? 0 : tools.time.order(at);
  };
  const rendered = entries
    .map((entry) => ({ entry, at: order(entry) }))
    .sort((a, b) => b.at - a.at || b.entry.id - a.entry.id)
    .map(({ entry }) => entry.render());
  const resources = rendered.filter((each) => each !== undefined);
  return { resources: [...resources, ...tools.people.resources()], skipped: rendered.length - resources.length };
}

/** A form that stands twice in its encounter is one form. */
function firstOfEach<Row extends { id: number }>(rows: readonly Row[]): Row[] {
  return [...new Map(rows.toReversed().map((row) => [row.id, row])).values()].toReversed();
}

function renderClinicalNote(row: ClinicalNoteRow, tools: RenderTools): Resource | undefined {
  // The column is a DATE: FHIR's `date` wants a moment, which nobody recorded.
  return row.description === ''
    ? undefined
    : documentReference(
        { table: 'form_clinical_notes', id: row.id, encounter: row.encounter, user: row.user },
        noteCode(row, tools.options, 'Clinical note'),
        row.description,
        { start: tools.time.date(row.date) },
        tools,
      );
}

const SOAP_PARTS = [
  ['Subjective', 'subjective'],
  ['Objective', 'objective'],
  ['Assessment', 'assessment'],
  ['Plan', 'plan'],
] as const;

function renderSoap(row: SoapRow, tools: RenderTools): Resource | undefined {
  const at = tools.time.dateTime(row.date);
  const parts = SOAP_PARTS.filter(([, column]) => row[column] !== '');
  return parts.length === 0
    ? undefined
    : documentReference(
        { table: 'form_soap', id: row.id, encounter: row.encounter, user: row.user },
        { text: 'SOAP note' },
        parts.map(([title, column]) => `${title}\n${row[column]}`).join('\n\n'),
        { date: at?.includes('T') === true ? at : undefined, start: at },
        tools,
      );
}

function documentReference(
  note: { table: string; id: number; encounter: number; user: string },
  type: CodeableConcept,
  text: string,
  when: { date?: string | undefined; start?: string | undefined },
  { ids, people, pid }: RenderTools,
): Resource {
  const practice = people.practiceOrganization();
  return resource({
    resourceType: 'DocumentReference',
    id: ids.id(note.table, note.id),
    meta: profileMeta('us-core-documentreference'),
    status: 'current',
    type,
    category: [
      {
        coding: [
          {
            system: 'http://hl7.org/fhir/us/core/CodeSystem/us-core-documentreference-category',
            code: 'clinical-note',
            display: 'Clinical Note',
          },
        ],
      },
    ],
    subject: ids.patient(pid),
    date: when.date,
    author: [people.practitionerNamed(note.user) ?? practice],
    custodian: practice,
    content: [
      {
        attachment: plainText(text),
        format: {
          system: 'http://ihe.net/fhir/ValueSet/IHE.FormatCode.codesystem',
          code: 'urn:ihe:iti:xds:2017:mimeTypeSufficient',
          display: 'mimeType Sufficient',
        },
      },
    ],
    context: { encounter: [ids.encounter(note.encounter)], period: { start: when.start } },
  });
}

function renderNarrative(row: ClinicalNoteRow, tools: RenderTools): Resource | undefined {
  if (row.description === '') {
    return undefined;
  }
  const { ids, options, people, pid, time } = tools;
  const author: Reference | undefined = people.practitionerNamed(row.user) ?? people.practiceOrganization();
  return resource({
    resourceType: 'DiagnosticReport',
    id: ids.id('form_clinical_notes', row.id),
    meta: profileMeta('us-core-diagnosticreport-note'),
    status: 'final',
    category: [listConcept(options, 'Clinical_Note_Category', row.clinical_notes_category)],
    code: noteCode(row, options, 'Report'),
    subject: ids.patient(pid),
    encounter: ids.encounter(row.encounter),
    effectiveDateTime: time.date(row.date),
    performer: [author],
    resultsInterpreter: [author],
    presentedForm: [plainText(row.description)],
  });
}

/** What the note's author typed, byte for byte; never markup, whatever it looks like. */
const plainText = (text: string): unknown => ({
  contentType: 'text/plain',
  data: Buffer.from(text, 'utf8').toString('base64'),
});

/** The note's own code with the words it was given; else what its type is called. */
function noteCode(row: ClinicalNoteRow, options: ListOptions, otherwise: string): CodeableConcept {
  const type = listConcept(options, 'Clinical_Note_Type', row.clinical_notes_type);
  const own = parseCodes(row.code).map(({ coding }) => ({ ...coding, display: row.codetext || type?.text }));
  return own.length > 0
    ? { coding: own, text: row.codetext || (type?.text ?? otherwise) }
    : { coding: type?.coding ?? [], text: row.codetext || (type?.text ?? otherwise) };
}

/** OpenEMR keeps the codes of these two lists in the notes of some options and in the codes of others. */
function listConcept(options: ListOptions, list: string, option: string): CodeableConcept | undefined {
  const text = options.title(list, option);
  const { codes = '', notes = '' } = options.find(list, option) ?? {};
  const known = [...parseCodes(codes), ...parseCodes(notes)].filter(({ type }) => type !== '');
  return text === '' ? undefined : { coding: known.map(({ coding }) => ({ ...coding, display: text })), text };
}
