import { describe, expect, it } from '@jest/globals';
import { TIMES } from 'sync-contract/limits';
import { Permanent, Transient } from '../gateway-client/gateway-failures.js';
import { Pace } from './pace.js';

const longest = (): Pace => new Pace(() => 1);
const rests = (pace: Pace, rounds: number): number[] => Array.from({ length: rounds }, () => pace.afterRound(0, 10));

describe('between two rounds the collector', () => {
  it('does not rest after work, however soon the lease was answered', () => {
    const pace = longest();
    expect([pace.afterRound(3, 1), pace.afterRound(1, 1)]).toEqual([0, 0]);
  });

  it('does not rest after a lease that waited for something to come', () => {
    expect(longest().afterRound(0, TIMES.leaseWait)).toBe(0);
  });

  it('rests longer after each early round without work, up to what a genuine message may wait', () => {
    expect(rests(longest(), 7)).toEqual([500, 1_000, 2_000, 4_000, 5_000, 5_000, 5_000]);
  });

  it.each([
    ['work', 1, 1],
    ['a lease that waited', 0, TIMES.leaseWait],
  ])('begins anew with short rests after %s', (_what, received, took) => {
    const pace = longest();
    rests(pace, 6);
    pace.afterRound(received, took);
    expect(rests(pace, 2)).toEqual([500, 1_000]);
  });

  it('pauses longer after each failure that may pass, and the longest at once after one that will not', () => {
    const pace = longest();
    const transient = new Transient('gateway-unreachable', 'the gateway cannot be reached');
    expect(Array.from({ length: 7 }, () => pace.afterFailure(transient))).toEqual([
      1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000,
    ]);
    expect(pace.failures).toBe(7);
    pace.afterRound(0, TIMES.leaseWait);
    expect(pace.failures).toBe(0);
    expect(pace.afterFailure(new Permanent('gateway-refused', 'the gateway refuses this agent'))).toBe(30_000);
  });

  it('never rests less than half of that', () => {
    const pace = new Pace(() => 0);
    expect(rests(pace, 5)).toEqual([250, 500, 1_000, 2_000, 2_500]);
  });
});
