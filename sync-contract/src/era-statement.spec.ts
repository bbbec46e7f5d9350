import { describe, expect, it } from '@jest/globals';
import { Eras, signEra } from './era-statement.js';
import { StatementRefused, newSigningPair, signStatement, signingKey } from './signed.js';

const site = 'b3f7a9c2-6d1e-4f5a-8b0c-9d2e1f3a4b5c';
const foreignSite = '7b1d2b1e-7c1c-4c8e-9a62-0d3f8b1c2a10';

describe('an era', () => {
  const root = newSigningPair();
  const rootKey = signingKey(root.privateKey);

  it('begins by the word of the pinned root only; the first needs none', () => {
    const eras = new Eras(root.publicKey, site);
    expect([eras.has(1), eras.has(2), eras.highest]).toEqual([true, false, 1]);
    expect(eras.add(signEra(site, 2, rootKey)).era).toBe(2);
    expect([eras.has(2), eras.has(3), eras.highest]).toEqual([true, false, 2]);
  });

  it('does not begin by anybody else, for another site, or by a statement for another purpose', () => {
    const eras = new Eras(root.publicKey, site);
    const stranger = signingKey(newSigningPair().privateKey);
    const statement: unknown = JSON.parse(signEra(site, 2, rootKey).body);
    for (const refused of [
      signEra(site, 2, stranger),
      signEra(foreignSite, 2, rootKey),
      signStatement('key-statement', statement, rootKey),
      { ...signEra(site, 2, rootKey), body: signEra(site, 9, rootKey).body },
    ]) {
      expect(() => eras.add(refused)).toThrow(StatementRefused);
    }
    expect(eras.highest).toBe(1);
    expect(() => signEra(site, 1, rootKey)).toThrow();
  });
});
