import { describe, expect, it } from '@jest/globals';
import { chartAsOf, isAhead, sectionAsOf, type HeldTimes } from './claimed-time.js';
import { TIMES } from './limits.js';

const NOW = Date.parse('2026-11-22T12:00:00.000Z');
const at = (minutes: number): string => new Date(NOW + minutes * 60_000).toISOString();
const held = (overrides: Partial<HeldTimes> = {}): HeldTimes => ({
  ...{ madeAt: at(-1), receivedAt: NOW - 60_000, t: at(-5), now: NOW },
  ...overrides,
});

describe('the time that is claimed', () => {
  it('is the later of the section’s own and its chart’s, for this section alone', () => {
    expect(sectionAsOf({ asOf: at(-1) }, held())).toBe(at(-1));
    expect(sectionAsOf({ asOf: at(-90) }, held())).toBe(at(-5));
    expect(chartAsOf([{ asOf: at(-1) }, { asOf: at(-90) }], held())).toBe(at(-5));
  });

  it('is the earliest of the sections’ times while no heartbeat knows the chart, whenever its manifest was made', () => {
    expect(chartAsOf([{ asOf: at(-1) }, { asOf: at(-90) }], held({ t: null }))).toBe(at(-90));
    expect(sectionAsOf({ asOf: at(-90) }, held({ t: null }))).toBe(at(-90));
    expect(chartAsOf([], held({ t: null }))).toBeNull();
  });

  it('is none where the inside knows none', () => {
    const unknown = new Date(0).toISOString();
    expect(chartAsOf([{ asOf: at(-2) }, { asOf: at(-1) }], held({ t: unknown }))).toBeNull();
    expect(chartAsOf([{ asOf: unknown }, { asOf: at(-1) }], held({ t: null }))).toBeNull();
    expect(sectionAsOf({ asOf: unknown }, held({ t: unknown }))).toBeNull();
    expect(sectionAsOf({ asOf: at(-1) }, held({ t: unknown }))).toBe(at(-1));
  });

  it('is none that lies ahead of the reader’s clock, by more than clocks differ', () => {
    const limit = new Date(NOW + TIMES.clockAhead).toISOString();
    expect([isAhead(limit, NOW), isAhead(limit, NOW - 1)]).toEqual([false, true]);
    expect(chartAsOf([{ asOf: at(-90) }], held({ t: at(60) }))).toBeNull();
    expect(sectionAsOf({ asOf: at(-90) }, held({ t: at(60) }))).toBe(at(-90));
    const ahead = held({ t: at(60), madeAt: at(61), receivedAt: NOW + 61 * 60_000 });
    expect(sectionAsOf({ asOf: at(60) }, ahead)).toBeNull();
  });

  it('is none that lay ahead when it came, also when the clock has passed it since', () => {
    const came = held({ madeAt: at(-10), receivedAt: NOW - 70 * 60_000, t: null });
    expect([sectionAsOf({ asOf: at(-10) }, came), chartAsOf([{ asOf: at(-10) }], came)]).toEqual([null, null]);
  });

  it('is none that is later than the manifest it stands in: the clock was set back in between', () => {
    expect(sectionAsOf({ asOf: at(-1) }, held({ madeAt: at(-30) }))).toBe(at(-5));
  });
});
