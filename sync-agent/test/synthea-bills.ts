import { BillingContent } from 'sync-contract/section-content';
import type { Json, JsonObject, Leaf } from './golden-comparison.js';
import type { Found } from './synthea-comparison.js';
import { onTheClock, textAt, visitOf, type Entry } from './synthea-source.js';

type Statement = BillingContent['statements'][number];

/**
 * Section `billing` in the words that the bundles have for the same: each visit's statement as an explanation of
 * benefits, with what those have no word for beside it, and the account.
 */
export function billsOf(content: unknown): JsonObject[] {
  const { statements, ...account } = BillingContent.parse(content);
  return [...statements.map(billOf), { resourceType: 'Section billing', id: 'billing', ...account }];
}

const CURRENCY = 'USD';

function billOf({ id, date, charges, payments, charged, ...rest }: Statement): JsonObject {
  const insurer = payments.filter(({ from }) => from === 'insurance');
  return {
    resourceType: 'ExplanationOfBenefit',
    id,
    date,
    encounter: [{ reference: `Encounter/${id}` }],
    item: charges.map(({ id: charge, code, text, units, amount }) => ({
      id: charge,
      productOrService: { coding: [{ code }], text },
      net: { value: Number(amount), currency: CURRENCY },
      units,
    })),
    total: [{ amount: { value: Number(charged), currency: CURRENCY } }],
    payment: { amount: { value: inDollars(insurer.map(({ amount }) => toCents(Number(amount)))), currency: CURRENCY } },
    payments,
    ...rest,
  };
}

const toCents = (dollars: number): number => Math.round(dollars * 100);
const inDollars = (cents: readonly number[]): number => cents.reduce((sum, each) => sum + each, 0) / 100;

/** A line that an explanation of benefits has an amount for, in cents. */
interface Line {
  fee: number;
  paid: number;
}

const listAt = (value: Json | undefined, key: string): Json[] => {
  const list = typeof value === 'object' && value !== null && !Array.isArray(value) ? value[key] : undefined;
  return Array.isArray(list) ? list : [];
};

function paidBy(item: Json): number {
  const payment = listAt(item, 'adjudication').find((each) =>
    textAt(each, 'category', 'coding', 0, 'code').endsWith('line_prvdr_pmt_amt'),
  );
  return toCents(Number(textAt(payment, 'amount', 'value')));
}

const totalOf = (bill: Json): number => toCents(Number(textAt(bill, 'total', 0, 'amount', 'value')));

/** The visit itself, which is what the other lines leave of the total, and the lines with an amount of their own. */
function linesOf(bill: Json): Line[] {
  const lines = listAt(bill, 'item')
    .filter((item) => textAt(item, 'net', 'value') !== '')
    .map((item) => ({ fee: toCents(Number(textAt(item, 'net', 'value'))), paid: paidBy(item) }));
  return [{ fee: totalOf(bill) - toCents(inDollars(lines.map(({ fee }) => fee))), paid: 0 }, ...lines];
}

const openOf = (bill: Json): string =>
  ((totalOf(bill) - toCents(inDollars(linesOf(bill).map(({ paid }) => paid)))) / 100).toFixed(2);

/** The loader lets the patient pay all bills but the last. */
function lastBillOf(bundle: readonly Entry[]): Entry | undefined {
  return bundle
    .filter(({ label }) => label === 'ExplanationOfBenefit')
    .sort((a, b) => Date.parse(textAt(a.resource, 'created')) - Date.parse(textAt(b.resource, 'created')))
    .at(-1);
}

const oursIs =
  (expected: (bill: Entry, bundle: readonly Entry[]) => Leaf | undefined) =>
  ({ difference: { ours }, source, bundle }: Found): boolean =>
    source !== undefined && ours === expected(source, bundle);

const oneLine =
  (part: (line: Line) => number) =>
  ({ difference: { ours }, source }: Found): boolean =>
    source !== undefined && linesOf(source.resource).some((line) => ours === (part(line) / 100).toFixed(2));

const dayAfter = (days: number, moment: string): string =>
  onTheClock(new Date(Date.parse(moment) + days * 86_400_000).toISOString()).slice(0, 10);
const dueFor = (bill: Entry, bundle: readonly Entry[]): string =>
  bill.reference === lastBillOf(bundle)?.reference ? openOf(bill.resource) : '0.00';

/** What a bill's leaves must be, for the lines of the reviewed file. */
export const BILL_RULES: Readonly<Record<string, (found: Found) => boolean>> = {
  'the visit of the bill': oursIs((bill, bundle) => visitOf(bill, bundle)?.reference),
  'the beginning of the visit': oursIs((bill, bundle) => textAt(visitOf(bill, bundle)?.resource, 'period', 'start')),
  'the day of the bill': oursIs(({ resource }) => dayAfter(0, textAt(resource, 'created'))),
  'a month after the bill': oursIs(({ resource }) => dayAfter(30, textAt(resource, 'created'))),
  'whole cents': ({ difference: { theirs, ours } }) => typeof theirs === 'number' && ours === toCents(theirs) / 100,
  'what the other lines leave': oursIs(({ resource }) => (linesOf(resource)[0]?.fee ?? 0) / 100),
  'the sum of whole cents': oursIs(({ resource }) => inDollars(linesOf(resource).map(({ paid }) => paid))),
  "the insurer's part of a line": oneLine(({ paid }) => paid),
  "the patient's part of a line": oneLine(({ fee, paid }) => fee - paid),
  'all that was paid': oursIs((bill, bundle) =>
    ((totalOf(bill.resource) - toCents(Number(dueFor(bill, bundle)))) / 100).toFixed(2),
  ),
  'what is left of the last bill': oursIs(dueFor),
  'the giving of a vaccine': ({ difference: { theirs, ours } }) => ours === '90471' && /^\d{2,3}$/.test(String(theirs)),
  "the last bill's rest": ({ difference: { ours }, bundle }) => {
    const last = lastBillOf(bundle);
    return last !== undefined && ours === openOf(last.resource);
  },
};
