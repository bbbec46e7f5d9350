import { describe, expect, it } from '@jest/globals';
import { complaintsAbout, type Findings } from './complaints.js';
import type { KeptStatement } from './read-statements.js';

const NOW = new Date('2026-11-22T12:00:00.000Z');
const compared = (at: string, differences = 0) => ({
  at: `2026-11-${at}:00.000Z`,
  differences,
  documentsCompared: true,
});

const statement = (at: string): KeptStatement => ({
  statement: {
    ...{ v: 1, site: 'b3f7a9c2-6d1e-4f5a-8b0c-9d2e1f3a4b5c', day: at.slice(0, 10), at, charts: 1, sections: 1 },
    root: '0'.repeat(64),
    withDmz: { comparisons: 96, differences: 0, found: {}, left: 0 },
    withOpenEmr: { charts: 1, sections: 1, skipped: 0, differences: 0 },
  },
  madeAt: at,
  ...{ hash: '1'.repeat(64), genuine: true, chained: true, missing: null, signOffs: [] },
});

const WELL: Findings = {
  withDmz: compared('22T11:50'),
  withOpenEmr: compared('22T02:10'),
  vanishingStopped: false,
  heldCharts: [],
  lost: [],
  statements: [statement('2026-11-22T02:10:00.000Z')],
};

describe('what needs a person about the comparisons', () => {
  it('is nothing while both sides were compared and the last night has its statement', () => {
    expect(complaintsAbout(WELL, NOW, 900)).toEqual([]);
  });

  it.each<[string, Partial<Findings>, number, RegExp[]]>([
    [
      'comparisons that never were',
      { withDmz: null, withOpenEmr: null, statements: [] },
      900,
      [/never compared with the DMZ/, /never compared with OpenEMR/],
    ],
    ['an old one with the DMZ', { withDmz: compared('22T10:50') }, 900, [/not compared with the DMZ since/]],
    ['none of that, when they are configured to be rare', { withDmz: compared('22T10:50') }, 7_200, []],
    [
      'an old one with OpenEMR',
      { withOpenEmr: compared('20T23:50'), statements: [statement('2026-11-20T23:50:00.000Z')] },
      900,
      [/not compared with OpenEMR since/],
    ],
    ['differences', { withOpenEmr: compared('22T02:10', 2) }, 900, [/OpenEMR found 2 differences/]],
    ['a night without its statement', { withOpenEmr: compared('22T02:20') }, 900, [/ended at .* is gone/]],
    ['no statement of a night at all', { statements: [] }, 900, [/ended at .* is gone/]],
    ['lost submissions', { lost: ['submission x'] }, 900, [/gone from the DMZ .* submission x/]],
    ['losses that wait', { vanishingStopped: true }, 900, [/--confirm-vanished/]],
    ['charts that wait alone', { heldCharts: ['ab', 'cd'] }, 900, [/chart ab .*--chart/, /chart cd .*--chart/]],
  ])('is %s', (_, found, every, says) => {
    const complaints = complaintsAbout({ ...WELL, ...found }, NOW, every);
    expect(complaints).toHaveLength(says.length);
    for (const [index, pattern] of says.entries()) {
      expect(complaints[index]).toMatch(pattern);
    }
  });
});
