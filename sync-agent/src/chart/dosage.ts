import type { PrescriptionRow } from '../openemr/read-medications.js';
import { SYSTEMS, type CodeableConcept } from './fhir.js';
import { parseNumber } from './reference-range.js';
import type { RenderTools } from './render-tools.js';

type DosageTools = Pick<RenderTools, 'options' | 'time'>;

const COUNT_RANGE = /^(\d+(?:\.\d+)?)\s*(?:-|to)\s*(\d+(?:\.\d+)?)$/;
const COUNT_WITH_UNIT = /^(\d+(?:\.\d+)?)\s*([A-Za-z]+)$/;

/**
 * How to take a prescribed drug. The prescriber's own words are the text; without them the text is put together from
 * amount, form, route and interval. The dose is the amount per intake (`1` of form tablet, `1-2`, `5 mL`); OpenEMR's
 * size and unit are the strength of one of them and no dose.
 */
export function prescribedDosage(row: PrescriptionRow, tools: DosageTools): unknown {
  const { options, time } = tools;
  const form = options.title('drug_form', row.form);
  const route = options.concept('drug_route', row.route);
  const code = interval(row.interval, tools);
  const start = time.date(row.start_date);
  const end = time.date(row.end_date);
  const asNeeded = row.prn !== '' || AS_NEEDED_INTERVALS.includes(row.interval);
  return {
    text: row.drug_dosage_instructions || composedText(row, tools, form, asNeeded),
    timing: {
      repeat: start === undefined && end === undefined ? undefined : { boundsPeriod: { start, end } },
      code,
    },
    asNeededBoolean: asNeeded ? true : undefined,
    route,
    doseAndRate: [dose(row.dosage, form)],
  };
}

/** Option `p.r.n.` of OpenEMR's list of intervals. */
const AS_NEEDED_INTERVALS: readonly number[] = [17];

function interval(stored: number, { options }: DosageTools): CodeableConcept | undefined {
  const option = stored === 0 ? undefined : options.find('drug_interval', stored);
  if (option === undefined) {
    return undefined;
  }
  const text = option.notes || option.title;
  const system = 'http://terminology.hl7.org/CodeSystem/v3-GTSAbbreviation';
  return { coding: option.codes === '' ? [] : [{ system, code: option.codes, display: text }], text };
}

function composedText(row: PrescriptionRow, tools: DosageTools, form: string, asNeeded: boolean): string {
  const amount =
    parseNumber(row.dosage) === undefined && !COUNT_RANGE.test(row.dosage) ? row.dosage : `${row.dosage} ${form}`;
  const route = tools.options.title('drug_route', row.route);
  // "Twice daily (bis in die) - Two times a day at institution specified time": what comes first is the short form.
  const every = interval(row.interval, tools)?.text?.split(' - ', 1)[0] ?? '';
  const parts = [amount.trim(), route, every, asNeeded ? 'as needed' : ''];
  return row.dosage === '' ? '' : parts.filter((part) => part !== '').join(', ');
}

function dose(stored: string, form: string): unknown {
  const count = parseNumber(stored);
  if (count !== undefined) {
    return { doseQuantity: { value: count, unit: form } };
  }
  const [, low, high] = COUNT_RANGE.exec(stored) ?? [];
  if (low !== undefined && high !== undefined) {
    return { doseRange: { low: { value: Number(low), unit: form }, high: { value: Number(high), unit: form } } };
  }
  const [, value, unit] = COUNT_WITH_UNIT.exec(stored) ?? [];
  if (value === undefined || unit === undefined) {
    return undefined;
  }
  return {
    doseQuantity: { value: Number(value), unit, ...(UCUM_UNITS.has(unit) ? { system: SYSTEMS.ucum, code: unit } : {}) },
  };
}

const UCUM_UNITS: ReadonlySet<string> = new Set(['mL', 'mg', 'g', 'ug', 'L']);
