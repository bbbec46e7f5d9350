import { describe, expect, it } from '@jest/globals';
import { readFileSync } from 'node:fs';
import { readSimJson } from 'infra/openemr-sim/sim-data';
import { z } from 'zod';
import { KNOWN_VERSIONS, VersionUnknown, knownVersion } from './known-versions.js';

const Steps = z.object({
  steps: z.array(
    z.object({ from: z.string(), to: z.string(), columnsAdded: z.array(z.string()), tablesAdded: z.array(z.string()) }),
  ),
});

/** `table` and `table.column` as the grants inside name them. */
function grantedNames(): Set<string> {
  const text = readFileSync(new URL('../../grants/inside.sql', import.meta.url), 'utf8').replace(/^\s*--.*$/gm, '');
  const names = text.split(';').flatMap((statement) => {
    const table = /ON \{\{openemr\}\}\.(\w+)/.exec(statement)?.[1];
    const columns = [...statement.matchAll(/\(([^)]*)\)/g)].flatMap(([, list = '']) => list.split(','));
    return table === undefined ? [] : [table, ...columns.map((column) => `${table}.${column.trim()}`)];
  });
  return new Set(names);
}

describe("OpenEMR's version", () => {
  it('is known from the one on that brought the last of what is granted', () => {
    const granted = grantedNames();
    expect(granted.has('patient_data.interpreter_needed')).toBe(true);
    const needed = Steps.parse(readSimJson('versions.json'))
      .steps.filter(({ columnsAdded, tablesAdded }) =>
        [...columnsAdded, ...tablesAdded].some((name) => granted.has(name)),
      )
      .map(({ to }) => to);
    expect(needed.at(-1)).toBe(KNOWN_VERSIONS[0]);
  });

  it.each([
    ['8.2.0', '8.2.0'],
    ['8.2.0-dev', '8.2.0'],
    ['v7.0.4', '7.0.4'],
    ['8.0.0 (3)', '8.0.0'],
    ['8.0.0.3', '8.0.0'],
  ])('%s is known', (text, version) => {
    expect(knownVersion(text)).toBe(version);
  });

  it.each(['7.0.2', '7.0.3', '9.0.0', '8.2', '', '8.2.00', '8.20.0', 'latest', "8.2.0'; DROP"])(
    '%p is refused with the known ones named',
    (text) => {
      if (text === "8.2.0'; DROP") {
        expect(() => knownVersion(text)).toThrow(VersionUnknown);
        return;
      }
      expect(() => knownVersion(text)).toThrow(KNOWN_VERSIONS.join(', '));
    },
  );
});
