import type { Resource } from 'sync-contract/section-content';
import type { VitalDetailRow, VitalRows, VitalsRow } from '../openemr/read-vitals.js';
import { profileMeta, resource, SYSTEMS, type CodeableConcept, type Quantity, type Reference } from './fhir.js';
import type { People } from './people.js';
import { parseNumber } from './reference-range.js';
import type { RenderTools } from './render-tools.js';
import { interpretationOf } from './result-words.js';

/** The forms of one calendar year of the clinic, newest first: each form's panel, then its measurements. */
export interface VitalYear {
  year: number | 'undated';
  /** number of forms */
  count: number;
  /** time of the newest form; null when undated */
  newest: string | null;
  resources: Resource[];
}

type VitalColumn = keyof VitalsRow;

interface Measurement {
  column: VitalColumn;
  /** LOINC, the first one names the resource */
  codes: readonly (readonly [code: string, display: string])[];
  profile: string | undefined;
  /** as people write it, and in UCUM; undefined for words */
  unit: readonly [written: string, ucum: string] | undefined;
}

const one = (
  column: VitalColumn,
  code: string,
  display: string,
  profile?: string,
  unit?: Measurement['unit'],
): Measurement => ({ column, codes: [[code, display]], profile, unit });

const INCHES = ['in', '[in_i]'] as const;
const PERCENT = ['%', '%'] as const;
const PER_MINUTE = ['/min', '/min'] as const;
const PRESSURE = ['mmHg', 'mm[Hg]'] as const;

/** US Core wants both codes of oxygen saturation on one Observation. */
const OXIMETRY: Measurement = {
  column: 'oxygen_saturation',
  codes: [
    ['59408-5', 'Oxygen saturation in Arterial blood by Pulse oximetry'],
    ['2708-6', 'Oxygen saturation in Arterial blood'],
  ],
  profile: 'us-core-pulse-oximetry',
  unit: PERCENT,
};
const OXIMETRY_PARTS = [
  one('oxygen_flow_rate', '3151-8', 'Inhaled oxygen flow rate', undefined, ['L/min', 'L/min']),
  one('inhaled_oxygen_concentration', '3150-0', 'Inhaled oxygen concentration', undefined, PERCENT),
];

const PRESSURE_CODE = ['85354-9', 'Blood pressure systolic and diastolic'] as const;
const PRESSURE_PARTS = [
  one('bps', '8480-6', 'Systolic blood pressure', undefined, PRESSURE),
  one('bpd', '8462-4', 'Diastolic blood pressure', undefined, PRESSURE),
];

const PANEL = ['85353-1', 'Vital signs, weight, height, head circumference, oxygen saturation and BMI panel'] as const;

const MEASUREMENTS: readonly Measurement[] = [
  one('respiration', '9279-1', 'Respiratory Rate', 'us-core-respiratory-rate', PER_MINUTE),
  one('pulse', '8867-4', 'Heart rate', 'us-core-heart-rate', PER_MINUTE),
  one('temperature', '8310-5', 'Body Temperature', 'us-core-body-temperature', ['°F', '[degF]']),
  one('temp_method', '8327-9', 'Temperature Location', 'us-core-simple-observation'),
  one('height', '8302-2', 'Body height', 'us-core-body-height', INCHES),
  one('weight', '29463-7', 'Body weight', 'us-core-body-weight', ['lb', '[lb_av]']),
  one('BMI', '39156-5', 'Body mass index (BMI) [Ratio]', 'us-core-bmi', ['kg/m2', 'kg/m2']),
  one('head_circ', '9843-4', 'Head Occipital-frontal circumference', 'us-core-head-circumference', INCHES),
  one('waist_circ', '8280-0', 'Waist Circumference at umbilicus by Tape measure', 'us-core-vital-signs', INCHES),
  one(
    'ped_head_circ',
    '8289-1',
    'Head Occipital-frontal circumference Percentile',
    'head-occipital-frontal-circumference-percentile',
    PERCENT,
  ),
  one('ped_bmi', '59576-9', 'Body mass index (BMI) [Percentile] Per age and sex', 'pediatric-bmi-for-age', PERCENT),
  one('ped_weight_height', '77606-2', 'Weight-for-length Per age and sex', 'pediatric-weight-for-height', PERCENT),
];

interface RenderedSheet {
  key: number;
  at: string | undefined;
  resources: Resource[];
}

/**
 * Years newest first, `undated` last; each carries the people its resources name. What was not measured is not shown: in
 * OpenEMR an amount of zero means that nobody measured, and a form without any measurement or note says nothing.
 */
export function renderVitals(rows: VitalRows, tools: RenderTools, peopleOf: () => People): VitalYear[] {
  const years = new Map<number | 'undated', { people: People; sheets: RenderedSheet[] }>();
  const details = Map.groupBy(rows.details, ({ form_id }) => form_id);
  for (const row of firstOfEach(rows.sheets)) {
    const at = tools.time.dateTime(row.date);
    const year = at === undefined ? 'undated' : tools.time.year(at);
    const group = years.get(year) ?? { people: peopleOf(), sheets: [] };
    const resources = new Sheet(row, details.get(row.id) ?? [], at, { ...tools, people: group.people }).render();
    if (resources.length > 0) {
      years.set(year, group);
      group.sheets.push({ key: row.id, at, resources });
    }
  }
  return [...years]
    .map(([year, { people, sheets }]) => {
      const newestFirst = sheets.sort((a, b) => orderOf(b, tools) - orderOf(a, tools) || b.key - a.key);
      return {
        year,
        count: sheets.length,
        newest: newestFirst[0]?.at ?? null,
        resources: [...newestFirst.flatMap((sheet) => sheet.resources), ...people.resources()],
      };
    })
    .sort((a, b) => yearOrder(b.year) - yearOrder(a.year));
}

const yearOrder = (year: number | 'undated'): number => (year === 'undated' ? -Infinity : year);
const orderOf = (sheet: RenderedSheet, { time }: RenderTools): number =>
  sheet.at === undefined ? 0 : time.order(sheet.at);

/** A form that stands twice in its encounter is one form. */
function firstOfEach(sheets: readonly VitalsRow[]): VitalsRow[] {
  const first = new Map<number, VitalsRow>();
  for (const row of sheets) {
    if (!first.has(row.id)) {
      first.set(row.id, row);
    }
  }
  return [...first.values()];
}

/** The resources of one form. */
class Sheet {
  constructor(
    private readonly row: VitalsRow,
    private readonly details: readonly VitalDetailRow[],
    private readonly at: string | undefined,
    private readonly tools: RenderTools,
  ) {}

  /** The panel and what was measured; empty when the form says nothing. */
  render(): Resource[] {
    const measured = [this.bloodPressure(), this.oximetry(), ...MEASUREMENTS.map((each) => this.single(each))].filter(
      (each) => each !== undefined,
    );
    if (measured.length === 0 && this.row.note === '') {
      return [];
    }
    const panel = this.observation(
      { codes: [PANEL], profile: 'us-core-vital-signs' },
      {
        hasMember: measured.map(({ reference }) => reference),
        note: [this.row.note === '' ? undefined : { text: this.row.note }],
      },
    );
    return [panel, ...measured].map((each) => each.resource);
  }

  private single(of: Measurement): RenderedObservation | undefined {
    const value = this.value(of);
    return value === undefined ? undefined : this.observation(of, { ...value, ...this.remarks(of) });
  }

  private bloodPressure(): RenderedObservation | undefined {
    const component = this.parts(PRESSURE_PARTS);
    const profile = 'us-core-blood-pressure';
    return component.length === 0 ? undefined : this.observation({ codes: [PRESSURE_CODE], profile }, { component });
  }

  private oximetry(): RenderedObservation | undefined {
    const value = this.value(OXIMETRY);
    const component = this.parts(OXIMETRY_PARTS);
    if (value === undefined && component.length === 0) {
      return undefined;
    }
    // The air that was breathed is a fact of its own: US Core then wants to know that the saturation is not known.
    const absent = { dataAbsentReason: { coding: [UNKNOWN] } };
    return this.observation(OXIMETRY, { ...(value ?? absent), ...this.remarks(OXIMETRY), component });
  }

  private parts(of: readonly Measurement[]): Record<string, unknown>[] {
    return of.flatMap((part) => {
      const value = this.value(part);
      const interpretation = this.interpretations(part.column);
      return value === undefined ? [] : [{ code: conceptOf(part.codes), ...value, interpretation }];
    });
  }

  private value({ column, unit }: Measurement): { valueQuantity: Quantity } | { valueString: string } | undefined {
    const stored = String(this.row[column] ?? '');
    const value = parseNumber(stored);
    if (stored === '' || value === 0) {
      return undefined;
    }
    // OpenEMR keeps blood pressure as text: what is no number is shown as it stands.
    return unit === undefined || value === undefined
      ? { valueString: stored }
      : { valueQuantity: { value, unit: unit[0], system: SYSTEMS.ucum, code: unit[1] } };
  }

  private remarks({ column }: Measurement): Record<string, unknown> {
    const note = this.details
      .filter((detail) => detail.vitals_column === column && detail.reason_description !== '')
      .map((detail) => ({ text: detail.reason_description }));
    return { interpretation: this.interpretations(column), note };
  }

  /** The practice's own judgement; of the body mass index OpenEMR keeps words too. */
  private interpretations(column: VitalColumn): CodeableConcept[] {
    const given = this.details
      .filter((detail) => detail.vitals_column === column)
      .flatMap(
        (detail) =>
          interpretationOf(
            detail.interpretation_codes || detail.interpretation_option_id,
            detail.interpretation_title || detail.interpretation_option_id,
          ) ?? [],
      );
    const words = column === 'BMI' && this.row.BMI_status !== '' ? [{ text: this.row.BMI_status }] : [];
    return [...given, ...words];
  }

  private observation(of: Pick<Measurement, 'codes' | 'profile'>, facts: Record<string, unknown>): RenderedObservation {
    const [code = '', display = ''] = of.codes[0] ?? [];
    const id = this.tools.ids.id('form_vitals', `${String(this.row.id)}|${code}`);
    return {
      reference: { reference: `Observation/${id}`, type: 'Observation', display },
      resource: resource({
        resourceType: 'Observation',
        id,
        meta: of.profile === undefined ? undefined : profileMeta(of.profile),
        status: 'final',
        category: [{ coding: [{ system: CATEGORY, code: 'vital-signs' }] }],
        code: conceptOf(of.codes),
        subject: this.tools.ids.patient(this.tools.pid),
        encounter: this.tools.ids.encounter(this.row.encounter),
        effectiveDateTime: this.at,
        performer: [this.tools.people.practitionerNamed(this.row.user)],
        ...facts,
      }),
    };
  }
}

interface RenderedObservation {
  reference: Reference;
  resource: Resource;
}

const CATEGORY = 'http://terminology.hl7.org/CodeSystem/observation-category';
const UNKNOWN = { system: SYSTEMS.dataAbsentReason, code: 'unknown', display: 'Unknown' };

const conceptOf = (codes: Measurement['codes']): CodeableConcept => ({
  coding: codes.map(([code, display]) => ({ system: SYSTEMS.loinc, code, display })),
});
