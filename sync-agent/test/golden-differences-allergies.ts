import {
  DISPLAY,
  ICD10_CM,
  both,
  codesOf,
  line,
  metaLines,
  optionOf,
  ours,
  oursIs,
  oursIsColumn,
  oursIsTime,
  ownRecorder,
  personName,
  systemOf,
  theirs,
  theirsMatches,
  userNamed,
  type ExpectedDifference,
  type Holds,
} from './golden-difference.js';

const NAME =
  'The substance is named as the practice names it; OpenEMR puts the name into markup, where no program finds it.';
const NO_CODE = 'An allergy without a code has its name instead of a code for "unknown".';
const EVERY_CODE = 'Every code of an entry is kept; OpenEMR repeats the last one.';
const NO_CODE_NAME = 'The name is that of the entry and not of each of its codes.';
const KIND =
  'OpenEMR calls every allergy one to a drug, food and pollen too; ours says so where the code is one of drugs.';
const NOTHING_CLAIMED = 'No row says how sure or how bad; OpenEMR fills in an answer of its own.';
const DROPPED = "OpenEMR's FHIR drops onset, recording date and comment of allergies.";
const SEVERITY = "OpenEMR's FHIR drops the severity; ours keeps it in the practice's words and in FHIR's.";
const NO_REACTION =
  'A severity without a reaction is kept; FHIR wants a manifestation, which says that it is not known.';
const RECORDER = 'Who recorded it did, with an NPI or without.';

const added = (path: string, count: readonly [number, number], reason: string, holds: Holds): ExpectedDifference =>
  line('AllergyIntolerance', path, 'added', count, reason, holds);
const leftOut = (path: string, count: readonly [number, number], reason: string, holds: Holds): ExpectedDifference =>
  line('AllergyIntolerance', path, 'left out', count, reason, holds);
const changed = (path: string, count: readonly [number, number], reason: string, holds: Holds): ExpectedDifference =>
  line('AllergyIntolerance', path, 'changed', count, reason, holds);

const withoutCode: Holds = ({ row }) => (row['diagnosis'] ?? '') === '';
const severalCodes: Holds = ({ row }) => codesOf(row).length > 1;
const aCode: Holds = ({ row, difference }) => codesOf(row).some(({ code }) => code === difference.ours);
const aSystem: Holds = ({ row, difference }) => codesOf(row).some(({ type }) => systemOf(type) === difference.ours);
const noReaction: Holds = ({ row }) => ['', 'unassigned'].includes(String(row['reaction']));

const SEVERITY_WORDS: Readonly<Record<string, string>> = {
  mild: 'mild',
  moderate: 'moderate',
  moderate_to_severe: 'severe',
  severe: 'severe',
  life_threatening_severity: 'severe',
};

/** Differences of AllergyIntolerance. */
export const ALLERGY_DIFFERENCES: readonly ExpectedDifference[] = [
  ...metaLines('AllergyIntolerance', [26, 20]),
  added(
    'meta.profile[]',
    [26, 20],
    'The resource follows the US Core profile and says so.',
    ours('http://hl7.org/fhir/us/core/StructureDefinition/us-core-allergyintolerance'),
  ),
  leftOut('text.status', [26, 20], NAME, theirs('additional')),
  leftOut('text.div', [26, 20], NAME, ({ row, difference }) =>
    String(difference.theirs).includes(String(row['title'])),
  ),
  added('code.text', [26, 20], NAME, oursIsColumn('title')),
  leftOut('code.coding[].display', [10, 7], NO_CODE, both(theirs('Unknown'), withoutCode)),
  leftOut('code.coding[].system', [10, 7], NO_CODE, both(theirsMatches(/data-absent-reason$/), withoutCode)),
  leftOut('code.coding[].code', [10, 7], NO_CODE, both(theirs('unknown'), withoutCode)),
  leftOut('code.coding[].display', [21, 18], NO_CODE_NAME, ({ row, difference }) => difference.theirs === row['title']),
  leftOut('code.coding[].system', [5, 5], EVERY_CODE, both(theirs('http://hl7.org/fhir/sid/icd-10'), severalCodes)),
  leftOut('code.coding[].code', [5, 5], EVERY_CODE, both(theirs('Z91.018'), severalCodes)),
  added('code.coding[].code', [5, 5], EVERY_CODE, both(aCode, severalCodes)),
  added('code.coding[].system', [5, 5], EVERY_CODE, both(aSystem, severalCodes)),
  changed('code.coding[].system', [5, 5], ICD10_CM, both(theirs('http://hl7.org/fhir/sid/icd-10'), aSystem)),
  leftOut(
    'category[]',
    [23, 19],
    KIND,
    ({ row, difference }) => difference.theirs === 'medication' && !String(row['diagnosis']).includes('RXCUI:'),
  ),
  leftOut(
    'criticality',
    [9, 8],
    NOTHING_CLAIMED,
    both(theirs('unable-to-assess'), ({ row }) => row['severity_al'] === 'unassigned'),
  ),
  ...['system', 'code', 'display'].map((part) =>
    leftOut(`verificationStatus.coding[].${part}`, [8, 6], NOTHING_CLAIMED, ({ row }) => row['verification'] === ''),
  ),
  added('patient.type', [26, 20], DISPLAY, ours('Patient')),
  added(
    'onsetDateTime',
    [3, 1],
    DROPPED,
    both(sameDayAs('begdate'), ({ row }) => String(row['begdate']).endsWith(' 00:00:00')),
  ),
  added(
    'onsetDateTime',
    [20, 18],
    DROPPED,
    oursIsTime(({ row }) => row['begdate']),
  ),
  added(
    'recordedDate',
    [26, 20],
    DROPPED,
    oursIsTime(({ row }) => row['date']),
  ),
  added('note[].text', [3, 2], DROPPED, oursIsColumn('comments')),
  added(
    'recorder.reference',
    [3, 1],
    RECORDER,
    both(ownRecorder, (facts) => (userNamed(facts)['npi'] ?? '') === ''),
  ),
  added('recorder.type', [26, 20], DISPLAY, ours('Practitioner')),
  added(
    'recorder.display',
    [26, 20],
    DISPLAY,
    oursIs((_row, facts) => personName(userNamed(facts))),
  ),
  added(
    'reaction[].description',
    [11, 8],
    SEVERITY,
    oursIs((row, facts) => optionOf(facts, 'severity_ccda', row['severity_al'])['title']),
  ),
  added(
    'reaction[].severity',
    [11, 8],
    SEVERITY,
    oursIs((row) => SEVERITY_WORDS[String(row['severity_al'])]),
  ),
  added('reaction[].manifestation[].coding[].code', [2, 2], NO_REACTION, both(ours('unknown'), noReaction)),
  added('reaction[].manifestation[].coding[].display', [2, 2], NO_REACTION, both(ours('Unknown'), noReaction)),
  added(
    'reaction[].manifestation[].coding[].system',
    [2, 2],
    NO_REACTION,
    both(ours('http://terminology.hl7.org/CodeSystem/data-absent-reason'), noReaction),
  ),
  added('reaction[].manifestation[].text', [2, 2], NO_REACTION, both(ours('Reaction not recorded'), noReaction)),
];

function sameDayAs(column: string): Holds {
  return ({ row, difference }) => difference.ours === String(row[column]).slice(0, 10);
}
