import type { SendCcdRequest } from 'portal-api/http';
import { loinc } from './fixture-people.js';

/** FIXTURE: the chart's C-CDA as an entry of the list of documents, in the states that it goes through. */

export const CCD_ID = 'c1cd'.repeat(8);
export const CCD_NAME = 'Clinical summary from 2025-01-01.xml';
export const CCD_FILE = `<?xml version="1.0" encoding="UTF-8"?>
<ClinicalDocument xmlns="urn:hl7-org:v3"><title>Summary of Rosalind</title></ClinicalDocument>`;

/** @param requestedAt instant */
export function ccdEntry(
  requestedAt: string,
  { from, to }: SendCcdRequest = { from: null, to: null },
  id = CCD_ID,
): object {
  const period = { ...(from !== null && { start: from }), ...(to !== null && { end: to }) };
  return {
    resourceType: 'DocumentReference',
    id,
    status: 'current',
    type: loinc('34133-9', 'Summary of episode note'),
    category: [{ coding: [{ code: 'clinical-note', display: 'Clinical Note' }] }],
    date: requestedAt,
    content: [
      {
        attachment: { contentType: 'text/xml', title: CCD_NAME },
        format: {
          code: 'urn:hl7-org:sdwg:ccda-structuredBody:2.1',
          display: 'Documents following C-CDA constraints using a structured body',
        },
      },
    ],
    ...(from === null && to === null ? {} : { context: { period } }),
  };
}

/** What staff filed that came from elsewhere: of the same type, and no C-CDA of this chart. */
const FILED = {
  resourceType: 'DocumentReference',
  id: 'f1ed'.repeat(8),
  status: 'current',
  type: loinc('34133-9', 'Summary of episode note'),
  category: [{ text: 'CCDA' }],
  date: '2024-05-02T10:00:00-04:00',
  content: [
    {
      attachment: { contentType: 'application/pdf', title: 'Letter of the hospital.pdf', size: 31_000 },
      format: { code: 'urn:ihe:iti:xds:2017:mimeTypeSufficient' },
    },
  ],
};

interface CcdSection {
  ccd?: 'offered' | 'held-back';
  entry?: object;
  /** of the entry: `waiting`, `held`, or the reason why there are no bytes */
  state?: 'waiting' | 'held' | 'too-large' | 'missing';
}

/** Section `documents` with one document that was filed and, where there is one, the chart's C-CDA. */
export function documentsWith({ ccd, entry, state = 'waiting' }: CcdSection): object {
  const content =
    state === 'held'
      ? { state, size: CCD_FILE.length }
      : state === 'waiting'
        ? { state }
        : { state: 'none', reason: state };
  return {
    resources: [...(entry === undefined ? [] : [entry]), FILED],
    contents: [
      ...(entry === undefined ? [] : [{ documentId: 'id' in entry ? entry.id : '', ...content }]),
      { documentId: FILED.id, state: 'held', size: 31_000 },
    ],
    ...(ccd !== undefined && { ccd }),
  };
}
