import { isSeen, type ResultRows } from '../openemr/read-results.js';
import type { ReleaseDecision } from './kept-out.js';
import type { ResourceIds } from './resource-id.js';

/** A decision as the ledger has it. */
export interface DecisionInForce extends Omit<ReleaseDecision, 'kind'> {
  /** `show`: one result that the patient does not want to wait for */
  kind: ReleaseDecision['kind'] | 'show';
  /** of a wish: reports with a higher number in OpenEMR are new; null for all else */
  afterReport: number | null;
}

/**
 * What the decisions mean for items, once the rows are known: the patient's wish means each new report that nobody has
 * seen, but those that the patient asked for, and the files that came as their values. Pure.
 * @param results undefined when results were not read: then there is nothing that the wish could mean
 */
export function decisionsOnItems(
  decisions: readonly DecisionInForce[],
  results: ResultRows | undefined,
  ids: ResourceIds,
): ReleaseDecision[] {
  const shown = new Set(decisions.flatMap(({ kind, resourceId }) => (kind === 'show' ? [resourceId] : [])));
  return decisions.flatMap((decision): ReleaseDecision[] => {
    const { kind, afterReport, ...rest } = decision;
    if (kind === 'show') {
      return [];
    }
    if (kind !== 'wish') {
      return [{ ...rest, kind }];
    }
    return (results?.reports ?? [])
      .filter((report) => !isSeen(report) && report.procedure_report_id > (afterReport ?? 0))
      .map((report) => ({
        number: report.procedure_report_id,
        id: ids.id('procedure_report', report.procedure_report_id),
      }))
      .filter(({ id }) => !shown.has(id))
      .flatMap(({ number, id }) => [id, ...filesOf(results, number, ids)])
      .map((resourceId) => ({ ...rest, kind, resourceId }));
  });
}

/** A laboratory may send a value as a file, which OpenEMR files among the documents. */
function filesOf(results: ResultRows | undefined, report: number, ids: ResourceIds): string[] {
  return (results?.results ?? [])
    .filter(({ procedure_report_id, document_id }) => procedure_report_id === report && document_id > 0)
    .map(({ document_id }) => ids.id('documents', document_id));
}
