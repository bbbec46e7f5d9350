import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { nestsDeeper } from './json-depth.js';

function depthOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) {
    return 0;
  }
  return 1 + Math.max(0, ...Object.values(value).map(depthOf));
}

describe('nestsDeeper', () => {
  test('agrees with the parsed value for any JSON', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6 }), fc.integer({ min: 0, max: 8 }), (value, limit) => {
        expect(nestsDeeper(Buffer.from(JSON.stringify(value)), limit)).toBe(depthOf(value) > limit);
      }),
    );
  });

  test.each([
    ['["[[[[", {"}": "]"}]', 2],
    ['{"a\\"[[[": 1}', 1],
    ['{"a\\\\": [1]}', 2],
    ['"\\"[[["', 0],
    ['[]'.repeat(100), 1],
    [JSON.stringify({ a: '\\"[[[[' + '['.repeat(100) }), 1],
  ])('brackets within strings do not count: %s', (text, depth) => {
    expect(nestsDeeper(Buffer.from(text), depth)).toBe(false);
    expect(depth === 0 || nestsDeeper(Buffer.from(text), depth - 1)).toBe(true);
  });

  test('a string without end and a hundred thousand brackets are answered at once', () => {
    expect(nestsDeeper(Buffer.from(`["${'['.repeat(100_000)}`), 32)).toBe(false);
    expect(nestsDeeper(Buffer.from('['.repeat(100_000)), 32)).toBe(true);
    expect(nestsDeeper(Buffer.from(`"${'\\'.repeat(100_000)}`), 32)).toBe(false);
  });
});
