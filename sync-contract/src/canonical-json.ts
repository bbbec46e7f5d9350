import canonicalize from 'canonicalize';

/** Canonical JSON (RFC 8785) of a JSON value. @throws TypeError for what JSON cannot carry. */
export function canonicalJson(value: unknown): string {
  const text = canonicalize(value);
  if (text === undefined) {
    throw new TypeError('value has no JSON form');
  }
  return text;
}

/** Canonical JSON as UTF-8 bytes, the form that is signed, hashed and authenticated. */
export function canonicalBytes(value: unknown): Buffer {
  return Buffer.from(canonicalJson(value), 'utf8');
}
