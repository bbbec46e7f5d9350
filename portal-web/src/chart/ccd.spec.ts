import { describe, expect, it } from '@jest/globals';
import { ccdEntry, documentsWith } from '../../test/fixture-ccd.js';
import { ccdOffer, ccdRange, sameDays } from './ccd.js';
import { listedCcd, readDocuments } from './documents.js';
import type { DocumentsContent } from './section-content.js';

const AT = '2026-11-23T10:00:00.000Z';

describe('the C-CDA among the documents', () => {
  it('is the one the practice’s system makes for this chart, not what was filed under the same code', () => {
    const { resources, contents } = documentsWith({ entry: ccdEntry(AT), state: 'held' }) as {
      resources: unknown[];
      contents: unknown[];
    };
    expect(readDocuments(resources, contents).map(({ name, ccd }) => [name, ccd])).toEqual([
      ['Clinical summary from 2025-01-01.xml', { from: null, to: null }],
      ['Letter of the hospital.pdf', null],
    ]);
  });

  it('is found in the list, in the state that it is in', () => {
    const entry = ccdEntry(AT, { from: '2025-01-01', to: null });
    const states = (['waiting', 'held', 'too-large'] as const).map(
      (state) => listedCcd(documentsWith({ entry, state }) as DocumentsContent)?.state,
    );
    expect(states).toEqual(['waiting', 'ready', 'too-large']);
    expect([listedCcd(documentsWith({}) as DocumentsContent), listedCcd(null)]).toEqual([null, null]);
  });

  it.each([
    [{ from: '2025-01-01', to: '2025-12-31' }],
    [{ from: '2025-01-01', to: null }],
    [{ from: null, to: '2025-12-31' }],
  ])('has the days that were asked for: %j', (range) => {
    expect(ccdRange(ccdEntry(AT, range))).toEqual(range);
  });

  it.each([
    ['another code', { type: { coding: [{ system: 'http://loinc.org', code: '11506-3' }] } }],
    ['the code of another system', { type: { coding: [{ system: 'http://snomed.info/sct', code: '34133-9' }] } }],
    ['no format', { content: [{ attachment: {} }] }],
    ['a type of another shape', { type: 'x' }],
  ])('is none with %s', (_what, odd) => {
    expect(ccdRange({ ...ccdEntry(AT), ...odd })).toBeNull();
  });

  it('can be asked for only when the list says so in words that are known', () => {
    expect([{ ccd: 'offered' }, { ccd: 'held-back' }, { ccd: 'soon' }, {}, null].map(ccdOffer)).toEqual([
      ...['offered', 'held-back', null, null, null],
    ]);
  });

  it('is asked for again only with both days the same', () => {
    const days = { from: '2025-01-01', to: null };
    expect(sameDays(days, { ...days })).toBe(true);
    expect(
      [
        { ...days, to: '2025-12-31' },
        { from: null, to: null },
      ].map((other) => sameDays(days, other)),
    ).toEqual([...[false, false]]);
  });
});
