import { z } from 'zod';
import { Id, OptionalWhole, Text, WallClock, Whole } from './column-types.js';
import type { LookupsWanted } from './read-lookups.js';
import type { Snapshot } from './snapshot.js';
import { sourceRow, type SourceRow } from './source-row.js';

export const CareTeamRow = z.object({ id: Id, status: Text, team_name: Text, note: Text });
export type CareTeamRow = z.infer<typeof CareTeamRow>;

/** A member: somebody of the practice, a person of the patient's own, or a site. */
export const CareTeamMemberRow = z.object({
  id: Id,
  care_team_id: Id,
  user_id: Whole,
  facility_id: Whole,
  contact_id: Whole,
  role: Text,
  provider_since: WallClock,
  status: Text,
  note: Text,
  person_id: OptionalWhole,
  first_name: Text,
  middle_name: Text,
  last_name: Text,
});
export type CareTeamMemberRow = z.infer<typeof CareTeamMemberRow>;

export const ContactTelecomRow = z.object({ id: Id, contact_id: Whole, system: Text, use: Text, value: Text });
export type ContactTelecomRow = z.infer<typeof ContactTelecomRow>;

export interface CareTeamRows {
  teams: CareTeamRow[];
  members: CareTeamMemberRow[];
  telecoms: ContactTelecomRow[];
}

/** Three queries. A contact that is a patient of the practice, and not one of its persons, is nobody to show. */
export async function readCareTeam(
  snapshot: Snapshot,
  pid: number,
  wanted: LookupsWanted,
): Promise<{ rows: CareTeamRows; sources: SourceRow[] }> {
  const teams = await snapshot.selectEntries(
    'care teams',
    CareTeamRow,
    `SELECT id, status, team_name, note FROM ${snapshot.table('care_teams')} WHERE pid = ? ORDER BY id`,
    [pid],
  );
  const members = await readMembers(snapshot, teams);
  const telecoms = await readTelecoms(snapshot, members);
  for (const member of members) {
    wanted.user(member.user_id);
    wanted.facility(member.facility_id);
    wanted.option('care_team_roles', member.role);
  }
  return {
    rows: { teams, members, telecoms },
    sources: [
      ...teams.map((row) => sourceRow('care_teams', row)),
      ...members.flatMap((row) => [
        sourceRow('care_team_member', row),
        ...(row.contact_id > 0 ? [sourceRow('contact', { id: row.contact_id })] : []),
        ...(row.person_id === null ? [] : [sourceRow('person', { id: row.person_id })]),
      ]),
      ...telecoms.map((row) => sourceRow('contact_telecom', row)),
    ],
  };
}

async function readMembers(snapshot: Snapshot, teams: readonly CareTeamRow[]): Promise<CareTeamMemberRow[]> {
  return teams.length === 0
    ? []
    : snapshot.selectEntries(
        'members of care teams',
        CareTeamMemberRow,
        `SELECT m.id, m.care_team_id, m.user_id, m.facility_id, m.contact_id, m.role, m.provider_since, m.status, m.note,
                p.id AS person_id, p.first_name, p.middle_name, p.last_name
           FROM ${snapshot.table('care_team_member', 'm')}
           LEFT JOIN contact c ON c.id = m.contact_id AND c.foreign_table_name = 'person'
           LEFT JOIN ${snapshot.table('person', 'p')} ON p.id = c.foreign_id
          WHERE m.care_team_id IN (?) ORDER BY m.id`,
        [teams.map(({ id }) => id)],
      );
}

async function readTelecoms(snapshot: Snapshot, members: readonly CareTeamMemberRow[]): Promise<ContactTelecomRow[]> {
  const contacts = new Set(members.filter(({ person_id }) => person_id !== null).map(({ contact_id }) => contact_id));
  return contacts.size === 0
    ? []
    : snapshot.selectLookups(
        'how to reach members of care teams',
        ContactTelecomRow,
        `SELECT id, contact_id, system, \`use\`, value FROM ${snapshot.table('contact_telecom')}
          WHERE contact_id IN (?) AND status = 'A' ORDER BY contact_id, \`rank\`, id`,
        [[...contacts]],
      );
}
