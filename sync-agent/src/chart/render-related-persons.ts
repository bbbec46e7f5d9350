import type { Resource } from 'sync-contract/section-content';
import type { ContactTelecomRow } from '../openemr/read-care-team.js';
import type { KeptAddressRow, RelatedPersonRow, RelatedPersonRows } from '../openemr/read-related-persons.js';
import type { ClinicTime } from './clinic-time.js';
import { profileMeta, resource, type CodeableConcept } from './fhir.js';
import type { RenderTools } from './render-tools.js';

const TELECOM_SYSTEMS = ['phone', 'fax', 'email', 'pager', 'url', 'sms'];
const TELECOM_USES = ['home', 'work', 'temp', 'old', 'mobile'];

/** Persons of the patient's own, once each, with all that they are to the patient. */
export function renderRelatedPersons(rows: RelatedPersonRows, tools: RenderTools): Resource[] {
  const byPerson = [...Map.groupBy(rows.persons, ({ person_id }) => person_id).values()];
  return byPerson.flatMap((relations) => {
    const [first] = relations;
    const name = first === undefined ? '' : nameOf(first);
    return first === undefined || name === '' ? [] : [relatedPerson(first, relations, rows, tools)];
  });
}

const nameOf = ({ first_name, middle_name, last_name }: RelatedPersonRow): string =>
  [first_name, middle_name, last_name].filter((part) => part !== '').join(' ');

function relatedPerson(
  first: RelatedPersonRow,
  relations: readonly RelatedPersonRow[],
  { personTelecoms, personAddresses }: RelatedPersonRows,
  tools: RenderTools,
): Resource {
  return resource({
    resourceType: 'RelatedPerson',
    id: tools.ids.id('person', first.person_id),
    meta: profileMeta('us-core-relatedperson'),
    active: true,
    patient: tools.ids.patient(tools.pid),
    relationship: distinct(relations.flatMap((row) => relationships(row, tools))),
    name: [
      { use: 'official', text: nameOf(first), family: first.last_name, given: [first.first_name, first.middle_name] },
    ],
    telecom: personTelecoms.filter(({ person_id }) => person_id === first.person_id).map(telecomOf),
    address: personAddresses
      .filter(({ foreign_id }) => foreign_id === first.person_id)
      .map((row) => keptAddress(row, tools.time)),
    period: periodOf(relations, tools.time),
  });
}

const ROLE_CODE = 'http://terminology.hl7.org/CodeSystem/v3-RoleCode';
const CONTACT_ROLE = 'http://terminology.hl7.org/CodeSystem/v2-0131';
const EMERGENCY = {
  coding: [{ system: CONTACT_ROLE, code: 'C', display: 'Emergency Contact' }],
  text: 'Emergency Contact',
};

/** Kin by HL7's codes, which are the options of OpenEMR's list; the part they have for the patient in the list's words. */
function relationships(row: RelatedPersonRow, { options }: RenderTools): CodeableConcept[] {
  const kin = options.title('related_person_relationship', row.relationship);
  const role = options.title('related_person_role', row.role);
  const isKnown = options.find('related_person_relationship', row.relationship) !== undefined;
  const coding = isKnown ? [{ system: ROLE_CODE, code: row.relationship, display: kin }] : [];
  const isEmergency = row.is_emergency_contact > 0 || row.role === 'ECON';
  return [
    ...(kin === '' ? [] : [{ coding, text: kin }]),
    ...(isEmergency ? [EMERGENCY] : []),
    ...(role === '' || row.role === 'ECON' ? [] : [{ text: role }]),
  ];
}

function distinct<T>(values: readonly T[]): T[] {
  return [...new Map(values.map((value) => [JSON.stringify(value), value])).values()];
}

export function telecomOf({ system, use, value }: ContactTelecomRow): unknown {
  return value === ''
    ? undefined
    : {
        system: TELECOM_SYSTEMS.includes(system) ? system : 'other',
        value,
        use: TELECOM_USES.includes(use) ? use : undefined,
      };
}

export function keptAddress(
  row: KeptAddressRow,
  time: ClinicTime,
): {
  line: string[];
  city: string;
  postalCode: string;
  [part: string]: unknown;
} {
  return {
    use: row.use,
    type: row.type,
    line: [row.line1, row.line2],
    city: row.city,
    district: row.district,
    state: row.state,
    postalCode: row.plus_four === '' ? row.zip : `${row.zip}-${row.plus_four}`,
    country: row.country,
    period: { start: time.dateTime(row.period_start), end: time.dateTime(row.period_end) },
  };
}

/** Of one relation; several have no time in common. */
function periodOf(relations: readonly RelatedPersonRow[], time: ClinicTime): unknown {
  const [only, another] = relations;
  return only === undefined || another !== undefined
    ? undefined
    : { start: time.dateOrDateTime(only.start_date), end: time.dateOrDateTime(only.end_date) };
}
