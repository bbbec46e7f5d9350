import type { StoredValue } from './dmz-bytes.js';

/** What may be text of 16 or more bytes in hex or in either base64 alphabet. */
const RUN = /[A-Za-z0-9+/_-]{22,}/g;

/** Within a run, what has the length of 16 or 32 bytes in hex or base64. */
const TEXT_FORMS: readonly { form: RegExp; encoding: 'hex' | 'base64' }[] = [
  { form: /(?<![0-9A-Fa-f])(?:[0-9A-Fa-f]{32}|[0-9A-Fa-f]{64})(?![0-9A-Fa-f])/g, encoding: 'hex' },
  { form: /(?<![A-Za-z0-9+/])(?:[A-Za-z0-9+/]{22}|[A-Za-z0-9+/]{43})(?![A-Za-z0-9+/])/g, encoding: 'base64' },
  { form: /(?<![\w-])(?:[\w-]{22}|[\w-]{43})(?![\w-])/g, encoding: 'base64' },
];

/** Longer things are tables and logs, whose lines are no keys; text in them is looked through all the same. */
const LONGEST_WITH_KEY_LINES = 64 * 1024;

/**
 * Every 16- and 32-byte value that could be a key: a whole value or one line of it as it stands, and as hex or base64
 * wherever such a run stands in it, also inside JSON.
 * @returns candidates once each, with one of the places they were found at
 */
export function keyCandidates(values: Iterable<StoredValue>): Map<string, StoredValue> {
  const candidates = new Map<string, StoredValue>();
  const offer = (place: string, bytes: Buffer): void => {
    if (bytes.length === 16 || bytes.length === 32) {
      const key = bytes.toString('hex');
      if (!candidates.has(key)) {
        candidates.set(key, { place, bytes: Buffer.from(bytes) });
      }
    }
  };
  for (const { place, bytes } of values) {
    offer(place, bytes);
    const text = bytes.toString('latin1');
    if (bytes.length <= LONGEST_WITH_KEY_LINES) {
      for (const line of [text.trim(), ...text.split(/\r?\n/)]) {
        offer(place, Buffer.from(line, 'latin1'));
      }
    }
    for (const [run] of text.matchAll(RUN)) {
      for (const { form, encoding } of TEXT_FORMS) {
        for (const [token] of run.matchAll(form)) {
          offer(place, Buffer.from(token, encoding));
        }
      }
    }
  }
  return candidates;
}
