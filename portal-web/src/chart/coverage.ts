import { conceptText, list, number, object, ofType, string } from './fhir.js';
import type { Json } from './fhir.js';
import { newestFirst } from './record-entry.js';
import type { RecordEntry, Timing } from './record-entry.js';
import { Referred } from './referred.js';

export interface Coverage extends RecordEntry {
  status: string;
  /** 1 is billed first */
  order: number | undefined;
  memberId: string | undefined;
  group: string | undefined;
  plan: string | undefined;
  kind: string | undefined;
  relationship: string | undefined;
  subscriber: string | undefined;
  period: Timing;
  copay: string | undefined;
}

/** What a `coverage` section says: what is billed first comes first. */
export function readCoverages(resources: unknown[], money: (value: number, currency: string) => string): Coverage[] {
  const referred = new Referred(resources);
  return newestFirst(
    ofType(resources, 'Coverage').map((coverage) => readCoverage(coverage, referred, money)),
    ({ period }) => period.at,
  ).sort((a, b) => (a.order ?? Number.MAX_SAFE_INTEGER) - (b.order ?? Number.MAX_SAFE_INTEGER));
}

function readCoverage(
  coverage: Json,
  referred: Referred,
  money: (value: number, currency: string) => string,
): Coverage {
  const status = string(coverage, 'status') ?? '';
  const period = object(coverage, 'period');
  const classes = list(coverage, 'class');
  const ofClass = (code: string): Json | undefined =>
    classes.find((entry) => list(object(entry, 'type'), 'coding').some((coding) => string(coding, 'code') === code));
  const copay = list(coverage, 'costToBeneficiary')
    .map((cost) => object(cost, 'valueMoney'))
    .find((value) => number(value, 'value') !== undefined);
  const member = string(coverage, 'subscriberId') ?? string(list(coverage, 'identifier')[0], 'value');
  return {
    id: string(coverage, 'id') ?? '',
    name: referred.names(list(coverage, 'payor')).join(', '),
    current: status !== 'cancelled' && status !== 'entered-in-error',
    withdrawn: status === 'entered-in-error',
    status,
    order: number(coverage, 'order'),
    memberId: member === undefined ? undefined : masked(member),
    group: string(ofClass('group'), 'value'),
    plan: string(ofClass('plan'), 'name') ?? string(ofClass('plan'), 'value'),
    kind: conceptText(object(coverage, 'type')),
    relationship: conceptText(object(coverage, 'relationship')),
    subscriber: referred.name(object(coverage, 'subscriber')),
    period: { at: string(period, 'start'), until: string(period, 'end'), words: undefined },
    copay: copay === undefined ? undefined : money(number(copay, 'value') ?? 0, string(copay, 'currency') ?? 'USD'),
    notes: [],
    codes: [],
  };
}

/** At most the last four characters of an identifier. The inside masks it already; this holds if it ever does not. */
export function masked(identifier: string): string {
  const shown = Math.min(4, Math.floor(identifier.length / 2));
  return /[•*…]/.test(identifier) ? identifier : `••••${identifier.slice(identifier.length - shown)}`;
}
