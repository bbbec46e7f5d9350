import { SYSTEMS, type Quantity } from './fhir.js';

const NUMBER = String.raw`[+-]?(?:\d+(?:,\d{3})*(?:\.\d+)?|\.\d+)`;
const BETWEEN = new RegExp(`^(${NUMBER})\\s*(?:-|–|to)\\s*(${NUMBER})$`, 'i');
const ONE_SIDED = new RegExp(`^(<=|>=|<|>|≤|≥)\\s*(${NUMBER})$`);
const PLAIN = new RegExp(`^${NUMBER}$`);

export interface ReferenceRange {
  low?: Quantity;
  high?: Quantity;
  text: string;
}

/** Number as stored, or undefined when the text is not a number and nothing else. */
export function parseNumber(text: string): number | undefined {
  return PLAIN.test(text) ? Number(text.replaceAll(',', '')) : undefined;
}

/** Units as the laboratory writes them are taken for UCUM, except those that UCUM reads as something else. */
export function measured(value: number | undefined, units: string): Quantity | undefined {
  if (value === undefined) {
    return undefined;
  }
  if (units === '') {
    return { value };
  }
  // In UCUM "pH" is the picohenry.
  return { value, unit: units, system: SYSTEMS.ucum, code: units === 'pH' ? '[pH]' : units };
}

/**
 * A laboratory's range (`65-99`, `0-199`, `-2.0-2.0`, `<150`, `>59`) with its words as `text`. Bounds are given when
 * they can be read; `text` alone says whether a bound itself is still normal.
 */
export function parseReferenceRange(stored: string, units: string): ReferenceRange | undefined {
  if (stored === '') {
    return undefined;
  }
  const between = BETWEEN.exec(stored);
  if (between !== null) {
    const low = parseNumber(between[1] ?? '');
    const high = parseNumber(between[2] ?? '');
    return low !== undefined && high !== undefined && low <= high
      ? { low: measured(low, units), high: measured(high, units), text: stored }
      : { text: stored };
  }
  const [, sign = '', bound = ''] = ONE_SIDED.exec(stored) ?? [];
  if (sign === '') {
    return { text: stored };
  }
  const limit = measured(parseNumber(bound), units);
  return sign === '<' || sign === '<=' || sign === '≤' ? { high: limit, text: stored } : { low: limit, text: stored };
}

const COMPARATORS = { '<': '<', '<=': '<=', '≤': '<=', '>': '>', '>=': '>=', '≥': '>=' } as const;

/** `7.37` and `>300` are quantities, anything else is text. */
export function parseMeasurement(stored: string, units: string): Quantity | undefined {
  const plain = parseNumber(stored);
  if (plain !== undefined) {
    return measured(plain, units);
  }
  const [, sign = '', bound = ''] = ONE_SIDED.exec(stored) ?? [];
  const quantity = measured(parseNumber(bound), units);
  const comparator = Object.entries(COMPARATORS).find(([written]) => written === sign)?.[1];
  return quantity === undefined || comparator === undefined ? undefined : { ...quantity, comparator };
}
