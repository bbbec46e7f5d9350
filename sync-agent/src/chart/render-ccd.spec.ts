import { describe, expect, it } from '@jest/globals';
import { ccdId, renderCcd, type AskedCcd } from './render-ccd.js';
import { ResourceIds } from './resource-id.js';

const ids = new ResourceIds(Buffer.alloc(32, 7));
const asked = (given: Partial<AskedCcd> = {}): AskedCcd => ({
  fingerprint: 'a1'.repeat(32),
  from: null,
  to: null,
  keptAt: new Date('2026-11-23T10:00:00.000Z'),
  ...given,
});

describe('a C-CDA in the list of documents', () => {
  it('is a US Core DocumentReference of the patient, as of the request', () => {
    const reference = renderCcd(asked(), ids, 7);
    expect(reference).toMatchObject({
      resourceType: 'DocumentReference',
      meta: { profile: ['http://hl7.org/fhir/us/core/StructureDefinition/us-core-documentreference'] },
      status: 'current',
      type: { coding: [{ system: 'http://loinc.org', code: '34133-9' }] },
      category: [{ coding: [{ code: 'clinical-note' }] }],
      subject: { reference: ids.patient(7).reference, type: 'Patient' },
      date: '2026-11-23T10:00:00.000Z',
      content: [
        {
          attachment: { contentType: 'text/xml', title: 'Clinical summary.xml' },
          format: { code: 'urn:hl7-org:sdwg:ccda-structuredBody:2.1' },
        },
      ],
    });
    expect(reference).not.toHaveProperty('context');
  });

  it.each([
    ['2025-01-01', null, ' from 2025-01-01'],
    [null, '2025-12-31', ' to 2025-12-31'],
    ['2025-01-01', '2025-12-31', ' from 2025-01-01 to 2025-12-31'],
  ])('of days from %s to %s says so', (from, to, words) => {
    expect(renderCcd(asked({ from, to }), ids, 7)).toMatchObject({
      content: [{ attachment: { title: `Clinical summary${words}.xml` } }],
      context: { period: { ...(from === null ? {} : { start: from }), ...(to === null ? {} : { end: to }) } },
    });
  });

  it('is another document with every request', () => {
    const other = { fingerprint: 'b2'.repeat(32) };
    expect(renderCcd(asked(other), ids, 7).id).toBe(ccdId(ids, other));
    expect(ccdId(ids, other)).not.toBe(ccdId(ids, asked()));
  });
});
