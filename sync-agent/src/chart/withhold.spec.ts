import { describe, expect, it } from '@jest/globals';
import { BillingContent, type Resource } from 'sync-contract/section-content';
import { resourcesOf, type ReleaseDecision } from './kept-out.js';
import type { RenderedSection } from './render-chart.js';
import { withhold, WITHDRAWN } from './withhold.js';

const LOINC = 'http://loinc.org';
const NONE = { resourceId: null, recordClass: null, codeSystem: null, code: null, sensitivity: null };
const item = (id: number, kind: 'hold' | 'recall', resourceId: string): ReleaseDecision => ({
  ...{ ...NONE, id, kind, resourceId },
});
const rule = (id: number, asks: Partial<ReleaseDecision>): ReleaseDecision => ({ ...NONE, id, kind: 'rule', ...asks });

const words = (id: string): string => `words of ${id}`;
const to = (type: string, id: string): unknown => ({ reference: `${type}/${id}`, type, display: words(id) });
const visit = (id: string, restricted = false): Resource => ({
  ...{
    resourceType: 'Encounter',
    id,
    reasonCode: [{ text: words(id) }],
    participant: [{ individual: to('Practitioner', 'dr1') }],
  },
  ...(restricted ? { meta: { security: [{ code: 'R' }] } } : {}),
});
const value = (id: string, code = id, encounter?: string): Resource => ({
  ...{ resourceType: 'Observation', id, code: { coding: [{ system: LOINC, code }], text: words(id) } },
  ...(encounter === undefined ? {} : { encounter: to('Encounter', encounter) }),
  performer: [to('Organization', 'lab')],
});
const report = (id: string, results: readonly string[], at?: string): Resource => ({
  ...{ resourceType: 'DiagnosticReport', id, code: { text: words(id) }, conclusion: words(id) },
  result: results.map((each) => to('Observation', each)),
  ...(at === undefined ? {} : { effectiveDateTime: at }),
});
const person = (id: string): Resource => ({ resourceType: 'Practitioner', id, name: [{ text: words(id) }] });
const place = (resourceType: string, id: string, of?: string): Resource => ({
  ...{ resourceType, id, name: words(id) },
  ...(of === undefined ? {} : { managingOrganization: to('Organization', of) }),
});
const list = (name: RenderedSection['recordClass'], resources: Resource[]): RenderedSection => ({
  ...{ name, recordClass: name, content: { resources }, skipped: 0 },
});
const year = (name: string, resources: Resource[]): RenderedSection => ({
  ...{ name, recordClass: 'results', content: { resources }, skipped: 0 },
});
const index = (...years: [section: string, count: number, newest: string | null][]): RenderedSection => ({
  ...{ name: 'results', recordClass: 'results', skipped: 0 },
  content: { years: years.map(([section, count, newest]) => ({ section, year: 2026, count, newest })) },
});
const idsOf = (sections: readonly RenderedSection[], name: string): string[] => {
  const content = sections.find((section) => section.name === name)?.content;
  return content !== undefined && 'resources' in content ? content.resources.map(({ id }) => id) : [];
};

describe('what decisions keep out of a chart', () => {
  const chart = (): RenderedSection[] => [
    list('encounters', [
      visit('e1'),
      visit('e2', true),
      person('dr1'),
      place('Location', 'site', 'owner'),
      place('Organization', 'owner'),
    ]),
    list('procedures', [
      {
        resourceType: 'Procedure',
        id: 'p1',
        code: { text: words('r1') },
        report: [to('DiagnosticReport', 'r1')],
        note: [{ text: words('r1') }],
      },
    ]),
    list('medications', [
      { resourceType: 'MedicationRequest', id: 'm1', medicationCodeableConcept: { text: words('m1') } },
      {
        resourceType: 'MedicationDispense',
        id: 'd1',
        authorizingPrescription: [to('MedicationRequest', 'm1')],
        note: [{ text: words('m1') }],
      },
    ]),
    index(['results/2026', 2, '2026-03-02'], ['results/2025', 1, '2025-01-01']),
    year('results/2026', [
      report('r1', ['v1', 'v2'], '2026-03-02'),
      value('v1', '718-7', 'e1'),
      value('v2', '75622-1', 'e2'),
      report('r2', ['v3'], '2026-01-05'),
      value('v3', '75622-1'),
      place('Organization', 'lab'),
    ]),
    year('results/2025', [report('r3', ['v4'], '2025-01-01'), value('v4'), place('Organization', 'lab')]),
  ];
  const all = JSON.stringify(chart());

  it('is nothing without decisions, and nothing where they mean nothing', () => {
    for (const decisions of [[], [item(1, 'hold', 'unknown'), rule(2, { recordClass: 'notes' }), rule(3, {})]]) {
      const { sections, withheld } = withhold(chart(), decisions);
      expect(JSON.stringify(sections)).toBe(all);
      expect(withheld).toEqual([]);
    }
  });

  it('is a report with its values, what repeats it, and people whom nobody else names; indexes agree', () => {
    const { sections, withheld, fewer } = withhold(chart(), [item(7, 'hold', 'r3')]);
    expect(sections.map(({ name }) => name)).not.toContain('results/2025');
    expect(sections.find(({ name }) => name === 'results')?.content).toEqual(
      index(['results/2026', 2, '2026-03-02']).content,
    );
    expect(withheld).toEqual([
      { resourceId: 'r3', resourceType: 'DiagnosticReport', recordClass: 'results', decisionId: 7 },
    ]);
    expect(fewer.get('results')).toBe(3);

    const first = withhold(chart(), [item(7, 'hold', 'r1')]);
    expect(idsOf(first.sections, 'results/2026')).toEqual(['r2', 'v3', 'lab']);
    expect(idsOf(first.sections, 'procedures')).toEqual([]);
    expect(first.sections.find(({ name }) => name === 'results')?.content).toMatchObject({
      years: [{ count: 1, newest: '2026-01-05' }, { count: 1 }],
    });
    expect(JSON.stringify(first.sections)).not.toContain(words('r1'));
    expect(first.withheld.map(({ resourceId }) => resourceId).sort()).toEqual(['p1', 'r1']);
  });

  it('is a value by its code, and the report that would have nothing else; the other report goes on', () => {
    const { sections } = withhold(chart(), [rule(1, { codeSystem: LOINC, code: '75622-1' })]);
    expect(idsOf(sections, 'results/2026')).toEqual(['r1', 'v1', 'lab']);
    expect(JSON.stringify(sections)).not.toMatch(/words of (?:v2|v3|r2)/);
    expect(idsOf(withhold(chart(), [rule(1, { codeSystem: LOINC, code: '756*' })]).sections, 'results/2026')).toEqual([
      ...['r1', 'v1', 'lab'],
    ]);
    expect(withhold(chart(), [rule(1, { codeSystem: '', code: '75622-1' })]).withheld).toEqual([]);
  });

  it('is a document and the way to it from the value that came with it; the value stays', () => {
    const scanned: Resource = {
      ...value('v9'),
      derivedFrom: [{ reference: 'DocumentReference/s9', type: 'DocumentReference' }],
    };
    const withScan = (): RenderedSection[] => [
      list('documents', [{ resourceType: 'DocumentReference', id: 's9', category: [{ text: words('s9') }] }]),
      index(['results/2026', 1, '2026-03-02']),
      year('results/2026', [report('r9', ['v9'], '2026-03-02'), scanned, place('Organization', 'lab')]),
    ];
    const valueAfter = (decision: ReleaseDecision): Resource | undefined => {
      const { sections, withheld } = withhold(withScan(), [decision]);
      expect(withheld.map(({ resourceId }) => resourceId)).toEqual(['s9']);
      expect(idsOf(sections, 'results/2026')).toEqual(['r9', 'v9', 'lab']);
      return resourcesOf(sections.find(({ name }) => name === 'results/2026')?.content).find(({ id }) => id === 'v9');
    };
    expect(valueAfter(item(1, 'hold', 's9'))).toEqual(value('v9'));
    expect(valueAfter(rule(2, { recordClass: 'documents' }))).toEqual(value('v9'));
    expect(valueAfter(item(3, 'recall', 's9'))).toEqual(scanned);
    const held = withhold(withScan(), [item(4, 'hold', 'r9')]);
    expect(idsOf(held.sections, 'documents')).toEqual(['s9']);
    expect(JSON.stringify(held.sections)).not.toContain(words('v9'));
  });

  it('is by sensitivity a restricted visit and all that was done there, and no label by itself', () => {
    const { sections, withheld } = withhold(chart(), [rule(1, { sensitivity: 'high' })]);
    expect(withheld.map(({ resourceId }) => resourceId).sort()).toEqual(['e2', 'v2']);
    expect(idsOf(sections, 'encounters')).toEqual(['e1', 'dr1', 'site', 'owner']);
    expect(withhold(chart(), [rule(1, { codeSystem: '', code: 'R' })]).withheld).toEqual([]);
  });

  it('is what belongs to a prescription as well; a dispense alone goes alone', () => {
    expect(idsOf(withhold(chart(), [item(1, 'hold', 'm1')]).sections, 'medications')).toEqual([]);
    expect(idsOf(withhold(chart(), [item(1, 'hold', 'd1')]).sections, 'medications')).toEqual(['m1']);
  });

  it('is named by no statement of what is owed, neither as visit nor as charge; the balance stays', () => {
    const charge = (id: string, code: string | null): object => ({
      ...{ id, code, text: words(id), units: 1, amount: '1.00' },
    });
    const sums = { charged: '1.00', paid: '0.00', adjusted: '0.00', open: '1.00', due: '1.00' };
    const statement = (id: string, ...charges: object[]): object => ({
      ...{ id, date: null, withInsurer: false, charges, payments: [], adjustments: [], ...sums },
    });
    const billing = BillingContent.parse({
      ...{ currency: 'USD', balance: '4.00', balanceWithInsurance: '4.00' },
      statements: [
        statement('e1', charge('c1', '80053')),
        statement('e2', charge('c2', '87389')),
        statement('e3', charge('d1', null)),
      ],
    });
    const owed = { ...{ name: 'billing', recordClass: 'billing' as const, content: billing, skipped: 0 } };
    const left = (...decisions: ReleaseDecision[]): string[] => {
      const { content } = withhold([...chart(), owed], decisions).sections.at(-1) ?? {};
      const { balance, statements } = BillingContent.parse(content);
      expect(balance).toBe('4.00');
      return statements.map(({ id }) => id);
    };
    expect(left(item(1, 'recall', 'e1'))).toEqual(['e2', 'e3']);
    expect(left(item(1, 'hold', 'm1'))).toEqual(['e1', 'e2']);
    expect(left(rule(1, { sensitivity: 'high' }))).toEqual(['e1', 'e3']);
    expect(left(rule(1, { codeSystem: 'http://www.ama-assn.org/go/cpt', code: '8738*' }))).toEqual(['e1', 'e3']);
    expect(left(item(1, 'hold', 'v1'))).toEqual(['e1', 'e2', 'e3']);
  });

  it('leaves a neutral sign in the place of what was recalled, and only there', () => {
    const sign = (resourceType: string, id: string): unknown => ({ resourceType, id, meta: { security: [WITHDRAWN] } });
    const { sections } = withhold(chart(), [item(3, 'recall', 'r1'), item(2, 'hold', 'r1')]);
    expect(sections.find(({ name }) => name === 'results/2026')?.content).toMatchObject({
      resources: [sign('DiagnosticReport', 'r1'), { id: 'r2' }, { id: 'v3' }, { id: 'lab' }],
    });
    expect(sections.find(({ name }) => name === 'results')?.content).toMatchObject({
      years: [{ count: 2, newest: '2026-01-05' }, { count: 1 }],
    });
    const value1 = withhold(chart(), [item(3, 'recall', 'v1')]).sections;
    expect(value1.find(({ name }) => name === 'results/2026')?.content).toMatchObject({
      resources: [
        { id: 'r1', result: [{ reference: 'Observation/v1', type: 'Observation' }, to('Observation', 'v2')] },
        sign('Observation', 'v1'),
        { id: 'v2' },
        { id: 'r2' },
        { id: 'v3' },
        { id: 'lab' },
      ],
    });
    expect(JSON.stringify(value1)).not.toContain(words('v1'));
    // The recall of a report's only value takes the report's place.
    expect(idsOf(withhold(chart(), [item(3, 'recall', 'v4')]).sections, 'results/2025')).toEqual(['r3']);
  });

  it('leaves nothing of it anywhere, whatever the chart and the decisions, and takes nothing else', () => {
    for (let seed = 1; seed <= 200; seed += 1) {
      const random = randomOf(seed);
      const made = randomChart(random);
      const ids = made.flatMap((section) => idsOf([section], section.name));
      const decisions = [1, 2, 3].map((id): ReleaseDecision => {
        const target = ids[Math.floor(random() * ids.length)] ?? '';
        return random() < 0.3
          ? rule(id, { codeSystem: LOINC, code: `c${String(Math.floor(random() * 5))}` })
          : item(id, random() < 0.5 ? 'hold' : 'recall', target);
      });
      const { sections, withheld } = withhold(made, decisions);
      const text = JSON.stringify(sections);
      for (const { resourceId, decisionId } of withheld) {
        expect(text).not.toContain(`"${words(resourceId)}"`);
        if (decisions.find(({ id }) => id === decisionId)?.kind !== 'recall') {
          expect({ seed, resourceId, in: text.includes(`${resourceId}"`) }).toEqual({ seed, resourceId, in: false });
        }
      }
      const shown = sections.flatMap((section) => idsOf([section], section.name));
      const gone = new Set(withheld.map(({ resourceId }) => resourceId));
      for (const id of ids.filter((each) => !shown.includes(each))) {
        expect({ seed, id, text: text.includes(`"${words(id)}"`) }).toEqual({ seed, id, text: false });
        // A value goes with its report, a person with the last who names them; nothing else goes without a reason.
        const ofReport = /^value-(report-\d+)-/.exec(id)?.[1] ?? id;
        expect({ seed, id, explained: gone.has(id) || gone.has(ofReport) || /^(?:dr1|lab)$/.test(id) }).toEqual({
          ...{ seed, id, explained: true },
        });
      }
      // Equal in, equal out.
      expect(JSON.stringify(withhold(made, decisions).sections)).toBe(text);
    }
  });
});

/** mulberry32 */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

function randomChart(random: () => number): RenderedSection[] {
  const number = (below: number): number => Math.floor(random() * below);
  const code = (): unknown => ({ coding: [{ system: LOINC, code: `c${String(number(5))}` }] });
  const reports = [...Array(1 + number(4)).keys()].map((n) => ({ id: `report-${String(n)}`, values: number(4) }));
  const valuesOf = ({ id, values }: (typeof reports)[number]): string[] =>
    [...Array(values).keys()].map((n) => `value-${id}-${String(n)}`);
  const results = reports.flatMap((each) => [
    report(each.id, valuesOf(each), '2026-01-01'),
    ...valuesOf(each).map((id): Resource => ({ ...value(id), code: { ...(code() as object), text: words(id) } })),
  ]);
  const conditions = [...Array(number(4)).keys()].map((n): Resource => ({
    ...{
      resourceType: 'Condition',
      id: `condition-${String(n)}`,
      code: { ...(code() as object), text: words(`condition-${String(n)}`) },
    },
    ...{ encounter: to('Encounter', 'visit-0'), evidence: [{ detail: [to('DiagnosticReport', 'report-0')] }] },
  }));
  const procedures = [...Array(number(3)).keys()].map((n): Resource => ({
    ...{ resourceType: 'Procedure', id: `procedure-${String(n)}`, code: { text: words(`procedure-${String(n)}`) } },
    ...{ report: [to('DiagnosticReport', `report-${String(n)}`)], recorder: to('Practitioner', 'dr1') },
  }));
  return [
    list('problems', conditions),
    list('encounters', [visit('visit-0', random() < 0.5), person('dr1')]),
    list('procedures', [...procedures, ...(procedures.length > 0 ? [person('dr1')] : [])]),
    index(['results/2026', reports.length, '2026-01-01']),
    year('results/2026', [...results, place('Organization', 'lab')]),
  ];
}

it('leaves what is always released, whatever codes a rule means', () => {
  const gender = { coding: [{ system: LOINC, code: '446151000124109' }] };
  const chart = [
    list('profile', [{ resourceType: 'Patient', id: 'me', extension: [{ valueCodeableConcept: gender }] }]),
    list('social-history', [{ resourceType: 'Observation', id: 'said', valueCodeableConcept: gender }]),
  ];
  const { sections, withheld } = withhold(chart, [
    rule(1, { codeSystem: LOINC, code: '446151000124109' }),
    rule(2, { recordClass: 'profile' }),
    item(3, 'hold', 'me'),
  ]);
  expect(sections[0]).toEqual(chart[0]);
  expect(withheld.map(({ resourceId }) => resourceId)).toEqual(['said']);
});
