import { describe, expect, it } from '@jest/globals';
import { fixtureSections } from '../../test/fixture-chart.js';
import { DateFormats } from './dates.js';
import { isObject } from './fhir.js';
import { partsIn, resourcesIn, type GatheredChart } from './gathered-chart.js';
import { fileName, recordBundle, type BundleFrame } from './record-bundle.js';

const NOW = new Date('2026-11-22T15:00:00Z');
const dates = new DateFormats('en-US', 'America/New_York');
const BASE = 'https://portal.example/fhir';

function frame(changes: Partial<BundleFrame> = {}): BundleFrame {
  return {
    base: BASE,
    range: { from: null, to: null },
    isoDay: (instant) => dates.isoDay(instant),
    now: NOW.getTime(),
    noticeId: '6f1b8c1e-0000-4000-8000-000000000000',
    notices: ['Up to date as of now.'],
    withdrawnNotice: (reference) => `${reference} withdrawn`,
    skippedNotice: (entries) => `${String(entries)} missing`,
    ...changes,
  };
}

function gathered(sections: Record<string, unknown>): GatheredChart {
  return { sections: new Map(Object.entries(sections)), asOf: NOW.toISOString(), freshness: 'current', frozen: false };
}

const CLINIC = { resourceType: 'Organization', id: 'clinic', name: 'Alder Lane Family Practice' };

const resources = (...all: object[]): GatheredChart => gathered({ any: { resources: all } });
const fixture = (): GatheredChart => gathered(fixtureSections(NOW.getTime()));

/** Every `reference` in a resource. */
function referencesIn(value: unknown): string[] {
  if (Array.isArray(value)) {
    return value.flatMap(referencesIn);
  }
  return isObject(value)
    ? Object.entries(value).flatMap(([key, part]) =>
        key === 'reference' && typeof part === 'string' ? [part] : referencesIn(part),
      )
    : [];
}

describe('the Bundle of a chart', () => {
  it('has the shape FHIR R4 asks of a collection: every entry its own absolute address that agrees with type and id', () => {
    const bundle = recordBundle(fixture(), frame());
    expect([bundle.resourceType, bundle.type, bundle.timestamp]).toEqual(['Bundle', 'collection', NOW.toISOString()]);
    const entries = bundle.entry ?? [];
    expect(entries.length).toBeGreaterThan(150);
    expect(new Set(entries.map(({ fullUrl }) => fullUrl)).size).toBe(entries.length);
    for (const entry of entries) {
      expect(Object.keys(entry).sort()).toEqual(['fullUrl', 'resource']);
      const { resource, fullUrl } = entry;
      expect(resource?.resourceType).toMatch(/^[A-Z][A-Za-z]+$/);
      expect(resource?.id).toMatch(/^[A-Za-z0-9.-]{1,64}$/);
      expect(fullUrl).toBe(
        resource?.resourceType === 'OperationOutcome'
          ? `urn:uuid:${String(resource.id)}`
          : `${BASE}/${String(resource?.resourceType)}/${String(resource?.id)}`,
      );
    }
    expect(JSON.parse(JSON.stringify(bundle))).toEqual(bundle);
  });

  it('holds each resource of the chart once and unchanged, and nothing else but provenance and the notices', () => {
    const chart = fixture();
    const source = [...chart.sections.values()].flatMap(resourcesIn).map((each) => JSON.stringify(each));
    const entries = recordBundle(chart, frame()).entry ?? [];
    const notices = entries.filter(({ resource }) => resource?.resourceType === 'OperationOutcome');
    expect(notices.length).toBe(1);
    const held = entries
      .filter((entry) => !notices.includes(entry) && entry.resource?.resourceType !== 'Provenance')
      .map(({ resource }) => JSON.stringify(resource));
    expect(held.filter((each) => !source.includes(each))).toEqual([]);
    const names = (all: string[]): Set<string> =>
      new Set(
        all.map((each) => JSON.parse(each) as fhir4.Resource).map((each) => `${each.resourceType}/${each.id ?? ''}`),
      );
    expect(names(held)).toEqual(names(source));
  });

  it('resolves every reference that the chart can resolve, by the rule for relative references', () => {
    const chart = fixture();
    const known = new Set(
      [...chart.sections.values()].flatMap(resourcesIn).map((each) => {
        const { resourceType, id } = each as fhir4.Resource;
        return `${resourceType}/${id ?? ''}`;
      }),
    );
    const entries = recordBundle(chart, frame()).entry ?? [];
    const addresses = new Set(entries.map(({ fullUrl }) => fullUrl));
    const references = entries.flatMap(({ resource }) => referencesIn(resource));
    expect(references.length).toBeGreaterThan(30);
    for (const reference of references.filter((each) => known.has(each))) {
      expect([reference, addresses.has(`${BASE}/${reference}`)]).toEqual([reference, true]);
    }
  });

  it('carries profiles and codes as they are, and of two versions of one person the one that says more', () => {
    const meta = { profile: ['http://hl7.org/fhir/us/core/StructureDefinition/us-core-practitioner'] };
    const short = { resourceType: 'Practitioner', id: 'dr', meta, name: [{ text: 'Dr. Greene' }] };
    const long = { ...short, qualification: [{ code: { text: 'Family medicine' } }] };
    for (const order of [
      [short, long],
      [long, short],
    ]) {
      const [entry] = recordBundle(resources(...order), frame()).entry ?? [];
      expect(entry?.resource).toEqual(long);
    }
  });

  it('says of each entry who wrote it down, for whom and when, and of people and places nothing', () => {
    const practice = { reference: 'Organization/clinic', type: 'Organization' };
    const site = { resourceType: 'Location', id: 'site', managingOrganization: practice };
    const sections = { ...fixtureSections(NOW.getTime()), practice: { resources: [site, CLINIC] } };
    const entries = recordBundle(gathered(sections), frame()).entry ?? [];
    const provenance = entries.flatMap(({ resource }) => (resource?.resourceType === 'Provenance' ? [resource] : []));
    const targets = provenance.flatMap(({ target }) => target.map(({ reference }) => reference ?? ''));
    const agents = provenance.flatMap(({ agent }) => agent);
    const people = agents.flatMap(({ who, onBehalfOf }) => [who.reference ?? [], onBehalfOf?.reference ?? []].flat());
    const addresses = new Set(entries.map(({ fullUrl }) => fullUrl));
    expect([...targets, ...people].filter((each) => !addresses.has(`${BASE}/${each}`))).toEqual([]);
    expect(new Set(targets).size).toBe(targets.length);
    expect([...new Set(people)]).toEqual(
      expect.arrayContaining([practice.reference, 'Practitioner/greene', 'Organization/lab-1']),
    );
    const types = new Set(targets.map((target) => target.split('/')[0]));
    expect([...types]).toEqual(expect.arrayContaining(['Condition', 'Observation', 'DocumentReference', 'Patient']));
    expect([...types].filter((type) => /^(Practitioner|Organization|Location|Provenance)/.test(type ?? ''))).toEqual(
      [],
    );
  });

  it('of some days says which, leaves out what lies outside of them and keeps people', () => {
    const chart = resources(
      { resourceType: 'Patient', id: 'p' },
      { resourceType: 'Observation', id: 'in', effectiveDateTime: '2026-01-31T23:30:00-05:00' },
      { resourceType: 'Observation', id: 'out', effectiveDateTime: '2026-02-01T00:30:00-05:00' },
    );
    const range = { from: '2026-01-01', to: '2026-01-31' };
    const entries = recordBundle(chart, frame({ range })).entry ?? [];
    expect(entries.map(({ resource }) => resource?.id).slice(0, -1)).toEqual(['p', 'in']);
  });

  it('names what was withdrawn for correction in words, never as a resource that lacks what its type requires', () => {
    const sign = { resourceType: 'Observation', id: 'gone', meta: { security: [{ code: 'REDACTED' }] } };
    const entries = recordBundle(resources(sign, sign), frame()).entry ?? [];
    expect(entries.map(({ resource }) => resource)).toEqual([
      {
        resourceType: 'OperationOutcome',
        id: '6f1b8c1e-0000-4000-8000-000000000000',
        issue: ['Up to date as of now.', 'Observation/gone withdrawn'].map((text) => ({
          severity: 'information',
          code: 'informational',
          details: { text },
        })),
      },
    ]);
  });

  it('counts what is missing from it: entries the inside could not put in, and those that nothing can name', () => {
    const chart = gathered({
      notes: {
        resources: [
          { resourceType: 'Observation', valueString: 'x' },
          { resourceType: 'Patient', id: 'p' },
        ],
        skipped: 2,
      },
      'results/2026': {
        resources: [{ id: 'untyped' }, { resourceType: 'Observation', meta: { security: [{ code: 'REDACTED' }] } }],
        skipped: 1,
      },
    });
    const entries = recordBundle(chart, frame()).entry ?? [];
    expect(entries.map(({ resource }) => resource?.resourceType)).toEqual(['Patient', 'OperationOutcome']);
    expect(JSON.stringify(entries.at(-1))).toContain('"6 missing"');
    expect(JSON.stringify(recordBundle(fixture(), frame()))).not.toContain('missing"');
  });

  it('takes nothing of a section but its resources: no key of a document leaves with it', () => {
    const chart = gathered({
      documents: { resources: [], contents: [{ state: 'held', documentId: 'd', key: 'THE-KEY' }] },
      billing: { statements: [{ id: 'x' }] },
    });
    expect(JSON.stringify(recordBundle(chart, frame()))).not.toMatch(/THE-KEY|statements/);
  });
});

describe('the parts of a chart', () => {
  it('are named by its indexes, whatever else a section holds', () => {
    expect(partsIn({ years: [{ section: 'results/2026' }, { year: 3 }, null] })).toEqual(['results/2026']);
    expect(partsIn({ threads: [{ threadId: 'ab' }] })).toEqual(['messages/ab']);
    expect([null, undefined, [], 'text', { resources: [] }].flatMap(partsIn)).toEqual([]);
  });
});

describe('the name of the file', () => {
  it('says the day and the days chosen, and nothing of the person', () => {
    expect(fileName('pdf', '2026-11-22', { from: null, to: null })).toBe('health-record-2026-11-22.pdf');
    expect(fileName('fhir-bundle', '2026-11-22', { from: '2026-01-01', to: null })).toBe(
      'health-record-2026-11-22-from-2026-01-01.fhir.json',
    );
  });
});
