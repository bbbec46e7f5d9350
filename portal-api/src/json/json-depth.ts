const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPENING = new Set([0x5b, 0x7b]);
const CLOSING = new Set([0x5d, 0x7d]);

/**
 * Whether JSON text nests deeper than `limit`, decided before anything is parsed. Strings are skipped by native search,
 * so that megabytes of base64 cost next to nothing. Text that is no JSON may get any answer; the parser refuses it.
 */
export function nestsDeeper(text: Buffer, limit: number): boolean {
  let depth = 0;
  for (let at = 0; at < text.length; at += 1) {
    const byte = text[at] ?? 0;
    if (byte === QUOTE) {
      at = endOfString(text, at);
      if (at < 0) {
        return false;
      }
    } else if (OPENING.has(byte)) {
      depth += 1;
      if (depth > limit) {
        return true;
      }
    } else if (CLOSING.has(byte)) {
      depth -= 1;
    }
  }
  return false;
}

/** Index of the closing quote, or -1. */
function endOfString(text: Buffer, opening: number): number {
  for (let end = text.indexOf(QUOTE, opening + 1); end >= 0; end = text.indexOf(QUOTE, end + 1)) {
    let escapes = 0;
    while (text[end - 1 - escapes] === BACKSLASH) {
      escapes += 1;
    }
    if (escapes % 2 === 0) {
      return end;
    }
  }
  return -1;
}
