import type { RecordedRow } from 'infra/openemr-sim/sim-data';
import {
  DISPLAY,
  ONE_PROFILE,
  both,
  line,
  metaLines,
  ours,
  oursIs,
  oursIsColumn,
  theirs,
  theirsMatches,
  uuidOf,
  type DifferenceFacts,
  type ExpectedDifference,
  type Holds,
} from './golden-difference.js';

const US_CORE = 'http://hl7.org/fhir/us/core/StructureDefinition';
const NO_SECOND_ID = 'The resource id names the document; OpenEMR repeats its own id as an identifier.';
const NO_UNKNOWN = 'A document without a code has the name of its category instead of a code for "unknown".';
const CATEGORY_CODE =
  "A category's own code says what the document is; OpenEMR's FHIR uses only those of advance directives.";
const CATEGORY_NAME = "The name is the practice's own; a page needs no terminology to show it.";

/** The category that a document is filed under. */
function categoryOf({ row, rows }: DifferenceFacts): RecordedRow {
  const filed = rows.find('categories_to_documents', { document_id: row['id'] ?? null });
  return rows.find('categories', { id: filed?.['category_id'] ?? null }) ?? {};
}

function isDirective(facts: DifferenceFacts): boolean {
  const above = facts.rows.find('categories', { id: categoryOf(facts)['parent'] ?? null });
  return above?.['codes'] === 'LOINC:42348-3';
}
const isOther: Holds = (facts) => !isDirective(facts);
const practiceName: Holds = oursIs((_row, { rows }) => rows.find('facility', { primary_business_entity: 1 })?.['name']);
const categoryName: Holds = oursIs((_row, facts) => categoryOf(facts)['name']);
const isCcd: Holds = (facts) => categoryOf(facts)['name'] === 'CCD';

/** Differences of DocumentReference, as far as documents are filed. */
export const DOCUMENT_DIFFERENCES: readonly ExpectedDifference[] = [
  ...metaLines('DocumentReference', [7, 3]),
  line(
    'DocumentReference',
    'meta.profile[]',
    'added',
    [5, 2],
    'The resource follows the US Core profile and says so.',
    both(ours(`${US_CORE}/us-core-documentreference`), isOther),
  ),
  line(
    'DocumentReference',
    'meta.profile[]',
    'left out',
    [6, 3],
    ONE_PROFILE,
    both(theirsMatches(/\/us-core-adi-documentreference\|(3\.1\.1|7\.0\.0|8\.0\.0)$/), isDirective),
  ),
  line('DocumentReference', 'identifier[].value', 'left out', [7, 3], NO_SECOND_ID, ({ difference, row }) =>
    [uuidOf(row), `urn:uuid:${uuidOf(row)}`].includes(String(difference.theirs)),
  ),
  line(
    'DocumentReference',
    'identifier[].system',
    'left out',
    [2, 1],
    NO_SECOND_ID,
    both(theirs('urn:ietf:rfc:3986'), isDirective),
  ),
  line(
    'DocumentReference',
    'type.coding[].system',
    'left out',
    [5, 2],
    NO_UNKNOWN,
    both(theirs('http://terminology.hl7.org/CodeSystem/v3-NullFlavor'), isOther),
  ),
  line('DocumentReference', 'type.coding[].code', 'left out', [5, 2], NO_UNKNOWN, both(theirs('UNK'), isOther)),
  line('DocumentReference', 'type.coding[].display', 'left out', [5, 2], NO_UNKNOWN, both(theirs('unknown'), isOther)),
  line(
    'DocumentReference',
    'type.coding[].system',
    'added',
    [1, 0],
    CATEGORY_CODE,
    both(ours('http://loinc.org'), isCcd),
  ),
  line('DocumentReference', 'type.coding[].code', 'added', [1, 0], CATEGORY_CODE, both(ours('34133-9'), isCcd)),
  line('DocumentReference', 'type.text', 'added', [7, 3], NO_UNKNOWN, categoryName),
  line('DocumentReference', 'category[].text', 'added', [2, 1], CATEGORY_NAME, both(categoryName, isDirective)),
  line(
    'DocumentReference',
    'category[].coding[].display',
    'changed',
    [2, 1],
    CATEGORY_NAME,
    both(ours('Advance Directive'), theirs('Advance healthcare directives'), isDirective),
  ),
  line('DocumentReference', 'author[].display', 'added', [7, 3], DISPLAY, practiceName),
  line('DocumentReference', 'custodian.display', 'added', [7, 3], DISPLAY, practiceName),
  line(
    'DocumentReference',
    'content[].attachment.url',
    'left out',
    [7, 3],
    'The bytes are opened by the portal, under the id of the resource; an address of OpenEMR leads nowhere outside the clinic.',
    ({ difference, row }) => String(difference.theirs).endsWith(`/fhir/Binary/${uuidOf(row)}`),
  ),
  line(
    'DocumentReference',
    'content[].attachment.size',
    'added',
    [7, 3],
    'A person sees how large a document is before opening it.',
    oursIsColumn('size'),
  ),
  line(
    'DocumentReference',
    'content[].attachment.creation',
    'added',
    [7, 3],
    "The date that staff gave the document; OpenEMR's FHIR knows only when it was filed.",
    oursIsColumn('docdate'),
  ),
];
