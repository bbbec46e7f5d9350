import { describe, expect, it } from '@jest/globals';
import { LATER_RENDERS, LaterPace } from './later-pace.js';

const QUICK = { began: 0, statements: 60, waitedMs: 120 };
const slow = () => ({ began: performance.now(), statements: 60, waitedMs: 12_000 });
/** Enough quick charts to bring any pace back. */
const MANY = 1_000;

function paceWithRests(): { pace: LaterPace; rests: number[]; ended: AbortController } {
  const rests: number[] = [];
  const ended = new AbortController();
  const pause = (ms: number): Promise<void> => {
    rests.push(ms);
    return Promise.resolve();
  };
  return { pace: new LaterPace(ended.signal, pause), rests, ended };
}

/** Work that ends when it is told to. */
class Held {
  begun = 0;
  private readonly ends: (() => void)[] = [];
  readonly work = (): Promise<void> => {
    this.begun += 1;
    return new Promise((end) => this.ends.push(end));
  };

  async endOne(): Promise<void> {
    this.ends.shift()?.();
    await new Promise(setImmediate);
  }
}

describe('charts that nobody waits for', () => {
  it('are rendered a few at once, without a rest, while OpenEMR answers quickly', async () => {
    const { pace, rests } = paceWithRests();
    const held = new Held();
    const turns = Array.from({ length: LATER_RENDERS + 2 }, () => pace.turn(held.work));
    await new Promise(setImmediate);
    expect(held.begun).toBe(LATER_RENDERS);
    pace.answered(QUICK);
    for (let ended = 1; ended <= turns.length; ended += 1) {
      await held.endOne();
      expect(held.begun).toBe(Math.min(turns.length, LATER_RENDERS + ended));
    }
    await Promise.all(turns);
    expect(rests).toEqual([]);
  });

  it('go one at a time with a rest that doubles up to half a minute while OpenEMR answers slowly or not at all', async () => {
    const { pace, rests } = paceWithRests();
    const held = new Held();
    const turns = Array.from({ length: LATER_RENDERS + 1 }, () => pace.turn(held.work));
    await new Promise(setImmediate);
    pace.answered(slow());
    await held.endOne();
    await held.endOne();
    expect(held.begun).toBe(LATER_RENDERS);
    await held.endOne();
    expect(held.begun).toBe(LATER_RENDERS + 1);
    await held.endOne();
    await Promise.all(turns);
    expect(rests).toEqual(Array.from({ length: LATER_RENDERS + 1 }, () => 250));
    const seen: number[] = [];
    for (let failures = 0; failures < 8; failures += 1) {
      pace.failed(performance.now());
      seen.push(pace.now.restMs);
    }
    expect(seen).toEqual([500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
    expect(pace.now.width).toBe(1);
  });

  it('are slowed once by an outage that several of them meet', async () => {
    const { pace } = paceWithRests();
    const began = performance.now();
    await new Promise(setImmediate);
    pace.failed(began);
    pace.failed(began);
    pace.answered({ ...slow(), began });
    expect(pace.now).toEqual({ width: 1, restMs: 250 });
    pace.failed(performance.now());
    expect(pace.now.restMs).toBe(500);
  });

  it('come back to their pace step by step when OpenEMR answers again', () => {
    const { pace } = paceWithRests();
    for (let failures = 0; failures < 10; failures += 1) {
      pace.failed(performance.now());
    }
    pace.answered(QUICK);
    expect(pace.now).toEqual({ width: 1, restMs: 30_000 });
    let before = pace.now;
    for (let answers = 0; answers < MANY; answers += 1) {
      pace.answered(QUICK);
      expect(pace.now.restMs).toBeLessThanOrEqual(before.restMs);
      expect(pace.now.width - before.width).toBeLessThanOrEqual(pace.now.restMs === 0 ? 1 : 0);
      before = pace.now;
    }
    expect(pace.now).toEqual({ width: LATER_RENDERS, restMs: 0 });
  });

  it('keep their places when one fails, and take no rest at the end of the program', async () => {
    const { pace, rests, ended } = paceWithRests();
    await expect(pace.turn(() => Promise.reject(new Error('no')))).rejects.toThrow('no');
    pace.failed(performance.now());
    ended.abort();
    await pace.turn(() => Promise.resolve());
    expect(rests).toEqual([]);
  });
});
