import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { LAST_PLACE } from '../queues/queues.service.js';
import { OpenCharts } from './open-charts.js';

describe('charts that wait for each other', () => {
  let asked: number;
  let answer: () => Promise<{ charts: string[] }>;
  let open: OpenCharts;

  beforeEach(() => {
    jest.useFakeTimers();
    asked = 0;
    answer = () => Promise.resolve({ charts: ['b', 'a'] });
    open = new OpenCharts({
      readOpenCharts: () => {
        asked += 1;
        return answer();
      },
    });
  });
  afterEach(() => {
    jest.useRealTimers();
  });

  it('go in the order in which they were looked at last, and behind them those that nobody looks at', async () => {
    open.placeOf('a', true);
    await jest.advanceTimersByTimeAsync(0);
    expect(['a', 'b', 'c'].map((ref) => open.placeOf(ref, true))).toEqual([2, 1, LAST_PLACE]);
    answer = () => Promise.resolve({ charts: ['c'] });
    await jest.advanceTimersByTimeAsync(2_000);
    expect(open.placeOf('c', true)).toBe(LAST_PLACE);
    await jest.advanceTimersByTimeAsync(0);
    expect(['a', 'b', 'c'].map((ref) => open.placeOf(ref, true))).toEqual([LAST_PLACE, LAST_PLACE, 1]);
  });

  it('are known as they are now to who waits for the answer, also when it is on its way', async () => {
    let answered = (_: { charts: string[] }): void => undefined;
    answer = () => new Promise((resolve) => (answered = resolve));
    open.placeOf('a', true);
    const places = open.places();
    answered({ charts: ['a'] });
    expect(await places).toEqual(new Map([['a', 1]]));
    expect(await open.places()).toEqual(new Map([['a', 1]]));
    expect(asked).toBe(1);
    await jest.advanceTimersByTimeAsync(2_000);
    answer = () => Promise.reject(new Error('away'));
    expect(await open.places()).toEqual(new Map());
  });

  it('are asked about now and then, and not at all while none waits', async () => {
    open.placeOf('a', false);
    expect(asked).toBe(0);
    for (let wake = 0; wake < 100; wake += 1) {
      open.placeOf('a', true);
      await jest.advanceTimersByTimeAsync(50);
    }
    expect(asked).toBe(3);
  });

  it('go in the order of their changes when nobody says more, and one question at a time is asked', async () => {
    open.placeOf('a', true);
    await jest.advanceTimersByTimeAsync(2_000);
    answer = () => Promise.reject(new Error('away'));
    open.placeOf('a', true);
    await jest.advanceTimersByTimeAsync(2_000);
    expect(open.placeOf('a', false)).toBe(LAST_PLACE);
    answer = () => new Promise(() => undefined);
    open.placeOf('a', true);
    await jest.advanceTimersByTimeAsync(60_000);
    open.placeOf('a', true);
    expect(asked).toBe(3);
  });
});
