import { list, string } from './fhir.js';
import type { Json } from './fhir.js';
import { codesOf, type Code } from './record-entry.js';

/** Why something is done: in words, or by codes alone, for which the problem list may have words. */
export interface Reason {
  words: string | undefined;
  codes: Code[];
}

export function reasonsOf(resource: Json): Reason[] {
  return list(resource, 'reasonCode')
    .map((reason) => {
      const codes = codesOf(reason);
      return { words: string(reason, 'text') ?? codes.find(({ display }) => display !== undefined)?.display, codes };
    })
    .filter(({ words, codes }) => words !== undefined || codes.length > 0);
}

/** Whether one of them stands in the record as a code alone. */
export function lackWords(reasons: readonly Reason[]): boolean {
  return reasons.some(({ words }) => words === undefined);
}

/** Each once. A code that the problem list has no words for stands there itself. @param named the problem list's name of a code */
export function reasonWords(reasons: readonly Reason[], named: (code: Code) => string | undefined): string[] {
  const words = reasons.map(
    (reason) => reason.words ?? reason.codes.map(named).find((name) => name !== undefined) ?? codeWords(reason.codes),
  );
  return [...new Set(words)];
}

function codeWords(codes: readonly Code[]): string {
  return codes.map(({ system, code }) => (system === '' ? code : `${system} ${code}`)).join(', ');
}
