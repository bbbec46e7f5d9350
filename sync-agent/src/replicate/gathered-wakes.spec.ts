import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { GatheredWakes } from './gathered-wakes.js';

describe('wakes of the change feed', () => {
  let woken: string[];
  let wakes: GatheredWakes;

  beforeEach(() => {
    jest.useFakeTimers();
    woken = [];
    wakes = new GatheredWakes((patientRef) => woken.push(patientRef));
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  it('of one chart that follow each other closely are one', () => {
    wakes.add('a');
    jest.advanceTimersByTime(25);
    wakes.add('a');
    wakes.add('b');
    jest.advanceTimersByTime(29);
    expect(woken).toEqual([]);
    jest.advanceTimersByTime(1);
    expect(woken).toEqual(['a', 'b']);
    wakes.add('a');
    jest.advanceTimersByTime(30);
    expect(woken).toEqual(['a', 'b', 'a']);
  });

  it('do not wait for a chart to become quiet', () => {
    for (let change = 0; change < 20; change += 1) {
      wakes.add('a');
      jest.advanceTimersByTime(10);
    }
    expect(woken).toEqual(['a', 'a']);
  });

  it('end with the agent', () => {
    wakes.add('a');
    wakes.stop();
    jest.advanceTimersByTime(1_000);
    expect(woken).toEqual([]);
  });
});
