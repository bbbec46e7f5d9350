export type UnitSystem = 'us' | 'metric';

export interface Amount {
  value: number;
  /** UCUM code, or what the record has in its place */
  unit: string;
}

interface Conversion {
  to: string;
  convert: (value: number) => number;
}

const SAME: Record<string, string> = {
  lb: '[lb_av]',
  lbs: '[lb_av]',
  in: '[in_i]',
  F: '[degF]',
  degF: '[degF]',
  '°F': '[degF]',
  C: 'Cel',
  '°C': 'Cel',
  mmHg: 'mm[Hg]',
  'kg/m^2': 'kg/m2',
};

const TO_METRIC: Record<string, Conversion> = {
  '[lb_av]': { to: 'kg', convert: (value) => value * 0.45359237 },
  '[in_i]': { to: 'cm', convert: (value) => value * 2.54 },
  '[degF]': { to: 'Cel', convert: (value) => ((value - 32) * 5) / 9 },
};

const TO_US: Record<string, Conversion> = {
  kg: { to: '[lb_av]', convert: (value) => value / 0.45359237 },
  cm: { to: '[in_i]', convert: (value) => value / 2.54 },
  Cel: { to: '[degF]', convert: (value) => (value * 9) / 5 + 32 },
};

const WORDS: Record<string, string> = {
  '[lb_av]': 'lb',
  '[in_i]': 'in',
  '[degF]': '°F',
  Cel: '°C',
  'mm[Hg]': 'mmHg',
  'kg/m2': 'kg/m²',
  '/min': '/min',
  '{beats}/min': '/min',
  '{breaths}/min': '/min',
};

/** One spelling of a unit, so that values of the same unit are seen as such. */
export function canonicalUnit(unit: string): string {
  return SAME[unit] ?? unit;
}

/** In the chosen system; a converted value has one decimal, one that needs no conversion is as the record has it. */
export function inSystem({ value, unit }: Amount, system: UnitSystem): Amount {
  const canonical = canonicalUnit(unit);
  const conversion = (system === 'metric' ? TO_METRIC : TO_US)[canonical];
  return conversion === undefined
    ? { value, unit: canonical }
    : { value: Math.round(conversion.convert(value) * 10) / 10, unit: conversion.to };
}

/** A unit as people write it; unknown units as they are. */
export function unitWords(unit: string): string {
  return WORDS[unit] ?? unit;
}
