import { describe, expect, it } from '@jest/globals';

interface Package {
  version?: string;
  integrity?: string;
  link?: boolean;
  optional?: boolean;
}
type Packages = Record<string, Package>;

const script = new URL('bootstrap.mjs', import.meta.url).href;
const { otherThanLocked } = (await import(script)) as {
  otherThanLocked: (locked: Packages, installed: Packages) => string[];
};

const LOCKED: Packages = {
  '': {},
  infra: { version: '0.1.0' },
  'node_modules/infra': { link: true },
  'node_modules/helmet': { version: '8.1.0', integrity: 'sha512-helmet' },
  'infra/node_modules/commander': { version: '15.1.0', integrity: 'sha512-commander' },
  'node_modules/core-linux': { version: '1.2.3', integrity: 'sha512-linux', optional: true },
  'node_modules/core-darwin': { version: '1.2.3', integrity: 'sha512-darwin', optional: true },
};
const INSTALLED: Packages = {
  infra: { version: '0.1.0' },
  'infra/node_modules/commander': { version: '15.1.0', integrity: 'sha512-commander' },
  'node_modules/infra': { link: true },
  'node_modules/helmet': { version: '8.1.0', integrity: 'sha512-helmet' },
  'node_modules/core-linux': { version: '1.2.3', integrity: 'sha512-linux', optional: true },
};

describe('what npm installed, against the lock', () => {
  it('is as locked where only packages for other platforms are absent', () => {
    expect(otherThanLocked(LOCKED, INSTALLED)).toEqual([]);
  });

  it.each<[string, Packages, string]>([
    ['another version', { 'node_modules/helmet': { version: '8.2.0', integrity: 'sha512-helmet' } }, 'helmet'],
    ['other bytes', { 'node_modules/helmet': { version: '8.1.0', integrity: 'sha512-other' } }, 'helmet'],
    ['bytes nobody hashed', { 'node_modules/core-linux': { version: '1.2.3', optional: true } }, 'core-linux'],
    [
      'a package from the registry in the place of a workspace',
      { 'node_modules/infra': { version: '0.1.0' } },
      'infra',
    ],
    ['a package that the lock does not name', { 'node_modules/helmet-2': { version: '1.0.0' } }, 'helmet-2'],
  ])('is not as locked with %s', (_, instead, name) => {
    expect(otherThanLocked(LOCKED, { ...INSTALLED, ...instead })).toEqual([`node_modules/${name}`]);
  });

  it.each(['node_modules/helmet', 'infra/node_modules/commander'])('is not as locked without %s', (path) => {
    const without = Object.fromEntries(Object.entries(INSTALLED).filter(([name]) => name !== path));
    expect(otherThanLocked(LOCKED, without)).toEqual([path]);
  });
});
