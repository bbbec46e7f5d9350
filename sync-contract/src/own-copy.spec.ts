import { randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { SealBroken } from './aead.js';
import { openOwnCopy, sealOwnCopy } from './own-copy.js';
import { deriveClassKey } from './section.js';

const key = deriveClassKey(randomBytes(32), 'messages');
const header = {
  site: '3f0c2c8e-8b1f-4b62-9d0e-0a4d3a0f6a11',
  patientRef: 'b'.repeat(32),
  submissionId: '01900000-0000-7000-8000-000000000001',
};

describe("the sender's own copy", () => {
  it('gives back what was sealed', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (payload) => {
        expect(openOwnCopy(key, header, sealOwnCopy(key, header, payload))).toEqual(
          JSON.parse(JSON.stringify(payload)),
        );
      }),
    );
  });

  it('has a size that tells its length in steps only', () => {
    const sizes = [1, 100, 900].map((length) => sealOwnCopy(key, header, { body: 'x'.repeat(length) }).length);
    expect(new Set(sizes).size).toBe(1);
  });

  it.each([
    ['site', '7d1bb5c0-5f0a-4a53-8c79-9a7f2d6c9b22'],
    ['patientRef', 'c'.repeat(32)],
    ['submissionId', '01900000-0000-7000-8000-000000000002'],
  ])('does not open in the place of another (%s)', (field, value) => {
    const sealed = sealOwnCopy(key, header, { body: 'x' });
    expect(() => openOwnCopy(key, { ...header, [field]: value }, sealed)).toThrow(SealBroken);
    expect(() => openOwnCopy(deriveClassKey(randomBytes(32), 'messages'), header, sealed)).toThrow(SealBroken);
  });

  it('does not open after any single flipped bit', () => {
    const sealed = sealOwnCopy(key, header, { body: 'x' });
    fc.assert(
      fc.property(fc.nat(sealed.length * 8 - 1), (bit) => {
        const flipped = Buffer.from(sealed);
        flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        expect(() => openOwnCopy(key, header, flipped)).toThrow(SealBroken);
      }),
      { numRuns: 200 },
    );
  });
});
