import { describe, expect, it } from '@jest/globals';
import { describeProgress, progressOf } from './read-progress.js';

describe('the progress of a load', () => {
  it('is estimated from what the last minute brought', () => {
    expect(progressOf(1_200, 240, 60)).toEqual({ waiting: 1_200, perSecond: 4, secondsLeft: 300 });
    expect(describeProgress(progressOf(1_200, 240, 60))).toBe('load: 1200 charts wait, 4.0 a second, about 5 min left');
    expect(describeProgress(progressOf(40, 20, 10))).toBe('load: 40 charts wait, 2.0 a second, about 20 s left');
  });

  it('promises nothing while nothing moves', () => {
    for (const [done, seconds] of [
      [0, 0],
      [1, 0.2],
    ] as const) {
      expect(progressOf(7, done, seconds)).toEqual({ waiting: 7, perSecond: null, secondsLeft: null });
    }
    expect(describeProgress(progressOf(7, 0, 0))).toBe('load: 7 charts wait, none was finished in the last minute');
  });

  it('is at its end when no chart waits, whatever was done before', () => {
    expect(progressOf(0, 0, 0)).toEqual({ waiting: 0, perSecond: null, secondsLeft: 0 });
    expect(describeProgress(progressOf(0, 30, 60))).toBe('load: no chart waits');
  });
});
