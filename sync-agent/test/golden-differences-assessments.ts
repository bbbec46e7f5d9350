import {
  DISPLAY,
  WRONG_OFFSET,
  both,
  line,
  metaLines,
  optionOf,
  ours,
  oursIs,
  oursIsColumn,
  oursIsTime,
  personName,
  sameWallClock,
  theirs,
  theirsMatches,
  uuidOf,
  type DifferenceFacts,
  type ExpectedDifference,
  type Holds,
} from './golden-difference.js';

const DROPPED = "OpenEMR's FHIR drops it.";
const encounterOf = ({ row, rows }: DifferenceFacts): string =>
  `Encounter/${uuidOf(rows.find('form_encounter', { encounter: Number(row['encounter']) }) ?? {})}`;
const startsThen: Holds = both(
  sameWallClock,
  oursIsTime(({ row }) => row['date']),
);

/** Differences of QuestionnaireResponse. */
export const QUESTIONNAIRE_DIFFERENCES: readonly ExpectedDifference[] = [
  line(
    'QuestionnaireResponse',
    'meta.versionId',
    'left out',
    [3, 1],
    'OpenEMR writes a number where FHIR has a text, and the same for every version.',
    theirs(1),
  ),
  line(
    'QuestionnaireResponse',
    'meta.lastUpdated',
    'left out',
    [3, 1],
    'The time of the request, not of a change.',
    theirsMatches(/^2026-11-22T/),
  ),
  line(
    'QuestionnaireResponse',
    'meta.profile[]',
    'added',
    [3, 1],
    'US Core has a profile for it.',
    ours('http://hl7.org/fhir/us/core/StructureDefinition/us-core-questionnaireresponse'),
  ),
  line(
    'QuestionnaireResponse',
    'questionnaire',
    'changed',
    [3, 1],
    "The questionnaire's own address; OpenEMR gives that of its web server, which no patient reaches.",
    both(theirsMatches(/^https:\/\/127\.0\.0\.1:9300\//), ({ row, difference }) =>
      String(row['questionnaire_response']).includes(`"questionnaire": "${String(difference.ours)}"`),
    ),
  ),
  line(
    'QuestionnaireResponse',
    'author.reference',
    'added',
    [2, 1],
    DROPPED,
    oursIs(
      (row, { rows }) => `Practitioner/${uuidOf(rows.find('users', { id: row['creator_user_id'] ?? null }) ?? {})}`,
    ),
  ),
  line('QuestionnaireResponse', 'author.type', 'added', [2, 1], DROPPED, ours('Practitioner')),
  line(
    'QuestionnaireResponse',
    'author.display',
    'added',
    [2, 1],
    DROPPED,
    oursIs((row, { rows }) => personName(rows.find('users', { id: row['creator_user_id'] ?? null }) ?? {})),
  ),
  line(
    'QuestionnaireResponse',
    'encounter.reference',
    'added',
    [3, 1],
    DROPPED,
    oursIs((_row, facts) => encounterOf(facts)),
  ),
  line('QuestionnaireResponse', 'encounter.type', 'added', [3, 1], DROPPED, ours('Encounter')),
];

/** A line of an observation form, and no laboratory's result. */
const ofForm: Holds = ({ row }) => 'ob_value' in row;
const formLine = (
  path: string,
  kind: ExpectedDifference['kind'],
  count: readonly [number, number],
  reason: string,
  holds: Holds,
): ExpectedDifference => line('Observation', path, kind, count, reason, both(ofForm, holds));
const observer: Holds = oursIs((row, { rows }) =>
  personName(rows.find('users', { username: row['user'] ?? null }) ?? {}),
);
const CODED = 'A coded value is a code; OpenEMR writes it as text.';

/** Differences of Observations from forms. They stand before the laboratory's, whose checks know no forms. */
export const ASSESSMENT_DIFFERENCES: readonly ExpectedDifference[] = [
  ...metaLines('Observation', [22, 18]).map((each) => ({ ...each, holds: both(ofForm, each.holds) })),
  formLine(
    '(resource)',
    'left out',
    [2, 0],
    'The form was deleted; OpenEMR shows it all the same.',
    ({ row, rows }) =>
      rows.find('forms', { formdir: 'observation', form_id: row['form_id'] ?? null })?.['deleted'] === 1,
  ),
  formLine(
    'meta.profile[]',
    'left out',
    [44, 36],
    'A resource claims its profile once; OpenEMR repeats the same claim for several versions.',
    theirsMatches(/\/us-core-simple-observation\|(7|8)\.0\.0$/),
  ),
  formLine(
    'category[].coding[].display',
    'changed',
    [22, 18],
    'The words of the list; OpenEMR repeats the code.',
    oursIs((row, facts) => optionOf(facts, 'Observation_Types', row['ob_type'])['title']),
  ),
  formLine(
    'category[].coding[].system',
    'changed',
    [6, 6],
    "US Core's own kinds are not in FHIR's list.",
    both(ours('http://hl7.org/fhir/us/core/CodeSystem/us-core-category'), ({ row }) =>
      ['functional-status', 'cognitive-status'].includes(String(row['ob_type'])),
    ),
  ),
  formLine('code.text', 'added', [22, 18], 'The words of the form.', oursIsColumn('description')),
  formLine('derivedFrom[].type', 'added', [8, 6], DISPLAY, ours('Observation')),
  formLine('hasMember[].type', 'added', [8, 6], DISPLAY, ours('Observation')),
  formLine('subject.type', 'added', [22, 18], DISPLAY, ours('Patient')),
  formLine('performer[].display', 'added', [22, 18], DISPLAY, observer),
  formLine(
    'encounter.reference',
    'added',
    [22, 18],
    DROPPED,
    oursIs((_row, facts) => encounterOf(facts)),
  ),
  formLine('encounter.type', 'added', [22, 18], DROPPED, ours('Encounter')),
  formLine(
    'issued',
    'left out',
    [22, 18],
    'When it was made available is not known; OpenEMR repeats when it was observed.',
    ({ row, difference }) => String(difference.theirs).slice(0, 19) === String(row['date']).replace(' ', 'T'),
  ),
  formLine('effectiveDateTime', 'changed', [0, 12], WRONG_OFFSET, startsThen),
  formLine('valueQuantity.code', 'added', [8, 6], 'The unit is a code of UCUM.', oursIsColumn('ob_unit')),
  formLine('valueQuantity.system', 'added', [8, 6], 'The unit is a code of UCUM.', ours('http://unitsofmeasure.org')),
  formLine('valueString', 'left out', [3, 3], CODED, theirsMatches(/^SNOMED-CT:\d+$/)),
  formLine(
    'valueCodeableConcept.coding[].code',
    'added',
    [3, 3],
    CODED,
    oursIs((row) => String(row['ob_value']).replace('SNOMED-CT:', '')),
  ),
  formLine('valueCodeableConcept.coding[].system', 'added', [3, 3], CODED, ours('http://snomed.info/sct')),
];
