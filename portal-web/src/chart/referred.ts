import { addressLines, isObject, list, string } from './fhir.js';
import type { Json } from './fhir.js';

/** People, organizations and places that the resources of a section point to, found in constant time. */
export class Referred {
  private readonly byId = new Map<string, Json>();

  constructor(resources: readonly unknown[]) {
    for (const resource of resources) {
      const id = string(resource, 'id');
      if (isObject(resource) && id !== undefined) {
        this.byId.set(`${string(resource, 'resourceType') ?? ''}/${id}`, resource);
      }
    }
  }

  resource(reference: Json | undefined): Json | undefined {
    const target = string(reference, 'reference')?.split('/').slice(-2).join('/');
    return target === undefined ? undefined : this.byId.get(target);
  }

  /** The name the reference carries, else the name of what it points to. */
  name(reference: Json | undefined): string | undefined {
    return string(reference, 'display') ?? nameOf(this.resource(reference));
  }

  names(references: readonly Json[]): string[] {
    return [...new Set(references.flatMap((reference) => this.name(reference) ?? []))];
  }
}

/** Of a person the human name, of an organization or place its name. */
export function nameOf(resource: Json | undefined): string | undefined {
  const names = list(resource, 'name');
  return names.length === 0 ? string(resource, 'name') : humanName(names[0]);
}

/** `text`, else prefix, given, family and suffix in that order. */
export function humanName(name: Json | undefined): string | undefined {
  const parts = ['prefix', 'given', 'family', 'suffix'].flatMap((key) => {
    const value = name?.[key];
    return Array.isArray(value)
      ? value.filter((part) => typeof part === 'string')
      : typeof value === 'string'
        ? [value]
        : [];
  });
  return string(name, 'text') ?? (parts.length === 0 ? undefined : parts.join(' '));
}

/** The id a reference of this type ends with. */
export function referredId(reference: Json | undefined, type: string): string | undefined {
  const [found, id] = string(reference, 'reference')?.split('/').slice(-2) ?? [];
  return found === type ? id : undefined;
}

export interface Place {
  name: string | undefined;
  address: string[];
  phones: string[];
}

/** An organization or place with what one needs to reach it; one address as object or the first of several. */
export function placeOf(resource: Json | undefined, name: string | undefined): Place | null {
  const given = resource?.['address'];
  const place = {
    name: name ?? nameOf(resource),
    address: addressLines(isObject(given) ? given : list(resource, 'address')[0]),
    phones: list(resource, 'telecom')
      .filter((telecom) => string(telecom, 'system') === 'phone')
      .flatMap((telecom) => string(telecom, 'value') ?? []),
  };
  return place.name === undefined && place.address.length === 0 && place.phones.length === 0 ? null : place;
}
