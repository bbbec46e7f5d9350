import type { Amount, BillingContent, BillingStatement } from './section-content.js';

/** Cents, exact: an account must add up. */
type Cents = bigint;

/** A line of a statement's account: below zero what lowers the bill. */
export interface AccountLine {
  id: string;
  kind: 'patient' | 'insurance' | 'adjustment';
  date: string | null;
  /** how it was paid; empty when unknown */
  method: string;
  amount: Amount;
}

export interface Statement {
  id: string;
  date: string | undefined;
  /** something of it is open, or was paid in advance */
  current: boolean;
  /** an insurer has yet to settle it */
  waiting: boolean;
  charges: BillingStatement['charges'];
  /** payments and what need not be paid, the oldest first */
  lines: AccountLine[];
  charged: Amount;
  paidByPatient: Amount;
  paidByInsurance: Amount;
  adjusted: Amount;
  /** what is open altogether */
  open: Amount;
  /** the patient's part of it now; below zero when paid in advance */
  due: Amount;
}

export interface Account {
  balance: Amount;
  /** with what insurers have yet to settle; null when that changes nothing */
  withInsurance: Amount | null;
  statements: Statement[];
}

/** What a `billing` section says, newest visit first. The sums are the clinic's; only who paid is added up here. */
export function readAccount(content: BillingContent): Account {
  return {
    balance: content.balance,
    withInsurance: content.balanceWithInsurance === content.balance ? null : content.balanceWithInsurance,
    statements: content.statements.map(readStatement),
  };
}

function readStatement(statement: BillingStatement): Statement {
  const paidBy = (from: 'patient' | 'insurance'): Amount =>
    amountOf(
      statement.payments.filter((payment) => payment.from === from).reduce((all, each) => all + cents(each.amount), 0n),
    );
  const lines: AccountLine[] = [
    ...statement.payments.map(({ id, from, date, method, amount }) => ({
      id,
      kind: from,
      date,
      method,
      amount: negated(amount),
    })),
    ...statement.adjustments.map(({ id, date, amount }) => ({
      id,
      kind: 'adjustment' as const,
      date,
      method: '',
      amount: negated(amount),
    })),
  ];
  const current = signOf(statement.open) !== 0 || signOf(statement.due) !== 0;
  return {
    id: statement.id,
    date: statement.date ?? undefined,
    current,
    waiting: statement.withInsurer && current,
    charges: statement.charges,
    lines: lines.sort((a, b) => compare(a.date ?? '', b.date ?? '')),
    charged: statement.charged,
    paidByPatient: paidBy('patient'),
    paidByInsurance: paidBy('insurance'),
    adjusted: statement.adjusted,
    open: statement.open,
    due: statement.due,
  };
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

const cents = (amount: Amount): Cents => BigInt(amount.replace('.', ''));

function amountOf(value: Cents): Amount {
  const digits = String(value < 0n ? -value : value).padStart(3, '0');
  return `${value < 0n ? '-' : ''}${digits.slice(0, -2)}.${digits.slice(-2)}` as Amount;
}

export const negated = (amount: Amount): Amount => amountOf(-cents(amount));

/** -1, 0 or 1. */
export function signOf(amount: Amount): number {
  const value = cents(amount);
  return value < 0n ? -1 : value > 0n ? 1 : 0;
}
