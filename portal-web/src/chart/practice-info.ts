import { boolean, list, object, ofType, string, strings } from './fhir.js';
import type { Json } from './fhir.js';
import { nameOf, placeOf, referredId, type Place } from './referred.js';

export interface OpeningHours {
  /** FHIR days: mon, tue, … */
  days: string[];
  allDay: boolean;
  opens: string | undefined;
  closes: string | undefined;
}

export interface Site extends Place {
  id: string;
  description: string | undefined;
  hours: OpeningHours[];
}

export interface PracticeInfo {
  sites: Site[];
  people: { id: string; name: string; qualification: string | undefined; answersMessages: boolean }[];
  /** whether the practice takes messages through the portal; undefined when it does not say */
  takesMessages: boolean | undefined;
}

/** What a `practice` section says: where the practice is, who works there, and who takes messages. */
export function readPractice(resources: unknown[]): PracticeInfo {
  const places = [...ofType(resources, 'Location'), ...ofType(resources, 'Organization')]
    .filter((resource) => boolean(resource, 'active') !== false && string(resource, 'status') !== 'inactive')
    .flatMap(readSite);
  const recipients = new Set(
    ofType(resources, 'PractitionerRole')
      .filter((role) => boolean(role, 'active') !== false && list(role, 'healthcareService').length > 0)
      .flatMap((role) => referredId(object(role, 'practitioner'), 'Practitioner') ?? []),
  );
  const service = ofType(resources, 'HealthcareService')[0];
  const seen = new Set<string>();
  return {
    // A place is often there twice: as a location and as the organization that runs it.
    sites: places.filter((site) => {
      const key = `${site.name ?? ''}|${site.address.join('|')}`.toLowerCase();
      const first = !seen.has(key);
      seen.add(key);
      return first;
    }),
    people: ofType(resources, 'Practitioner')
      .flatMap((person) => {
        const name = nameOf(person);
        const qualification = list(person, 'qualification')
          .map((entry) => string(object(entry, 'code'), 'text'))
          .find((text) => text !== undefined);
        const id = string(person, 'id') ?? '';
        return name === undefined ? [] : [{ id, name, qualification, answersMessages: recipients.has(id) }];
      })
      .sort((a, b) => a.name.localeCompare(b.name)),
    takesMessages: service === undefined ? undefined : boolean(service, 'active'),
  };
}

function readSite(resource: Json): Site[] {
  const place = placeOf(resource, undefined);
  return place === null
    ? []
    : [
        {
          ...place,
          id: string(resource, 'id') ?? '',
          description: string(resource, 'description'),
          hours: list(resource, 'hoursOfOperation').map((hours) => ({
            days: strings(hours, 'daysOfWeek'),
            allDay: boolean(hours, 'allDay') === true,
            opens: string(hours, 'openingTime'),
            closes: string(hours, 'closingTime'),
          })),
        },
      ];
}
