import type { ChartRows } from 'sync-agent/src/openemr/read-chart';
import {
  BilledVisitRow,
  ChargeRow,
  InsuredPeriodRow,
  PostingRow,
  SoldProductRow,
} from 'sync-agent/src/openemr/read-billing';
import { SiteRow, StaffRow } from 'sync-agent/src/openemr/read-practice';
import { filled } from './sample-row.js';

export function samplePractice(): NonNullable<ChartRows['practice']> {
  const person = (id: number, given: Record<string, unknown>): StaffRow =>
    filled(StaffRow, { id, username: `staff${String(id)}`, active: 1, authorized: 0, portal_user: 0, ...given });
  return {
    sites: [
      filled(SiteRow, { id: 1, inactive: 0, service_location: 1, primary_business_entity: 1 }),
      filled(SiteRow, { id: 2, inactive: 0, service_location: 1, primary_business_entity: 0 }),
    ],
    staff: [person(1, { authorized: 1 }), person(2, { portal_user: 1, specialty: '' }), person(3, { active: 0 })],
    mail: [{ gl_value: '1' }],
  };
}

export function sampleBilling(): NonNullable<ChartRows['billing']> {
  const charge = (id: number, given: Record<string, unknown>): ChargeRow =>
    filled(ChargeRow, { ...{ id, encounter: 7, date: '2026-01-02 10:00:00', units: 1, fee: '110.00' }, ...given });
  const posting = (sequence_no: number, given: Record<string, unknown>): PostingRow =>
    filled(PostingRow, {
      ...{ pid: 1, encounter: 7, sequence_no, payer_type: 0, session_id: 1, post_date: '2026-01-03' },
      ...{ post_time: '2026-01-04 10:00:00', pay_amount: '20.00', adj_amount: '0.00', ...given },
    });
  return {
    visits: [
      filled(BilledVisitRow, { id: 1, encounter: 7, date: '2026-01-02 10:00:00', last_level_closed: 1 }),
      filled(BilledVisitRow, { id: 2, encounter: 8, date: '2026-01-05 10:00:00', last_level_closed: 0 }),
    ],
    charges: [
      charge(1, { code_type: 'CPT4', code: '99213' }),
      charge(2, { code_type: 'COPAY', code: '', fee: '-5.00' }),
      charge(3, { code_type: 'CPT4', code: '', code_text: '', encounter: 8 }),
    ],
    postings: [
      posting(1, {}),
      posting(2, { payer_type: 1, pay_amount: '60.00', post_date: null, payment_method: '' }),
      posting(3, { payer_type: 1, pay_amount: '0.00', adj_amount: '15.50' }),
    ],
    products: [
      filled(SoldProductRow, {
        ...{ sale_id: 1, encounter: 7, drug_id: 8, quantity: 2, fee: '12.50' },
      }),
    ],
    insured: [filled(InsuredPeriodRow, { id: 1, type: 'primary', provider: '9', date: '2026-01-01', date_end: null })],
  };
}
