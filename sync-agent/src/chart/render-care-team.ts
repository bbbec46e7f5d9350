import type { Resource } from 'sync-contract/section-content';
import type { CareTeamMemberRow, CareTeamRow, CareTeamRows, ContactTelecomRow } from '../openemr/read-care-team.js';
import { profileMeta, resource, type Reference } from './fhir.js';
import { telecomOf } from './render-related-persons.js';
import type { RenderTools } from './render-tools.js';

const STATUSES = ['proposed', 'active', 'suspended', 'inactive', 'entered-in-error'];
/** Of a team or member that takes part no more, or never should have, nothing is shown as if it did. */
const GONE = ['inactive', 'entered-in-error'];
const ACTIVE_FIRST = ['active', 'proposed', 'suspended', 'inactive'];

/** Care teams as CareTeams, active ones first, then the newest, with the persons of the patient's own as RelatedPersons. */
export function renderCareTeam(
  { teams, members, telecoms }: CareTeamRows,
  tools: RenderTools,
): { resources: Resource[]; skipped: number } {
  const shown = teams
    .filter(({ status }) => status !== 'entered-in-error')
    .sort((a, b) => ACTIVE_FIRST.indexOf(a.status) - ACTIVE_FIRST.indexOf(b.status) || b.id - a.id);
  const related = new Map<string, Resource>();
  const rendered = shown.map((team) => {
    const ofTeam = members.filter(({ care_team_id, status }) => care_team_id === team.id && !GONE.includes(status));
    for (const person of ofTeam) {
      const resource = renderPerson(person, telecoms, tools);
      if (resource !== undefined) {
        related.set(resource.id, resource);
      }
    }
    return renderTeam(team, ofTeam, tools);
  });
  return { resources: [...rendered, ...related.values(), ...tools.people.resources()], skipped: 0 };
}

function renderTeam(team: CareTeamRow, members: readonly CareTeamMemberRow[], tools: RenderTools): Resource {
  return resource({
    resourceType: 'CareTeam',
    id: tools.ids.id('care_teams', team.id),
    meta: profileMeta('us-core-careteam'),
    status: STATUSES.includes(team.status) ? team.status : 'active',
    name: team.team_name,
    subject: tools.ids.patient(tools.pid),
    participant: members.map((member) => participant(member, tools)),
    note: [team.note === '' ? undefined : { text: team.note }],
  });
}

/** Role and who; a member of whom nobody knows the name has the role alone. */
function participant(member: CareTeamMemberRow, tools: RenderTools): unknown {
  const facility = tools.people.facilityOrganization(member.facility_id);
  const person = tools.people.practitioner(member.user_id) ?? personReference(member, tools);
  const start = tools.time.date(member.provider_since);
  return {
    role: [tools.options.concept('care_team_roles', member.role)],
    member: person ?? facility,
    onBehalfOf: person === undefined ? undefined : facility,
    period: start === undefined ? undefined : { start },
  };
}

const nameOf = (member: CareTeamMemberRow): string =>
  [member.first_name, member.middle_name, member.last_name].filter((part) => part !== '').join(' ');

function personReference(member: CareTeamMemberRow, tools: RenderTools): Reference | undefined {
  const name = nameOf(member);
  return member.person_id === null || name === ''
    ? undefined
    : { ...tools.ids.reference('RelatedPerson', 'person', member.person_id, name), type: 'RelatedPerson' };
}

function renderPerson(
  member: CareTeamMemberRow,
  telecoms: readonly ContactTelecomRow[],
  tools: RenderTools,
): Resource | undefined {
  const name = nameOf(member);
  if (member.person_id === null || name === '') {
    return undefined;
  }
  return resource({
    resourceType: 'RelatedPerson',
    id: tools.ids.id('person', member.person_id),
    meta: profileMeta('us-core-relatedperson'),
    active: true,
    patient: tools.ids.patient(tools.pid),
    relationship: [member.note === '' ? undefined : { text: member.note }],
    name: [{ text: name, family: member.last_name, given: [member.first_name, member.middle_name] }],
    telecom: telecoms
      .filter(({ contact_id, value }) => contact_id === member.contact_id && value !== '')
      .map(telecomOf),
  });
}
