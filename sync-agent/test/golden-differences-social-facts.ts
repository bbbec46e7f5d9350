import {
  DISPLAY,
  ONE_PROFILE,
  both,
  line,
  metaLines,
  optionOf,
  ours,
  oursIs,
  oursIsTime,
  personName,
  sameDay,
  theirs,
  theirsMatches,
  userOf,
  uuidOf,
  type DifferenceFacts,
  type ExpectedDifference,
  type Holds,
} from './golden-difference.js';

const EMPTY = 'A form on which nobody answered the question says nothing; OpenEMR answers "unknown".';
const SCREENING = "OpenEMR's FHIR drops all that a form about social needs says, but for pregnancy.";
const ASSESSED = 'What was asked was true on the day of the assessment; OpenEMR gives the time of writing.';
const PLAIN_DAY = 'Midnight stands for a plain date; OpenEMR keeps it.';
const WRITTEN = 'When the practice wrote it down; OpenEMR repeats the first day of the employment.';
const UNDATED = "The row's date is that of its last writing; since when nobody wrote down, nor who asked.";
const VISIT = "OpenEMR's FHIR drops the visit at which it was asked.";

/** A question of the form that OpenEMR answers, too; its other answers are found by their column. */
const ofPregnancy = ({ row }: DifferenceFacts): boolean => 'pregnancy_status' in row && !('column' in row);
const ofOrientation = ({ row }: DifferenceFacts): boolean => 'sexual_orientation' in row && 'loinc' in row;
const ofOccupation = ({ row }: DifferenceFacts): boolean => 'occupation' in row && !('sexual_orientation' in row);
const ofAny = (facts: DifferenceFacts): boolean => [ofPregnancy, ofOrientation, ofOccupation].some((of) => of(facts));

type Line = (path: string, count: readonly [number, number], reason: string, holds: Holds) => ExpectedDifference;
const lineOf =
  (of: Holds, kind: ExpectedDifference['kind']): Line =>
  (path, count, reason, holds) =>
    line('Observation', path, kind, count, reason, both(of, holds));

/** The option that the fact was chosen as. */
const title = (facts: DifferenceFacts): string => {
  const { row } = facts;
  const [list, option] = ofPregnancy(facts)
    ? (['pregnancy_status', row['pregnancy_status']] as const)
    : ofOrientation(facts)
      ? (['sexual_orientation', row['sexual_orientation']] as const)
      : (['OccupationODH', row['occupation']] as const);
  return String(optionOf(facts, list, option)['title']);
};

/** Differences of pregnancy, orientation, occupation and social needs, which are Observations of the social history. */
export const SOCIAL_FACT_DIFFERENCES: readonly ExpectedDifference[] = [
  ...metaLines('Observation', [4, 0]).map(({ path, kind, reason, holds }) =>
    line('Observation', path, kind, [4, 0], reason, both(ofAny, holds)),
  ),
  lineOf(ofPregnancy, 'left out')('(resource)', [2, 1], EMPTY, ({ row }) => row['pregnancy_status'] === ''),
  line(
    'Observation',
    '(resource)',
    'added',
    [27, 9],
    SCREENING,
    ({ row }) => 'pregnancy_status' in row && 'column' in row,
  ),
  lineOf(ofAny, 'left out')(
    'meta.profile[]',
    [8, 0],
    ONE_PROFILE,
    theirsMatches(/us-core-observation-(pregnancystatus|sexual-orientation|occupation)\|[78]\.0\.0$/),
  ),
  lineOf(ofAny, 'changed')(
    'category[].coding[].display',
    [4, 0],
    'The category has the name that its code system gives it.',
    both(theirs('social-history'), ours('Social History')),
  ),
  lineOf(ofAny, 'added')('code.text', [4, 0], DISPLAY, ours('Pregnancy status', 'Sexual Orientation', 'Occupation')),
  lineOf(ofOccupation, 'added')('component[].code.text', [2, 0], DISPLAY, ours('Industry')),
  lineOf(ofAny, 'added')('subject.type', [4, 0], DISPLAY, ours('Patient')),
  lineOf(ofAny, 'added')(
    'valueCodeableConcept.text',
    [4, 0],
    DISPLAY,
    oursIs((_row, facts) => title(facts)),
  ),
  lineOf(ofOccupation, 'added')(
    'component[].valueCodeableConcept.text',
    [2, 0],
    DISPLAY,
    oursIs((row, facts) => optionOf(facts, 'IndustryODH', row['industry'])['title']),
  ),
  lineOf(ofPregnancy, 'changed')('effectiveDateTime', [1, 0], ASSESSED, (facts) =>
    both(sameDay, ours(String(facts.row['assessment_date'])))(facts),
  ),
  lineOf(ofPregnancy, 'added')(
    'encounter.reference',
    [1, 0],
    VISIT,
    oursIs(
      (row, { rows }) =>
        `Encounter/${uuidOf(rows.find('form_encounter', { encounter: row['encounter'] ?? null }) ?? {})}`,
    ),
  ),
  lineOf(ofPregnancy, 'added')('encounter.type', [1, 0], VISIT, ours('Encounter')),
  lineOf(ofPregnancy, 'added')(
    'performer[].display',
    [1, 0],
    DISPLAY,
    oursIs((row, facts) => personName(userOf(facts, row['updated_by']))),
  ),
  lineOf(ofOccupation, 'added')(
    'performer[].display',
    [2, 0],
    DISPLAY,
    oursIs((row, facts) => personName(userOf(facts, row['created_by']))),
  ),
  lineOf(ofOccupation, 'changed')('effectiveDateTime', [2, 0], PLAIN_DAY, sameDay),
  lineOf(ofOccupation, 'changed')(
    'issued',
    [2, 0],
    WRITTEN,
    oursIsTime(({ row }) => row['date']),
  ),
  lineOf(ofOrientation, 'left out')('effectiveDateTime', [1, 0], UNDATED, ({ row, difference }) =>
    String(difference.theirs).startsWith(String(row['date']).replace(' ', 'T')),
  ),
  lineOf(ofOrientation, 'left out')('issued', [1, 0], UNDATED, ({ row, difference }) =>
    String(difference.theirs).startsWith(String(row['date']).replace(' ', 'T')),
  ),
  lineOf(ofOrientation, 'left out')('performer[].reference', [1, 0], UNDATED, theirs('Practitioner/provider_uuid')),
  lineOf(ofOrientation, 'left out')('performer[].type', [1, 0], UNDATED, theirs('Practitioner')),
];
