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

/** Nobody chose an interval. */
const NO_INTERVAL = 0;
/** By how often, in how many hours or days. An interval that the list has not is not written. */
const INTERVALS: Readonly<Record<string, { interval: number; words: string }>> = {
  '1 in 4 h': { interval: 5, words: 'every 4 hours' },
  '1 in 6 h': { interval: 7, words: 'every 6 hours' },
  '1 in 8 h': { interval: 8, words: 'every 8 hours' },
  '1 in 12 h': { interval: 1, words: 'twice daily' },
  '1 in 1 d': { interval: 9, words: 'once daily' },
  '2 in 1 d': { interval: 1, words: 'twice daily' },
  '3 in 1 d': { interval: 2, words: 'three times daily' },
  '4 in 1 d': { interval: 3, words: 'four times daily' },
};

function dosing(request: SyntheaMedicationRequest): Dosing {
  const instruction = request.dosageInstruction?.[0];
  const prn = instruction?.asNeededBoolean === true ? 'PRN' : null;
  const repeat = instruction?.timing?.repeat;
  const known = repeat && INTERVALS[`${String(repeat.frequency)} in ${String(repeat.period)} ${repeat.periodUnit}`];
  if (known !== undefined) {
    return { interval: known.interval, text: `Take ${known.words}`, prn };
  }
  return { interval: NO_INTERVAL, text: prn === null ? null : 'Take as needed', prn };
}

const COURSE_DAYS = 30;

function prescriptionRow(
  context: LoadContext,
  request: SyntheaMedicationRequest,
  reasons: SyntheaChart['conditions'],
  onList: boolean,
): Row {
  const reason = reasons.get(request.reasonReference[0]?.reference ?? '');
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
    diagnosis: reason === undefined ? null : `SNOMED-CT:${firstCode(reason.code).code}`,
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
  { medicationRequests, conditions }: SyntheaChart,
): Promise<void> {
  const prescribed = medicationRequests.map((request) => ({
    request,
    onList: request.status === 'active' && dosing(request).prn === null,
  }));
  const prescriptionIds = await insertRows(
    context.connection,
    'prescriptions',
    prescribed.map(({ request, onList }) => prescriptionRow(context, request, conditions, onList)),
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
