import type { BillingContent } from 'sync-contract/section-content';
import type { BilledVisitRow, BillingRows, ChargeRow, InsuredPeriodRow, PostingRow } from '../openemr/read-billing.js';
import { amountOf, cents, sum, type Cents } from './money.js';
import type { RenderTools } from './render-tools.js';

type Statement = BillingContent['statements'][number];
type Payment = Statement['payments'][number];

/** `ar_activity.payer_type` of the patient; 1 and up are insurers. */
const PATIENT = 0;
/** What a patient paid at the desk in older versions: a charge below zero. */
const COPAY = 'COPAY';

/**
 * The patient's account: the balance as OpenEMR computes it, without and with what insurers still owe, and a statement
 * for each visit that anything was charged for or paid to, the newest first. Charges of nothing (diagnoses) stand on none.
 */
export function renderBilling(rows: BillingRows, tools: RenderTools): BillingContent {
  const accounts = rows.visits.map((visit) => accountOf(visit, rows));
  return {
    currency: 'USD',
    balance: amountOf(sum(accounts.map(({ due }) => due))),
    balanceWithInsurance: amountOf(sum(accounts.map(({ open }) => open))),
    statements: accounts
      .filter(({ charges, products, postings }) => charges.length + products.length + postings.length > 0)
      .sort((a, b) => compare(b.visit.date ?? '', a.visit.date ?? '') || b.visit.encounter - a.visit.encounter)
      .map((account) => statement(account, tools)),
  };
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

interface Account {
  visit: BilledVisitRow;
  charges: ChargeRow[];
  products: BillingRows['products'];
  postings: PostingRow[];
  withInsurer: boolean;
  /** what is open altogether */
  open: Cents;
  /** what the patient owes now: of a visit that an insurer has yet to settle, the copay alone */
  due: Cents;
}

function accountOf(visit: BilledVisitRow, rows: BillingRows): Account {
  const ofVisit = ({ encounter }: { encounter: number }): boolean => encounter === visit.encounter;
  const charges = rows.charges.filter((row) => ofVisit(row) && cents(row.fee) !== 0n);
  const products = rows.products.filter((row) => ofVisit(row) && cents(row.fee) !== 0n);
  const postings = rows.postings.filter(ofVisit);
  const withInsurer = visit.last_level_closed < insurersOn(visit.date, rows.insured);
  const paid = sum(postings.map(({ pay_amount }) => cents(pay_amount)));
  const adjusted = sum(postings.map(({ adj_amount }) => cents(adj_amount)));
  const charged = sum([...charges, ...products].map(({ fee }) => cents(fee)));
  const open = charged - paid - adjusted;
  const copays = sum(charges.filter(isCopay).map(({ fee }) => cents(fee)));
  const byPatient = sum(
    postings.filter(({ payer_type }) => payer_type === PATIENT).map((row) => cents(row.pay_amount)),
  );
  return { visit, charges, products, postings, withInsurer, open, due: withInsurer ? copays - byPatient : open };
}

const isCopay = ({ code_type }: ChargeRow): boolean => code_type.toUpperCase() === COPAY;

/** How many insurers a visit goes to: the first, second and third place, up to one that nobody held on that day. */
function insurersOn(stored: string | null, insured: readonly InsuredPeriodRow[]): number {
  const day = (stored ?? '').slice(0, 10);
  const places = ['primary', 'secondary', 'tertiary'];
  const free = places.findIndex((place) => {
    const effective = insured
      .filter(
        ({ type, date, date_end }) => type === place && (date ?? '') <= day && !(isDay(date_end) && date_end < day),
      )
      .sort((a, b) => compare(b.date ?? '', a.date ?? ''));
    return ['', '0', undefined].includes(effective[0]?.provider);
  });
  return free < 0 ? places.length : free;
}

const isDay = (stored: string | null): stored is string => stored !== null && !stored.startsWith('0000');

function statement(account: Account, tools: RenderTools): Statement {
  const { visit, charges, products, postings, withInsurer, open, due } = account;
  const services = charges.filter((row) => !isCopay(row));
  const copays = charges.filter(isCopay);
  const payments = postings.filter(({ pay_amount }) => cents(pay_amount) !== 0n);
  const adjustments = postings.filter(({ adj_amount }) => cents(adj_amount) !== 0n);
  const copaid = -sum(copays.map(({ fee }) => cents(fee)));
  return {
    id: tools.ids.id('form_encounter', visit.encounter),
    date: tools.time.dateTime(visit.date) ?? null,
    withInsurer,
    charges: [
      ...services.map((row) => ({
        id: tools.ids.id('billing', row.id),
        code: row.code === '' ? null : row.code,
        text: row.code_text || row.code || row.code_type,
        units: Math.max(row.units, 1),
        amount: row.fee,
      })),
      ...products.map((row) => ({
        id: tools.ids.id('drug_sales', row.sale_id),
        code: null,
        text: row.name,
        units: Math.max(row.quantity, 1),
        amount: row.fee,
      })),
    ],
    payments: [...copays.map((row) => copayment(row, tools)), ...payments.map((row) => payment(row, tools))],
    adjustments: adjustments.map((row) => ({
      id: postingId(row, 'adjustment', tools),
      date: tools.time.date(row.post_date ?? row.post_time) ?? null,
      amount: row.adj_amount,
    })),
    charged: amountOf(sum([...services, ...products].map(({ fee }) => cents(fee)))),
    paid: amountOf(copaid + sum(payments.map(({ pay_amount }) => cents(pay_amount)))),
    adjusted: amountOf(sum(adjustments.map(({ adj_amount }) => cents(adj_amount)))),
    open: amountOf(open),
    due: amountOf(due),
  };
}

function copayment(row: ChargeRow, tools: RenderTools): Payment {
  const date = tools.time.date(row.date) ?? null;
  return { id: tools.ids.id('billing', row.id), date, from: 'patient', method: '', amount: amountOf(-cents(row.fee)) };
}

function payment(row: PostingRow, tools: RenderTools): Payment {
  return {
    id: postingId(row, 'payment', tools),
    date: tools.time.date(row.post_date ?? row.post_time) ?? null,
    from: row.payer_type === PATIENT ? 'patient' : 'insurance',
    method: tools.options.title('payment_method', row.payment_method),
    amount: row.pay_amount,
  };
}

const postingId = (row: PostingRow, kind: string, tools: RenderTools): string =>
  tools.ids.id('ar_activity', `${String(row.encounter)} ${String(row.sequence_no)} ${kind}`);
