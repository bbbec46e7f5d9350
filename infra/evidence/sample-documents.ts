import type { ChartRows } from 'sync-agent/src/openemr/read-chart';
import { DocumentRow, FiledRow } from 'sync-agent/src/openemr/read-documents';
import { filled } from './sample-row.js';

/** Filed with and without a code, dated and not. */
export function sampleDocuments(): NonNullable<ChartRows['documents']> {
  const document = (id: number, given: Record<string, unknown>): DocumentRow =>
    filled(DocumentRow, {
      id,
      date: `2026-01-0${String(id)} 10:00:00`,
      docdate: '2026-01-01',
      encounter_id: 7,
      ...given,
    });
  const filed = (document_id: number, given: Record<string, unknown>): FiledRow =>
    filled(FiledRow, { document_id, category_id: 9, parent: 6, codes: '', parent_codes: '', ...given });
  return {
    documents: [document(1, {}), document(2, { docdate: null })],
    filed: [filed(1, {}), filed(2, { codes: 'LOINC:86533-7', parent_codes: 'LOINC:42348-3' })],
  };
}
