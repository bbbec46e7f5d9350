import { boolean, list, object, ofType, string, strings } from './fhir.js';
import type { Json } from './fhir.js';
import { nameOf, placeOf, type Place } from './referred.js';

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
  people: { id: string; name: string; qualification: string | undefined }[];
}

/** What a `practice` section says: places where the practice is, and who works there. */
export function readPractice(resources: unknown[]): PracticeInfo {
  const places = [...ofType(resources, 'Location'), ...ofType(resources, 'Organization')]
    .filter((resource) => boolean(resource, 'active') !== false && string(resource, 'status') !== 'inactive')
    .flatMap(readSite);
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
        return name === undefined ? [] : [{ id: string(person, 'id') ?? '', name, qualification }];
      })
      .sort((a, b) => a.name.localeCompare(b.name)),
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
