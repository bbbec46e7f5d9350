import { createHash } from 'node:crypto';
import { z } from 'zod';
import { canonicalBytes } from 'sync-contract/canonical-json';
import { LIMITS } from 'sync-contract/limits';
import { Id, Text, WallClock, Whole } from './column-types.js';
import type { Snapshot } from './snapshot.js';
import { sourceRow, type SourceRow } from './source-row.js';

export const DocumentRow = z.object({
  id: Id,
  /** hex; empty until OpenEMR has given one */
  uuid: Text,
  type: Text,
  size: Whole,
  date: WallClock,
  mimetype: Text,
  docdate: WallClock,
  hash: Text,
  name: Text,
  encounter_id: Whole,
});
export type DocumentRow = z.infer<typeof DocumentRow>;

/** A category that a document is filed under, with the one above it. */
export const FiledRow = z.object({
  document_id: Id,
  category_id: Id,
  name: Text,
  codes: Text,
  parent: Whole,
  parent_name: Text,
  parent_codes: Text,
});
export type FiledRow = z.infer<typeof FiledRow>;

export interface DocumentRows {
  documents: DocumentRow[];
  filed: FiledRow[];
}

/** Where rows of `documents` are of the list. */
const LISTED = (table: string): string => `${table}.deleted = 0 AND NOT ${table}.foreign_reference_table <=> 'ccda'`;

/** Where rows of `categories` are those that not only administrators look into. */
const FOR_STAFF = "c.aco_spec NOT LIKE 'admin|%'";

/**
 * Two queries. A document that staff deleted is not read, as it may have been filed to the wrong patient, nor a C-CDA
 * that OpenEMR made and filed: it may show what decisions keep from the portal, and one that the patient asked for has
 * its own entry. The only index of `categories_to_documents` begins with the category, so the second query tries every
 * category, a list of the practice, for each of the documents: any other order of its tables reads the files of everybody.
 */
export async function readDocuments(
  snapshot: Snapshot,
  pid: number,
): Promise<{ rows: DocumentRows; sources: SourceRow[] }> {
  const documents = await snapshot.selectEntries(
    'documents',
    DocumentRow,
    `SELECT id, LOWER(HEX(uuid)) AS uuid, type, size, date, mimetype, docdate, hash, name, encounter_id
       FROM documents
      WHERE foreign_id = ? AND ${LISTED('documents')} ORDER BY id`,
    [pid],
  );
  const filed =
    documents.length === 0
      ? []
      : await snapshot.selectEntries(
          'categories of documents',
          FiledRow,
          `SELECT f.document_id, c.id AS category_id, c.name, c.codes, c.parent, p.name AS parent_name,
                  p.codes AS parent_codes
             FROM documents d
             STRAIGHT_JOIN categories c
             STRAIGHT_JOIN categories_to_documents f ON f.category_id = c.id AND f.document_id = d.id
             LEFT JOIN categories p ON p.id = c.parent
            WHERE d.id IN (?) AND ${FOR_STAFF} ORDER BY f.document_id, c.id`,
          [documents.map(({ id }) => id)],
        );
  return {
    rows: { documents, filed },
    sources: [
      ...documents.map((row) => sourceRow('documents', row)),
      ...filed.flatMap((row) => [
        sourceRow('categories_to_documents', row),
        sourceRow('categories', { id: row.category_id }),
        ...(row.parent > 0 ? [sourceRow('categories', { id: row.parent })] : []),
      ]),
    ],
  };
}

const ListedRow = z.object({ document_id: Id, category_id: Id });

/**
 * Which of these documents the patient's list shows; one query, none when there is nothing to ask. A number that some row
 * gives may be another patient's document: that is none of these.
 */
export async function readListed(
  snapshot: Snapshot,
  pid: number,
  ids: readonly number[],
): Promise<{ listed: ReadonlySet<number>; sources: SourceRow[] }> {
  const filed =
    ids.length === 0
      ? []
      : await snapshot.selectLookups(
          'documents of results',
          ListedRow,
          `SELECT f.document_id, c.id AS category_id
             FROM documents d
             STRAIGHT_JOIN categories c
             STRAIGHT_JOIN categories_to_documents f ON f.category_id = c.id AND f.document_id = d.id
            WHERE d.id IN (?) AND d.foreign_id = ? AND ${LISTED('d')} AND ${FOR_STAFF} ORDER BY f.document_id, c.id`,
          [ids, pid],
        );
  return {
    listed: new Set(filed.map((row) => row.document_id)),
    sources: filed.flatMap((row) => [
      sourceRow('documents', { id: row.document_id }),
      sourceRow('categories_to_documents', row),
      sourceRow('categories', { id: row.category_id }),
    ]),
  };
}

/** Documents that staff see in the chart: what is filed nowhere, or only where administrators look, is not the patient's. */
export function shownDocuments({ documents, filed }: DocumentRows): DocumentRow[] {
  const shown = new Set(filed.map((row) => row.document_id));
  return documents.filter(({ id }) => shown.has(id));
}

/** What the row says of a document's bytes. */
export interface DocumentFile {
  /** `documents.id`; 0 for a C-CDA that the patient asked for */
  id: number;
  /** name of the bytes in OpenEMR's API; null until OpenEMR has given one */
  uuid: string | null;
  /** hex; changes when the bytes do, and with every request for a C-CDA */
  fingerprint: string;
  /** why there are no bytes to get */
  reason: 'too-large' | 'no-file' | null;
}

/** A uuid in hex as OpenEMR's API writes it; null where OpenEMR has given none. */
export function uuidText(hex: string): string | null {
  return hex === '' ? null : hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

export function documentFiles(rows: DocumentRows): DocumentFile[] {
  return shownDocuments(rows).map(({ id, uuid, type, size, hash }) => ({
    id,
    uuid: uuidText(uuid),
    fingerprint: createHash('sha256').update(canonicalBytes({ uuid, size, hash })).digest('hex'),
    reason: type === 'web_url' ? 'no-file' : size > LIMITS.documentBytes ? 'too-large' : null,
  }));
}
