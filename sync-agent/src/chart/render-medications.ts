import type { Resource } from 'sync-contract/section-content';
import type {
  DrugRow,
  DrugSaleRow,
  ListMedicationRow,
  MedicationRows,
  PrescriptionRow,
} from '../openemr/read-medications.js';
import { parseCodes } from './coded-values.js';
import { prescribedDosage } from './dosage.js';
import { profileMeta, resource, SYSTEMS, usCore, type CodeableConcept, type Coding } from './fhir.js';
import { parseNumber } from './reference-range.js';
import type { RenderTools } from './render-tools.js';

/**
 * Prescriptions and list entries as MedicationRequests, newest first, then what the practice dispensed. A list entry
 * that belongs to a prescription is that prescription and not shown twice.
 */
export function renderMedications(
  rows: MedicationRows,
  tools: RenderTools,
): { resources: Resource[]; skipped: number } {
  const drugs = new Map(rows.drugs.map((drug) => [drug.drug_id, drug]));
  const prescriptions = new Map(rows.prescriptions.map((row) => [row.id, row]));
  const requests = [
    ...rows.prescriptions.map((row) => ({
      ...row,
      made: row.date_added,
      render: () => renderPrescription(row, drugs, tools),
    })),
    ...withoutPrescription(rows.listed, prescriptions).map((row) => ({
      ...row,
      made: row.date,
      render: () => renderListed(row, tools),
    })),
  ];
  const newestFirst = requests.sort((a, b) => compare(b.made ?? '', a.made ?? '') || b.id - a.id);
  const rendered = [
    ...newestFirst.map((request) => request.render()),
    ...rows.sales.map((sale) =>
      renderSale(sale, drugs.get(sale.drug_id), prescriptions.get(sale.prescription_id), tools),
    ),
  ];
  const resources = rendered.filter((each) => each !== undefined);
  return {
    resources: [...resources, ...tools.people.resources()],
    skipped: rendered.length - resources.length,
  };
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

/** One row per list entry: the join gives several when an entry has several detail rows, the first one counts. */
function withoutPrescription(
  listed: readonly ListMedicationRow[],
  prescriptions: ReadonlyMap<number, PrescriptionRow>,
): ListMedicationRow[] {
  const shownAsPrescription = new Set(
    listed.filter((row) => prescriptions.has(row.prescription_id)).map((row) => row.id),
  );
  const first = new Map<number, ListMedicationRow>();
  for (const row of listed) {
    if (!shownAsPrescription.has(row.id) && !first.has(row.id)) {
      first.set(row.id, row);
    }
  }
  return [...first.values()];
}

/** Active while it has not ended: an end date to come does not end it. */
function requestStatus(active: boolean, end: string | undefined, readOn: string): string {
  if (!active) {
    return 'stopped';
  }
  return end !== undefined && end.slice(0, 10) < readOn ? 'completed' : 'active';
}

const INTENTS = [
  'proposal',
  'plan',
  'order',
  'original-order',
  'reflex-order',
  'filler-order',
  'instance-order',
  'option',
];
const intent = (stored: string, otherwise: string): string => (INTENTS.includes(stored) ? stored : otherwise);

function category(code: string, title: string): CodeableConcept | undefined {
  const system = 'http://terminology.hl7.org/CodeSystem/medicationrequest-category';
  return code === '' ? undefined : { coding: [{ system, code, display: title }] };
}

function renderPrescription(
  row: PrescriptionRow,
  drugs: ReadonlyMap<number, DrugRow>,
  tools: RenderTools,
): Resource | undefined {
  const stock = drugs.get(row.drug_id);
  const name = row.drug || (stock?.name ?? '');
  const rxnorm = rxnormCode(row.rxnorm_drugcode) || rxnormCode(stock?.drug_code ?? '');
  if (name + rxnorm === '') {
    return undefined;
  }
  const form = tools.options.title('drug_form', row.form);
  const end = tools.time.date(row.end_date);
  return resource({
    resourceType: 'MedicationRequest',
    id: tools.ids.id('prescriptions', row.id),
    meta: profileMeta('us-core-medicationrequest'),
    status: requestStatus(row.active === 1, end, tools.readOn),
    intent: intent(row.request_intent, 'order'),
    category: [category(row.usage_category, row.usage_category_title)],
    reportedBoolean: false,
    medicationCodeableConcept: {
      coding: [rxnorm === '' ? undefined : { system: SYSTEMS.rxnorm, code: rxnorm, display: name }],
      text: withStrength(name, row, tools),
    },
    subject: tools.ids.patient(tools.pid),
    encounter: tools.ids.encounter(row.encounter),
    authoredOn: tools.time.dateTime(row.date_added),
    requester: tools.people.practitioner(row.provider_id) ?? tools.people.practiceOrganization(),
    reasonCode: [...reasons(row.diagnosis), row.indication === '' ? undefined : { text: row.indication }],
    note: [row.note === '' ? undefined : { text: row.note }],
    dosageInstruction: [prescribedDosage(row, tools)],
    dispenseRequest: dispenseRequest(row, form),
    substitution: row.substitute === 0 ? undefined : { allowedBoolean: row.substitute === 1 },
  });
}

/** `RXCUI:316672` or `316672`. */
function rxnormCode(stored: string): string {
  const code = stored.replace(/^(RXCUI|RXNORM):/i, '').trim();
  return /^\d+$/.test(code) ? code : '';
}

/** A name without any strength in it gets the prescription's: `Lisinopril` → `Lisinopril 10 mg`. */
function withStrength(name: string, row: PrescriptionRow, tools: RenderTools): string {
  const unit = tools.options.title('drug_units', row.unit);
  return row.size === '' || row.size === '0' || /\d/.test(name) ? name : [name, row.size, unit].join(' ').trim();
}

function reasons(diagnosis: string): CodeableConcept[] {
  return parseCodes(diagnosis)
    .filter(({ coding }) => coding.system !== SYSTEMS.rxnorm)
    .map(({ coding }) => ({ coding: [coding] }));
}

/**
 * OpenEMR's quantity is what the first fill hands over, `per_refill` what each refill does. FHIR's `quantity` is that
 * of any fill, `initialFill` the first one when it differs.
 */
function dispenseRequest(row: PrescriptionRow, form: string): unknown {
  const first = countOf(row.quantity, form);
  const refill = row.refills !== null && row.refills > 0 && row.per_refill !== null && row.per_refill > 0;
  const later = refill ? countOf(String(row.per_refill), form) : undefined;
  const differs = first !== undefined && later !== undefined && first.value !== later.value;
  return {
    initialFill: differs ? { quantity: first } : undefined,
    numberOfRepeatsAllowed: row.refills ?? undefined,
    quantity: differs ? later : first,
  };
}

function countOf(stored: string, form: string): { value: number; unit: string } | undefined {
  const value = parseNumber(stored);
  return value === undefined ? undefined : { value, unit: form };
}

function renderListed(row: ListMedicationRow, tools: RenderTools): Resource | undefined {
  const codes = parseCodes(row.diagnosis).filter(({ coding }) => coding.system === SYSTEMS.rxnorm);
  if (row.title === '' && codes.length === 0) {
    return undefined;
  }
  const end = tools.time.dateOrDateTime(row.enddate);
  const start = tools.time.dateOrDateTime(row.begdate);
  const bounds = start === undefined && end === undefined ? undefined : { repeat: { boundsPeriod: { start, end } } };
  return resource({
    resourceType: 'MedicationRequest',
    id: tools.ids.id('lists', row.id),
    meta: profileMeta('us-core-medicationrequest'),
    extension: [adherence(row, tools)],
    status: requestStatus(row.activity !== 0, end, tools.readOn),
    intent: intent(row.request_intent, 'plan'),
    category: [category(row.usage_category, row.usage_category_title)],
    reportedBoolean: true,
    medicationCodeableConcept: {
      coding: codes.map(({ coding }) => ({ ...coding, display: row.title })),
      text: row.title,
    },
    subject: tools.ids.patient(tools.pid),
    authoredOn: tools.time.dateTime(row.date),
    requester: tools.people.practitionerNamed(row.user) ?? tools.people.practiceOrganization(),
    reasonCode: reasons(row.diagnosis),
    note: [row.comments === '' ? undefined : { text: row.comments }],
    dosageInstruction: [{ text: row.drug_dosage_instructions, timing: bounds }],
  });
}

/** US Core's extension needs all three of its parts. */
function adherence(row: ListMedicationRow, tools: RenderTools): unknown {
  const source = row.medication_adherence_information_source;
  const asserted = tools.time.dateTime(row.medication_adherence_date_asserted);
  const found = tools.options.find('medication_adherence', row.medication_adherence);
  if (found === undefined || source === '' || asserted === undefined) {
    return undefined;
  }
  const display =
    tools.options.find('medication_adherence_information_source', source)?.title ??
    tools.options.title('medication_adherence', source);
  return {
    url: usCore('us-core-medication-adherence'),
    extension: [
      {
        url: 'medicationAdherence',
        valueCodeableConcept: {
          coding: parseCodes(found.codes).map(({ coding }) => ({ ...coding, display: found.title })),
        },
      },
      { url: 'dateAsserted', valueDateTime: asserted },
      { url: 'informationSource', valueCodeableConcept: { coding: [{ code: source, display }] } },
    ],
  };
}

function renderSale(
  sale: DrugSaleRow,
  drug: DrugRow | undefined,
  prescription: PrescriptionRow | undefined,
  tools: RenderTools,
): Resource | undefined {
  const name = drug?.name || (prescription?.drug ?? '');
  if (name === '' || sale.quantity === 0) {
    return undefined;
  }
  const rxnorm = rxnormCode(drug?.drug_code ?? '');
  const codings: (Coding | undefined)[] = [
    rxnorm === '' ? undefined : { system: SYSTEMS.rxnorm, code: rxnorm, display: name },
    drug === undefined || drug.ndc_number === ''
      ? undefined
      : { system: SYSTEMS.ndc, code: drug.ndc_number, display: name },
  ];
  const supplyType = sale.pharmacy_supply_type;
  return resource({
    resourceType: 'MedicationDispense',
    id: tools.ids.id('drug_sales', sale.sale_id),
    meta: profileMeta('us-core-medicationdispense'),
    status: 'completed',
    medicationCodeableConcept: { coding: codings, text: name },
    subject: tools.ids.patient(tools.pid),
    context: tools.ids.encounter(sale.encounter),
    performer: [{ actor: tools.people.practitionerNamed(sale.user) }, { actor: tools.people.practiceOrganization() }],
    authorizingPrescription: [
      sale.prescription_id > 0
        ? tools.ids.reference('MedicationRequest', 'prescriptions', sale.prescription_id)
        : undefined,
    ],
    type:
      supplyType === ''
        ? undefined
        : { coding: [{ system: 'http://terminology.hl7.org/CodeSystem/v3-ActCode', code: supplyType }] },
    quantity: { value: sale.quantity, unit: tools.options.title('drug_form', drug?.form ?? '') },
    whenHandedOver: tools.time.date(sale.sale_date),
    note: [sale.notes === '' ? undefined : { text: sale.notes }],
    dosageInstruction: [prescription === undefined ? undefined : prescribedDosage(prescription, tools)],
  });
}
