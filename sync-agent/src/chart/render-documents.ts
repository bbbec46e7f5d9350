import type { Resource } from 'sync-contract/section-content';
import { shownDocuments, type DocumentRow, type DocumentRows, type FiledRow } from '../openemr/read-documents.js';
import { parseCodes } from './coded-values.js';
import { profileMeta, resource, SYSTEMS, type CodeableConcept, type Coding } from './fhir.js';
import type { RenderTools } from './render-tools.js';

/** LOINC's code of OpenEMR's category "Advance Directive"; US Core has a profile for what is filed below it. */
const ADVANCE_DIRECTIVES = '42348-3';

/** Bytes as they are, of the named type. */
const AS_THEY_ARE: Coding = {
  system: 'http://ihe.net/fhir/ValueSet/IHE.FormatCode.codesystem',
  code: 'urn:ihe:iti:xds:2017:mimeTypeSufficient',
  display: 'mimeType Sufficient',
};

/** DocumentReferences, newest first. Where their bytes are is the section's part, not the resource's. */
export function renderDocuments(rows: DocumentRows, tools: RenderTools): { resources: Resource[]; skipped: number } {
  const documents = shownDocuments(rows).map((row) => ({ row, dated: tools.time.date(row.docdate ?? row.date) ?? '' }));
  const newestFirst = documents.sort((a, b) => compare(b.dated, a.dated) || b.row.id - a.row.id);
  const references = newestFirst.map(({ row }) =>
    renderDocument(
      row,
      rows.filed.filter(({ document_id }) => document_id === row.id),
      tools,
    ),
  );
  return { resources: [...references, ...tools.people.resources()], skipped: 0 };
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** The practice keeps it; who filed a document is not who wrote it. */
function renderDocument(row: DocumentRow, filed: readonly FiledRow[], tools: RenderTools): Resource {
  const directive = filed.some((each) => codesOf(each.parent_codes).some(({ code }) => code === ADVANCE_DIRECTIVES));
  return resource({
    resourceType: 'DocumentReference',
    id: tools.ids.id('documents', row.id),
    meta: profileMeta(directive ? 'us-core-adi-documentreference' : 'us-core-documentreference'),
    status: 'current',
    type: typeOf(filed),
    category: filed.map(categoryOf),
    subject: tools.ids.patient(tools.pid),
    date: tools.time.dateTime(row.date),
    author: [tools.people.practiceOrganization()],
    custodian: tools.people.practiceOrganization(),
    content: [
      {
        attachment: {
          contentType: row.mimetype,
          title: row.name,
          size: row.size > 0 ? row.size : undefined,
          creation: tools.time.date(row.docdate),
        },
        format: AS_THEY_ARE,
      },
    ],
    context: { encounter: [tools.ids.encounter(row.encounter_id)] },
  });
}

/** The code of a category that has one is what the document is; without one its name is all that is known. */
function typeOf(filed: readonly FiledRow[]): CodeableConcept {
  const coding = filed.flatMap(({ codes }) => codesOf(codes));
  return { coding, text: filed[0]?.name };
}

/** The category above, where it has a code, is the kind; the category itself is its name. */
function categoryOf({ name, parent_name, parent_codes }: FiledRow): CodeableConcept {
  return { coding: codesOf(parent_codes).map((coding) => ({ ...coding, display: parent_name })), text: name };
}

function codesOf(stored: string): Coding[] {
  return parseCodes(stored)
    .map(({ coding }) => coding)
    .filter(({ system }) => system === SYSTEMS.loinc);
}
