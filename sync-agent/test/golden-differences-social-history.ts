import {
  DISPLAY,
  ONE_PROFILE,
  UCUM,
  WRONG_OFFSET,
  both,
  line,
  metaLines,
  optionOf,
  ours,
  oursIs,
  oursIsTime,
  personName,
  sameWallClock,
  theirs,
  theirsMatches,
  userOf,
  uuidOf,
  type DifferenceFacts,
  type ExpectedDifference,
  type Holds,
} from './golden-difference.js';

const CODED = 'A smoking status is a code with its name; OpenEMR answers the code as a text with its own prefix.';
const NO_COUNT = 'A history without a number of pack-years has none; OpenEMR answers the raw column.';
const COUNTED = 'A number of pack-years says what it counts.';
const WRITER = 'Who saved the history; OpenEMR answers a reference to nobody.';
const NOTES = "OpenEMR's FHIR drops what was noted, and since when.";

const added = (path: string, count: readonly [number, number], reason: string, holds: Holds): ExpectedDifference =>
  line('Observation', path, 'added', count, reason, both(ofHistory, holds));
const leftOut = (path: string, count: readonly [number, number], reason: string, holds: Holds): ExpectedDifference =>
  line('Observation', path, 'left out', count, reason, both(ofHistory, holds));
const changed = (path: string, count: readonly [number, number], reason: string, holds: Holds): ExpectedDifference =>
  line('Observation', path, 'changed', count, reason, both(ofHistory, holds));

function ofHistory({ row }: DifferenceFacts): boolean {
  return 'tobacco' in row;
}
const part = ({ row }: DifferenceFacts, index: number): string => String(row['tobacco']).split('|')[index] ?? '';
const option = (facts: DifferenceFacts): ReturnType<typeof optionOf> =>
  optionOf(facts, 'smoking_status', part(facts, 3));

/** Differences of the social history's Observations: smoking status and pack-years. */
export const SOCIAL_HISTORY_DIFFERENCES: readonly ExpectedDifference[] = [
  ...metaLines('Observation', [11, 2]).map(({ path, kind, reason, holds }) =>
    line('Observation', path, kind, [11, 2], reason, both(ofHistory, holds)),
  ),
  added(
    '(resource)',
    [57, 15],
    "OpenEMR's FHIR drops every habit but smoking.",
    ({ row }) => String(row[String(row['column'])] ?? '') !== '',
  ),
  leftOut('(resource)', [7, 2], NO_COUNT, (facts) => part(facts, 4) === ''),
  leftOut('meta.profile[]', [35, 6], ONE_PROFILE, theirsMatches(/us-core-smokingstatus/)),
  changed(
    'category[].coding[].display',
    [11, 2],
    'The category has the name that its code system gives it.',
    both(theirs('social-history'), ours('Social History')),
  ),
  added('code.text', [11, 2], DISPLAY, ours('Smoking', 'Cigarette pack-years')),
  added('subject.type', [11, 2], DISPLAY, ours('Patient')),
  changed(
    'effectiveDateTime',
    [0, 2],
    WRONG_OFFSET,
    both(
      sameWallClock,
      oursIsTime(({ row }) => row['date']),
    ),
  ),
  changed(
    'issued',
    [0, 2],
    WRONG_OFFSET,
    both(
      sameWallClock,
      oursIsTime(({ row }) => row['date']),
    ),
  ),
  changed(
    'performer[].reference',
    [11, 2],
    WRITER,
    both(
      theirs('Practitioner/provider_uuid'),
      oursIs((row, facts) => `Practitioner/${uuidOf(userOf(facts, row['created_by']))}`),
    ),
  ),
  added(
    'performer[].display',
    [11, 2],
    DISPLAY,
    oursIs((row, facts) => personName(userOf(facts, row['created_by']))),
  ),
  leftOut('valueString', [9, 2], CODED, (facts) => facts.difference.theirs === option(facts)['codes']),
  added('valueCodeableConcept.coding[].system', [9, 2], CODED, ours('http://snomed.info/sct')),
  added(
    'valueCodeableConcept.coding[].code',
    [9, 2],
    CODED,
    (facts) => `SNOMED-CT:${String(facts.difference.ours)}` === option(facts)['codes'],
  ),
  added(
    'valueCodeableConcept.coding[].display',
    [9, 2],
    CODED,
    oursIs((_row, facts) => option(facts)['title']),
  ),
  added(
    'valueCodeableConcept.text',
    [9, 2],
    CODED,
    oursIs((_row, facts) => option(facts)['title']),
  ),
  added('valueQuantity.unit', [2, 0], COUNTED, ours('pack-years')),
  added('valueQuantity.system', [2, 0], COUNTED, ours(UCUM)),
  added('valueQuantity.code', [2, 0], COUNTED, ours('{pack-years}')),
  added(
    'note[].text',
    [10, 2],
    NOTES,
    (facts) => String(facts.difference.ours).includes(part(facts, 2)) || facts.difference.ours === part(facts, 0),
  ),
];
