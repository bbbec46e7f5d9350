import { expect, test } from '@jest/globals';
import { waitAfter } from './throttle.service.js';

test('the wait of a name doubles from one second and ends at fifteen minutes', () => {
  const waits = Array.from({ length: 14 }, (_, failures) => waitAfter('name', failures + 1));
  expect(waits).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900, 900]);
  expect(waitAfter('code', 100_000)).toBe(900);
});

test('an address waits only after more tries than can be under way at once', () => {
  expect(waitAfter('address', 60)).toBe(0);
  expect(waitAfter('address', 61)).toBe(1);
});
