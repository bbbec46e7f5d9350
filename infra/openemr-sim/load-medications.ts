import { addHours, toClinicDate } from './clinic-time.js';
import { describeDrug } from './drug-name.js';
import { insertRows, type Row } from './insert-rows.js';
import { clinicTime, encounterNumber, type LoadContext } from './load-context.js';
import { issueRow } from './load-lists.js';
import { firstCode, type SyntheaChart, type SyntheaMedicationRequest } from './synthea-bundle.js';

interface Dosing {
  /** Option id of list `drug_interval`. */
  interval: number;
  text: string | null;
  prn: string | null;
}

const DAILY = 9;
const EVERY_HOURS: Readonly<Record<number, { interval: number; words: string }>> = {
  4: { interval: 5, words: 'every 4 hours' },
  6: { interval: 7, words: 'every 6 hours' },
  8: { interval: 8, words: 'every 8 hours' },
  12: { interval: 1, words: 'twice daily' },
};

function dosing(request: SyntheaMedicationRequest): Dosing {
  const instruction = request.dosageInstruction?.[0];
  const prn = instruction?.asNeededBoolean === true ? 'PRN' : null;
  const repeat = instruction?.timing?.repeat;
  if (repeat === undefined) {
    return { interval: DAILY, text: prn === null ? null : 'Take as needed', prn };
  }
  const everyHours = repeat.periodUnit === 'h' && repeat.frequency === 1 ? EVERY_HOURS[repeat.period] : undefined;
  if (everyHours !== undefined) {
    return { interval: everyHours.interval, text: `Take ${everyHours.words}`, prn };
  }
  return { interval: DAILY, text: repeat.periodUnit === 'd' && repeat.period === 1 ? 'Take once daily' : null, prn };
}

const COURSE_DAYS = 30;

function prescriptionRow(context: LoadContext, request: SyntheaMedicationRequest, onList: boolean): Row {
  const { code, text } = firstCode(request.medicationCodeableConcept);
  const { form, route, size, unit } = describeDrug(text);
  const { interval, text: instructions, prn } = dosing(request);
  const written = clinicTime(context, request.authoredOn);
  const active = request.status === 'active';
  const end = toClinicDate(addHours(request.authoredOn, COURSE_DAYS * 24), context.timeZone);
  return {
    patient_id: context.pid,
    filled_by_id: 0,
    pharmacy_id: 0,
    date_added: written,
    date_modified: written,
    provider_id: context.doctor.id,
    encounter: encounterNumber(context, request.encounter.reference),
    start_date: written.slice(0, 10),
    drug: text,
    drug_id: 0,
    rxnorm_drugcode: code,
    form,
    dosage: '1',
    quantity: '30',
    size,
    unit,
    route,
    interval,
    substitute: 1,
    refills: active ? 3 : 0,
    per_refill: 30,
    medication: onList ? 1 : 0,
    note: '',
    active: active ? 1 : 0,
    user: context.doctor.username,
    end_date: active ? null : end,
    indication: '',
    prn,
    txDate: '0000-00-00',
    usage_category: 'community',
    usage_category_title: 'Home/Community',
    request_intent: 'order',
    request_intent_title: 'Order',
    drug_dosage_instructions: instructions,
    created_by: context.doctor.id,
    updated_by: context.doctor.id,
  };
}

/** Active prescriptions without "as needed" are also on the medication list, joined by `lists_medication`. */
export async function loadMedications(
  context: LoadContext,
  requests: SyntheaChart['medicationRequests'],
): Promise<void> {
  const prescribed = requests.map((request) => ({
    request,
    onList: request.status === 'active' && dosing(request).prn === null,
  }));
  const prescriptionIds = await insertRows(
    context.connection,
    'prescriptions',
    prescribed.map(({ request, onList }) => prescriptionRow(context, request, onList)),
  );
  const listed = prescribed
    .map(({ request, onList }, index) => ({ request, onList, prescriptionId: prescriptionIds[index] ?? 0 }))
    .filter(({ onList }) => onList);
  const listIds = await insertRows(
    context.connection,
    'lists',
    listed.map(({ request }) => {
      const { code, text } = firstCode(request.medicationCodeableConcept);
      const begdate = clinicTime(context, request.authoredOn);
      return issueRow(context, { type: 'medication', title: text, diagnosis: `RXCUI:${code}`, begdate });
    }),
  );
  await insertRows(
    context.connection,
    'lists_medication',
    listed.map(({ prescriptionId }, index) => ({
      list_id: listIds[index] ?? 0,
      usage_category: 'community',
      usage_category_title: 'Home/Community',
      request_intent: 'order',
      request_intent_title: 'Order',
      prescription_id: prescriptionId,
      is_primary_record: 1,
    })),
  );
}
