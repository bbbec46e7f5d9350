import type { RecordedRow } from 'infra/openemr-sim/sim-data';
import {
  ONE_PROFILE,
  line,
  metaLines,
  optionOf,
  ours,
  oursIs,
  theirsMatches,
  both,
  theirs,
  type DifferenceFacts,
  type ExpectedDifference,
  type Holds,
} from './golden-difference.js';

const NAME = 'The name in one text, as a page shows it.';
const DROPPED = "OpenEMR's FHIR drops it.";
const EMERGENCY = "That this person is called in an emergency; OpenEMR's FHIR drops it.";
const KIN = "The kin in words, and by HL7's present name of the system of its codes.";

const relationOf = ({ row, rows }: DifferenceFacts): RecordedRow =>
  rows.find('contact_relation', { target_table: 'person', target_id: row['id'] ?? null }) ?? {};
const addressOf = ({ row, rows }: DifferenceFacts): RecordedRow => {
  const contact = rows.find('contact', { foreign_table_name: 'person', foreign_id: row['id'] ?? null }) ?? {};
  const link = rows.find('contact_address', { contact_id: contact['id'] ?? null }) ?? {};
  return rows.find('addresses', { id: link['address_id'] ?? null }) ?? {};
};
const kin: Holds = oursIs(
  (_row, facts) => optionOf(facts, 'related_person_relationship', relationOf(facts)['relationship'])['title'],
);
const emergency =
  (value: string): Holds =>
  (facts) =>
    relationOf(facts)['is_emergency_contact'] === 1 && facts.difference.ours === value;

const added = (path: string, reason: string, holds: Holds): ExpectedDifference =>
  line('RelatedPerson', path, 'added', [4, 1], reason, holds);

/** Differences of RelatedPerson. */
export const RELATED_PERSON_DIFFERENCES: readonly ExpectedDifference[] = [
  ...metaLines('RelatedPerson', [4, 1]),
  line(
    'RelatedPerson',
    'meta.profile[]',
    'left out',
    [8, 2],
    ONE_PROFILE,
    theirsMatches(/us-core-relatedperson\|[78]\.0\.0$/),
  ),
  line(
    'RelatedPerson',
    'relationship[].coding[].system',
    'changed',
    [4, 1],
    KIN,
    both(
      theirs('http://terminology.hl7.org/CodeSystem/role-code'),
      ours('http://terminology.hl7.org/CodeSystem/v3-RoleCode'),
    ),
  ),
  added('relationship[].text', KIN, kin),
  added('relationship[].coding[].system', EMERGENCY, emergency('http://terminology.hl7.org/CodeSystem/v2-0131')),
  added('relationship[].coding[].code', EMERGENCY, emergency('C')),
  added('relationship[].coding[].display', EMERGENCY, emergency('Emergency Contact')),
  added('relationship[].text', EMERGENCY, emergency('Emergency Contact')),
  added(
    'name[].text',
    NAME,
    oursIs((row) => `${String(row['first_name'])} ${String(row['last_name'])}`),
  ),
  added(
    'address[].postalCode',
    DROPPED,
    oursIs((_row, facts) => addressOf(facts)['zip']),
  ),
  added(
    'address[].country',
    DROPPED,
    oursIs((_row, facts) => addressOf(facts)['country']),
  ),
  added(
    'period.start',
    DROPPED,
    oursIs((_row, facts) => String(relationOf(facts)['start_date']).slice(0, 10)),
  ),
  line(
    'RelatedPerson',
    'address[].period.start',
    'left out',
    [4, 1],
    'OpenEMR makes the start a year before the request; nobody entered one.',
    theirsMatches(/^2025-11-2[12]T/),
  ),
];
