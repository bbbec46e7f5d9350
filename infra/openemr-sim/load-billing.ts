import { addHours, toClinicDate } from './clinic-time.js';
import { insertRows, type Row } from './insert-rows.js';
import { clinicTime, encounterNumber, type LoadContext } from './load-context.js';
import { INSURERS } from './practice.js';
import { firstCode, type SyntheaChart, type SyntheaExplanation } from './synthea-bundle.js';

/** What one line of a visit's bill comes to, in cents. */
interface Charge {
  code: string;
  codeType: 'CPT4' | 'SNOMED-PR';
  text: string;
  fee: number;
  paidByInsurer: number;
}

interface Bill {
  encounter: number;
  at: Date;
  /** 0 for a patient without insurance */
  payerId: number;
  charges: Charge[];
}

const CVX = 'http://hl7.org/fhir/sid/cvx';
/** OpenEMR takes no fee for a vaccine's own code: practices charge for giving it. */
const IMMUNIZATION_ADMINISTRATION = '90471';
const INSURERS_PAYMENT = 'line_prvdr_pmt_amt';

const cents = (dollars: number): number => Math.round(dollars * 100);
const amount = (inCents: number): string => (inCents / 100).toFixed(2);
const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

function billOf(context: LoadContext, explanation: SyntheaExplanation): Bill {
  const charged = explanation.item.flatMap((item): Charge[] => {
    if (item.net === undefined) {
      return [];
    }
    const { code, text } = firstCode(item.productOrService);
    const vaccine = item.productOrService.coding[0]?.system === CVX;
    const paid = item.adjudication.find(({ category }) => firstCode(category).code.endsWith(INSURERS_PAYMENT));
    return [
      {
        code: vaccine ? IMMUNIZATION_ADMINISTRATION : code,
        codeType: vaccine ? 'CPT4' : 'SNOMED-PR',
        text,
        fee: cents(item.net.value),
        paidByInsurer: cents(paid?.amount?.value ?? 0),
      },
    ];
  });
  const [visit] = explanation.item;
  const total = cents(explanation.total[0]?.amount.value ?? 0);
  const consultation = total - sum(charged.map(({ fee }) => fee));
  const visitCharge: Charge[] =
    visit === undefined || consultation === 0
      ? []
      : [{ ...firstCode(visit.productOrService), codeType: 'SNOMED-PR', fee: consultation, paidByInsurer: 0 }];
  return {
    encounter: encounterNumber(context, visit?.encounter[0]?.reference ?? ''),
    at: explanation.created,
    payerId: INSURERS.find(({ kinds }) => kinds.some((kind) => kind === explanation.insurer.display))?.id ?? 0,
    charges: [...visitCharge, ...charged],
  };
}

function chargeRow(context: LoadContext, bill: Bill, charge: Charge): Row {
  const at = clinicTime(context, bill.at);
  return {
    date: at,
    code_type: charge.codeType,
    code: charge.code,
    pid: context.pid,
    provider_id: context.doctor.id,
    user: BILLER,
    groupname: 'Default',
    authorized: 1,
    encounter: bill.encounter,
    code_text: charge.text,
    billed: 1,
    activity: 1,
    payer_id: bill.payerId,
    bill_process: 2,
    bill_date: at,
    modifier: '',
    units: 1,
    fee: amount(charge.fee),
    justify: '',
    notecodes: '',
    pricelevel: 'standard',
    revenue_code: '',
    chargecat: '',
  };
}

const BILLER = 1;

/** Money that came in for one visit, and the lines it was for. */
interface Payment {
  bill: Bill;
  from: 'insurance' | 'patient';
  at: Date;
  parts: { charge: Charge; paid: number }[];
}

const PATIENTS_PAY_AFTER_HOURS = 30 * 24;

/**
 * The insurer pays what the bundle says. It says nothing of the patients' own payments: here they pay what is left a
 * month later, but for their last visit.
 */
function paymentsOf(bills: readonly Bill[]): Payment[] {
  const last = bills.at(-1);
  return bills.flatMap((bill): Payment[] => [
    {
      ...{ bill, from: 'insurance', at: bill.at },
      parts: bill.charges.map((charge) => ({ charge, paid: charge.paidByInsurer })),
    },
    {
      ...{ bill, from: 'patient', at: addHours(bill.at, PATIENTS_PAY_AFTER_HOURS) },
      parts: bill === last ? [] : bill.charges.map((charge) => ({ charge, paid: charge.fee - charge.paidByInsurer })),
    },
  ]);
}

function sessionRow(context: LoadContext, { bill, from, at, parts }: Payment): Row {
  const day = toClinicDate(at, context.timeZone);
  const insurance = from === 'insurance';
  return {
    payer_id: insurance ? bill.payerId : 0,
    user_id: BILLER,
    closed: 0,
    reference: insurance ? `EOB-${String(bill.encounter)}` : '',
    check_date: day,
    deposit_date: day,
    pay_total: amount(sum(parts.map(({ paid }) => paid))),
    modified_time: clinicTime(context, at),
    global_amount: '0.00',
    payment_type: from,
    description: '',
    adjustment_code: insurance ? 'insurance_payment' : 'patient_payment',
    post_to_date: day,
    patient_id: insurance ? 0 : context.pid,
    payment_method: insurance ? 'check_payment' : 'credit_card',
  };
}

/** Charges, and payments posted line by line, of every visit that the bundle has an explanation of benefits for. */
export async function loadBilling(context: LoadContext, chart: SyntheaChart): Promise<void> {
  const bills = chart.explanations
    .map((explanation) => billOf(context, explanation))
    .filter(({ encounter }) => encounter > 0)
    .sort((a, b) => a.at.getTime() - b.at.getTime() || a.encounter - b.encounter);
  await insertRows(
    context.connection,
    'billing',
    bills.flatMap((bill) => bill.charges.map((charge) => chargeRow(context, bill, charge))),
  );
  const payments = paymentsOf(bills)
    .map((payment) => ({ ...payment, parts: payment.parts.filter(({ paid }) => paid > 0) }))
    .filter(({ parts }) => parts.length > 0);
  const sessions = await insertRows(
    context.connection,
    'ar_session',
    payments.map((payment) => sessionRow(context, payment)),
  );
  await insertRows(context.connection, 'ar_activity', activityRows(context, payments, sessions));
}

function activityRows(context: LoadContext, payments: readonly Payment[], sessions: readonly number[]): Row[] {
  const postedTo = new Map<number, number>();
  return payments.flatMap(({ bill, from, at, parts }, index) =>
    parts.map(({ charge, paid }) => {
      const sequence = (postedTo.get(bill.encounter) ?? 0) + 1;
      postedTo.set(bill.encounter, sequence);
      const time = clinicTime(context, at);
      return {
        pid: context.pid,
        encounter: bill.encounter,
        sequence_no: sequence,
        code_type: charge.codeType,
        code: charge.code,
        modifier: '',
        payer_type: from === 'insurance' ? 1 : 0,
        post_time: time,
        post_user: BILLER,
        session_id: sessions[index] ?? 0,
        memo: '',
        pay_amount: amount(paid),
        adj_amount: '0.00',
        modified_time: time,
        follow_up: '',
        account_code: from === 'insurance' ? 'IPP' : 'PP',
        post_date: time.slice(0, 10),
      };
    }),
  );
}
