import { InvalidArgumentError } from 'commander';
import { z } from 'zod';
import { SYSTEMS } from '../chart/fhir.js';
import { HELD_CLASSES } from '../ledger/dirty.js';
import { INDIVIDUAL_REASON, isReleaseReason, RELEASE_REASONS, type ReleaseReason } from './release-reasons.js';

/** Systems of codes as a person types them, each with what its codes look like. */
const CODE_SYSTEMS: Readonly<Record<string, readonly [system: string, form: RegExp]>> = {
  loinc: [SYSTEMS.loinc, /^\d{1,7}-\d$/],
  snomed: [SYSTEMS.snomed, /^\d{6,18}$/],
  icd10: [SYSTEMS.icd10cm, /^[A-Z]\d[0-9A-Z](\.[0-9A-Z]{1,4})?$/i],
  icd9: ['http://hl7.org/fhir/sid/icd-9-cm', /^[EV0-9]\d{2,3}(\.\d{1,2})?$/i],
  rxnorm: [SYSTEMS.rxnorm, /^\d{1,8}$/],
  ndc: [SYSTEMS.ndc, /^[\d-]{9,14}$/],
  cvx: ['http://hl7.org/fhir/sid/cvx', /^\d{1,3}$/],
  cpt: ['http://www.ama-assn.org/go/cpt', /^[0-9A-Z]{5}$/i],
  hcpcs: ['https://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets', /^[A-Z]\d{4}$/i],
  local: ['', /^.+$/],
};
const BEGINNING = /^[0-9A-Z.-]{2,}\*$/i;
const LONGEST_CODE = 100;

export interface CodeWanted {
  system: string;
  code: string;
}

/** `loinc:75622-1`, `icd10:F1*`, `local:HIVAB` for codes that have no system. */
export function parseCode(text: string): CodeWanted {
  const [, name = '', code = ''] = /^([a-z0-9]+):(.+)$/i.exec(text.trim()) ?? [];
  const known = CODE_SYSTEMS[name.toLowerCase()];
  if (known === undefined || code.length > LONGEST_CODE) {
    throw new InvalidArgumentError(
      `must be a system and a code, e.g. loinc:75622-1 or icd10:F1*; the systems are ${Object.keys(CODE_SYSTEMS).join(', ')}.`,
    );
  }
  const [system, form] = known;
  if (!form.test(code) && !BEGINNING.test(code)) {
    throw new InvalidArgumentError(`${code} is no ${name} code, so nothing could ever match it.`);
  }
  return { system, code };
}

export function parseClass(text: string): string {
  if (!(HELD_CLASSES as readonly string[]).includes(text)) {
    throw new InvalidArgumentError(`must be one of ${HELD_CLASSES.join(', ')}.`);
  }
  return text;
}

/** What OpenEMR calls a visit that it keeps from part of the staff. */
export function parseSensitivity(text: string): string {
  if (text !== 'high') {
    throw new InvalidArgumentError("must be high, OpenEMR's word for a visit that part of the staff does not see.");
  }
  return text;
}

export function parseReason(text: string): ReleaseReason {
  if (!isReleaseReason(text)) {
    const known = Object.entries(RELEASE_REASONS).map(([code, words]) => `${code} ${words}`);
    throw new InvalidArgumentError(`must be a provision of 45 CFR 171: ${known.join('; ')}.`);
  }
  return text;
}

const LONGEST_DAYS = 400;

/** `36h`, `7d`; `ever`: until somebody lifts it. @returns hours; commander takes null for no value */
export function parseDuration(text: string): number | 'ever' {
  if (text === 'ever') {
    return text;
  }
  const [, number = '', unit] = /^(\d{1,5})([hd])$/.exec(text) ?? [];
  const hours = Number(number) * (unit === 'd' ? 24 : 1);
  if (hours < 1 || hours > LONGEST_DAYS * 24) {
    throw new InvalidArgumentError(`must be hours or days up to ${String(LONGEST_DAYS)} days, e.g. 36h or 7d.`);
  }
  return hours;
}

export function parseItem(text: string): string {
  if (!/^[0-9a-f]{32}$/.test(text)) {
    throw new InvalidArgumentError('must be the id of an item, 32 digits, as `release items` prints it.');
  }
  return text;
}

export function parseWhole(text: string): number {
  const number = z.coerce.number().int().min(1).safeParse(text).data;
  if (!/^\d+$/.test(text) || number === undefined) {
    throw new InvalidArgumentError('must be a whole number above 0.');
  }
  return number;
}

/** Why a rule of this reason cannot be, in one sentence; null when it can. */
export function unfitForRule(rule: {
  pid?: number;
  class?: string;
  code?: CodeWanted;
  sensitivity?: string;
  reason: ReleaseReason;
}): string | null {
  if (rule.class === undefined && rule.code === undefined && rule.sensitivity === undefined) {
    return 'a rule needs --class, --code or --sensitivity: without them it would hold everything';
  }
  return rule.pid === undefined && rule.reason === INDIVIDUAL_REASON
    ? `${INDIVIDUAL_REASON} is decided for one patient: give --pid, or another reason`
    : null;
}
