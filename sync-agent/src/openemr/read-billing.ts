import { z } from 'zod';
import { Id, Text, WallClock, Whole } from './column-types.js';
import type { LookupsWanted } from './read-lookups.js';
import type { Snapshot } from './snapshot.js';
import { sourceRow, type SourceRow } from './source-row.js';

/** DECIMAL column as MariaDB prints it, two digits after the point; NULL counts as nothing. */
const Money = z
  .string()
  .regex(/^-?\d{1,10}\.\d\d$/)
  .nullable()
  .transform((amount) => amount ?? '0.00');

export const BilledVisitRow = z.object({ id: Id, encounter: Whole, date: WallClock, last_level_closed: Whole });
export type BilledVisitRow = z.infer<typeof BilledVisitRow>;

export const ChargeRow = z.object({
  id: Id,
  encounter: Whole,
  date: WallClock,
  code_type: Text,
  code: Text,
  code_text: Text,
  units: Whole,
  fee: Money,
});
export type ChargeRow = z.infer<typeof ChargeRow>;

/** A payment or an adjustment, or both, that was posted to a visit. */
export const PostingRow = z.object({
  pid: Id,
  encounter: Id,
  sequence_no: Id,
  payer_type: Whole,
  session_id: Whole,
  post_date: WallClock,
  post_time: WallClock,
  pay_amount: Money,
  adj_amount: Money,
  payment_method: Text,
});
export type PostingRow = z.infer<typeof PostingRow>;

export const SoldProductRow = z.object({
  sale_id: Id,
  encounter: Whole,
  drug_id: Whole,
  name: Text,
  quantity: Whole,
  fee: Money,
});
export type SoldProductRow = z.infer<typeof SoldProductRow>;

export const InsuredPeriodRow = z.object({
  id: Id,
  type: Text,
  provider: Text,
  date: WallClock,
  date_end: WallClock,
});
export type InsuredPeriodRow = z.infer<typeof InsuredPeriodRow>;

export interface BillingRows {
  visits: BilledVisitRow[];
  charges: ChargeRow[];
  postings: PostingRow[];
  products: SoldProductRow[];
  insured: InsuredPeriodRow[];
}

/** Five queries: all that OpenEMR's own balance of a patient is made of. Struck charges and deleted postings are left out. */
export async function readBilling(
  snapshot: Snapshot,
  pid: number,
  wanted: LookupsWanted,
): Promise<{ rows: BillingRows; sources: SourceRow[] }> {
  const visits = await snapshot.select(
    'billed visits',
    BilledVisitRow,
    'SELECT id, encounter, date, last_level_closed FROM form_encounter WHERE pid = ? ORDER BY id',
    [pid],
  );
  const charges = await snapshot.select(
    'charges',
    ChargeRow,
    `SELECT id, encounter, date, code_type, code, code_text, units, fee
       FROM billing WHERE pid = ? AND activity = 1 ORDER BY id`,
    [pid],
  );
  const postings = await readPostings(snapshot, pid);
  const products = await snapshot.select(
    'products sold',
    SoldProductRow,
    `SELECT s.sale_id, s.encounter, s.drug_id, d.name, s.quantity, s.fee
       FROM drug_sales s LEFT JOIN drugs d ON d.drug_id = s.drug_id WHERE s.pid = ? ORDER BY s.sale_id`,
    [pid],
  );
  const insured = await snapshot.select(
    'insured periods',
    InsuredPeriodRow,
    'SELECT id, type, provider, date, date_end FROM insurance_data WHERE pid = ? ORDER BY id',
    [pid],
  );
  for (const { payment_method } of postings) {
    wanted.option('payment_method', payment_method);
  }
  return {
    rows: { visits, charges, postings, products, insured },
    sources: [
      ...visits.map((row) => sourceRow('form_encounter', row)),
      ...charges.map((row) => sourceRow('billing', row)),
      ...postings.flatMap((row) => [
        sourceRow('ar_activity', row),
        ...(row.session_id > 0 ? [sourceRow('ar_session', row)] : []),
      ]),
      ...products.flatMap((row) => [sourceRow('drug_sales', row), sourceRow('drugs', row)]),
      ...insured.map((row) => sourceRow('insurance_data', row)),
    ],
  };
}

function readPostings(snapshot: Snapshot, pid: number): Promise<PostingRow[]> {
  return snapshot.select(
    'payments and adjustments',
    PostingRow,
    `SELECT a.pid, a.encounter, a.sequence_no, a.payer_type, a.session_id, a.post_date, a.post_time, a.pay_amount,
            a.adj_amount, s.payment_method
       FROM ar_activity a LEFT JOIN ar_session s ON s.session_id = a.session_id
      WHERE a.pid = ? AND a.deleted IS NULL ORDER BY a.encounter, a.sequence_no`,
    [pid],
  );
}
