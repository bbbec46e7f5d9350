/** `3.2 s ahead of` or `3.2 s behind`, to go before the other clock's name. @param skewMs positive when ahead */
export function clockDifference(skewMs: number): string {
  const amount = `${(Math.abs(skewMs) / 1_000).toFixed(1)} s`;
  return skewMs > 0 ? `${amount} ahead of` : `${amount} behind`;
}
