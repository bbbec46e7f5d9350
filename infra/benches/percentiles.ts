/** Percentiles by nearest rank, in the samples' unit, to one decimal place. */
export function percentiles(samples: readonly number[]): Record<'p50' | 'p95' | 'p99' | 'max', number> {
  const sorted = [...samples].sort((a, b) => a - b);
  const rank = (share: number): number =>
    Math.round((sorted[Math.ceil(share * sorted.length) - 1] ?? Number.NaN) * 10) / 10;
  return { p50: rank(0.5), p95: rank(0.95), p99: rank(0.99), max: rank(1) };
}
