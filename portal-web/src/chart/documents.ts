import type { SendCcdRequest } from 'portal-api/http';
import { ccdRange } from './ccd.js';
import { conceptText, isObject, list, number, object, ofType, string, type Json } from './fhir.js';
import type { DocumentsContent } from './section-content.js';

/** Why a document has no bytes to open; the page has one sentence for each. */
export type NoContentReason = 'too-large' | 'missing' | 'no-file' | 'not-offered';

/** One entry of the list of documents. */
export interface FiledDocument {
  id: string;
  /** name of the file; empty when it has none */
  name: string;
  category: string | undefined;
  /** FHIR date or dateTime of the document, else of its filing */
  date: string | undefined;
  contentType: string;
  /** bytes */
  size: number | undefined;
  state: 'ready' | 'waiting' | NoContentReason;
  /** of the chart's C-CDA, made when it was asked for, its days; null for what was filed */
  ccd: SendCcdRequest | null;
}

/** The chart's C-CDA in the list. */
export type ListedCcd = FiledDocument & { ccd: SendCcdRequest };

const REASONS: readonly NoContentReason[] = ['too-large', 'missing', 'no-file', 'not-offered'];

/** Documents in the order of the section: newest first. */
export function readDocuments(resources: unknown[], contents: unknown[]): FiledDocument[] {
  const stateOf = new Map(contents.filter(isObject).map((content) => [string(content, 'documentId'), content]));
  return ofType(resources, 'DocumentReference').flatMap((resource) => {
    const id = string(resource, 'id');
    return id === undefined ? [] : [readDocument(id, resource, stateOf.get(id))];
  });
}

/** Null when the list names none, or is not known. */
export function listedCcd(content: DocumentsContent | null): ListedCcd | null {
  const documents = readDocuments(content?.resources ?? [], content?.contents ?? []);
  return documents.find((document): document is ListedCcd => document.ccd !== null) ?? null;
}

function readDocument(id: string, resource: Json, content: Json | undefined): FiledDocument {
  const [first] = list(resource, 'content');
  const attachment = object(first, 'attachment');
  return {
    id,
    name: string(attachment, 'title') ?? '',
    category: list(resource, 'category')
      .map(conceptText)
      .find((text) => text !== undefined),
    date: string(attachment, 'creation') ?? string(resource, 'date'),
    contentType: string(attachment, 'contentType') ?? '',
    size: number(content, 'size') ?? number(attachment, 'size'),
    state: stateOfContent(content),
    ccd: ccdRange(resource),
  };
}

/** What says nothing that can be read is not there yet. */
function stateOfContent(content: Json | undefined): FiledDocument['state'] {
  if (string(content, 'state') === 'held') {
    return 'ready';
  }
  return REASONS.find((reason) => reason === string(content, 'reason')) ?? 'waiting';
}

export type FileKind = 'pdf' | 'image' | 'text' | 'xml' | 'other';

/** As the list calls it; what a browser does with the bytes the server decides by the bytes. */
export function fileKind(contentType: string): FileKind {
  const type = contentType.split(';')[0]?.trim().toLowerCase() ?? '';
  switch (type) {
    case 'application/pdf':
      return 'pdf';
    case 'image/jpeg':
    case 'image/png':
      return 'image';
    case 'text/plain':
      return 'text';
    case 'text/xml':
    case 'application/xml':
      return 'xml';
    default:
      return 'other';
  }
}

const STEP = 1_024;

/** `12 KB`, `1.5 MB`. @param format writes a number in the reader's language */
export function fileSize(bytes: number, format: (value: number) => string): string {
  if (bytes < STEP) {
    return `${format(bytes)} B`;
  }
  const kilobytes = bytes / STEP;
  return kilobytes < STEP
    ? `${format(Math.round(kilobytes))} KB`
    : `${format(Math.round((kilobytes / STEP) * 10) / 10)} MB`;
}
