import { attachmentsOf, type Attachment } from './attachment.js';
import { conceptText, list, object, ofType, string } from './fhir.js';
import type { Json } from './fhir.js';
import { codesOf, newestFirst, noteTexts, statusOf, timing } from './record-entry.js';
import { recordedOf, type Recorded } from './provenance.js';
import type { RecordEntry } from './record-entry.js';
import { Referred, referredId } from './referred.js';

/** A clinical note, or the report of an examination: something to read. */
export interface Written extends RecordEntry {
  kind: 'note' | 'report';
  /** FHIR status of the text itself: final, preliminary, amended …; empty when none is given */
  status: string;
  at: string | undefined;
  issuedAt: string | undefined;
  /** everybody whom it names */
  authors: string[];
  recorded: Recorded;
  category: string | undefined;
  encounterId: string | undefined;
  conclusion: string | undefined;
  attachments: Attachment[];
}

/** Those who wrote it besides who recorded it. */
export const otherAuthors = ({ authors, recorded }: Written): string[] =>
  authors.filter((name) => !recorded.by.includes(name));

/** What a `notes` section says, newest first. A note that a newer one replaces is not current. */
export function readNotes(resources: unknown[]): Written[] {
  const referred = new Referred(resources);
  return newestFirst(
    ofType(resources, 'DocumentReference').map((note) => readNote(note, referred)),
    ({ at }) => at,
  );
}

function readNote(note: Json, referred: Referred): Written {
  const context = object(note, 'context');
  const status = string(note, 'status') ?? 'current';
  return {
    kind: 'note',
    id: string(note, 'id') ?? '',
    name: conceptText(object(note, 'type')) ?? string(note, 'description') ?? '',
    current: status === 'current',
    withdrawn: status === 'entered-in-error',
    status: statusOf(note, 'docStatus'),
    at: string(note, 'date') ?? string(object(context, 'period'), 'start'),
    issuedAt: undefined,
    authors: referred.names(list(note, 'author')),
    recorded: recordedOf(note, referred),
    category: list(note, 'category')
      .map(conceptText)
      .find((words) => words !== undefined),
    encounterId: list(context, 'encounter')
      .map((encounter) => referredId(encounter, 'Encounter'))
      .find((id) => id !== undefined),
    conclusion: undefined,
    attachments: attachmentsOf(note),
    notes: noteTexts(note),
    codes: codesOf(object(note, 'type')),
  };
}

/** What a `reports` section says, newest first. */
export function readReports(resources: unknown[]): Written[] {
  const referred = new Referred(resources);
  return newestFirst(
    ofType(resources, 'DiagnosticReport').map((report) => readReport(report, referred)),
    ({ at, issuedAt }) => at ?? issuedAt,
  );
}

function readReport(report: Json, referred: Referred): Written {
  const status = string(report, 'status') ?? '';
  return {
    kind: 'report',
    id: string(report, 'id') ?? '',
    name: conceptText(object(report, 'code')) ?? '',
    current: status !== 'entered-in-error' && status !== 'cancelled',
    withdrawn: status === 'entered-in-error',
    status,
    at: timing(report, 'effective').at,
    issuedAt: string(report, 'issued'),
    authors: referred.names([...list(report, 'resultsInterpreter'), ...list(report, 'performer')]),
    recorded: recordedOf(report, referred),
    category: list(report, 'category')
      .map(conceptText)
      .find((words) => words !== undefined),
    encounterId: referredId(object(report, 'encounter'), 'Encounter'),
    conclusion: string(report, 'conclusion'),
    attachments: attachmentsOf(report),
    notes: noteTexts(report),
    codes: codesOf(object(report, 'code')),
  };
}
