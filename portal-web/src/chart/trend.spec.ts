import { describe, expect, it } from '@jest/globals';
import { draw, niceTicks, timeTicks } from './trend.js';

const FRAME = { width: 320, height: 200, left: 40, right: 10, top: 20, bottom: 20 };

describe('a chart over time', () => {
  it('keeps every value and its range inside the frame, oldest at the left', () => {
    const points = Array.from({ length: 5_000 }, (_, index) => ({
      at: new Date(Date.UTC(2020, 0, 1) + index * 86_400_000).toISOString(),
      value: Math.sin(index) * 50,
    })).reverse();
    const drawing = draw([{ name: 'a', points }], { low: -80, high: 70 }, FRAME);
    const marks = drawing.lines[0]?.marks ?? [];
    expect(marks.length).toBe(5_000);
    expect(marks[0]?.x).toBe(FRAME.left);
    expect(marks.at(-1)?.x).toBe(FRAME.width - FRAME.right);
    for (const y of [...marks.map((mark) => mark.y), drawing.band?.y ?? -1]) {
      expect(y).toBeGreaterThanOrEqual(FRAME.top);
      expect(y).toBeLessThanOrEqual(FRAME.height - FRAME.bottom);
    }
  });

  it('draws equal values, one day and an open range without nonsense', () => {
    const same = [
      { at: '2026-05-01T08:00:00Z', value: 0 },
      { at: '2026-05-01T08:00:00Z', value: 0 },
    ];
    const drawing = draw([{ name: 'a', points: same }], { low: null, high: 5 }, FRAME);
    expect(drawing.lines[0]?.path).not.toContain('NaN');
    expect(drawing.x.length).toBeGreaterThan(0);
    expect(Number.isFinite(drawing.band?.height)).toBe(true);
  });

  it.each([
    [3.2, 6.4, [3, 4, 5, 6, 7]],
    [120, 187, [120, 140, 160, 180, 200]],
    [7, 7, [6, 8]],
    [0, 0, [0, 0.25]],
  ])('has round levels around %d to %d', (low, high, expected) => {
    const ticks = niceTicks(low, high, 4);
    expect(ticks[0]).toBeLessThanOrEqual(low);
    expect(ticks.at(-1)).toBeGreaterThanOrEqual(high);
    expect(ticks[0]).toBe(expected[0]);
    expect(ticks.length).toBeLessThanOrEqual(6);
  });

  it('names years over years, months over months, days over days, and never too many', () => {
    const span = (from: string, to: string): string[] => timeTicks(Date.parse(from), Date.parse(to), 4);
    expect(span('2014-03-01', '2026-02-01')).toEqual(['2015', '2018', '2021', '2024']);
    expect(span('2026-01-15', '2026-07-20')).toEqual(['2026-02', '2026-04', '2026-06']);
    expect(span('2026-01-15', '2026-01-17')).toEqual(['2026-01-15', '2026-01-16', '2026-01-17']);
    expect(span('2026-01-15T08:00:00Z', '2026-01-15T09:00:00Z')).toEqual(['2026-01-15']);
  });
});
