import {
  DISPLAY,
  UCUM,
  both,
  line,
  metaLines,
  optionOf,
  ours,
  oursIs,
  oursIsColumn,
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

const DOSE = "OpenEMR's FHIR cuts a dose to whole numbers, half a millilitre to nothing, and drops it without a site.";
const NAME = 'The vaccine is named once in words, whether its code has a name or not.';
const GIVEN = 'An entry without a status and without a refusal was given; OpenEMR calls it refused.';
const REFUSED = "OpenEMR's FHIR drops the practice's reason for a refusal.";
const SOURCE =
  'What the practice gave itself it knows first hand; what it was told says by whom. OpenEMR denies the one and drops the other.';
const MAKER = "OpenEMR's FHIR drops the manufacturer.";
const ROUTE = "OpenEMR's FHIR drops the route.";
const WHO = "OpenEMR's FHIR drops who ordered, and who gave it outside the practice.";
const INFORMED = "OpenEMR's FHIR drops which information the patient was given, and when.";
const PLACE = 'The place is that of the visit, to which the entry points.';

const added = (path: string, count: readonly [number, number], reason: string, holds: Holds): ExpectedDifference =>
  line('Immunization', path, 'added', count, reason, holds);
const leftOut = (path: string, count: readonly [number, number], reason: string, holds: Holds): ExpectedDifference =>
  line('Immunization', path, 'left out', count, reason, holds);
const changed = (path: string, count: readonly [number, number], reason: string, holds: Holds): ExpectedDifference =>
  line('Immunization', path, 'changed', count, reason, holds);

const titleOf =
  (list: string, column: string) =>
  (facts: DifferenceFacts): string =>
    String(optionOf(facts, list, facts.row[column])['title']);
const vaccineName = ({ row, rows }: DifferenceFacts): string | undefined => {
  const name = rows.find('codes', { code: row['cvx_code'] ?? null, code_type: 100 })?.['code_text'];
  return typeof name === 'string' ? name : undefined;
};
const outside: Holds = ({ row }) => row['administered_by'] === 'Outside clinic' && row['administered_by_id'] === null;
const recalled: Holds = ({ row }) => row['information_source'] === 'parent_recall';
const noStatus: Holds = ({ row }) => row['completion_status'] === '' && row['refusal_reason'] === '';
const performerNames = (facts: DifferenceFacts): unknown[] => [
  facts.row['administered_by'],
  personName(userOf(facts, facts.row['administered_by_id'])),
  personName(userOf(facts, facts.row['ordering_provider'])),
];

/** Differences of Immunization. */
export const IMMUNIZATION_DIFFERENCES: readonly ExpectedDifference[] = [
  ...metaLines('Immunization', [138, 35]),
  added(
    'meta.profile[]',
    [138, 35],
    'The resource follows the US Core profile and says so.',
    ours('http://hl7.org/fhir/us/core/StructureDefinition/us-core-immunization'),
  ),
  changed('status', [5, 1], GIVEN, both(theirs('not-done'), ours('completed'), noStatus)),
  leftOut('statusReason.coding[].system', [5, 1], GIVEN, both(theirsMatches(/v3-ActReason$/), noStatus)),
  leftOut('statusReason.coding[].code', [5, 1], GIVEN, both(theirs('PATOBJ'), noStatus)),
  leftOut('statusReason.coding[].display', [5, 1], GIVEN, both(theirs('patient objection'), noStatus)),
  added(
    'statusReason.text',
    [20, 5],
    REFUSED,
    oursIs((_row, facts) => titleOf('immunization_refusal_reason', 'refusal_reason')(facts)),
  ),
  added(
    'vaccineCode.text',
    [133, 33],
    NAME,
    oursIs((_row, facts) => vaccineName(facts)),
  ),
  added(
    'vaccineCode.text',
    [5, 2],
    NAME,
    ({ row, difference }) => difference.ours === `CVX ${String(row['cvx_code'])}`,
  ),
  leftOut(
    'vaccineCode.coding[].display',
    [5, 2],
    NAME,
    both(theirs(null), (facts) => vaccineName(facts) === undefined),
  ),
  added('patient.type', [138, 35], DISPLAY, ours('Patient')),
  added('encounter.type', [132, 35], DISPLAY, ours('Encounter')),
  leftOut('location.reference', [132, 35], PLACE, theirsMatches(/^Location\//)),
  changed(
    'primarySource',
    [107, 27],
    SOURCE,
    both(ours(true), ({ row }) => row['information_source'] === 'new_immunization_record'),
  ),
  added(
    'reportOrigin.coding[].system',
    [31, 8],
    SOURCE,
    both(ours('http://terminology.hl7.org/CodeSystem/immunization-origin'), recalled),
  ),
  added('reportOrigin.coding[].code', [31, 8], SOURCE, both(ours('recall'), recalled)),
  added('reportOrigin.coding[].display', [31, 8], SOURCE, both(ours('Parent/Guardian/Patient Recall'), recalled)),
  added('reportOrigin.text', [31, 8], SOURCE, both(ours('Parent Recall'), recalled)),
  added('manufacturer.identifier.system', [107, 27], MAKER, ours('http://hl7.org/fhir/sid/mvx')),
  added('manufacturer.identifier.value', [107, 27], MAKER, oursIsColumn('manufacturer')),
  added(
    'manufacturer.display',
    [107, 27],
    MAKER,
    oursIs((_row, facts) => titleOf('Immunization_Manufacturer', 'manufacturer')(facts)),
  ),
  changed('expirationDate', [138, 35], 'A date has no time.', both(sameDay, oursIsColumn('expiration_date'))),
  added(
    'site.text',
    [107, 27],
    'The site is named in words too.',
    oursIs((_row, facts) => titleOf('immunization_administered_site', 'administration_site')(facts)),
  ),
  added('route.coding[].system', [138, 35], ROUTE, ours('http://ncicb.nci.nih.gov/xml/owl/EVS/Thesaurus.owl')),
  added(
    'route.coding[].code',
    [138, 35],
    ROUTE,
    ({ difference, row, rows }) =>
      optionOf({ difference, row, rows, timeZone: 'UTC' }, 'drug_route', row['route'])['codes'] ===
      `NCI-CONCEPT-ID:${String(difference.ours)}`,
  ),
  added(
    'route.coding[].display',
    [138, 35],
    ROUTE,
    oursIs((_row, facts) => titleOf('drug_route', 'route')(facts)),
  ),
  added(
    'route.text',
    [138, 35],
    ROUTE,
    oursIs((_row, facts) => titleOf('drug_route', 'route')(facts)),
  ),
  changed(
    'doseQuantity.value',
    [107, 27],
    DOSE,
    both(
      theirs(0),
      oursIs((row) => Number(row['amount_administered'])),
    ),
  ),
  added(
    'doseQuantity.value',
    [31, 8],
    DOSE,
    oursIs((row) => Number(row['amount_administered'])),
  ),
  added('doseQuantity.unit', [138, 35], DOSE, oursIsColumn('amount_administered_unit')),
  added('doseQuantity.system', [31, 8], DOSE, ours(UCUM)),
  added('doseQuantity.code', [31, 8], DOSE, oursIsColumn('amount_administered_unit')),
  added(
    'performer[].actor.reference',
    [138, 35],
    WHO,
    oursIs((row, facts) => `Practitioner/${uuidOf(userOf(facts, row['ordering_provider']))}`),
  ),
  added('performer[].actor.type', [138, 35], DISPLAY, ours('Practitioner')),
  added('performer[].actor.display', [31, 8], WHO, both(ours('Outside clinic'), outside)),
  added('performer[].actor.display', [245, 62], DISPLAY, (facts) =>
    performerNames(facts).includes(facts.difference.ours),
  ),
  added('performer[].function.coding[].system', [276, 70], WHO, ours('http://terminology.hl7.org/CodeSystem/v2-0443')),
  added('performer[].function.coding[].code', [276, 70], WHO, ours('AP', 'OP')),
  added('performer[].function.coding[].display', [276, 70], WHO, ours('Administering Provider', 'Ordering Provider')),
  added('education[].documentType', [138, 35], INFORMED, ours('Vaccine Information Statement')),
  added('education[].publicationDate', [138, 35], INFORMED, oursIsColumn('vis_date')),
  added('education[].presentationDate', [138, 35], INFORMED, oursIsColumn('education_date')),
];
