import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { reviewedDataFlow } from 'infra/evidence/data-flow';
import { fieldsOf, type SectionField } from 'infra/evidence/section-fields';
import { loadGoldenRows } from 'infra/openemr-sim/load-golden';
import { ChartUnderTest } from '../../sync-agent/test/chart-under-test.js';
import { goldenPatients, RECORDINGS } from '../../sync-agent/test/golden-set.js';

const Reviewed = z.object({
  sections: z.array(z.object({ section: z.string(), path: z.string(), fixed: z.array(z.string()).optional() })),
});

/** Fields of every golden patient, over the real path: database, account, grants, readers, renderers. */
const found = new Map<string, SectionField>();
beforeAll(async () => {
  await using chart = await ChartUnderTest.start('data_flow');
  await loadGoldenRows(chart.clinic);
  for (const { pid } of RECORDINGS.flatMap(goldenPatients)) {
    for (const [key, field] of fieldsOf(await chart.render(pid))) {
      found.set(key, { ...field, values: [...(found.get(key)?.values ?? []), ...field.values] });
    }
  }
}, 120_000);
afterAll(() => {
  found.clear();
});

describe('what recorded patients have in their sections', () => {
  const reviewed = Reviewed.parse(JSON.parse(reviewedDataFlow())).sections;
  const listed = new Map(reviewed.map((field) => [`${field.section} ${field.path}`, field]));

  it('is in the reviewed list, field by field', () => {
    expect(found.size).toBeGreaterThan(150);
    expect([...found.keys()].filter((key) => !listed.has(key))).toEqual([]);
  });

  it('says, where the list has a fixed word, nothing else', () => {
    const others = [...found].flatMap(([key, { values }]) => {
      const fixed = listed.get(key)?.fixed;
      return fixed === undefined
        ? []
        : [...new Set(values)].filter((value) => !fixed.includes(value)).map((value) => `${key} ${value}`);
    });
    expect(others).toEqual([]);
  });
});
