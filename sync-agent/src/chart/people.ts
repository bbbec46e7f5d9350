import type { Resource } from 'sync-contract/section-content';
import type { FacilityRow, Lookups, UserRow } from '../openemr/read-lookups.js';
import type { LabRow } from '../openemr/read-results.js';
import { profileMeta, resource, some, SYSTEMS, type Reference } from './fhir.js';
import type { ResourceIds } from './resource-id.js';

/** Name as a patient reads it: `Hannah M Greene, MD`; an address book entry without a person shows its organization. */
export function displayName(user: UserRow): string {
  const name = [user.fname, user.mname, user.lname].filter((part) => part !== '').join(' ');
  return name === '' ? user.organization : [name, user.suffix].filter((part) => part !== '').join(', ');
}

/**
 * Practitioners and organizations that a section's resources point to. Each reference carries the name, and the
 * section carries each of them once.
 */
export class People {
  private readonly users: ReadonlyMap<number, UserRow>;
  private readonly usersByName: ReadonlyMap<string, UserRow>;
  private readonly practice: FacilityRow | null;
  private readonly facilities: ReadonlyMap<number, FacilityRow>;
  private readonly used = new Map<string, Resource>();

  constructor(
    private readonly ids: ResourceIds,
    lookups: Lookups,
  ) {
    this.users = new Map(lookups.users.map((user) => [user.id, user]));
    this.usersByName = new Map(lookups.users.map((user) => [user.username, user]));
    this.practice = lookups.practice;
    this.facilities = new Map(lookups.facilities.map((facility) => [facility.id, facility]));
  }

  practitioner(userId: number): Reference | undefined {
    return this.practitionerOf(this.users.get(userId));
  }

  practitionerNamed(username: string): Reference | undefined {
    return username === '' ? undefined : this.practitionerOf(this.usersByName.get(username));
  }

  practiceOrganization(): Reference | undefined {
    return this.practice === null ? undefined : this.organizationOf(this.practice);
  }

  /** A site of the practice as who answers for what was done there. */
  facilityOrganization(facilityId: number): Reference | undefined {
    const facility = this.facilities.get(facilityId);
    return facility === undefined ? undefined : this.organizationOf(facility);
  }

  /** A site of the practice as the place where something was done. */
  facilityLocation(facilityId: number): Reference | undefined {
    const facility = this.facilities.get(facilityId);
    if (facility === undefined || facility.name === '') {
      return undefined;
    }
    const { name } = facility;
    const id = this.ids.id('facility', `location ${String(facilityId)}`);
    this.used.set(
      id,
      resource({
        resourceType: 'Location',
        id,
        meta: profileMeta('us-core-location'),
        status: 'active',
        name,
        telecom: phones(facility.phone),
        address: addressOf(facility),
        managingOrganization: this.organizationOf(facility),
      }),
    );
    return { reference: `Location/${id}`, type: 'Location', display: name };
  }

  private organizationOf(facility: FacilityRow): Reference | undefined {
    if (facility.name === '') {
      return undefined;
    }
    const id = this.ids.id('facility', facility.id);
    this.used.set(id, organization(id, facility.name, facility.facility_npi, facility.phone, addressOf(facility)));
    return { reference: `Organization/${id}`, type: 'Organization', display: facility.name };
  }

  /** The laboratory; OpenEMR keeps its address with the address book entry of its director. */
  laboratory(lab: LabRow): Reference | undefined {
    if (lab.name === '') {
      return undefined;
    }
    const id = this.ids.id('procedure_providers', lab.ppid);
    const director = this.users.get(lab.lab_director);
    this.used.set(
      id,
      organization(id, lab.name, lab.npi, director?.phonew1 ?? '', {
        line: [director?.street ?? '', director?.streetb ?? ''],
        city: director?.city,
        state: director?.state,
        postalCode: director?.zip,
      }),
    );
    return { reference: `Organization/${id}`, type: 'Organization', display: lab.name };
  }

  /** A person who directs the laboratory; many practices keep only the laboratory's own entry there. */
  laboratoryDirector(lab: LabRow): Reference | undefined {
    const director = this.users.get(lab.lab_director);
    return director === undefined || director.lname === '' || director.organization === lab.name
      ? undefined
      : this.practitionerOf(director);
  }

  /** What was referred to so far, in a fixed order. */
  resources(): Resource[] {
    return [...this.used.values()].sort((a, b) => compare(a.resourceType, b.resourceType) || compare(a.id, b.id));
  }

  private practitionerOf(user: UserRow | undefined): Reference | undefined {
    const display = user === undefined ? '' : displayName(user);
    if (user === undefined || display === '') {
      return undefined;
    }
    const id = this.ids.id('users', user.id);
    this.used.set(
      id,
      resource({
        resourceType: 'Practitioner',
        id,
        meta: profileMeta('us-core-practitioner'),
        identifier: [user.npi === '' ? undefined : { system: SYSTEMS.npi, value: user.npi }],
        name: [
          {
            text: display,
            family: some(user.lname),
            given: [user.fname, user.mname],
            prefix: [user.title],
            suffix: [user.suffix],
          },
        ],
      }),
    );
    return { reference: `Practitioner/${id}`, type: 'Practitioner', display };
  }
}

const addressOf = (facility: FacilityRow): Record<string, unknown> => ({
  line: [facility.street],
  city: facility.city,
  state: facility.state,
  postalCode: facility.postal_code,
  country: facility.country_code,
});

const phones = (phone: string): unknown[] => [
  phone === '' ? undefined : { system: 'phone', value: phone, use: 'work' },
];

function organization(
  id: string,
  name: string,
  npi: string,
  phone: string,
  address: Record<string, unknown>,
): Resource {
  return resource({
    resourceType: 'Organization',
    id,
    meta: profileMeta('us-core-organization'),
    identifier: [npi === '' ? undefined : { system: SYSTEMS.npi, value: npi }],
    active: true,
    name,
    telecom: phones(phone),
    address: [address],
  });
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
