import type { PlanLineRow } from '../openemr/read-care-plan.js';
import { parseCodes } from './coded-values.js';
import { some, type CodeableConcept } from './fhir.js';
import type { ResourceIds } from './resource-id.js';

const textOf = (line: PlanLineRow): string =>
  [line.date ?? '', line.code, line.description, line.codetext, line.care_plan_type].join('\n');

/** The table keeps no order among the lines of a form: the newest come first, then by what they say. */
export function inOrder(lines: readonly PlanLineRow[]): PlanLineRow[] {
  const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
  return [...lines].sort((a, b) => compare(b.date ?? '', a.date ?? '') || b.id - a.id || compare(textOf(a), textOf(b)));
}

/** Nothing but its words tells a goal from another of its form; the same words twice are one goal. */
export function goalId(line: PlanLineRow, ids: ResourceIds): string {
  return ids.id('form_care_plan', `${String(line.id)} goal ${line.code} ${line.description} ${line.codetext}`);
}

export function codeOf(code: string, text: string): CodeableConcept | undefined {
  const codings = parseCodes(code).map(({ coding }) => ({ ...coding, display: some(text) }));
  return codings.length === 0 && text === '' ? undefined : { coding: codings, text };
}
