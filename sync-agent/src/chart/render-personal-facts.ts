import type { Resource } from 'sync-contract/section-content';
import {
  INDUSTRIES,
  OCCUPATIONS,
  type EmploymentRow,
  type PersonalRow,
  type SocialHistoryRows,
} from '../openemr/read-social-history.js';
import { choiceConcept, type ListOptions } from './coded-values.js';
import { profileMeta, type CodeableConcept } from './fhir.js';
import type { RenderTools } from './render-tools.js';
import { loinc, socialObservation, type Origin } from './social-observation.js';

const ORIENTATION = '76690-7';

/** US Core's sexual orientation; nobody wrote down since when, or who asked. */
export function renderOrientation(row: PersonalRow, tools: RenderTools): Resource | undefined {
  const value = choiceConcept('sexual_orientation', row.sexual_orientation, tools.options);
  return value === undefined
    ? undefined
    : socialObservation(
        { table: 'patient_data', key: `${String(row.pid)}|${ORIENTATION}` },
        {
          meta: profileMeta('us-core-observation-sexual-orientation'),
          code: loinc(ORIENTATION, 'Sexual Orientation'),
          valueCodeableConcept: value,
        },
        tools,
      );
}

/**
 * US Core's occupation with its industry. Each save of OpenEMR's screen is a new row: the newest counts, and where it
 * says nothing there is none; an older one is told where it says something else. Where no employment ever said so, what
 * the patient's own row has, as an OpenEMR before 7.0.4 keeps it.
 */
export function renderOccupation({ employments, personal }: SocialHistoryRows, tools: RenderTools): Resource[] {
  const [newest] = employments;
  const told = newest === undefined || !saysWork(newest) ? [] : employments.filter(isNews);
  const employed = told.flatMap((row) => {
    const start = tools.time.dateOrDateTime(row.start_date);
    const end = tools.time.dateOrDateTime(row.end_date);
    const origin = {
      table: 'employer_data',
      key: String(row.id),
      effective: end === undefined ? (start ?? tools.time.dateTime(row.date)) : undefined,
      issued: tools.time.dateTime(row.date),
      performer: tools.people.practitioner(row.created_by),
    };
    return occupation(row, origin, end === undefined ? undefined : { start, end }, tools);
  });
  return employments.some(saysWork)
    ? employed
    : personal.flatMap((row) =>
        occupation(row, { table: 'patient_data', key: `${String(row.pid)}|occupation` }, undefined, tools),
      );
}

const saysWork = ({ occupation: work, industry }: EmploymentRow): boolean =>
  [work, industry].some((part) => part !== '' && part !== '0');

/** Whether a row says anything else than that which was saved next. */
function isNews(row: EmploymentRow, at: number, newestFirst: readonly EmploymentRow[]): boolean {
  const next = newestFirst[at - 1];
  return (
    next === undefined ||
    (['occupation', 'industry', 'start_date', 'end_date'] as const).some((column) => row[column] !== next[column])
  );
}

/** Code systems of the Occupational Data for Health, as OpenEMR names them. */
const ODH = {
  occupation: { lists: OCCUPATIONS, system: 'urn:oid:2.16.840.1.114222.4.11.7901' },
  industry: { lists: INDUSTRIES, system: 'urn:oid:2.16.840.1.114222.4.11.7900' },
} as const;

function occupation(
  row: { occupation: string; industry: string },
  origin: Origin,
  effectivePeriod: { start: string | undefined; end: string } | undefined,
  tools: RenderTools,
): Resource[] {
  const value = workConcept('occupation', row.occupation, tools.options);
  const industry = workConcept('industry', row.industry, tools.options);
  if (value === undefined && industry === undefined) {
    return [];
  }
  const content = {
    meta: profileMeta('us-core-observation-occupation'),
    code: loinc('11341-5', 'Occupation'),
    effectivePeriod,
    valueCodeableConcept: value,
    component: [
      industry === undefined
        ? undefined
        : {
            code: loinc('86188-0', 'History of Occupation industry', 'Industry'),
            valueCodeableConcept: industry,
          },
    ],
  };
  return [socialObservation(origin, content, tools)];
}

function workConcept(kind: keyof typeof ODH, stored: string, options: ListOptions): CodeableConcept | undefined {
  const { lists, system } = ODH[kind];
  const option = lists.map((list) => options.find(list, stored)).find((found) => found !== undefined);
  const text = option?.title || stored;
  const coding = option === undefined || option.codes === '' ? [] : [{ system, code: option.codes, display: text }];
  return text === '' || text === '0' ? undefined : { coding, text };
}
