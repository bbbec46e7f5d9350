/** The language of the texts in this folder, and its ways with numbers. */
export const locale = 'en-US';

const plural = new Intl.PluralRules(locale);
export const count = new Intl.NumberFormat(locale);

export function counted(n: number, one: string, other: string): string {
  return `${count.format(n)} ${plural.select(n) === 'one' ? one : other}`;
}
