import { LIMITS } from 'sync-contract/limits';
import { Transient } from './gateway-failures.js';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPENING = new Set([0x5b, 0x7b]);
const CLOSING = new Set([0x5d, 0x7d]);

/** Deepest nesting of a JSON text, brackets inside strings not counted. */
function depthOf(text: Buffer): number {
  let depth = 0;
  let deepest = 0;
  let inString = false;
  for (let i = 0; i < text.length; i += 1) {
    const byte = text[i] ?? 0;
    if (inString) {
      if (byte === BACKSLASH) {
        i += 1;
      } else if (byte === QUOTE) {
        inString = false;
      }
    } else if (byte === QUOTE) {
      inString = true;
    } else if (OPENING.has(byte)) {
      depth += 1;
      deepest = Math.max(deepest, depth);
    } else if (CLOSING.has(byte)) {
      depth -= 1;
    }
  }
  return deepest;
}

/**
 * JSON of a stranger: not deeper than the limit, UTF-8 only, and no member that could reach an object's prototype.
 * @throws Transient
 */
export function parseBoundedJson(bytes: Buffer): unknown {
  if (depthOf(bytes) > LIMITS.jsonDepth) {
    throw new Transient('gateway-answer-refused', "the gateway's answer is nested deeper than the limit");
  }
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return JSON.parse(text, (key: string, value: unknown) => {
      if (key === '__proto__') {
        throw new SyntaxError('a member that reaches the prototype');
      }
      return value;
    });
  } catch {
    throw new Transient('gateway-answer-refused', "the gateway's answer is no JSON");
  }
}
