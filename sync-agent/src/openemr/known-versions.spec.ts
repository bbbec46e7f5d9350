import { describe, expect, it } from '@jest/globals';
import { readUpgradeSteps } from 'infra/openemr-sim/older-schema';
import { readOpenEmrTables } from 'infra/openemr-sim/schema';
import { declaredGrants } from '../setup/account-sql.js';
import { KNOWN_VERSIONS, VersionUnknown, knownVersion, type KnownVersion } from './known-versions.js';

/** `table` and `table.column` that a version has, by OpenEMR's own upgrades. */
function namesIn(version: KnownVersion): Set<string> {
  const names = new Set(
    Object.entries(readOpenEmrTables().tables).flatMap(([table, { columns }]) => [
      table,
      ...columns.map(({ name }) => `${table}.${name}`),
    ]),
  );
  for (const { to, columnsAdded, tablesAdded, altered } of readUpgradeSteps().toReversed()) {
    if (KNOWN_VERSIONS.findIndex((each) => each === to) > KNOWN_VERSIONS.indexOf(version)) {
      columnsAdded.forEach((name) => names.delete(name));
      for (const { table, what } of altered) {
        const before = /^CHANGE (?:COLUMN )?`(\w+)`/.exec(what)?.[1];
        names.add(before === undefined ? table : `${table}.${before}`);
      }
      const isAdded = (name: string): boolean => tablesAdded.includes(name.split('.', 1)[0] ?? '');
      [...names].filter(isAdded).forEach((name) => names.delete(name));
    }
  }
  return names;
}

/** `table` and `table.column` as the grants of a version name them. */
function grantedNames(version: KnownVersion): Set<string> {
  const names = declaredGrants(version).flatMap(({ statement }) => {
    const table = /ON \{\{openemr\}\}\.(\w+)/.exec(statement)?.[1];
    const columns = [...statement.matchAll(/\(([^)]*)\)/g)].flatMap(([, list = '']) => list.split(','));
    const plain = columns.map((column) => column.trim().replaceAll('`', ''));
    return table === undefined ? [] : [table, ...plain.map((column) => `${table}.${column}`)];
  });
  return new Set(names);
}

describe("OpenEMR's version", () => {
  it.each(KNOWN_VERSIONS)('%s is granted nothing that it does not have, and everything else', (version) => {
    const has = namesIn(version);
    const granted = grantedNames(version);
    expect([...granted].filter((name) => !has.has(name))).toEqual([]);
    const newest = grantedNames('8.2.0');
    expect([...newest].filter((name) => has.has(name) && !granted.has(name))).toEqual([]);
    expect(granted.has('patient_data.interpreter_needed')).toBe(!['7.0.2', '7.0.3'].includes(version));
  });

  it('is every one to which an upgrade of OpenEMR leads, and the one from which the first leads on', () => {
    const steps = readUpgradeSteps();
    expect([steps[0]?.from, ...steps.map(({ to }) => to)]).toEqual([...KNOWN_VERSIONS]);
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

  it.each(['7.0.1', '6.1.0', '9.0.0', '8.2', '', '8.2.00', '8.20.0', 'latest', "8.2.0'; DROP"])(
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
