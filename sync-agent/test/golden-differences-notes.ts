import type { RecordedRow } from 'infra/openemr-sim/sim-data';
import type { Difference } from './golden-comparison.js';
import {
  DISPLAY,
  ONE_PROFILE,
  both,
  line,
  metaLines,
  optionOf,
  ours,
  oursIs,
  oursIsColumn,
  personName,
  theirs,
  theirsMatches,
  uuidOf,
  type DifferenceFacts,
  type ExpectedDifference,
  type Holds,
} from './golden-difference.js';

/** A note of either form; documents on file are DocumentReferences too. */
const isWritten: Holds = ({ row }) => 'clinical_notes_type' in row || 'subjective' in row;
const isNote: Holds = ({ row }) => 'clinical_notes_type' in row;
const authorOf = (facts: DifferenceFacts): RecordedRow =>
  facts.rows.find('users', { username: facts.row['user'] ?? null }) ?? {};
const practiceOf = ({ rows }: DifferenceFacts): RecordedRow =>
  rows.find('facility', { primary_business_entity: 1 }) ?? {};
const typeOf = (facts: DifferenceFacts): RecordedRow =>
  optionOf(facts, 'Clinical_Note_Type', facts.row['clinical_notes_type']);
const withoutNpi: Holds = (facts) => !authorOf(facts)['npi'];
const withoutCode: Holds = ({ row }) => row['code'] === '';
const isPractice: Holds = (facts) => facts.difference.theirs === `Organization/${uuidOf(practiceOf(facts))}`;

const note = (
  path: string,
  kind: Difference['kind'],
  count: readonly [number, number],
  reason: string,
  holds: Holds,
): ExpectedDifference => line('DocumentReference', path, kind, count, reason, both(isWritten, holds));

const report = (
  path: string,
  kind: Difference['kind'],
  count: readonly [number, number],
  reason: string,
  holds: Holds,
): ExpectedDifference => line('DiagnosticReport', path, kind, count, reason, both(isNote, holds));

const NO_MOMENT = "The column is a date; a time of midnight is OpenEMR's addition.";
const WHO_WROTE_IT = 'The author is known also when they have no NPI.';
const ONE_AUTHOR = 'The practice wrote nothing itself; it keeps the note, and is its custodian.';
const NO_CODE = 'A note without a code has no code for "unknown" either; its type says what it is.';
const TYPE_CODE = 'The list of note types has a code for each of its types.';
const NO_AUTHOR = 'OpenEMR names the practice where the author has no NPI.';
const WORDS = 'The words of the note or of its type, for people.';

const NOTE_DIFFERENCES: readonly ExpectedDifference[] = [
  ...metaLines('DocumentReference', [34, 9]).map((each) => ({ ...each, holds: both(isWritten, each.holds) })),
  note('meta.profile[]', 'left out', [102, 27], ONE_PROFILE, theirsMatches(/\|(3\.1\.1|7\.0\.0|8\.0\.0)$/)),
  note('(resource)', 'added', [12, 3], 'SOAP notes are not in the FHIR of OpenEMR at all.', ({ row }) => 'plan' in row),
  note(
    'identifier[].value',
    'left out',
    [34, 9],
    "OpenEMR repeats its own id as an identifier; OpenEMR's uuids do not leave the practice.",
    ({ row, difference }) => difference.theirs === uuidOf(row),
  ),
  note('type.coding[].system', 'left out', [4, 1], NO_CODE, withoutCode),
  note('type.coding[].code', 'left out', [4, 1], NO_CODE, both(withoutCode, theirs('UNK'))),
  note('type.coding[].display', 'left out', [4, 1], NO_CODE, both(withoutCode, theirs('unknown'))),
  note('type.text', 'added', [30, 8], WORDS, oursIsColumn('codetext')),
  note(
    'type.text',
    'added',
    [4, 1],
    WORDS,
    both(
      withoutCode,
      oursIs((_row, facts) => typeOf(facts)['title']),
    ),
  ),
  note('type.coding[].system', 'added', [4, 1], TYPE_CODE, both(withoutCode, ours('http://loinc.org'))),
  note(
    'type.coding[].code',
    'added',
    [4, 1],
    TYPE_CODE,
    both(withoutCode, (facts) => typeOf(facts)['notes'] === `LOINC:${String(facts.difference.ours)}`),
  ),
  note(
    'type.coding[].display',
    'added',
    [4, 1],
    TYPE_CODE,
    both(
      withoutCode,
      oursIs((_row, facts) => typeOf(facts)['title']),
    ),
  ),
  note('date', 'left out', [34, 9], NO_MOMENT, ({ row, difference }) =>
    String(difference.theirs).startsWith(`${String(row['date'])}T00:00:00`),
  ),
  note(
    'context.period.start',
    'changed',
    [34, 9],
    'The note has a date of its own; OpenEMR gives the time of the visit, which the visit itself says.',
    oursIsColumn('date'),
  ),
  note('author[].reference', 'left out', [42, 11], ONE_AUTHOR, isPractice),
  note('author[].type', 'left out', [42, 11], ONE_AUTHOR, theirs('Organization')),
  note(
    'author[].reference',
    'added',
    [8, 2],
    WHO_WROTE_IT,
    both(
      withoutNpi,
      oursIs((_row, facts) => `Practitioner/${uuidOf(authorOf(facts))}`),
    ),
  ),
  note('author[].type', 'added', [8, 2], WHO_WROTE_IT, both(withoutNpi, ours('Practitioner'))),
  note(
    'author[].display',
    'added',
    [34, 9],
    DISPLAY,
    oursIs((_row, facts) => personName(authorOf(facts))),
  ),
  note(
    'custodian.display',
    'added',
    [34, 9],
    DISPLAY,
    oursIs((_row, facts) => practiceOf(facts)['name']),
  ),
];

/** Narratives stand before the laboratory's reports, which they are not. */
const NARRATIVE_DIFFERENCES: readonly ExpectedDifference[] = [
  ...metaLines('DiagnosticReport', [13, 3]).map((each) => ({ ...each, holds: both(isNote, each.holds) })),
  report('meta.profile[]', 'left out', [39, 9], ONE_PROFILE, theirsMatches(/\|(3\.1\.1|7\.0\.0|8\.0\.0)$/)),
  report('code.text', 'added', [13, 3], WORDS, oursIsColumn('codetext')),
  report(
    'category[].text',
    'added',
    [13, 3],
    WORDS,
    oursIs(
      (row, { rows }) =>
        rows.find('list_options', {
          list_id: 'Clinical_Note_Category',
          option_id: row['clinical_notes_category'] ?? null,
        })?.['title'],
    ),
  ),
  report('effectiveDateTime', 'changed', [13, 3], NO_MOMENT, oursIsColumn('date')),
  report('issued', 'left out', [13, 3], NO_MOMENT, ({ row, difference }) =>
    String(difference.theirs).startsWith(`${String(row['date'])}T00:00:00`),
  ),
  report(
    '(resource)',
    'left out',
    [1, 0],
    'What was replaced or taken back (activity 0) is not shown, as in the screens of OpenEMR.',
    ({ row }) => row['activity'] === 0,
  ),
  ...(['performer', 'resultsInterpreter'] as const).flatMap((role) => [
    report(`${role}[].reference`, 'left out', [4, 1], NO_AUTHOR, both(withoutNpi, isPractice)),
    report(`${role}[].type`, 'left out', [4, 1], NO_AUTHOR, both(withoutNpi, theirs('Organization'))),
    report(
      `${role}[].reference`,
      'added',
      [4, 1],
      WHO_WROTE_IT,
      both(
        withoutNpi,
        oursIs((_row, facts) => `Practitioner/${uuidOf(authorOf(facts))}`),
      ),
    ),
    report(`${role}[].type`, 'added', [4, 1], WHO_WROTE_IT, both(withoutNpi, ours('Practitioner'))),
    report(
      `${role}[].display`,
      'added',
      [13, 3],
      DISPLAY,
      oursIs((_row, facts) => personName(authorOf(facts))),
    ),
  ]),
];

/** Differences of clinical notes and narrative reports. */
export const NOTES_DIFFERENCES: readonly ExpectedDifference[] = [...NOTE_DIFFERENCES, ...NARRATIVE_DIFFERENCES];
