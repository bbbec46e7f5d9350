/** Amounts in cents, exact: an invoice is no place for rounding. */
export type Cents = bigint;

/** `-12.50` → -1250. @throws for text that is no amount with two digits after the point */
export function cents(amount: string): Cents {
  const [, sign = '', whole = '', part = ''] = /^(-?)(\d+)\.(\d\d)$/.exec(amount) ?? [];
  if (whole === '') {
    throw new TypeError('not an amount');
  }
  const value = BigInt(whole) * 100n + BigInt(part);
  return sign === '' ? value : -value;
}

/** -1250 → `-12.50`. */
export function amountOf(value: Cents): string {
  const digits = (value < 0n ? -value : value).toString().padStart(3, '0');
  return `${value < 0n ? '-' : ''}${digits.slice(0, -2)}.${digits.slice(-2)}`;
}

export const sum = (values: readonly Cents[]): Cents => values.reduce((total, value) => total + value, 0n);
