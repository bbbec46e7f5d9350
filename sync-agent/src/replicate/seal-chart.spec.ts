import { describe, expect, it } from '@jest/globals';
import { createHash, randomBytes } from 'node:crypto';
import { newRef } from 'sync-contract/identifiers';
import { LIMITS } from 'sync-contract/limits';
import { Manifest, matchesEntry } from 'sync-contract/manifest';
import { deriveClassKey, readSection } from 'sync-contract/section';
import type { ChartToRender } from './chart-row.js';
import { inBatches, manifestOf, nameSections, sealAs } from './seal-chart.js';

const SITE = 'b3f7a9c2-6d1e-4f5a-8b0c-9d2e1f3a4b5c';
const CHART_KEY = randomBytes(32);
const CHART: ChartToRender = {
  patientRef: newRef(),
  pid: 1,
  era: 1,
  seq: 4,
  attemptedSeq: 6,
  epoch: 1,
  chartKeyWrapped: Buffer.alloc(0),
  readAt: '2026-11-22T10:00:00.000Z',
  dirty: [],
  known: { recordId: null, nameMac: null, birthMac: null },
  frozenShown: false,
  knownUntil: null,
  polledAt: null,
  generation: 1,
};
const VERSION = { era: 1, seq: 7 };

const named = (...names: string[]): ReturnType<typeof nameSections> =>
  nameSections(
    CHART_KEY,
    names.map((name) => ({ name, recordClass: 'results' as const, content: { of: name } })),
  );

describe('a sealed chart', () => {
  it('opens with the class key under its own header, and the manifest names exactly its bytes', () => {
    const sealed = named('results', 'results/2026').map((section) => sealAs(CHART, SITE, CHART_KEY, VERSION, section));
    const manifest = Manifest.parse(manifestOf(CHART, SITE, VERSION, sealed));
    for (const section of sealed) {
      const header = {
        site: SITE,
        patientRef: CHART.patientRef,
        sectionId: section.sectionId,
        version: VERSION,
        epoch: 1,
      };
      expect(readSection(deriveClassKey(CHART_KEY, 'results'), header, section.sealed)).toEqual({ of: section.name });
      const entry = manifest.sections.find(({ id }) => id === section.sectionId);
      expect(entry !== undefined && matchesEntry(entry, section.sealed)).toBe(true);
    }
    expect(manifest.sections.map(({ id }) => id)).toEqual(sealed.map(({ sectionId }) => sectionId).sort());
  });

  it('names sections by nothing that the DMZ could compute', () => {
    const [section] = named('results/2026');
    expect(section?.sectionId).not.toBe(createHash('sha256').update('results/2026').digest('hex'));
    expect(section?.sectionId).not.toBe(
      nameSections(randomBytes(32), [{ name: 'results/2026', recordClass: 'results', content: {} }])[0]?.sectionId,
    );
  });

  it('travels in batches under the limit of a request, a list of years after its years', () => {
    const text = 'x'.repeat(5_000_000);
    const sections = nameSections(
      CHART_KEY,
      ['results', 'results/2021', 'results/2022', 'results/2023', 'results/2024', 'results/2025'].map((name) => ({
        name,
        recordClass: 'results' as const,
        content: { text: name === 'results' ? '' : text },
      })),
    );
    const batches = inBatches(sections);
    expect(batches.length).toBeGreaterThan(1);
    expect(
      batches
        .flat()
        .map(({ name }) => name)
        .sort(),
    ).toEqual(sections.map(({ name }) => name).sort());
    expect(batches.at(-1)?.at(-1)?.name).toBe('results');
    for (const batch of batches) {
      const bytes = batch.reduce((sum, { content }) => sum + JSON.stringify(content).length, 0);
      expect((bytes * 4) / 3).toBeLessThan(LIMITS.gatewayRequestBytes);
    }
  });

  it('is one batch however many small sections it has, and none when nothing changed', () => {
    expect(inBatches(named(...Array.from({ length: 60 }, (_, i) => `results/${String(1960 + i)}`)))).toHaveLength(1);
    expect(inBatches([])).toEqual([]);
  });
});
