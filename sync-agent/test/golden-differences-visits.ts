import type { RecordedRow } from 'infra/openemr-sim/sim-data';
import type { Difference, Leaf } from './golden-comparison.js';
import {
  DISPLAY,
  NO_LAST_UPDATED,
  NO_VERSION,
  ONE_PROFILE,
  UCUM,
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
  userOf,
  uuidOf,
  type DifferenceFacts,
  type ExpectedDifference,
  type Holds,
} from './golden-difference.js';

/** Columns that OpenEMR's Observations of these codes are made of, with the name each has as a member of the panel. */
const COLUMNS: Record<string, readonly [name: string, ...columns: string[]]> = {
  '9279-1': ['Respiratory Rate', 'respiration'],
  '8867-4': ['Heart rate', 'pulse'],
  '59408-5': [
    'Oxygen saturation in Arterial blood by Pulse oximetry',
    ...['oxygen_saturation', 'oxygen_flow_rate', 'inhaled_oxygen_concentration'],
  ],
  '8310-5': ['Body Temperature', 'temperature'],
  '8327-9': ['Temperature Location', 'temp_method'],
  '8302-2': ['Body height', 'height'],
  '9843-4': ['Head Occipital-frontal circumference', 'head_circ'],
  '29463-7': ['Body weight', 'weight'],
  '39156-5': ['Body mass index (BMI) [Ratio]', 'BMI'],
  '85354-9': ['Blood pressure systolic and diastolic', 'bps', 'bpd'],
  '8289-1': ['Head Occipital-frontal circumference Percentile', 'ped_head_circ'],
  '59576-9': ['Body mass index (BMI) [Percentile] Per age and sex', 'ped_bmi'],
  '77606-2': ['Weight-for-length Per age and sex', 'ped_weight_height'],
};
const PANEL = '85353-1';
/** OpenEMR writes oxygen saturation twice, under this code and the one of pulse oximetry. */
const TWICE = '2708-6';

const isVital: Holds = ({ row }) => 'bps' in row;
const empty = (row: RecordedRow, columns: readonly string[]): boolean =>
  columns.every((column) => Number(row[column] ?? 0) === 0);
const notMeasured = (row: RecordedRow, code: string): boolean => {
  const [, ...columns] = COLUMNS[code] ?? [''];
  return columns.length > 0 && empty(row, columns);
};
const nothingAtAll = (row: RecordedRow): boolean =>
  row['note'] === '' && Object.keys(COLUMNS).every((code) => notMeasured(row, code));
const byPatientsUser = (facts: DifferenceFacts): RecordedRow =>
  facts.rows.find('users', { username: facts.row['user'] ?? null }) ?? {};

const vital = (
  path: string,
  kind: Difference['kind'],
  count: readonly [number, number],
  reason: string,
  holds: Holds,
): ExpectedDifference => line('Observation', path, kind, count, reason, both(isVital, holds));

const NOT_MEASURED =
  "Zero is OpenEMR's default and means that nobody measured; an Observation that says so for every part of the form hides the ones that were taken.";
const ONCE = 'Oxygen saturation was measured once; US Core wants both codes on one Observation.';
const NO_NPI = 'Who took the measurements is known also when they have no NPI.';
const READABLE_UNIT = "The unit is written as people write it; the code is UCUM's, as in OpenEMR.";
const NO_PARTS = 'No oxygen was given, or nobody wrote it down; the part says nothing.';

/** A member of the panel by its name. */
const memberLeftOut: Holds = ({ row, difference }) => {
  const code = Object.entries(COLUMNS).find(([, [name]]) => name === difference.theirs)?.[0];
  return difference.theirs === 'Oxygen saturation in Arterial blood' || (code !== undefined && notMeasured(row, code));
};
const referenceLeftOut: Holds = ({ row, rows, difference }) => {
  const code = String(rows.of(String(difference.theirs).replace('Observation/', '')).row['loinc']);
  return code === TWICE || notMeasured(row, code);
};

/** Differences of vital signs. They stand before the laboratory's, whose Observations they are not. */
const VITAL_DIFFERENCES: readonly ExpectedDifference[] = [
  vital('meta.versionId', 'left out', [854, 210], NO_VERSION, theirs('1')),
  vital('meta.lastUpdated', 'left out', [854, 210], NO_LAST_UPDATED, theirsMatches(/^\d{4}-\d\d-\d\dT/)),
  vital(
    'meta.profile[]',
    'left out',
    [3165, 785],
    ONE_PROFILE,
    theirsMatches(/\|\d+\.\d+\.\d+$|^http:\/\/hl7\.org\/fhir\/(R4|StructureDefinition)\//),
  ),
  vital('(resource)', 'left out', [131, 31], ONCE, ({ row }) => row['loinc'] === TWICE),
  vital('(resource)', 'left out', [977, 224], NOT_MEASURED, ({ row }) => notMeasured(row, String(row['loinc']))),
  vital(
    '(resource)',
    'left out',
    [3, 0],
    'A form without any measurement or note says nothing.',
    ({ row }) => row['loinc'] === PANEL && nothingAtAll(row),
  ),
  vital('hasMember[].reference', 'left out', [682, 162], NOT_MEASURED, referenceLeftOut),
  vital('hasMember[].display', 'left out', [682, 162], NOT_MEASURED, memberLeftOut),
  vital('hasMember[].type', 'left out', [682, 162], NOT_MEASURED, theirs('Observation')),
  vital('code.text', 'left out', [81, 20], 'The name of a column is no name.', theirs('oxygen_saturation')),
  vital('component[].code.coding[].system', 'left out', [122, 30], NO_PARTS, theirs('http://loinc.org')),
  vital(
    'component[].code.coding[].code',
    'left out',
    [122, 30],
    NO_PARTS,
    ({ row, difference }) =>
      (difference.theirs === '3151-8' && empty(row, ['oxygen_flow_rate'])) ||
      (difference.theirs === '3150-0' && empty(row, ['inhaled_oxygen_concentration'])),
  ),
  vital(
    'component[].code.coding[].display',
    'left out',
    [122, 30],
    NO_PARTS,
    theirs('Inhaled oxygen flow rate', 'Inhaled oxygen concentration'),
  ),
  vital(
    'component[].dataAbsentReason.coding[].system',
    'left out',
    [122, 30],
    NO_PARTS,
    theirs('http://terminology.hl7.org/CodeSystem/data-absent-reason'),
  ),
  vital('component[].dataAbsentReason.coding[].code', 'left out', [122, 30], NO_PARTS, theirs('unknown')),
  vital('component[].dataAbsentReason.coding[].display', 'left out', [122, 30], NO_PARTS, theirs('Unknown')),
  vital(
    'valueQuantity.value',
    'added',
    [68, 17],
    ONCE,
    both(
      ({ row }) => row['loinc'] === '59408-5',
      oursIs((row) => Number(row['oxygen_saturation'])),
    ),
  ),
  vital('valueQuantity.unit', 'added', [68, 17], ONCE, ours('%')),
  vital('valueQuantity.code', 'added', [68, 17], ONCE, ours('%')),
  vital('valueQuantity.system', 'added', [68, 17], ONCE, ours(UCUM)),
  vital('valueQuantity.unit', 'changed', [113, 30], READABLE_UNIT, both(theirs('in_i'), ours('in'))),
  vital('valueQuantity.unit', 'changed', [113, 30], READABLE_UNIT, both(theirs('lb_av'), ours('lb'))),
  vital('valueQuantity.unit', 'changed', [38, 7], READABLE_UNIT, both(theirs('degF'), ours('°F'))),
  vital('component[].valueQuantity.unit', 'changed', [226, 60], READABLE_UNIT, both(theirs('mm[Hg]'), ours('mmHg'))),
  vital(
    'interpretation[].text',
    'added',
    [94, 21],
    "OpenEMR's words for the body mass index; its FHIR drops them.",
    both(({ row }) => row['loinc'] === '39156-5', oursIsColumn('BMI_status')),
  ),
  vital(
    'performer[].reference',
    'added',
    [209, 50],
    NO_NPI,
    both(
      (facts) => !byPatientsUser(facts)['npi'],
      oursIs((_row, facts) => `Practitioner/${uuidOf(byPatientsUser(facts))}`),
    ),
  ),
  vital('performer[].type', 'added', [209, 50], NO_NPI, ours('Practitioner')),
  vital(
    'performer[].display',
    'added',
    [854, 210],
    DISPLAY,
    oursIs((_row, facts) => personName(byPatientsUser(facts))),
  ),
  vital(
    'effectiveDateTime',
    'changed',
    [0, 147],
    WRONG_OFFSET,
    both(
      sameWallClock,
      oursIsTime(({ row }) => row['date']),
    ),
  ),
];

const encounter = (
  path: string,
  kind: Difference['kind'],
  count: readonly [number, number],
  reason: string,
  holds: Holds,
): ExpectedDifference => line('Encounter', path, kind, count, reason, holds);

const OWN_TYPE =
  'OpenEMR calls every visit a check-up; ours gives the type that was chosen, else the category it was entered under.';
const SAME_PERIOD = "The visit's own period is that of its people; OpenEMR keeps no other.";
const NO_COPY_OF_ID = "OpenEMR repeats its own id as an identifier; OpenEMR's uuids do not leave the practice.";
const DISCHARGE = "The codes and the words of OpenEMR's list of dispositions; its FHIR gives the option's id alone.";

const LISTED = 'Entries of the problem list that were linked to the visit; OpenEMR says it at the problem alone.';

/** The entry's own id, or that of its link, under which OpenEMR answers it. */
const linkedHere: Holds = ({ difference, row, rows }) =>
  rows
    .all('issue_encounter')
    .some(
      (link) =>
        link['encounter'] === row['encounter'] &&
        [link, rows.find('lists', { id: link['list_id'] ?? null }) ?? {}].some(
          (each) => difference.ours === `Condition/${uuidOf(each)}`,
        ),
    );

const categoryOf = ({ row, rows }: DifferenceFacts): Leaf | undefined =>
  rows.find('openemr_postcalendar_categories', { pc_catid: row['pc_catid'] ?? null })?.['pc_catname'];
const facilityOf = ({ row, rows }: DifferenceFacts): RecordedRow =>
  rows.find('facility', { id: row['facility_id'] ?? null }) ?? {};
const dispositionOf = (facts: DifferenceFacts): RecordedRow =>
  optionOf(facts, 'discharge-disposition', facts.row['discharge_disposition']);
const whole = [241, 67] as const;
const stays = [3, 0] as const;

const ENCOUNTER_DIFFERENCES: readonly ExpectedDifference[] = [
  ...metaLines('Encounter', whole),
  encounter(
    'meta.profile[]',
    'added',
    whole,
    'The resource keeps the profile, and says so.',
    ours('http://hl7.org/fhir/us/core/StructureDefinition/us-core-encounter'),
  ),
  encounter(
    'identifier[].system',
    'left out',
    whole,
    NO_COPY_OF_ID,
    ({ row, difference }) => difference.theirs === `urn:uuid:${uuidOf(row)}`,
  ),
  encounter(
    'identifier[].value',
    'left out',
    whole,
    NO_COPY_OF_ID,
    ({ row, difference }) => difference.theirs === uuidOf(row),
  ),
  encounter('type[].coding[].system', 'left out', whole, OWN_TYPE, theirs('http://snomed.info/sct')),
  encounter('type[].coding[].code', 'left out', whole, OWN_TYPE, theirs('185349003')),
  encounter('type[].coding[].display', 'left out', whole, OWN_TYPE, theirs('Encounter for check up (procedure)')),
  encounter(
    'type[].text',
    'added',
    whole,
    OWN_TYPE,
    oursIs((_row, facts) => categoryOf(facts)),
  ),
  encounter('participant[].period.start', 'left out', [265, 91], SAME_PERIOD, ({ row, difference }) =>
    String(difference.theirs).startsWith(String(row['date']).replace(' ', 'T')),
  ),
  encounter('participant[].individual.display', 'added', [265, 91], DISPLAY, (facts) =>
    [facts.row['provider_id'], facts.row['referring_provider_id']].some(
      (id) => personName(userOf(facts, id)) === facts.difference.ours,
    ),
  ),
  encounter(
    'location[].location.display',
    'added',
    whole,
    DISPLAY,
    oursIs((_row, facts) => facilityOf(facts)['name']),
  ),
  encounter(
    'serviceProvider.display',
    'added',
    whole,
    DISPLAY,
    oursIs((_row, facts) => facilityOf(facts)['name']),
  ),
  encounter('diagnosis[].condition.reference', 'added', [25, 5], LISTED, linkedHere),
  encounter('diagnosis[].condition.type', 'added', [25, 5], LISTED, ours('Condition')),
  encounter(
    'period.end',
    'added',
    stays,
    'OpenEMR keeps the end of a stay; its FHIR drops it.',
    oursIsTime(({ row }) => row['date_end']),
  ),
  encounter(
    'period.start',
    'changed',
    [0, 45],
    WRONG_OFFSET,
    both(
      sameWallClock,
      oursIsTime(({ row }) => row['date']),
    ),
  ),
  encounter(
    'hospitalization.dischargeDisposition.coding[].system',
    'added',
    stays,
    DISCHARGE,
    ours('http://snomed.info/sct'),
  ),
  encounter(
    'hospitalization.dischargeDisposition.coding[].code',
    'added',
    stays,
    DISCHARGE,
    (facts) => `SNOMED-CT:${String(facts.difference.ours)}` === dispositionOf(facts)['codes'],
  ),
  encounter(
    'hospitalization.dischargeDisposition.coding[].display',
    'added',
    stays,
    DISCHARGE,
    oursIs((_row, facts) => dispositionOf(facts)['title']),
  ),
  encounter(
    'hospitalization.dischargeDisposition.text',
    'added',
    stays,
    DISCHARGE,
    oursIs((_row, facts) => dispositionOf(facts)['title']),
  ),
];

/** Differences of vital signs and visits. */
export const VISIT_DIFFERENCES: readonly ExpectedDifference[] = [...VITAL_DIFFERENCES, ...ENCOUNTER_DIFFERENCES];
