import type { Resource } from 'sync-contract/section-content';
import type { PracticeRows, SiteRow, StaffRow } from '../openemr/read-practice.js';
import { profileMeta, resource } from './fhir.js';
import { displayName, People } from './people.js';
import type { RenderTools } from './render-tools.js';

/**
 * The practice as its patients see it, equal in every chart: the sites that patients come to, the main one first; the
 * clinicians; who receives portal messages; and whether messages are open, as a HealthcareService.
 */
export function renderPractice(rows: PracticeRows, tools: RenderTools): { resources: Resource[]; skipped: number } {
  const sites = rows.sites
    .filter(({ inactive, service_location, primary_business_entity, name }) => {
      return inactive === 0 && name !== '' && service_location + primary_business_entity > 0;
    })
    .sort((a, b) => b.primary_business_entity - a.primary_business_entity || a.id - b.id);
  const staff = rows.staff.filter((user) => user.active === 1 && displayName(user) !== '');
  const clinicians = staff.filter(({ authorized }) => authorized === 1);
  const recipients = staff.filter(({ portal_user }) => portal_user === 1);
  const people = new People(tools.ids, { users: staff, practice: null, facilities: sites, listOptions: [] });
  for (const site of sites) {
    people.facilityLocation(site.id);
  }
  const shown = new Set([...clinicians, ...recipients]);
  for (const user of shown) {
    people.practitioner(user.id);
  }
  return {
    resources: [
      messageService(rows, recipients.length > 0, tools),
      ...recipients.map((user) => recipient(user, people, tools)),
      ...inOrder(people.resources(), sites, tools).map((each) => withSpecialty(each, staff, tools)),
    ],
    skipped: 0,
  };
}

/** Open while staff see messages in OpenEMR and somebody receives them. */
function messageService({ mail }: PracticeRows, received: boolean, tools: RenderTools): Resource {
  return resource({
    resourceType: 'HealthcareService',
    id: tools.ids.id('globals', 'portal_onsite_two_enable'),
    active: received && mail.some(({ gl_value }) => gl_value === '1'),
    name: 'Portal messages',
  });
}

function recipient(user: StaffRow, people: People, tools: RenderTools): Resource {
  return resource({
    resourceType: 'PractitionerRole',
    id: tools.ids.id('users', `portal messages ${String(user.id)}`),
    meta: profileMeta('us-core-practitionerrole'),
    active: true,
    practitioner: people.practitioner(user.id),
    healthcareService: [
      {
        ...tools.ids.reference('HealthcareService', 'globals', 'portal_onsite_two_enable'),
        display: 'Portal messages',
      },
    ],
  });
}

/** The main site before the others; the order of ids says nothing. */
function inOrder(resources: readonly Resource[], sites: readonly SiteRow[], tools: RenderTools): Resource[] {
  const places = sites.map(({ id }) => tools.ids.id('facility', `location ${String(id)}`));
  const placeOf = ({ id }: Resource): number => (places.includes(id) ? places.indexOf(id) : places.length);
  return [...resources].sort((a, b) => placeOf(a) - placeOf(b));
}

function withSpecialty(person: Resource, staff: readonly StaffRow[], tools: RenderTools): Resource {
  const specialty = staff.find(({ id }) => tools.ids.id('users', id) === person.id)?.specialty ?? '';
  return specialty === '' ? person : { ...person, qualification: [{ code: { text: specialty } }] };
}
