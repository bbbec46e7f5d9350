export type Freshness = 'current' | 'amber' | 'red';

// As `TIMES` of the contract has them; `test/limits.spec.ts` compares.
const AMBER_MS = 15 * 60_000;
const RED_MS = 60 * 60_000;
/**
 * More than `TIMES.clockAhead`, on purpose: that is between servers whose time is kept, and the portal has held T to it
 * already; a device of a patient may be minutes slow.
 */
const AHEAD_MS = 5 * 60_000;

/**
 * Worse of what the server said and what the clock of this device says now: an open page ages too. By a clock that is far
 * behind T nobody can tell how old it is.
 */
export function freshnessNow(asOf: string | null, said: Freshness, now: number): Freshness {
  const age = asOf === null ? Number.POSITIVE_INFINITY : now - Date.parse(asOf);
  const byAge: Freshness =
    age >= RED_MS || Number.isNaN(age) ? 'red' : age >= AMBER_MS || age < -AHEAD_MS ? 'amber' : 'current';
  const order: Freshness[] = ['current', 'amber', 'red'];
  return order[Math.max(order.indexOf(byAge), order.indexOf(said))] ?? 'red';
}

/** A section's T is the later of its own and the chart's. */
export function laterOf(a: string | null, b: string | null): string | null {
  return a === null ? b : b === null ? a : Date.parse(a) >= Date.parse(b) ? a : b;
}

/** Together two sections are as old as the older one; one without a T has no claim to make. */
export function earlierOf(a: string | null, b: string | null): string | null {
  return a === null || b === null ? null : Date.parse(a) <= Date.parse(b) ? a : b;
}
