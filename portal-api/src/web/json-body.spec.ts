import { expect, test } from '@jest/globals';
import { isDeeperThan } from './json-body.js';

test.each([
  ['{}', false],
  ['['.repeat(32) + ']'.repeat(32), false],
  ['['.repeat(33) + ']'.repeat(33), true],
  ['{"a":'.repeat(33) + '1' + '}'.repeat(33), true],
  [JSON.stringify('['.repeat(100)), false],
  [JSON.stringify({ a: '\\"[[[[' + '['.repeat(100) }), false],
  ['[]'.repeat(100), false],
])('depth is counted outside strings: %s', (json, deeper) => {
  expect(isDeeperThan(json, 32)).toBe(deeper);
});
