import {
  DISPLAY,
  line,
  metaLines,
  ours,
  oursIs,
  sameDay,
  theirs,
  type DifferenceFacts,
  type ExpectedDifference,
  type Holds,
} from './golden-difference.js';

const MASKED = 'Of a member id only the last four characters leave the practice.';
const KIND = "OpenEMR calls every insurance a health insurance plan; ours has the insurer's own kind.";
const CMS_CODE = "The claim's code for why Medicare pays second says nothing to a patient.";
const A_DATE = 'The column is a date; OpenEMR makes midnight of it.';

const insurerOf = ({ row, rows }: DifferenceFacts): ReturnType<DifferenceFacts['rows']['find']> =>
  rows.find('insurance_companies', { id: Number(row['provider']) });
/** OpenEMR publishes the number, ours ends like it and has nothing else of it. */
const masked: Holds = ({ row, difference }) =>
  difference.theirs === row['policy_number'] && difference.ours === `••••${String(row['policy_number']).slice(-4)}`;

/** Differences of Coverage. */
export const COVERAGE_DIFFERENCES: readonly ExpectedDifference[] = [
  ...metaLines('Coverage', [16, 6]),
  line('Coverage', 'identifier[].value', 'changed', [16, 6], MASKED, masked),
  line('Coverage', 'subscriberId', 'changed', [16, 6], MASKED, masked),
  line('Coverage', 'identifier[].system', 'left out', [2, 1], CMS_CODE, theirs('http://openemr.org/fhir/policy-type')),
  line(
    'Coverage',
    'identifier[].value',
    'left out',
    [2, 1],
    CMS_CODE,
    ({ row, difference }) => difference.theirs === row['policy_type'],
  ),
  line(
    'Coverage',
    'dependent',
    'left out',
    [4, 1],
    'OpenEMR gives every dependent the number 1; it knows none.',
    theirs('1'),
  ),
  line('Coverage', 'type.coding[].code', 'left out', [16, 6], KIND, theirs('HIP')),
  line('Coverage', 'type.coding[].display', 'left out', [16, 6], KIND, theirs('health insurance plan number')),
  line(
    'Coverage',
    'type.coding[].system',
    'left out',
    [16, 6],
    KIND,
    theirs('http://terminology.hl7.org/CodeSystem/v3-ActCode'),
  ),
  line(
    'Coverage',
    'type.coding[].code',
    'added',
    [16, 6],
    KIND,
    oursIs((_row, facts) => String(insurerOf(facts)?.['cqm_sop'])),
  ),
  line('Coverage', 'type.coding[].system', 'added', [16, 6], KIND, ours('https://nahdo.org/sopt')),
  line(
    'Coverage',
    'type.text',
    'added',
    [16, 6],
    KIND,
    oursIs(
      (_row, facts) =>
        facts.rows.find('insurance_type_codes', { id: insurerOf(facts)?.['ins_type_code'] ?? null })?.['type'],
    ),
  ),
  line(
    'Coverage',
    'subscriber.display',
    'added',
    [16, 6],
    "Whose insurance it is; OpenEMR's FHIR drops the subscriber.",
    oursIs((row) => `${String(row['subscriber_fname'])} ${String(row['subscriber_lname'])}`),
  ),
  line('Coverage', 'beneficiary.type', 'added', [16, 6], DISPLAY, ours('Patient')),
  line(
    'Coverage',
    'payor[].display',
    'added',
    [16, 6],
    DISPLAY,
    oursIs((_row, facts) => insurerOf(facts)?.['name']),
  ),
  line('Coverage', 'payor[].type', 'added', [16, 6], DISPLAY, ours('Organization')),
  line('Coverage', 'period.start', 'changed', [16, 6], A_DATE, sameDay),
  line('Coverage', 'period.end', 'changed', [2, 2], A_DATE, sameDay),
];
