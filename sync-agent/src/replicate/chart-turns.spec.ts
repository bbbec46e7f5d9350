import { describe, expect, it } from '@jest/globals';
import { setImmediate as later } from 'node:timers/promises';
import { ChartTurns } from './chart-turns.js';

const CHART = 'a'.repeat(32);
const OTHER = 'b'.repeat(32);

describe('renders of one chart', () => {
  it('wait for each other, and not for those of another chart', async () => {
    const turns = new ChartTurns();
    const seen: string[] = [];
    const work = (name: string) => async (): Promise<void> => {
      seen.push(`${name} begins`);
      await later();
      seen.push(`${name} ends`);
    };
    const running = [
      turns.turn(CHART, work('first')),
      turns.turn(CHART, work('second')),
      turns.turn(OTHER, work('other')),
    ];
    expect([turns.size, turns.has(CHART), turns.has(OTHER)]).toEqual([2, true, true]);
    await Promise.all(running);
    expect(seen.filter((each) => !each.startsWith('other'))).toEqual([
      ...['first begins', 'first ends'],
      ...['second begins', 'second ends'],
    ]);
    expect(seen.indexOf('other begins')).toBeLessThan(seen.indexOf('first ends'));
    expect([turns.size, turns.has(CHART)]).toEqual([0, false]);
  });

  it('go on after one that failed, those that waited and those that come later', async () => {
    const turns = new ChartTurns();
    let rendered = 0;
    const fails = (): Promise<void> => Promise.reject(new Error('nobody expected this'));
    const renders = (): Promise<void> => {
      rendered += 1;
      return Promise.resolve();
    };
    const [failed, waited] = await Promise.allSettled([turns.turn(CHART, fails), turns.turn(CHART, renders)]);
    expect([failed.status, waited.status, rendered]).toEqual(['rejected', 'fulfilled', 1]);
    await expect(turns.turn(CHART, fails)).rejects.toThrow('nobody expected this');
    expect(turns.has(CHART)).toBe(false);
    await turns.turn(CHART, renders);
    expect(rendered).toBe(2);
  });
});
