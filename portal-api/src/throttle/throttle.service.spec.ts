import { expect, test } from '@jest/globals';
import { afterLeak, waitAfter } from './throttle.service.js';

test('the wait of a name doubles from one second and ends at fifteen minutes', () => {
  const waits = Array.from({ length: 14 }, (_, failures) => waitAfter('name', failures + 1));
  expect(waits).toEqual([1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900, 900, 900]);
  expect(waitAfter('code', 100_000)).toBe(900);
});

test('an address waits only after more failures than tries can be under way at once', () => {
  expect(waitAfter('address', 60)).toBe(0);
  expect(waitAfter('address', 61)).toBe(1);
});

test('failures leak away with time and with nothing else', () => {
  const minute = 60_000;
  expect(afterLeak('address', 71, 0)).toEqual({ failures: 71, leaked: 0 });
  expect(afterLeak('address', 71, 54 * minute)).toEqual({ failures: 61, leaked: 10 });
  expect(afterLeak('address', 71, 24 * 60 * minute).failures).toBe(0);
  expect(afterLeak('name', 11, 119 * minute).failures).toBe(11);
  expect(afterLeak('name', 11, 24 * 60 * minute).failures).toBe(0);
});
