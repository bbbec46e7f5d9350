import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { loadGoldenRows } from 'infra/openemr-sim/load-golden';
import { z } from 'zod';
import { renderChart } from '../src/chart/render-chart.js';
import { ChartUnderTest } from './chart-under-test.js';
import { differences, sameNotation, type Difference, type JsonObject } from './golden-comparison.js';
import { EXPECTED_DIFFERENCES } from './golden-differences.js';
import { countUncompared, UNCOMPARED } from './golden-uncompared.js';
import {
  COMPARED_TYPES,
  GoldenRows,
  goldenPatients,
  goldenResources,
  RECORDINGS,
  type Recording,
} from './golden-set.js';

/** The day of the recording; what had ended by then is a question of the day. */
const RECORDED_ON = '2026-11-22';

let chart: ChartUnderTest;
let rows: GoldenRows;
beforeAll(async () => {
  chart = await ChartUnderTest.start('golden');
  await loadGoldenRows(chart.clinic);
  rows = new GoldenRows(chart.resourceIdKey);
});
afterAll(async () => {
  await chart[Symbol.asyncDispose]();
});

const JsonResource = z.record(z.string(), z.json());
const Resources = z.object({ resources: z.array(JsonResource) });

/** Our resources of the compared types, over the real path: grants, snapshot, reader, renderers. */
async function ourResources(pid: number): Promise<JsonObject[]> {
  const read = await chart.read(pid);
  const sections = renderChart({ ...read, readOn: RECORDED_ON }, chart.context(read));
  return sections
    .flatMap(({ recordClass, content }) =>
      (Resources.safeParse(content).data?.resources ?? [])
        // A care team names people as it knows them, beside what the profile says of those of the patient's own.
        .filter(({ resourceType }) => resourceType !== 'RelatedPerson' || recordClass === 'profile'),
    )
    .filter((resource) => COMPARED_TYPES.some((type) => type === resource['resourceType']))
    .map((resource) => JsonResource.parse(rows.withUuids(resource)));
}

const Identified = z.object({ resourceType: z.string(), id: z.string() });
const keyOf = (resource: JsonObject): string => {
  const { resourceType, id } = Identified.parse(resource);
  return `${resourceType}/${id}`;
};

/** Resources by type and id; two of the same id are a failure of their own. */
function byKey(resources: JsonObject[]): Map<string, JsonObject> {
  const map = new Map(resources.map((resource) => [keyOf(resource), resource]));
  expect(map.size).toBe(resources.length);
  return map;
}

interface Found {
  type: string;
  uuid: string;
  difference: Difference;
}

async function compare(recording: Recording): Promise<{ found: Found[]; compared: number }> {
  await chart.clinic.query("UPDATE globals SET gl_value = ? WHERE gl_name = 'gbl_time_zone'", [recording.timeZone]);
  const found: Found[] = [];
  let compared = 0;
  for (const { label, pid } of goldenPatients(recording)) {
    const ours = byKey(await ourResources(pid));
    const theirs = byKey(goldenResources(recording, label));
    for (const key of new Set([...theirs.keys(), ...ours.keys()])) {
      const [type = '', uuid = ''] = key.split('/');
      const [their, our] = [theirs.get(key), ours.get(key)];
      compared += their === undefined ? 0 : 1;
      const leaves: Difference[] =
        their === undefined || our === undefined
          ? [{ kind: their === undefined ? 'added' : 'left out', path: '(resource)' }]
          : differences(sameNotation(their), sameNotation(our));
      found.push(...leaves.map((difference) => ({ type, uuid, difference })));
    }
  }
  return { found, compared };
}

const describeFound = ({ type, uuid, difference }: Found): string =>
  `${type}/${uuid} ${difference.path} ${difference.kind}: ${JSON.stringify(difference.theirs)} → ${JSON.stringify(difference.ours)}`;

describe.each(RECORDINGS)("OpenEMR's own FHIR answers in $timeZone", (recording) => {
  it('are held to our sections, all but those that are reviewed, each as often as its line says', () => {
    const reviewed = UNCOMPARED.filter(({ count }) => count[recording.set] > 0);
    expect(countUncompared(recording)).toEqual(
      Object.fromEntries(reviewed.map(({ what, count }) => [what, count[recording.set]])),
    );
  });

  it('differ from our rendering in the reviewed differences, each as often as its line says, and in nothing else', async () => {
    const { found, compared } = await compare(recording);
    const counts = new Map(EXPECTED_DIFFERENCES.map((expected) => [expected, 0]));
    const unexpected: string[] = [];
    for (const each of found) {
      const { type, uuid, difference } = each;
      const { row } = rows.of(uuid);
      const expected = EXPECTED_DIFFERENCES.find(
        (line) =>
          line.type === type &&
          line.path === difference.path &&
          line.kind === difference.kind &&
          line.holds({ difference, row, rows, timeZone: recording.timeZone }),
      );
      if (expected === undefined) {
        unexpected.push(describeFound(each));
      } else {
        counts.set(expected, (counts.get(expected) ?? 0) + 1);
      }
    }
    const wrongCounts = EXPECTED_DIFFERENCES.filter((line) => counts.get(line) !== line.count[recording.set]).map(
      (line) =>
        `${line.type} ${line.path} ${line.kind} (${line.reason}): ${String(counts.get(line))}, not ${String(line.count[recording.set])}`,
    );
    expect(unexpected.slice(0, 40)).toEqual([]);
    expect(wrongCounts).toEqual([]);
    expect(compared).toBe({ utc: 4296, newYork: 1224 }[recording.set]);
  }, 180_000);
});
