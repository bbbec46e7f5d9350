/**
 * Reading FHIR R4 without trusting its shape: every accessor answers undefined or an empty list for what is absent or
 * of another type, so that one odd resource never empties a page.
 */

export type Json = Record<string, unknown>;

export function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function object(value: unknown, key: string): Json | undefined {
  const found = isObject(value) ? value[key] : undefined;
  return isObject(found) ? found : undefined;
}

export function list(value: unknown, key: string): Json[] {
  const found = isObject(value) ? value[key] : undefined;
  return Array.isArray(found) ? found.filter(isObject) : [];
}

/** Of each entry of a list what it has under `key`, e.g. the actor of each performer. */
export function nested(value: unknown, listKey: string, key: string): Json[] {
  return list(value, listKey)
    .map((entry) => object(entry, key))
    .filter((found) => found !== undefined);
}

export function string(value: unknown, key: string): string | undefined {
  const found = isObject(value) ? value[key] : undefined;
  return typeof found === 'string' && found.trim() !== '' ? found.trim() : undefined;
}

export function strings(value: unknown, key: string): string[] {
  const found = isObject(value) ? value[key] : undefined;
  return Array.isArray(found) ? found.filter((item): item is string => typeof item === 'string' && item !== '') : [];
}

/** Numbers keep the digits they were written with: FHIR decimals may come as JSON numbers or as text. */
export function number(value: unknown, key: string): number | undefined {
  const found = isObject(value) ? value[key] : undefined;
  return typeof found === 'number' && Number.isFinite(found) ? found : undefined;
}

export function boolean(value: unknown, key: string): boolean | undefined {
  const found = isObject(value) ? value[key] : undefined;
  return typeof found === 'boolean' ? found : undefined;
}

/** Without the signs of withdrawn entries: no reader takes one for an entry that says nothing. */
export function ofType(resources: unknown[], type: string): Json[] {
  return resources.filter(
    (resource): resource is Json =>
      isObject(resource) && resource['resourceType'] === type && !isWithdrawnSign(resource),
  );
}

/** What the inside leaves in the place of an entry that the clinic has withdrawn for correction. */
export function isWithdrawnSign(resource: unknown): boolean {
  return list(object(resource, 'meta'), 'security').some((label) => string(label, 'code') === 'REDACTED');
}

/** Ids of the entries of a section that the clinic has withdrawn for correction. */
export function withdrawnIds(content: unknown): string[] {
  return list(content, 'resources')
    .filter(isWithdrawnSign)
    .flatMap((resource) => string(resource, 'id') ?? []);
}

/** Words of a CodeableConcept: its text, else the first display, else the first code. */
export function conceptText(concept: Json | undefined): string | undefined {
  const codings = list(concept, 'coding');
  return (
    string(concept, 'text') ??
    codings.map((coding) => string(coding, 'display')).find((display) => display !== undefined) ??
    codings.map((coding) => string(coding, 'code')).find((code) => code !== undefined)
  );
}

export function conceptCode(concept: Json | undefined): string | undefined {
  return list(concept, 'coding')
    .map((coding) => string(coding, 'code'))
    .find((code) => code !== undefined);
}

/** Identity of a test across reports: its code, else its words. */
export function conceptKey(concept: Json | undefined): string {
  return conceptCode(concept) ?? conceptText(concept)?.toLowerCase() ?? '';
}

/** The resource a reference points to: contained (`#id`) or among the given resources (`Type/id`). */
export function resolve(reference: Json | undefined, owner: Json, resources: Json[]): Json | undefined {
  const target = string(reference, 'reference');
  if (target === undefined) {
    return undefined;
  }
  const id = target.startsWith('#') ? target.slice(1) : target.slice(target.lastIndexOf('/') + 1);
  return (
    list(owner, 'contained').find((resource) => string(resource, 'id') === id) ??
    resources.find((resource) => string(resource, 'id') === id)
  );
}

/** Lines of an address as one would write them on an envelope. */
export function addressLines(address: Json | undefined): string[] {
  if (address === undefined) {
    return [];
  }
  const lines = strings(address, 'line');
  const town = [
    string(address, 'city'),
    [string(address, 'state'), string(address, 'postalCode')].filter(Boolean).join(' '),
  ]
    .filter((part) => part !== undefined && part !== '')
    .join(', ');
  const all = [...lines, town, string(address, 'country') ?? ''].filter((line) => line !== '');
  const text = string(address, 'text');
  return all.length > 0 ? all : text === undefined ? [] : [text];
}

export function quantityText(quantity: Json | undefined, formatNumber: (value: number) => string): string | undefined {
  const value = number(quantity, 'value');
  const amount = value === undefined ? string(quantity, 'value') : formatNumber(value);
  if (amount === undefined) {
    return undefined;
  }
  const unit = string(quantity, 'unit') ?? string(quantity, 'code');
  const comparator = string(quantity, 'comparator') ?? '';
  return `${comparator}${amount}${unit === undefined ? '' : ` ${unit}`}`;
}
