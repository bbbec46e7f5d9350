import type { RecordedRow } from 'infra/openemr-sim/sim-data';
import type { Difference, Leaf } from './golden-comparison.js';
import type { ComparedType, GoldenRows, Recording } from './golden-set.js';

/** One difference with the recorded rows it goes back to, for a check that knows nothing of the renderers. */
export interface DifferenceFacts {
  difference: Difference;
  /** the row the resource was made of */
  row: RecordedRow;
  rows: GoldenRows;
  timeZone: Recording['timeZone'];
}

/**
 * A difference between our resources and OpenEMR's FHIR answers that was looked at and is wanted: how often it occurs
 * in each recording, and why ours is right. `holds` says what must be true of every occurrence; two lines may share
 * type, path and kind when they have different reasons, an occurrence counts for the first line that holds.
 */
export interface ExpectedDifference {
  type: ComparedType;
  path: string;
  kind: Difference['kind'];
  reason: string;
  count: Record<Recording['set'], number>;
  holds: (facts: DifferenceFacts) => boolean;
}

type Holds = ExpectedDifference['holds'];

const ours =
  (...values: Leaf[]): Holds =>
  ({ difference }) =>
    values.includes(difference.ours ?? null);
const theirs =
  (...values: Leaf[]): Holds =>
  ({ difference }) =>
    values.includes(difference.theirs ?? null);
const both =
  (...checks: Holds[]): Holds =>
  (facts) =>
    checks.every((check) => check(facts));
const theirsMatches =
  (pattern: RegExp): Holds =>
  ({ difference }) =>
    typeof difference.theirs === 'string' && pattern.test(difference.theirs);

/** A column of the resource's own row, of its report, order, ordered test, or of anything else it points to. */
const oursIs =
  (expected: (row: RecordedRow, facts: DifferenceFacts) => Leaf | undefined): Holds =>
  (facts) =>
    facts.difference.ours !== undefined && facts.difference.ours === expected(facts.row, facts);
const oursIsColumn = (column: string): Holds => oursIs((row) => row[column]);

const reportOf = ({ row, rows }: DifferenceFacts): RecordedRow =>
  'result_code' in row
    ? (rows.find('procedure_report', { procedure_report_id: row['procedure_report_id'] ?? null }) ?? {})
    : row;
const orderOf = (facts: DifferenceFacts): RecordedRow =>
  facts.rows.find('procedure_order', { procedure_order_id: reportOf(facts)['procedure_order_id'] ?? null }) ?? {};
const orderedTestOf = (facts: DifferenceFacts): RecordedRow => {
  const { procedure_order_id = null, procedure_order_seq = null } = reportOf(facts);
  return facts.rows.find('procedure_order_code', { procedure_order_id, procedure_order_seq }) ?? {};
};
const labOf = (facts: DifferenceFacts): RecordedRow =>
  facts.rows.find('procedure_providers', { ppid: orderOf(facts)['lab_id'] ?? null }) ?? {};
const userOf = (facts: DifferenceFacts, id: Leaf | undefined): RecordedRow =>
  facts.rows.find('users', { id: typeof id === 'number' ? id : null }) ?? {};
const optionOf = (facts: DifferenceFacts, list_id: string, option: Leaf | undefined): RecordedRow =>
  facts.rows.find('list_options', { list_id, option_id: String(option) }) ?? {};
const saleOrPrescription = ({ row, rows }: DifferenceFacts): RecordedRow =>
  'sale_id' in row ? (rows.find('prescriptions', { id: row['prescription_id'] ?? null }) ?? {}) : row;
const personName = (user: RecordedRow): string => {
  const name = [user['fname'], user['mname'], user['lname']].filter((part) => part !== '' && part !== null).join(' ');
  return user['suffix'] === null || user['suffix'] === '' ? name : `${name}, ${String(user['suffix'])}`;
};
const uuidOf = (row: RecordedRow): string =>
  String(row['uuid'])
    .replace('hex:', '')
    .replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
const form = (facts: DifferenceFacts): Leaf | undefined =>
  optionOf(facts, 'drug_form', saleOrPrescription(facts)['form'])['title'];

/** The stored wall-clock time with the offset of its own day, computed by the platform and not by our library. */
export function withOffset(stored: Leaf | undefined, timeZone: string): string {
  const [date = '', time = ''] = String(stored).split(' ');
  const offsetAt = (moment: Date): string => {
    const name = new Intl.DateTimeFormat('en-US', { timeZone, timeZoneName: 'longOffset' })
      .formatToParts(moment)
      .find((part) => part.type === 'timeZoneName')?.value;
    return name === 'GMT' || name === undefined ? '+00:00' : name.replace('GMT', '');
  };
  const guess = offsetAt(new Date(`${date}T${time}Z`));
  return `${date}T${time}${offsetAt(new Date(`${date}T${time}${guess}`))}`;
}
const oursIsTime = (stored: (facts: DifferenceFacts) => Leaf | undefined): Holds =>
  oursIs((_row, facts) => withOffset(stored(facts), facts.timeZone));
/** Same digits on the clinic's clock; only OpenEMR's offset is that of the day of the recording. */
const sameWallClock: Holds = ({ difference }) =>
  String(difference.theirs).slice(0, 19) === String(difference.ours).slice(0, 19) &&
  difference.theirs !== difference.ours;
const sameDay: Holds = ({ difference }) =>
  difference.theirs !== undefined && String(difference.theirs).slice(0, 10) === difference.ours;

const dose = (facts: DifferenceFacts): string => String(saleOrPrescription(facts)['dosage']);

const NO_VERSION = 'The resource id and the section version identify content; OpenEMR answers "1" for every version.';
const NO_LAST_UPDATED =
  'Canonical content has no column that moves by itself or repeats another; the section says how current it is.';
const ONE_PROFILE = 'A resource claims its profile once; OpenEMR repeats the same claim for several versions.';
const UCUM = 'http://unitsofmeasure.org';
const STRENGTH =
  "OpenEMR's size and unit are the strength of one tablet, not a dose; the dose is the prescribed amount of the form, and a drug's text names its strength.";
const STRENGTH_IN_QUANTITY =
  'The quantity is a number of tablets or capsules; OpenEMR labels it with the unit of the strength.';
const SSN = 'The social security number never leaves the practice.';
const DISPLAY = 'References carry the name, so that a page needs no other resource to show it.';
const WRONG_OFFSET = "OpenEMR gives every date the offset of the day of the request; ours has the date's own.";
const NOT_THE_PERFORMER =
  'The ordering provider did not perform the test; the laboratory did, and laboratory law wants it named.';
const DRUG_CODE_IS_NO_REASON = 'The RxNorm code of a list entry is the drug and no reason to take it.';
const EMPTY_EXTENSION = 'An extension that says "unknown" for a column nobody filled says nothing.';
const UNKNOWN_CODE = 'A test without a catalogue code has its name as text instead of a code for "unknown".';
const COLLECTED = 'What was measured was true when the specimen was collected; OpenEMR gives the time of the report.';
const GUARDIAN =
  "The guardian and the emergency telephone number are the patient's contacts; OpenEMR's FHIR drops them.";
const RANGE =
  "The laboratory's range is kept whole; OpenEMR's FHIR drops one-sided ranges and those with a bound of zero.";
const COMPARATOR = 'A value beyond the measurable is a quantity with a comparator and keeps its unit.';
const REFILLS = 'OpenEMR hands out a first fill and refills of another size; its FHIR knows neither.';
const SPECIMEN = 'The specimen of the results is that of their report too.';
const RANGE_ADDED = /^(?:<|>|<=|>=|0(?:\.0+)?-|-\d)/;

const rangeBound =
  (side: 'low' | 'high'): Holds =>
  ({ row, difference }) => {
    const stored = String(row['range']);
    const [low, high] = stored.startsWith('<')
      ? [undefined, Number(stored.slice(1))]
      : stored.startsWith('>')
        ? [Number(stored.slice(1)), undefined]
        : (/^(-?[\d.]+)-(-?[\d.]+)$/.exec(stored) ?? []).slice(1).map(Number);
    return RANGE_ADDED.test(stored) && difference.ours === (side === 'low' ? low : high);
  };
const rangeUnit: Holds = both(oursIsColumn('units'), ({ row }) => RANGE_ADDED.test(String(row['range'])));

const line = (
  type: ComparedType,
  path: string,
  kind: Difference['kind'],
  [utc, newYork]: readonly [number, number],
  reason: string,
  holds: Holds,
): ExpectedDifference => ({ type, path, kind, reason, count: { utc, newYork }, holds });

const metaLines = (type: ComparedType, count: readonly [number, number]): ExpectedDifference[] => [
  line(type, 'meta.versionId', 'left out', count, NO_VERSION, theirs('1')),
  line(type, 'meta.lastUpdated', 'left out', count, NO_LAST_UPDATED, theirsMatches(/^\d{4}-\d\d-\d\dT/)),
];

const REPORT_STATUS: Record<string, Leaf> = { prelim: 'preliminary' };
const RESULT_STATUS: Record<string, Leaf> = {
  prelim: 'preliminary',
  correct: 'corrected',
  cancel: 'cancelled',
  incomplete: 'registered',
};
const INTERPRETATION: Record<string, Leaf> = { no: 'Normal', vhigh: 'Critical high' };

/** Every difference between our rendering and OpenEMR's FHIR answers. There is no other. */
export const EXPECTED_DIFFERENCES: readonly ExpectedDifference[] = [
  // Patient
  ...metaLines('Patient', [12, 3]),
  line(
    'Patient',
    'meta.profile[]',
    'left out',
    [24, 6],
    ONE_PROFILE,
    theirsMatches(/\/us-core-patient\|(3\.1\.1|8\.0\.0)$/),
  ),
  line(
    'Patient',
    'text.status',
    'left out',
    [12, 3],
    'No markup is replicated; the narrative is the name.',
    theirs('generated'),
  ),
  line(
    'Patient',
    'text.div',
    'left out',
    [12, 3],
    'No markup is replicated; the narrative is the name.',
    theirsMatches(/^<div [^>]*> <p>[^<]*<\/p><\/div>$/),
  ),
  line('Patient', 'identifier[].use', 'left out', [6, 3], SSN, theirs('official')),
  line('Patient', 'identifier[].system', 'left out', [6, 3], SSN, theirs('http://hl7.org/fhir/sid/us-ssn')),
  line('Patient', 'identifier[].type.coding[].code', 'left out', [6, 3], SSN, theirs('SS')),
  line(
    'Patient',
    'identifier[].type.coding[].system',
    'left out',
    [6, 3],
    SSN,
    theirs('http://terminology.hl7.org/CodeSystem/v2-0203'),
  ),
  line(
    'Patient',
    'identifier[].value',
    'left out',
    [6, 3],
    SSN,
    ({ row, difference }) => difference.theirs === row['ss'],
  ),
  line(
    'Patient',
    'identifier[].system',
    'changed',
    [12, 3],
    'The chart number is unique in this practice; OpenEMR names a list of identifier types as its system.',
    both(theirs('http://terminology.hl7.org/CodeSystem/v2-0203'), ({ difference }) =>
      String(difference.ours).startsWith('urn:uuid:'),
    ),
  ),
  line(
    'Patient',
    'extension[].url',
    'left out',
    [22, 6],
    EMPTY_EXTENSION,
    theirsMatches(/\/us-core-(sex|interpreter-needed)$/),
  ),
  line('Patient', 'extension[].valueCoding.code', 'left out', [22, 6], EMPTY_EXTENSION, theirs('unknown')),
  line('Patient', 'extension[].valueCoding.display', 'left out', [22, 6], EMPTY_EXTENSION, theirs('Unknown')),
  line(
    'Patient',
    'extension[].valueCoding.system',
    'left out',
    [22, 6],
    EMPTY_EXTENSION,
    theirs('DataAbsentReason', 'http://terminology.hl7.org/CodeSystem/data-absent-reason'),
  ),
  line(
    'Patient',
    'name[].period.end',
    'changed',
    [2, 1],
    'The column is a date; OpenEMR makes midnight of it.',
    sameDay,
  ),
  line(
    'Patient',
    'name[].use',
    'added',
    [1, 1],
    "The name the patient goes by; OpenEMR's FHIR drops it.",
    ours('usual'),
  ),
  line(
    'Patient',
    'name[].text',
    'added',
    [1, 1],
    "The name the patient goes by; OpenEMR's FHIR drops it.",
    oursIsColumn('preferred_name'),
  ),
  line(
    'Patient',
    'telecom[].use',
    'left out',
    [1, 0],
    'The direct e-mail address is no mobile address; its use is not known.',
    theirs('mobile'),
  ),
  line(
    'Patient',
    'address[].period.start',
    'left out',
    [12, 3],
    'The start is the date the patient row was made, not when the patient moved there.',
    ({ row, difference }) => String(difference.theirs).slice(0, 19) === String(row['date']).replace(' ', 'T'),
  ),
  line(
    'Patient',
    'communication[].preferred',
    'added',
    [12, 3],
    'OpenEMR asks for the language the patient prefers.',
    ours(true),
  ),
  line(
    'Patient',
    'maritalStatus.coding[].system',
    'added',
    [12, 3],
    "OpenEMR's FHIR drops the marital status.",
    ours('http://terminology.hl7.org/CodeSystem/v3-MaritalStatus'),
  ),
  line(
    'Patient',
    'maritalStatus.coding[].code',
    'added',
    [12, 3],
    "OpenEMR's FHIR drops the marital status.",
    oursIs((row, facts) => optionOf(facts, 'marital', row['status'])['notes']),
  ),
  line(
    'Patient',
    'maritalStatus.coding[].display',
    'added',
    [12, 3],
    "OpenEMR's FHIR drops the marital status.",
    oursIs((row, facts) => optionOf(facts, 'marital', row['status'])['title']),
  ),
  line(
    'Patient',
    'maritalStatus.text',
    'added',
    [12, 3],
    "OpenEMR's FHIR drops the marital status.",
    oursIs((row, facts) => optionOf(facts, 'marital', row['status'])['title']),
  ),
  line(
    'Patient',
    'contact[].relationship[].coding[].system',
    'added',
    [15, 4],
    GUARDIAN,
    ours('http://terminology.hl7.org/CodeSystem/v2-0131', 'http://terminology.hl7.org/CodeSystem/v3-RoleCode'),
  ),
  line('Patient', 'contact[].relationship[].coding[].code', 'added', [15, 4], GUARDIAN, ours('C', 'GUARD')),
  line(
    'Patient',
    'contact[].relationship[].coding[].display',
    'added',
    [15, 4],
    GUARDIAN,
    ours('Emergency Contact', 'guardian'),
  ),
  line('Patient', 'contact[].relationship[].text', 'added', [3, 1], GUARDIAN, oursIsColumn('guardianrelationship')),
  line('Patient', 'contact[].name.text', 'added', [3, 1], GUARDIAN, oursIsColumn('guardiansname')),
  line('Patient', 'contact[].telecom[].system', 'added', [15, 4], GUARDIAN, ours('phone')),
  line('Patient', 'contact[].telecom[].use', 'added', [3, 1], GUARDIAN, ours('home')),
  line('Patient', 'contact[].telecom[].value', 'added', [15, 4], GUARDIAN, ({ row, difference }) =>
    [row['phone_contact'], row['guardianphone']].includes(String(difference.ours)),
  ),
  line(
    'Patient',
    'generalPractitioner[].reference',
    'added',
    [12, 3],
    "OpenEMR's FHIR drops the patient's provider.",
    oursIs((row, facts) => `Practitioner/${uuidOf(userOf(facts, row['providerID']))}`),
  ),
  line(
    'Patient',
    'generalPractitioner[].type',
    'added',
    [12, 3],
    "OpenEMR's FHIR drops the patient's provider.",
    ours('Practitioner'),
  ),
  line(
    'Patient',
    'generalPractitioner[].display',
    'added',
    [12, 3],
    "OpenEMR's FHIR drops the patient's provider.",
    oursIs((row, facts) => personName(userOf(facts, row['providerID']))),
  ),

  // MedicationRequest
  ...metaLines('MedicationRequest', [79, 27]),
  line(
    'MedicationRequest',
    'meta.profile[]',
    'added',
    [79, 27],
    'The resource follows the US Core profile and says so.',
    ours('http://hl7.org/fhir/us/core/StructureDefinition/us-core-medicationrequest'),
  ),
  line(
    'MedicationRequest',
    'reportedReference.reference',
    'left out',
    [79, 27],
    'A prescription is not reported by the practice, it is its order.',
    theirsMatches(/^Organization\//),
  ),
  line(
    'MedicationRequest',
    'reportedReference.type',
    'left out',
    [79, 27],
    'A prescription is not reported by the practice, it is its order.',
    theirs('Organization'),
  ),
  line(
    'MedicationRequest',
    'reportedBoolean',
    'added',
    [79, 27],
    'Prescriptions are orders of the practice, entries of the medication list are reports of what is taken.',
    oursIs((row) => 'title' in row),
  ),
  line(
    'MedicationRequest',
    'medicationCodeableConcept.text',
    'added',
    [64, 22],
    'The name as prescribed is what the patient knows the drug by.',
    oursIsColumn('drug'),
  ),
  line(
    'MedicationRequest',
    'medicationCodeableConcept.text',
    'added',
    [2, 0],
    'A name without a strength gets the strength of the prescription.',
    oursIs((row) => `${String(row['drug'])} ${String(row['size'])} mg`),
  ),
  line(
    'MedicationRequest',
    'medicationCodeableConcept.coding[].system',
    'added',
    [13, 5],
    DRUG_CODE_IS_NO_REASON,
    ours('http://www.nlm.nih.gov/research/umls/rxnorm'),
  ),
  line(
    'MedicationRequest',
    'medicationCodeableConcept.coding[].code',
    'added',
    [13, 5],
    DRUG_CODE_IS_NO_REASON,
    oursIs((row) => String(row['diagnosis']).replace('RXCUI:', '')),
  ),
  line(
    'MedicationRequest',
    'medicationCodeableConcept.coding[].display',
    'added',
    [13, 5],
    DRUG_CODE_IS_NO_REASON,
    oursIsColumn('title'),
  ),
  line(
    'MedicationRequest',
    'reasonCode[].coding[].system',
    'left out',
    [13, 5],
    DRUG_CODE_IS_NO_REASON,
    theirs('http://www.nlm.nih.gov/research/umls/rxnorm'),
  ),
  line(
    'MedicationRequest',
    'reasonCode[].coding[].code',
    'left out',
    [13, 5],
    DRUG_CODE_IS_NO_REASON,
    ({ row, difference }) => `RXCUI:${String(difference.theirs)}` === row['diagnosis'],
  ),
  line(
    'MedicationRequest',
    'reasonCode[].coding[].system',
    'changed',
    [21, 6],
    'US practices code in ICD-10-CM, which US Core names by its own system.',
    both(theirs('http://hl7.org/fhir/sid/icd-10'), ours('http://hl7.org/fhir/sid/icd-10-cm')),
  ),
  line(
    'MedicationRequest',
    'authoredOn',
    'changed',
    [0, 21],
    WRONG_OFFSET,
    both(
      sameWallClock,
      oursIsTime(({ row }) => row['date_added'] ?? row['date']),
    ),
  ),
  line(
    'MedicationRequest',
    'extension[].extension[].valueDateTime',
    'changed',
    [0, 5],
    WRONG_OFFSET,
    both(
      sameWallClock,
      oursIsTime(
        ({ row, rows }) =>
          rows.find('lists_medication', { list_id: row['id'] ?? null })?.['medication_adherence_date_asserted'],
      ),
    ),
  ),
  line(
    'MedicationRequest',
    'requester.reference',
    'changed',
    [11, 4],
    'A prescriber without an NPI in OpenEMR is still the prescriber; the practice as a whole is not.',
    oursIs((row, facts) => `Practitioner/${uuidOf(userOf(facts, row['provider_id']))}`),
  ),
  line(
    'MedicationRequest',
    'requester.type',
    'changed',
    [11, 4],
    'A prescriber without an NPI in OpenEMR is still the prescriber; the practice as a whole is not.',
    both(theirs('Organization'), ours('Practitioner')),
  ),
  line(
    'MedicationRequest',
    'requester.display',
    'added',
    [79, 27],
    DISPLAY,
    oursIs((row, facts) =>
      personName(
        'provider_id' in row
          ? userOf(facts, row['provider_id'])
          : (facts.rows.find('users', { username: row['user'] ?? null }) ?? {}),
      ),
    ),
  ),
  line(
    'MedicationRequest',
    'dosageInstruction[].text',
    'changed',
    [21, 7],
    'An amount alone ("1-2") tells nobody what to take; ours adds form, route and interval.',
    ({ row, difference }) =>
      difference.theirs === row['dosage'] &&
      String(difference.ours) === '1-2 tablet, By Mouth, Twice daily (bis in die), as needed',
  ),
  line(
    'MedicationRequest',
    'dosageInstruction[].text',
    'added',
    [2, 1],
    'OpenEMR drops a numeric amount; ours says amount, form, route and interval.',
    ours('1 capsule, Per Oris, Three times daily (ter in die)'),
  ),
  line(
    'MedicationRequest',
    'dosageInstruction[].asNeededBoolean',
    'added',
    [21, 7],
    "OpenEMR's FHIR drops that a drug is taken as needed.",
    both(ours(true), ({ row }) => row['prn'] === 'PRN'),
  ),
  line(
    'MedicationRequest',
    'dosageInstruction[].timing.repeat.boundsPeriod.start',
    'added',
    [79, 27],
    "OpenEMR's FHIR drops when to start.",
    ({ row, difference }) =>
      'start_date' in row
        ? difference.ours === row['start_date']
        : String(row['begdate']).replace(' ', 'T') === String(difference.ours).slice(0, 19),
  ),
  line(
    'MedicationRequest',
    'dosageInstruction[].timing.repeat.boundsPeriod.end',
    'added',
    [42, 16],
    "OpenEMR's FHIR drops when to stop.",
    ({ row, difference }) => difference.ours === (row['end_date'] ?? String(row['enddate']).slice(0, 10)),
  ),
  line(
    'MedicationRequest',
    'dosageInstruction[].route.coding[].display',
    'changed',
    [21, 7],
    "The route is called what the practice's list calls it, as in its text.",
    both(theirs('Per Oris'), ours('By Mouth'), ({ row }) => row['route'] === 'bymouth'),
  ),
  line(
    'MedicationRequest',
    'dosageInstruction[].doseAndRate[].doseQuantity.value',
    'left out',
    [47, 16],
    STRENGTH,
    ({ row, difference }) => difference.theirs === Number(row['size']),
  ),
  line(
    'MedicationRequest',
    'dosageInstruction[].doseAndRate[].doseQuantity.unit',
    'left out',
    [47, 16],
    STRENGTH,
    theirs('mg'),
  ),
  line(
    'MedicationRequest',
    'dosageInstruction[].doseAndRate[].doseQuantity.system',
    'left out',
    [47, 16],
    STRENGTH,
    theirs(UCUM),
  ),
  line(
    'MedicationRequest',
    'dosageInstruction[].doseAndRate[].doseQuantity.code',
    'left out',
    [47, 16],
    STRENGTH,
    theirs('mg'),
  ),
  line(
    'MedicationRequest',
    'dosageInstruction[].doseAndRate[].doseQuantity.unit',
    'changed',
    [19, 6],
    STRENGTH,
    both(ours('mL'), ({ row }) => row['dosage'] === '5 mL'),
  ),
  line(
    'MedicationRequest',
    'dosageInstruction[].doseAndRate[].doseQuantity.code',
    'changed',
    [19, 6],
    STRENGTH,
    both(ours('mL'), ({ row }) => row['dosage'] === '5 mL'),
  ),
  line(
    'MedicationRequest',
    'dosageInstruction[].doseAndRate[].doseQuantity.value',
    'added',
    [26, 9],
    STRENGTH,
    oursIs((_row, facts) => Number(dose(facts))),
  ),
  line(
    'MedicationRequest',
    'dosageInstruction[].doseAndRate[].doseQuantity.unit',
    'added',
    [26, 9],
    STRENGTH,
    oursIs((_row, facts) => form(facts)),
  ),
  line(
    'MedicationRequest',
    'dosageInstruction[].doseAndRate[].doseRange.low.value',
    'added',
    [21, 7],
    STRENGTH,
    both(ours(1), (facts) => dose(facts) === '1-2'),
  ),
  line(
    'MedicationRequest',
    'dosageInstruction[].doseAndRate[].doseRange.low.unit',
    'added',
    [21, 7],
    STRENGTH,
    oursIs((_row, facts) => form(facts)),
  ),
  line(
    'MedicationRequest',
    'dosageInstruction[].doseAndRate[].doseRange.high.value',
    'added',
    [21, 7],
    STRENGTH,
    both(ours(2), (facts) => dose(facts) === '1-2'),
  ),
  line(
    'MedicationRequest',
    'dosageInstruction[].doseAndRate[].doseRange.high.unit',
    'added',
    [21, 7],
    STRENGTH,
    oursIs((_row, facts) => form(facts)),
  ),
  line(
    'MedicationRequest',
    'dispenseRequest.numberOfRepeatsAllowed',
    'changed',
    [40, 13],
    'OpenEMR answers 0 refills for every prescription.',
    both(theirs(0), oursIsColumn('refills')),
  ),
  line(
    'MedicationRequest',
    'dispenseRequest.numberOfRepeatsAllowed',
    'left out',
    [13, 5],
    'An entry of the medication list has no refills, so their number is not 0 but unknown.',
    both(theirs(0), ({ row }) => 'title' in row),
  ),
  line(
    'MedicationRequest',
    'dispenseRequest.quantity.value',
    'changed',
    [40, 13],
    REFILLS,
    both(oursIsColumn('per_refill'), ({ row, difference }) => String(difference.theirs) === row['quantity']),
  ),
  line(
    'MedicationRequest',
    'dispenseRequest.initialFill.quantity.value',
    'added',
    [40, 13],
    REFILLS,
    oursIs((row) => Number(row['quantity'])),
  ),
  line(
    'MedicationRequest',
    'dispenseRequest.initialFill.quantity.unit',
    'added',
    [40, 13],
    REFILLS,
    oursIs((_row, facts) => form(facts)),
  ),
  line(
    'MedicationRequest',
    'dispenseRequest.quantity.unit',
    'changed',
    [66, 22],
    STRENGTH_IN_QUANTITY,
    both(
      theirs('mg'),
      oursIs((_row, facts) => form(facts)),
    ),
  ),
  line(
    'MedicationRequest',
    'dispenseRequest.quantity.system',
    'left out',
    [66, 22],
    STRENGTH_IN_QUANTITY,
    theirs(UCUM),
  ),
  line('MedicationRequest', 'dispenseRequest.quantity.code', 'left out', [66, 22], STRENGTH_IN_QUANTITY, theirs('mg')),
  line(
    'MedicationRequest',
    'substitution.allowedBoolean',
    'added',
    [66, 22],
    "OpenEMR's FHIR drops whether the pharmacy may substitute.",
    both(ours(true), ({ row }) => row['substitute'] === 1),
  ),

  // MedicationDispense
  ...metaLines('MedicationDispense', [2, 1]),
  line(
    'MedicationDispense',
    'medicationCodeableConcept.coding[].system',
    'added',
    [2, 1],
    'The drug code of the stock is an RxNorm code; OpenEMR gives it no system.',
    ours('http://www.nlm.nih.gov/research/umls/rxnorm'),
  ),
  line(
    'MedicationDispense',
    'performer[].actor.display',
    'added',
    [4, 2],
    DISPLAY,
    ours('Hannah M Greene, MD', 'Riverbend Clinic (synthetic)'),
  ),
  line('MedicationDispense', 'quantity.system', 'left out', [2, 1], 'Capsules are no unit of UCUM.', theirs(UCUM)),
  line('MedicationDispense', 'quantity.code', 'left out', [2, 1], 'Capsules are no unit of UCUM.', theirs('capsule')),
  line(
    'MedicationDispense',
    'type.coding[].system',
    'left out',
    [2, 1],
    'No row says that this was the first fill; OpenEMR assumes it.',
    theirs('http://terminology.hl7.org/ValueSet/v3-ActPharmacySupplyType'),
  ),
  line(
    'MedicationDispense',
    'type.coding[].code',
    'left out',
    [2, 1],
    'No row says that this was the first fill; OpenEMR assumes it.',
    both(theirs('FF'), ({ row }) => row['pharmacy_supply_type'] === null),
  ),
  line(
    'MedicationDispense',
    'type.coding[].display',
    'left out',
    [2, 1],
    'No row says that this was the first fill; OpenEMR assumes it.',
    theirs('First Fill'),
  ),
  line(
    'MedicationDispense',
    'whenHandedOver',
    'changed',
    [2, 1],
    'The column is a date; OpenEMR makes midnight of it.',
    both(sameDay, oursIsColumn('sale_date')),
  ),
  line(
    'MedicationDispense',
    'dosageInstruction[].text',
    'added',
    [2, 1],
    'OpenEMR drops a numeric amount; ours says amount, form, route and interval.',
    ours('1 capsule, Per Oris, Three times daily (ter in die)'),
  ),
  line(
    'MedicationDispense',
    'dosageInstruction[].timing.repeat.boundsPeriod.start',
    'added',
    [2, 1],
    "OpenEMR's FHIR drops when to start.",
    oursIs((_row, facts) => saleOrPrescription(facts)['start_date']),
  ),
  line(
    'MedicationDispense',
    'dosageInstruction[].doseAndRate[].doseQuantity.value',
    'left out',
    [2, 1],
    STRENGTH,
    theirs(250),
  ),
  line(
    'MedicationDispense',
    'dosageInstruction[].doseAndRate[].doseQuantity.unit',
    'left out',
    [2, 1],
    STRENGTH,
    theirs('mg'),
  ),
  line(
    'MedicationDispense',
    'dosageInstruction[].doseAndRate[].doseQuantity.system',
    'left out',
    [2, 1],
    STRENGTH,
    theirs(UCUM),
  ),
  line(
    'MedicationDispense',
    'dosageInstruction[].doseAndRate[].doseQuantity.code',
    'left out',
    [2, 1],
    STRENGTH,
    theirs('mg'),
  ),
  line(
    'MedicationDispense',
    'dosageInstruction[].doseAndRate[].doseQuantity.value',
    'added',
    [2, 1],
    STRENGTH,
    oursIs((_row, facts) => Number(dose(facts))),
  ),
  line(
    'MedicationDispense',
    'dosageInstruction[].doseAndRate[].doseQuantity.unit',
    'added',
    [2, 1],
    STRENGTH,
    oursIs((_row, facts) => form(facts)),
  ),

  // DiagnosticReport
  ...metaLines('DiagnosticReport', [201, 65]),
  line(
    'DiagnosticReport',
    'meta.profile[]',
    'left out',
    [603, 195],
    ONE_PROFILE,
    theirsMatches(/\/us-core-diagnosticreport-lab\|(3\.1\.1|7\.0\.0|8\.0\.0)$/),
  ),
  line(
    'DiagnosticReport',
    '(resource)',
    'added',
    [8, 2],
    'OpenEMR shows no report of an order whose title is not "laboratory_test".',
    (facts) => orderedTestOf(facts)['procedure_order_title'] !== 'laboratory_test',
  ),
  line(
    'DiagnosticReport',
    '(resource)',
    'added',
    [34, 6],
    'OpenEMR shows only the last report of an order with several.',
    ({ row, rows }) =>
      rows.all('procedure_report').filter((each) => each['procedure_order_id'] === row['procedure_order_id']).length >
      1,
  ),
  line(
    'DiagnosticReport',
    'status',
    'changed',
    [19, 7],
    'OpenEMR calls every report final; a preliminary one must not look final.',
    both(
      theirs('final'),
      oursIs((row) => REPORT_STATUS[String(row['report_status'])]),
    ),
  ),
  line(
    'DiagnosticReport',
    'code.coding[].code',
    'changed',
    [68, 23],
    'The prefix "LOINC:" is no part of a LOINC code.',
    ({ difference }) => difference.theirs === `LOINC:${String(difference.ours)}`,
  ),
  line(
    'DiagnosticReport',
    'code.coding[].code',
    'changed',
    [23, 4],
    "OpenEMR gives an order's last report the code of its first test; ours is the report's own test.",
    oursIs((_row, facts) =>
      String(
        facts.rows.find('procedure_type', { procedure_code: orderedTestOf(facts)['procedure_code'] ?? null })?.[
          'standard_code'
        ],
      ).replace('LOINC:', ''),
    ),
  ),
  line(
    'DiagnosticReport',
    'code.coding[].display',
    'changed',
    [23, 4],
    "OpenEMR gives an order's last report the code of its first test; ours is the report's own test.",
    oursIs((_row, facts) => orderedTestOf(facts)['procedure_name']),
  ),
  line(
    'DiagnosticReport',
    'code.coding[].system',
    'left out',
    [4, 1],
    UNKNOWN_CODE,
    theirs('http://terminology.hl7.org/CodeSystem/v3-NullFlavor'),
  ),
  line('DiagnosticReport', 'code.coding[].code', 'left out', [4, 1], UNKNOWN_CODE, theirs('UNK')),
  line('DiagnosticReport', 'code.coding[].display', 'left out', [4, 1], UNKNOWN_CODE, theirs('unknown')),
  line(
    'DiagnosticReport',
    'code.text',
    'added',
    [201, 65],
    'The test as it was ordered.',
    oursIs((_row, facts) => orderedTestOf(facts)['procedure_name']),
  ),
  line(
    'DiagnosticReport',
    'effectiveDateTime',
    'changed',
    [201, 65],
    COLLECTED,
    oursIsTime(({ row }) => row['date_collected']),
  ),
  line(
    'DiagnosticReport',
    'issued',
    'changed',
    [0, 49],
    WRONG_OFFSET,
    both(
      sameWallClock,
      oursIsTime(({ row }) => row['date_report']),
    ),
  ),
  line(
    'DiagnosticReport',
    'performer[].reference',
    'changed',
    [68, 23],
    'The laboratory performed the test, also one without a director who has an NPI; OpenEMR names the practice.',
    oursIs((_row, facts) => `Organization/${uuidOf(labOf(facts))}`),
  ),
  line('DiagnosticReport', 'performer[].display', 'added', [334, 107], DISPLAY, (facts) =>
    [labOf(facts)['name'], personName(userOf(facts, labOf(facts)['lab_director']))].includes(
      String(facts.difference.ours),
    ),
  ),
  line(
    'DiagnosticReport',
    'resultsInterpreter[].display',
    'added',
    [201, 65],
    DISPLAY,
    oursIs((_row, facts) => personName(userOf(facts, orderOf(facts)['provider_id']))),
  ),
  line('DiagnosticReport', 'specimen[].reference', 'added', [49, 16], SPECIMEN, ({ difference }) =>
    String(difference.ours).startsWith('Specimen/'),
  ),
  line('DiagnosticReport', 'specimen[].type', 'added', [49, 16], SPECIMEN, ours('Specimen')),
  line('DiagnosticReport', 'specimen[].display', 'added', [49, 16], SPECIMEN, ours('Blood specimen')),
  line(
    'DiagnosticReport',
    'conclusion',
    'added',
    [41, 13],
    "OpenEMR's FHIR drops the notes of a report.",
    oursIsColumn('report_notes'),
  ),

  // Observation
  ...metaLines('Observation', [1268, 431]),
  line(
    'Observation',
    'meta.profile[]',
    'left out',
    [3804, 1293],
    ONE_PROFILE,
    theirsMatches(/\/us-core-observation-lab\|(3\.1\.1|7\.0\.0|8\.0\.0)$/),
  ),
  line(
    'Observation',
    'status',
    'changed',
    [179, 70],
    'OpenEMR\'s own words for preliminary, corrected, cancelled and incomplete become "unknown" in its FHIR.',
    both(
      theirs('unknown'),
      oursIs((row) => RESULT_STATUS[String(row['result_status'])]),
    ),
  ),
  line(
    'Observation',
    'code.coding[].system',
    'left out',
    [4, 1],
    UNKNOWN_CODE,
    theirs('http://terminology.hl7.org/CodeSystem/v3-NullFlavor'),
  ),
  line('Observation', 'code.coding[].code', 'left out', [4, 1], UNKNOWN_CODE, theirs('UNK')),
  line('Observation', 'code.coding[].display', 'left out', [4, 1], UNKNOWN_CODE, theirs('unknown')),
  line(
    'Observation',
    'code.text',
    'added',
    [1268, 431],
    "The laboratory's name of the test.",
    oursIsColumn('result_text'),
  ),
  line(
    'Observation',
    'effectiveDateTime',
    'changed',
    [1268, 431],
    COLLECTED,
    oursIsTime((facts) => reportOf(facts)['date_collected']),
  ),
  line(
    'Observation',
    'issued',
    'added',
    [1268, 431],
    "OpenEMR's FHIR drops the laboratory's date of the single result.",
    oursIsTime(({ row }) => row['date']),
  ),
  line(
    'Observation',
    'performer[].reference',
    'left out',
    [1268, 431],
    NOT_THE_PERFORMER,
    theirsMatches(/^Practitioner\//),
  ),
  line('Observation', 'performer[].type', 'left out', [1268, 431], NOT_THE_PERFORMER, theirs('Practitioner')),
  line(
    'Observation',
    'performer[].reference',
    'added',
    [1268, 431],
    NOT_THE_PERFORMER,
    oursIs((_row, facts) => `Organization/${uuidOf(labOf(facts))}`),
  ),
  line('Observation', 'performer[].type', 'added', [1268, 431], NOT_THE_PERFORMER, ours('Organization')),
  line(
    'Observation',
    'performer[].display',
    'added',
    [1268, 431],
    NOT_THE_PERFORMER,
    oursIs((_row, facts) => labOf(facts)['name']),
  ),
  line('Observation', 'valueString', 'left out', [4, 1], COMPARATOR, theirs('>300')),
  line('Observation', 'valueQuantity.comparator', 'added', [4, 1], COMPARATOR, ours('>')),
  line(
    'Observation',
    'valueQuantity.value',
    'added',
    [4, 1],
    COMPARATOR,
    both(ours(300), ({ row }) => row['result'] === '>300'),
  ),
  line('Observation', 'valueQuantity.unit', 'added', [4, 1], COMPARATOR, oursIsColumn('units')),
  line('Observation', 'valueQuantity.system', 'added', [4, 1], COMPARATOR, ours(UCUM)),
  line('Observation', 'valueQuantity.code', 'added', [4, 1], COMPARATOR, oursIsColumn('units')),
  line(
    'Observation',
    'valueQuantity.code',
    'changed',
    [2, 0],
    'In UCUM "pH" is the picohenry; acidity is "[pH]".',
    both(theirs('pH'), ours('[pH]')),
  ),
  line(
    'Observation',
    'interpretation[].coding[].display',
    'changed',
    [847, 298],
    'The code is displayed by its meaning; the list\'s "No" answers the question whether the value is abnormal.',
    oursIs((row) => INTERPRETATION[String(row['abnormal'])]),
  ),
  line('Observation', 'referenceRange[].text', 'added', [1188, 414], RANGE, oursIsColumn('range')),
  line('Observation', 'referenceRange[].low.value', 'added', [137, 46], RANGE, rangeBound('low')),
  line('Observation', 'referenceRange[].low.unit', 'added', [137, 46], RANGE, rangeUnit),
  line('Observation', 'referenceRange[].low.code', 'added', [137, 46], RANGE, rangeUnit),
  line('Observation', 'referenceRange[].low.system', 'added', [137, 46], RANGE, ours(UCUM)),
  line('Observation', 'referenceRange[].high.value', 'added', [128, 47], RANGE, rangeBound('high')),
  line('Observation', 'referenceRange[].high.unit', 'added', [128, 47], RANGE, rangeUnit),
  line('Observation', 'referenceRange[].high.code', 'added', [128, 47], RANGE, rangeUnit),
  line('Observation', 'referenceRange[].high.system', 'added', [128, 47], RANGE, ours(UCUM)),
  line(
    'Observation',
    'specimen.display',
    'added',
    [431, 138],
    'The kind of specimen, which OpenEMR gives only behind the reference.',
    ours('Blood specimen'),
  ),
];
