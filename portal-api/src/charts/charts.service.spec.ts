import 'reflect-metadata';
import { describe, expect, it } from '@jest/globals';
import { TIMES } from 'sync-contract/limits';
import { freshnessOf } from './charts.service.js';

const NOW = new Date('2026-11-22T12:00:00.000Z');
const aged = (ms: number): string => new Date(NOW.getTime() - ms).toISOString();

describe('how current a chart is called', () => {
  it.each([
    ['just now', aged(0), 'current'],
    ['almost amber', aged(TIMES.amber - 1), 'current'],
    ['amber', aged(TIMES.amber), 'amber'],
    ['almost red', aged(TIMES.red - 1), 'amber'],
    ['red', aged(TIMES.red), 'red'],
    ['unknown', null, 'red'],
    ['ahead by what clocks differ', aged(-TIMES.clockAhead), 'current'],
    ['ahead by more', aged(-TIMES.clockAhead - 1), 'red'],
    ['ahead by hours', aged(-2 * TIMES.red), 'red'],
  ] as const)('%s', (_what, currentAsOf, freshness) => {
    expect(freshnessOf(currentAsOf, NOW)).toBe(freshness);
  });
});
