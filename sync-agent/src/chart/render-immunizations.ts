import type { Resource } from 'sync-contract/section-content';
import type { ImmunizationRow, ImmunizationRows, VaccineRow } from '../openemr/read-immunizations.js';
import { parseCodes } from './coded-values.js';
import { profileMeta, resource, SYSTEMS, type CodeableConcept, type Quantity } from './fhir.js';
import { counted, newestFirst } from './list-entries.js';
import type { RenderTools } from './render-tools.js';

/** Immunizations, newest first, with those that were refused and those that the practice took back as an error. */
export function renderImmunizations(
  rows: ImmunizationRows,
  tools: RenderTools,
): { resources: Resource[]; skipped: number } {
  // The first row of a code wins, which is the one in use.
  const vaccines = new Map(rows.vaccines.toReversed().map((row) => [row.code.toUpperCase(), row]));
  const { shown, skipped } = counted(
    newestFirst(rows.immunizations, (row) => row.administered_date ?? row.create_date).map((row) =>
      renderImmunization(row, vaccines.get(row.cvx_code.toUpperCase()), tools),
    ),
  );
  return { resources: [...shown, ...tools.people.resources()], skipped };
}

function renderImmunization(
  row: ImmunizationRow,
  vaccine: VaccineRow | undefined,
  tools: RenderTools,
): Resource | undefined {
  const vaccineCode = vaccineConcept(row, vaccine, tools);
  if (vaccineCode === undefined) {
    return undefined;
  }
  const given = tools.time.dateOrDateTime(row.administered_date);
  const completion = completionOf(row, tools);
  return resource({
    resourceType: 'Immunization',
    id: tools.ids.id('immunizations', row.id),
    meta: profileMeta('us-core-immunization'),
    status: row.added_erroneously === 0 ? completion.status : 'entered-in-error',
    statusReason: completion.status === 'not-done' ? notDoneReason(row, tools) : undefined,
    vaccineCode,
    patient: tools.ids.patient(tools.pid),
    encounter: tools.ids.encounter(row.encounter_id),
    occurrenceDateTime: given,
    occurrenceString: given === undefined ? 'Date not recorded' : undefined,
    recorded: tools.time.dateTime(row.create_date),
    ...origin(row, tools),
    manufacturer: manufacturer(row, tools),
    lotNumber: row.lot_number,
    expirationDate: tools.time.date(row.expiration_date),
    site: site(row, tools),
    route: tools.options.concept('drug_route', row.route),
    doseQuantity: dose(row, tools),
    performer: performers(row, tools),
    note: [row.note === '' ? undefined : { text: row.note }],
    isSubpotent: completion.partial ? true : undefined,
    subpotentReason: [completion.partial ? { text: completion.word } : undefined],
    education: [education(row, tools)],
  });
}

function vaccineConcept(
  row: ImmunizationRow,
  vaccine: VaccineRow | undefined,
  tools: RenderTools,
): CodeableConcept | undefined {
  const name = vaccine?.code_text || (vaccine?.code_text_short ?? '');
  // Before CVX, OpenEMR kept vaccines as a list of its own.
  const text =
    name || tools.options.title('immunizations', row.immunization_id) || (row.cvx_code && `CVX ${row.cvx_code}`);
  return text === ''
    ? undefined
    : {
        coding: [
          row.cvx_code === '' ? {} : { system: 'http://hl7.org/fhir/sid/cvx', code: row.cvx_code, display: name },
        ],
        text,
      };
}

interface Completion {
  status: 'completed' | 'not-done';
  partial: boolean;
  /** the practice's word for it */
  word: string;
}

/** HL7 table 0322, which OpenEMR's list names in its notes. */
const COMPLETION_CODES: Readonly<Record<string, string>> = {
  completed: 'CP',
  partially_administered: 'PA',
  not_administered: 'NA',
  refused: 'RE',
};

/**
 * OpenEMR's older entries have no completion status: what has a date of administration and no reason for a refusal was
 * given. A status that nobody knows is never taken for "given".
 */
function completionOf(row: ImmunizationRow, { options }: RenderTools): Completion {
  const stored = row.completion_status;
  if (stored === '') {
    return { status: row.refusal_reason === '' ? 'completed' : 'not-done', partial: false, word: '' };
  }
  const code = options.find('Immunization_Completion_Status', stored)?.notes || COMPLETION_CODES[stored.toLowerCase()];
  const word = options.title('Immunization_Completion_Status', stored);
  return { status: code === 'CP' || code === 'PA' ? 'completed' : 'not-done', partial: code === 'PA', word };
}

/** CDC table NIP002, which OpenEMR's list of refusal reasons names in its notes: religion, and patient or parent. */
const REFUSALS: Readonly<Record<string, { code: string; display: string }>> = {
  '00': { code: 'PATOBJ', display: 'patient objection' },
  '01': { code: 'RELIG', display: 'religious objection' },
  '03': { code: 'PATOBJ', display: 'patient objection' },
};

function notDoneReason(row: ImmunizationRow, { options }: RenderTools): CodeableConcept {
  const system = 'http://terminology.hl7.org/CodeSystem/v3-ActReason';
  const refusal = REFUSALS[options.find('immunization_refusal_reason', row.refusal_reason)?.notes ?? ''];
  const coded = parseCodes(row.reason_code).map(({ coding }) => ({ ...coding, display: row.reason_description }));
  const text =
    options.title('immunization_refusal_reason', row.refusal_reason) ||
    row.reason_description ||
    options.title('Immunization_Completion_Status', row.completion_status);
  return { coding: [...coded, ...(refusal === undefined ? [] : [{ system, ...refusal }])], text };
}

/** CDC table NIP001, which OpenEMR's list of information sources names in its notes, as FHIR's origins. */
const ORIGINS: Readonly<Record<string, { code: string; display: string }>> = {
  '02': { code: 'provider', display: 'Other Provider' },
  '03': { code: 'record', display: 'Written Record' },
  '04': { code: 'recall', display: 'Parent/Guardian/Patient Recall' },
  '05': { code: 'jurisdiction', display: 'Jurisdictional IIS' },
  '07': { code: 'school', display: 'School Record' },
};
const GIVEN_HERE = '00';

/** Who gave it here knows it first hand; anything else is a report, and says whose. */
function origin(
  row: ImmunizationRow,
  { options }: RenderTools,
): { primarySource: boolean; reportOrigin?: CodeableConcept } {
  const stored = row.information_source;
  if (stored === '') {
    return { primarySource: row.administered_by_id > 0 };
  }
  const notes = options.find('immunization_informationsource', stored)?.notes ?? '';
  if (notes === GIVEN_HERE) {
    return { primarySource: true };
  }
  const system = 'http://terminology.hl7.org/CodeSystem/immunization-origin';
  const known = ORIGINS[notes];
  return {
    primarySource: false,
    reportOrigin: {
      coding: known === undefined ? [] : [{ system, ...known }],
      text: options.title('immunization_informationsource', stored),
    },
  };
}

function manufacturer(row: ImmunizationRow, { options }: RenderTools): unknown {
  const code = options.find('Immunization_Manufacturer', row.manufacturer)?.notes ?? '';
  return {
    identifier: code === '' ? undefined : { system: 'http://hl7.org/fhir/sid/mvx', value: code },
    display: options.title('Immunization_Manufacturer', row.manufacturer),
  };
}

function site(row: ImmunizationRow, { options }: RenderTools): CodeableConcept | undefined {
  const text = options.title('immunization_administered_site', row.administration_site);
  const code = options.find('immunization_administered_site', row.administration_site)?.notes ?? '';
  const system = 'http://terminology.hl7.org/CodeSystem/v3-ActSite';
  return text === '' ? undefined : { coding: code === '' ? [] : [{ system, code, display: text }], text };
}

const UCUM_UNITS = ['mL', 'mg', 'ug', 'g', 'L'];

function dose(row: ImmunizationRow, { options }: RenderTools): Quantity | undefined {
  const value = row.amount_administered;
  if (value === null || value <= 0) {
    return undefined;
  }
  const unit = options.title('drug_units', row.amount_administered_unit);
  return UCUM_UNITS.includes(unit) ? { value, unit, system: SYSTEMS.ucum, code: unit } : { value, unit };
}

function performers(row: ImmunizationRow, { people }: RenderTools): unknown[] {
  const given = people.practitioner(row.administered_by_id) ?? { display: row.administered_by };
  return [
    performer('AP', 'Administering Provider', given),
    performer('OP', 'Ordering Provider', people.practitioner(row.ordering_provider)),
  ];
}

function performer(code: string, display: string, actor: { display?: string } | undefined): unknown {
  const system = 'http://terminology.hl7.org/CodeSystem/v2-0443';
  return actor === undefined || actor.display === ''
    ? undefined
    : { function: { coding: [{ system, code, display }] }, actor };
}

/** What the patient was given to read: since when that text stands, and when it was handed over. */
function education(row: ImmunizationRow, { time }: RenderTools): unknown {
  const publicationDate = time.date(row.vis_date);
  const presentationDate = time.date(row.education_date);
  return publicationDate === undefined && presentationDate === undefined
    ? undefined
    : { documentType: 'Vaccine Information Statement', publicationDate, presentationDate };
}
