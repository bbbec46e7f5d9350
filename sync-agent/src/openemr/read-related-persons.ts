import { z } from 'zod';
import { Id, OptionalWhole, Text, WallClock, Whole } from './column-types.js';
import type { LookupsWanted } from './read-lookups.js';
import { ContactTelecomRow } from './read-care-team.js';
import type { Snapshot } from './snapshot.js';
import { sourceRow, type SourceRow } from './source-row.js';

/** A person of the patient's own and what they are to the patient, one row for each such relation. */
export const RelatedPersonRow = z.object({
  id: Id,
  relationship: Text,
  role: Text,
  is_emergency_contact: Whole,
  start_date: WallClock,
  end_date: WallClock,
  patient_contact_id: Id,
  person_id: Id,
  first_name: Text,
  middle_name: Text,
  last_name: Text,
});
export type RelatedPersonRow = z.infer<typeof RelatedPersonRow>;

/** An address that is kept apart from who lives there. */
export const KeptAddressRow = z.object({
  contact_id: Id,
  /** whose the contact is: a row of `patient_data` by its pid, or of `person` */
  foreign_table_name: Text,
  foreign_id: Id,
  contact_address_id: Id,
  address_id: Id,
  type: Text,
  use: Text,
  period_start: WallClock,
  period_end: WallClock,
  line1: Text,
  line2: Text,
  city: Text,
  district: Text,
  state: Text,
  zip: Text,
  plus_four: Text,
  country: Text,
});
export type KeptAddressRow = z.infer<typeof KeptAddressRow>;

/** A number of a person's, who may have several contacts. */
export const PersonTelecomRow = ContactTelecomRow.extend({ person_id: Id });
export type PersonTelecomRow = z.infer<typeof PersonTelecomRow>;

export interface RelatedPersonRows {
  persons: RelatedPersonRow[];
  personTelecoms: PersonTelecomRow[];
  personAddresses: KeptAddressRow[];
}

/** A relation with each contact of the person's and each number there, or with none. */
const ReachableRow = RelatedPersonRow.extend({
  contact_id: OptionalWhole,
  telecom_id: OptionalWhole,
  telecom_system: Text,
  telecom_use: Text,
  telecom_value: Text,
});

/**
 * One query, without the persons' addresses. Whoever is a patient of the practice, too, and not one of its persons, is
 * nobody to show; nor is who was related until a day before that of reading.
 */
export async function readRelatedPersons(
  snapshot: Snapshot,
  pid: number,
  wanted: LookupsWanted,
): Promise<{ rows: Omit<RelatedPersonRows, 'personAddresses'>; sources: SourceRow[] }> {
  const reachable = await snapshot.selectLookups(
    'related persons',
    ReachableRow,
    `SELECT r.id, r.relationship, r.role, r.is_emergency_contact, r.start_date, r.end_date,
            c.id AS patient_contact_id, p.id AS person_id, p.first_name, p.middle_name, p.last_name,
            own.id AS contact_id,
            t.id AS telecom_id, t.system AS telecom_system, t.\`use\` AS telecom_use, t.value AS telecom_value
       FROM contact c
       JOIN ${snapshot.table('contact_relation', 'r')}
         ON r.contact_id = c.id AND r.target_table = 'person' AND r.active = 1
       JOIN ${snapshot.table('person', 'p')} ON p.id = r.target_id
       LEFT JOIN contact own ON own.foreign_id = r.target_id AND own.foreign_table_name = 'person'
       LEFT JOIN ${snapshot.table('contact_telecom', 't')} ON t.contact_id = own.id AND t.status = 'A'
      WHERE c.foreign_id = ? AND c.foreign_table_name = 'patient_data'
        AND (r.end_date IS NULL OR YEAR(r.end_date) = 0 OR r.end_date >= CURRENT_DATE)
      ORDER BY r.contact_priority, r.id, own.id, t.\`rank\`, t.id`,
    [pid],
  );
  const persons = [...new Map(reachable.map((row) => [row.id, RelatedPersonRow.parse(row)])).values()];
  const contacts = new Set(reachable.flatMap(({ contact_id }) => contact_id ?? []));
  const telecoms = reachable.flatMap(({ telecom_id, contact_id, person_id, ...row }) => {
    const { telecom_system: system, telecom_use: use, telecom_value: value } = row;
    return telecom_id === null || contact_id === null
      ? []
      : [{ id: telecom_id, contact_id, person_id, system, use, value }];
  });
  const personTelecoms = [...new Map(telecoms.map((row) => [row.id, row])).values()];
  for (const { relationship, role } of persons) {
    wanted.option('related_person_relationship', relationship);
    wanted.option('related_person_role', role);
  }
  return {
    rows: { persons, personTelecoms },
    sources: [
      ...persons.flatMap((row) => [
        sourceRow('contact_relation', row),
        sourceRow('contact', { id: row.patient_contact_id }),
        sourceRow('person', { id: row.person_id }),
      ]),
      ...[...contacts].map((id) => sourceRow('contact', { id })),
      ...personTelecoms.map((row) => sourceRow('contact_telecom', row)),
    ],
  };
}

/** One query: addresses that are kept apart, of the patient and of persons of their own. */
export async function readKeptAddresses(
  snapshot: Snapshot,
  pid: number,
  persons: readonly RelatedPersonRow[],
): Promise<{ own: KeptAddressRow[]; ofPersons: KeptAddressRow[]; sources: SourceRow[] }> {
  const owners = [['patient_data', pid] as const, ...persons.map(({ person_id }) => ['person', person_id] as const)];
  const rows = await snapshot.selectLookups(
    'further addresses',
    KeptAddressRow,
    `SELECT c.id AS contact_id, c.foreign_table_name, c.foreign_id, ca.id AS contact_address_id, a.id AS address_id, ca.type, ca.\`use\`,
            ca.period_start, ca.period_end,
            a.line1, a.line2, a.city, a.district, a.state, a.zip, a.plus_four, a.country
       FROM contact c
       JOIN contact_address ca ON ca.contact_id = c.id
       JOIN addresses a ON a.id = ca.address_id
      WHERE c.foreign_id IN (?) AND (c.foreign_table_name, c.foreign_id) IN (?) AND ca.status = 'A'
      ORDER BY ca.id`,
    [owners.map(([, id]) => id), owners],
  );
  return {
    own: rows.filter(({ foreign_table_name }) => foreign_table_name === 'patient_data'),
    ofPersons: rows.filter(({ foreign_table_name }) => foreign_table_name === 'person'),
    sources: rows.flatMap((row) => [
      sourceRow('contact', { id: row.contact_id }),
      sourceRow('contact_address', { id: row.contact_address_id }),
      sourceRow('addresses', { id: row.address_id }),
    ]),
  };
}
