import {
  DISPLAY,
  ONE_PROFILE,
  WRONG_OFFSET,
  both,
  codesOf,
  line,
  metaLines,
  ours,
  oursIs,
  oursIsTime,
  ownRecorder,
  personName,
  sameDay,
  sameWallClock,
  systemOf,
  theirs,
  theirsMatches,
  userNamed,
  type ExpectedDifference,
  type Holds,
} from './golden-difference.js';

const LINKED =
  'A problem that is linked to a visit stays on the problem list; OpenEMR answers it as a diagnosis of that visit alone.';
const CODES = "OpenEMR's FHIR drops the codes of every problem.";
const ENDED_WELL = 'The practice marked the problem as resolved; OpenEMR makes "inactive" of every end date.';
const FIRST_TIME =
  'Occurrence 1 means that it is the first time, and a mark on the link to a visit is about that visit: the list says whether it is over.';
const CHRONIC = 'A chronic problem lasts; it did not come back after it was gone. Its course is kept in words.';
const NOTHING_CLAIMED = 'No row says how sure the practice is; OpenEMR fills in an answer of its own.';
const COURSE = "OpenEMR's FHIR drops the course of a problem.";
const RECORDED =
  'The entry was recorded when it was written; OpenEMR repeats the onset, or says when a visit was linked.';
const RECORDER = 'Who wrote the entry recorded it, and not who linked it to a visit.';

const linked: Holds = ({ row, rows }) => rows.find('issue_encounter', { list_id: row['id'] ?? null }) !== undefined;
const outcomeResolved: Holds = ({ row }) => row['outcome'] === 1;
const ended: Holds = ({ row }) => row['enddate'] !== null || row['activity'] === 0;
const not =
  (check: Holds): Holds =>
  (facts) =>
    !check(facts);
const course: Holds = oursIs(({ occurrence }, { rows }) =>
  String(rows.find('list_options', { list_id: 'occurrence', option_id: String(occurrence) })?.['title']),
);

const statusLines = (path: string, word: (text: string) => string): ExpectedDifference[] => [
  line('Condition', path, 'changed', [15, 3], ENDED_WELL, both(ours(word('resolved')), outcomeResolved)),
  line(
    'Condition',
    path,
    'changed',
    [5, 1],
    FIRST_TIME,
    both(theirs(word('resolved')), ours(word('inactive')), ended, not(outcomeResolved)),
  ),
  line(
    'Condition',
    path,
    'changed',
    [13, 3],
    FIRST_TIME,
    both(theirs(word('resolved')), ours(word('active')), not(ended), not(outcomeResolved)),
  ),
  line(
    'Condition',
    path,
    'changed',
    [4, 0],
    CHRONIC,
    both(theirs(word('recurrence')), ours(word('active')), ({ row }) => row['occurrence'] === 4),
  ),
];

const added = (path: string, count: readonly [number, number], reason: string, holds: Holds): ExpectedDifference =>
  line('Condition', path, 'added', count, reason, holds);
const leftOut = (path: string, count: readonly [number, number], reason: string, holds: Holds): ExpectedDifference =>
  line('Condition', path, 'left out', count, reason, holds);

/** Differences of Condition. */
export const PROBLEM_DIFFERENCES: readonly ExpectedDifference[] = [
  ...metaLines('Condition', [83, 19]),
  added(
    '(resource)',
    [1, 0],
    "A problem that is over stays known; OpenEMR's FHIR hides inactive ones.",
    ({ row }) => row['activity'] === 0,
  ),
  leftOut('meta.profile[]', [448, 104], ONE_PROFILE, theirsMatches(/StructureDefinition\/us-core-condition/)),
  added(
    'meta.profile[]',
    [25, 5],
    LINKED,
    both(ours('http://hl7.org/fhir/us/core/StructureDefinition/us-core-condition-problems-health-concerns'), linked),
  ),
  added(
    'category[].coding[].system',
    [25, 5],
    LINKED,
    both(ours('http://terminology.hl7.org/CodeSystem/condition-category'), linked),
  ),
  added('category[].coding[].code', [25, 5], LINKED, both(ours('problem-list-item'), linked)),
  added('category[].coding[].display', [25, 5], LINKED, both(ours('Problem List Item'), linked)),
  added('category[].text', [25, 5], LINKED, both(ours('Problem List Item'), linked)),
  leftOut(
    'extension[].url',
    [25, 5],
    RECORDED,
    both(theirs('http://hl7.org/fhir/StructureDefinition/condition-assertedDate'), linked),
  ),
  leftOut('extension[].valueDateTime', [25, 5], RECORDED, linked),
  added('extension[].url', [24, 4], COURSE, ours('http://hl7.org/fhir/StructureDefinition/condition-diseaseCourse')),
  added('extension[].valueCodeableConcept.text', [24, 4], COURSE, course),
  ...statusLines('clinicalStatus.coding[].code', (text) => text),
  ...statusLines('clinicalStatus.coding[].display', (text) => `${text.slice(0, 1).toUpperCase()}${text.slice(1)}`),
  ...['system', 'code', 'display'].map((part) =>
    leftOut(`verificationStatus.coding[].${part}`, [19, 3], NOTHING_CLAIMED, ({ row }) => row['verification'] === ''),
  ),
  added('code.coding[].code', [87, 20], CODES, ({ row, difference }) =>
    codesOf(row).some(({ code }) => code === difference.ours),
  ),
  added('code.coding[].system', [87, 20], CODES, ({ row, difference }) =>
    codesOf(row).some(({ type }) => systemOf(type) === difference.ours),
  ),
  added('subject.type', [83, 19], DISPLAY, ours('Patient')),
  added('encounter.type', [25, 5], DISPLAY, both(ours('Encounter'), linked)),
  line(
    'Condition',
    'onsetDateTime',
    'changed',
    [2, 2],
    'An entry with a date alone has no time.',
    both(sameDay, ({ row }) => String(row['begdate']).endsWith(' 00:00:00')),
  ),
  line(
    'Condition',
    'onsetDateTime',
    'changed',
    [0, 7],
    WRONG_OFFSET,
    both(
      sameWallClock,
      oursIsTime(({ row }) => row['begdate']),
    ),
  ),
  line(
    'Condition',
    'abatementDateTime',
    'changed',
    [0, 2],
    WRONG_OFFSET,
    both(
      sameWallClock,
      oursIsTime(({ row }) => row['enddate']),
    ),
  ),
  line(
    'Condition',
    'recordedDate',
    'changed',
    [49, 14],
    RECORDED,
    oursIsTime(({ row }) => row['date']),
  ),
  added('recorder.reference', [58, 14], RECORDER, both(ownRecorder, not(linked))),
  line('Condition', 'recorder.reference', 'changed', [15, 0], RECORDER, both(ownRecorder, linked)),
  added('recorder.type', [83, 19], DISPLAY, ours('Practitioner')),
  added(
    'recorder.display',
    [83, 19],
    DISPLAY,
    oursIs((_row, facts) => personName(userNamed(facts))),
  ),
];
