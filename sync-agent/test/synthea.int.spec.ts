import { readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { loadBundle } from 'infra/openemr-sim/load-bundle';
import { loadPractice } from 'infra/openemr-sim/practice';
import { ResourcesContent } from 'sync-contract/section-content';
import { renderChart, type RenderedSection } from '../src/chart/render-chart.js';
import { ChartUnderTest } from './chart-under-test.js';
import { billsOf } from './synthea-bills.js';
import { compareChart, type Found } from './synthea-comparison.js';
import { readReviewed, review } from './synthea-review.js';
import { entryOf, inUtc, jsonObject, readSource, textAt, type Entry } from './synthea-source.js';

const REVIEWED = fileURLToPath(new URL('synthea-differences.txt', import.meta.url));
/** What has ended by then is a question of the day. */
const READ_ON = '2026-11-22';
const REGISTERED = new Date('2026-11-20T15:00:00Z');

interface Patient {
  bundle: Entry[];
  chart: Entry[];
}

let chart: ChartUnderTest;
const patients: Patient[] = [];

beforeAll(async () => {
  chart = await ChartUnderTest.start('synthea');
  await loadPractice(chart.clinic);
  for (const { bundle, entries } of readSource()) {
    const { pid } = await loadBundle(chart.clinic, bundle, { portal: true, registered: REGISTERED });
    patients.push({ bundle: entries, chart: await renderedEntries(pid) });
  }
}, 600_000);
afterAll(async () => {
  await chart[Symbol.asyncDispose]();
});

/** Every resource of the chart once, over the real path: grants, snapshot, reader, renderers. */
async function renderedEntries(pid: number): Promise<Entry[]> {
  const rows = await chart.read(pid);
  const sections = renderChart({ ...rows, readOn: READ_ON }, chart.context(rows));
  expect(sections.filter(({ skipped }) => skipped > 0)).toEqual([]);
  const entries = sections.flatMap(resourcesOf).map((each) => {
    const resource = jsonObject(inUtc(jsonObject(each)));
    return entryOf(`${textAt(resource, 'resourceType')}/${textAt(resource, 'id')}`, resource);
  });
  return [...new Map(entries.map((entry) => [entry.reference, entry])).values()];
}

/** A section that is no list of resources counts as one, that of bills as one for each visit. */
function resourcesOf({ name, content }: RenderedSection): unknown[] {
  if (name === 'billing') {
    return billsOf(content);
  }
  return (
    ResourcesContent.safeParse(content).data?.resources ?? [{ resourceType: `Section ${name}`, id: name, ...content }]
  );
}

const found = ({ bundle, chart: ours }: Patient): Found[] => compareChart(bundle, ours);

it('every chart says what its bundle says, but for the reviewed differences, each as often as its line says', () => {
  const { changes, proposal } = review(patients.flatMap(found), readReviewed(readFileSync(REVIEWED, 'utf8')));
  if (changes.length > 0) {
    const file = join(tmpdir(), 'synthea-differences.txt');
    writeFileSync(file, proposal);
    throw new Error(`${changes.join('\n')}\nWhen this is right: give reasons in ${file} and move it to ${REVIEWED}`);
  }
  expect(patients).toHaveLength(120);
});

const laboratory = ({ label }: Entry): boolean => label === 'Observation laboratory';

it.each<[what: string, harm: (ours: Entry[]) => Entry[]]>([
  ['lost', (ours) => ours.filter((_entry, index) => index !== ours.findIndex(laboratory))],
  ['twice there', (ours) => [...ours, ...ours.filter(laboratory).slice(0, 1)]],
  ['of another patient', (ours) => [...ours, ...(patients[1]?.chart.filter(laboratory).slice(0, 1) ?? [])]],
  [
    'wrong by a hundredth',
    (ours) => {
      const index = ours.findIndex(laboratory);
      return ours.map((entry, at) => (at === index ? withValue(entry, (value) => value + 0.01) : entry));
    },
  ],
  [
    'interchanged with the next one',
    (ours) => {
      const [first, second] = ours.filter(laboratory);
      return ours.map((entry) =>
        entry === first && second !== undefined
          ? { ...entry, resource: { ...entry.resource, valueQuantity: second.resource['valueQuantity'] ?? null } }
          : entry,
      );
    },
  ],
])('a value that is %s is told', (_what, harm) => {
  const [patient = { bundle: [], chart: [] }] = patients;
  const reviewed = readReviewed(readFileSync(REVIEWED, 'utf8'));
  const right = readReviewed(review(found(patient), reviewed).proposal);
  expect(review(found(patient), right).changes).toEqual([]);
  expect(review(found({ ...patient, chart: harm(patient.chart) }), right).changes).not.toEqual([]);
});

function withValue(entry: Entry, change: (value: number) => number): Entry {
  const value = Number(textAt(entry.resource, 'valueQuantity', 'value'));
  return {
    ...entry,
    resource: {
      ...entry.resource,
      valueQuantity: { ...jsonObject(entry.resource['valueQuantity']), value: change(value) },
    },
  };
}
