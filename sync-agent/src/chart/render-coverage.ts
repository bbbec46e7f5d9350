import type { Resource } from 'sync-contract/section-content';
import { insurerOf, type CoverageRows, type InsuranceRow, type InsurerRow } from '../openemr/read-coverage.js';
import { profileMeta, resource, some } from './fhir.js';
import { maskedMemberId } from './masked-member-id.js';
import { parseNumber } from './reference-range.js';
import type { RenderTools } from './render-tools.js';

const ORDER = ['primary', 'secondary', 'tertiary'];
const RELATIONSHIPS = ['child', 'parent', 'spouse', 'common', 'other', 'self', 'injured'];
const terminology = (name: string): string => `http://terminology.hl7.org/CodeSystem/${name}`;

/** Insurances on file as Coverages, first the primary ones, of each place the newest first, then the insurers. */
export function renderCoverage(
  { insurances, insurers }: CoverageRows,
  tools: RenderTools,
): { resources: Resource[]; skipped: number } {
  const companies = new Map(insurers.map((row) => [row.id, row]));
  const ordered = [...insurances].sort(
    (a, b) => placeOf(a) - placeOf(b) || compare(b.date ?? '', a.date ?? '') || b.id - a.id,
  );
  const used = insurers.filter(({ id, name }) => name !== '' && ordered.some((row) => insurerOf(row) === id));
  return {
    resources: [
      ...ordered.map((row) => renderInsurance(row, companies.get(insurerOf(row)), tools)),
      ...used.map((row) => renderInsurer(row, tools)),
    ],
    skipped: 0,
  };
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
const placeOf = ({ type }: InsuranceRow): number => (ORDER.includes(type) ? ORDER.indexOf(type) : ORDER.length);

function renderInsurance(row: InsuranceRow, insurer: InsurerRow | undefined, tools: RenderTools): Resource {
  const start = tools.time.date(row.date);
  const end = tools.time.date(row.date_end);
  const memberId = maskedMemberId(row.policy_number);
  const copay = parseNumber(row.copay);
  const subscriber = [row.subscriber_fname, row.subscriber_mname, row.subscriber_lname].filter((part) => part !== '');
  return resource({
    resourceType: 'Coverage',
    id: tools.ids.id('insurance_data', row.id),
    meta: profileMeta('us-core-coverage'),
    identifier: [
      memberId === ''
        ? undefined
        : {
            type: { coding: [{ system: terminology('v2-0203'), code: 'MB', display: 'Member Number' }] },
            value: memberId,
          },
    ],
    status: statusOn(tools.readOn, start, end),
    type: insurer === undefined ? undefined : kindOf(insurer),
    subscriber: subscriber.length === 0 ? undefined : { display: subscriber.join(' ') },
    subscriberId: memberId,
    beneficiary: tools.ids.patient(tools.pid),
    relationship: relationship(row.subscriber_relationship, tools),
    period: { start, end },
    payor: [insurer === undefined || insurer.name === '' ? undefined : insurerReference(insurer, tools)],
    class: [
      classOf('group', 'Group', row.group_number, row.plan_name),
      classOf('plan', 'Plan', row.plan_name, row.plan_name),
    ],
    order: placeOf(row) < ORDER.length ? placeOf(row) + 1 : undefined,
    costToBeneficiary: [
      copay === undefined
        ? undefined
        : {
            type: { coding: [{ system: terminology('coverage-copay-type'), code: 'copay', display: 'Copay' }] },
            valueMoney: { value: copay, currency: 'USD' },
          },
    ],
  });
}

/** Moves by itself on the first and after the last day of the period; the nightly pass over all content carries it out. */
function statusOn(today: string, start: string | undefined, end: string | undefined): string {
  if (end !== undefined && end < today) {
    return 'cancelled';
  }
  return start !== undefined && start > today ? 'draft' : 'active';
}

/** The insurer's kind in the practice's words, with the code of the Source of Payment Typology when it has one. */
function kindOf({ cqm_sop, kind }: InsurerRow): unknown {
  const coding = cqm_sop > 0 ? { system: 'https://nahdo.org/sopt', code: String(cqm_sop) } : undefined;
  return { coding: [coding], text: kind };
}

function relationship(stored: string, tools: RenderTools): unknown {
  const display = tools.options.title('sub_relation', stored);
  return RELATIONSHIPS.includes(stored)
    ? { coding: [{ system: terminology('subscriber-relationship'), code: stored, display }] }
    : { text: display };
}

function classOf(code: string, display: string, value: string, name: string): unknown {
  return value === ''
    ? undefined
    : { type: { coding: [{ system: terminology('coverage-class'), code, display }] }, value, name: some(name) };
}

function insurerReference({ id, name }: InsurerRow, tools: RenderTools): unknown {
  return {
    ...tools.ids.reference('Organization', 'insurance_companies', id, name),
    type: 'Organization',
  };
}

function renderInsurer({ id, name }: InsurerRow, tools: RenderTools): Resource {
  return resource({
    resourceType: 'Organization',
    id: tools.ids.id('insurance_companies', id),
    meta: profileMeta('us-core-organization'),
    active: true,
    name,
  });
}
