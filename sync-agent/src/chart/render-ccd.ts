import type { Resource } from 'sync-contract/section-content';
import { profileMeta, resource, SYSTEMS } from './fhir.js';
import type { ResourceIds } from './resource-id.js';

/** A C-CDA that the patient asked for; days `yyyy-MM-dd`, both inclusive, null is open. */
export interface AskedCcd {
  /** hex, of this request alone */
  fingerprint: string;
  from: string | null;
  to: string | null;
  /** when the inside got the request: the file shows OpenEMR as of later */
  keptAt: Date;
}

/** Every request gives another document. */
export const ccdId = (ids: ResourceIds, { fingerprint }: Pick<AskedCcd, 'fingerprint'>): string =>
  ids.id('ccd_request', fingerprint);

/** US Core DocumentReference of a C-CDA (Continuity of Care Document, C-CDA R2.1), in the list beside the practice's own documents. */
export function renderCcd(asked: AskedCcd, ids: ResourceIds, pid: number): Resource {
  const { from, to, keptAt } = asked;
  return resource({
    resourceType: 'DocumentReference',
    id: ccdId(ids, asked),
    meta: profileMeta('us-core-documentreference'),
    status: 'current',
    type: { coding: [{ system: SYSTEMS.loinc, code: '34133-9', display: 'Summary of episode note' }] },
    category: [
      {
        coding: [
          {
            system: 'http://hl7.org/fhir/us/core/CodeSystem/us-core-documentreference-category',
            code: 'clinical-note',
            display: 'Clinical Note',
          },
        ],
      },
    ],
    subject: ids.patient(pid),
    date: keptAt.toISOString(),
    content: [
      {
        attachment: { contentType: 'text/xml', title: `Clinical summary${rangeOf(asked)}.xml` },
        format: {
          system: 'http://ihe.net/fhir/ValueSet/IHE.FormatCode.codesystem',
          code: 'urn:hl7-org:sdwg:ccda-structuredBody:2.1',
          display: 'Documents following C-CDA constraints using a structured body',
        },
      },
    ],
    context: { period: { start: from, end: to } },
  });
}

function rangeOf({ from, to }: Pick<AskedCcd, 'from' | 'to'>): string {
  return `${from === null ? '' : ` from ${from}`}${to === null ? '' : ` to ${to}`}`;
}
