import { conceptCode, conceptText, list, number, object, ofType, quantityText, string } from './fhir.js';
import type { Json } from './fhir.js';
import { recordedOf, type Recorded } from './provenance.js';
import { newestFirst, noteTexts, timing } from './record-entry.js';
import { Referred } from './referred.js';
import { canonicalUnit, inSystem, unitWords } from './units.js';
import type { UnitSystem } from './units.js';

export interface VitalValue {
  /** words of the part, e.g. `Systolic`; empty for a reading of one value */
  part: string;
  value: number;
  /** UCUM code; empty when none is given */
  unit: string;
}

export interface VitalReading {
  id: string;
  /** one of the known kinds, else `other-<code>` */
  kind: string;
  name: string;
  at: string | undefined;
  values: VitalValue[];
  /** for a reading in words, and for what was given with it, e.g. oxygen */
  words: string | undefined;
  /** the record's own word for a reading outside its range */
  flag: string | undefined;
  withdrawn: boolean;
  notes: string[];
  recorded: Recorded;
}

/** LOINC codes of US Core's vital signs, by the kind that a page shows. */
const KINDS: Record<string, string> = {
  '85354-9': 'blood-pressure',
  '55284-4': 'blood-pressure',
  '8867-4': 'heart-rate',
  '9279-1': 'breathing',
  '8310-5': 'temperature',
  '8327-9': 'temperature-site',
  '59408-5': 'oxygen',
  '2708-6': 'oxygen',
  '29463-7': 'weight',
  '3141-9': 'weight',
  '8302-2': 'height',
  '39156-5': 'bmi',
  '9843-4': 'head',
  '8280-0': 'waist',
  '8289-1': 'head-percentile',
  '59576-9': 'bmi-percentile',
  '77606-2': 'weight-for-length',
};

const ORDER = [...new Set(Object.values(KINDS))];
const PARTS: Record<string, 'systolic' | 'diastolic'> = { '8480-6': 'systolic', '8462-4': 'diastolic' };

/** What a `vitals/<year>` section says, newest first. Measurements without a value say nothing and are left out. */
export function readVitals(resources: unknown[], partName: (part: 'systolic' | 'diastolic') => string): VitalReading[] {
  const referred = new Referred(resources);
  const seen = new Set<string>();
  const readings = ofType(resources, 'Observation')
    .map((observation) => readVital(observation, partName, referred))
    .filter((reading) => {
      // OpenEMR gives oxygen saturation under two codes; it is one measurement.
      const key = [reading.kind, reading.at, reading.words, ...reading.values.map(({ value }) => value)].join('|');
      const said = reading.values.length > 0 || reading.words !== undefined || reading.notes.length > 0;
      const first = !seen.has(key);
      seen.add(key);
      return said && first;
    });
  return newestFirst(readings, ({ at }) => at);
}

function readVital(
  observation: Json,
  partName: (part: 'systolic' | 'diastolic') => string,
  referred: Referred,
): VitalReading {
  const code = object(observation, 'code');
  const codes = list(code, 'coding').flatMap((coding) => string(coding, 'code') ?? []);
  const known = codes.map((each) => KINDS[each]).find((kind) => kind !== undefined);
  return {
    id: string(observation, 'id') ?? '',
    kind: known ?? `other-${codes[0] ?? conceptText(code) ?? ''}`,
    name: conceptText(code) ?? '',
    at: timing(observation, 'effective').at,
    values: [...ownValue(observation), ...partValues(observation, partName)],
    words: wordsOf(observation),
    flag: flagOf(observation),
    withdrawn: string(observation, 'status') === 'entered-in-error',
    notes: noteTexts(observation),
    recorded: recordedOf(observation, referred),
  };
}

function ownValue(observation: Json): VitalValue[] {
  const value = quantityOf(object(observation, 'valueQuantity'));
  return value === null ? [] : [{ part: '', ...value }];
}

/** Systolic and diastolic pressure. Other components say how something was measured, not what. */
function partValues(observation: Json, partName: (part: 'systolic' | 'diastolic') => string): VitalValue[] {
  return list(observation, 'component')
    .flatMap((component) => {
      const part = PARTS[conceptCode(object(component, 'code')) ?? ''];
      const value = quantityOf(object(component, 'valueQuantity'));
      return part === undefined || value === null ? [] : [{ key: part, part: partName(part), ...value }];
    })
    .sort((a, b) => Number(a.key === 'diastolic') - Number(b.key === 'diastolic'))
    .map(({ part, value, unit }) => ({ part, value, unit }));
}

/** A value in words, then components that are no part of the measurement itself. */
function wordsOf(observation: Json): string | undefined {
  const own = string(observation, 'valueString') ?? conceptText(object(observation, 'valueCodeableConcept'));
  const others = list(observation, 'component').flatMap((component) => {
    const code = object(component, 'code');
    const value = quantityText(object(component, 'valueQuantity'), String);
    return value === undefined || PARTS[conceptCode(code) ?? ''] !== undefined
      ? []
      : [[conceptText(code), value].filter((part) => part !== undefined).join(' ')];
  });
  const all = own === undefined ? others : [own, ...others];
  return all.length === 0 ? undefined : all.join(', ');
}

/** Of the whole or of a part; what is in range is no news. */
function flagOf(observation: Json): string | undefined {
  return [observation, ...list(observation, 'component')]
    .flatMap((owner) => list(owner, 'interpretation'))
    .filter((interpretation) => conceptCode(interpretation) !== 'N')
    .map(conceptText)
    .find((words) => words !== undefined);
}

function quantityOf(quantity: Json | undefined): { value: number; unit: string } | null {
  const value = number(quantity, 'value');
  const unit = string(quantity, 'code') ?? string(quantity, 'unit') ?? '';
  return value === undefined ? null : { value, unit: canonicalUnit(unit) };
}

/** `128/82 mmHg`, `98.6 °F`, `Oral`; in the units of the record when no system is chosen. */
export function readingWords(
  reading: VitalReading,
  system: UnitSystem | null,
  formatNumber: (value: number) => string,
): string {
  const amounts = reading.values.map((each) => (system === null ? each : inSystem(each, system)));
  const unit = amounts[0] === undefined ? '' : unitWords(amounts[0].unit);
  const measured = amounts.map(({ value }) => formatNumber(value)).join('/');
  const space = unit === '' || unit === '%' ? '' : ' ';
  return [measured === '' ? undefined : `${measured}${space}${unit}`, reading.words]
    .filter((part) => part !== undefined)
    .join(', ');
}

/** The newest reading of each kind that counts and has a value, in the order a visit takes them. */
export function latestOfEachKind(readings: readonly VitalReading[]): VitalReading[] {
  const latest = new Map<string, VitalReading>();
  for (const reading of readings) {
    if (!reading.withdrawn && (reading.values.length > 0 || reading.words !== undefined)) {
      latest.set(reading.kind, latest.get(reading.kind) ?? reading);
    }
  }
  return [...latest.values()].sort((a, b) => place(a.kind) - place(b.kind));
}

function place(kind: string): number {
  const found = ORDER.indexOf(kind);
  return found < 0 ? ORDER.length : found;
}

export interface Measuring {
  id: string;
  at: string | undefined;
  readings: VitalReading[];
  /** of them together */
  recorded: Recorded;
}

/** What was measured at the same time, newest first. */
export function byMoment(readings: readonly VitalReading[]): Measuring[] {
  const moments = new Map<string, VitalReading[]>();
  for (const reading of readings) {
    const at = reading.at ?? '';
    moments.set(at, [...(moments.get(at) ?? []), reading]);
  }
  return [...moments].map(([at, together]) => ({
    id: at,
    at: at === '' ? undefined : at,
    readings: together.sort((a, b) => place(a.kind) - place(b.kind)),
    recorded: recordedTogether(together),
  }));
}

const recordedTogether = (readings: readonly VitalReading[]): Recorded => ({
  by: [...new Set(readings.flatMap(({ recorded }) => recorded.by))],
  organization: readings.map(({ recorded }) => recorded.organization).find((name) => name !== undefined),
  forPractice: readings.some(({ recorded }) => recorded.forPractice),
  on: readings.map(({ recorded }) => recorded.on).find((on) => on !== undefined),
});
