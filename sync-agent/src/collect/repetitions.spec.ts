import { describe, expect, it } from '@jest/globals';
import { Pace } from './pace.js';
import { Repetitions } from './repetitions.js';

describe('known items that come again', () => {
  it('are work without a rest as often as the ledger has submissions, and no more than that', async () => {
    let counted = 0;
    const repetitions = new Repetitions(() => {
      counted += 1;
      return Promise.resolve(120);
    });
    const pace = new Pace(() => 1);
    const rests: number[] = [];
    for (let round = 0; round < 5; round += 1) {
      rests.push(pace.afterRound(await repetitions.asWork(50), 10));
    }
    expect(rests).toEqual([0, 0, 0, 500, 1_000]);
    expect(counted).toBe(1);
  });

  it('are not counted before the first one comes', async () => {
    const repetitions = new Repetitions(() => Promise.reject(new Error('nothing is to be counted')));
    expect(await repetitions.asWork(0)).toBe(0);
  });
});
