import { randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { SealBroken } from './aead.js';
import { RECORD_CLASSES } from './classes.js';
import { LIMITS } from './limits.js';
import { pad, unpad } from './padding.js';
import {
  contentHash,
  deriveClassKey,
  fitsSection,
  openSection,
  readSection,
  sealContent,
  sealSection,
  sectionId,
} from './section.js';

const classKey = deriveClassKey(randomBytes(32), 'results');
const header = {
  site: '3f0c2c8e-8b1f-4b62-9d0e-0a4d3a0f6a11',
  patientRef: 'b'.repeat(32),
  sectionId: sectionId(classKey, 'results/2026'),
  version: { era: 1, seq: 7 },
  epoch: 1,
};

describe('a sealed section', () => {
  it('gives back its content and hides its length up to the padding step', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), (content) => {
        const sealed = sealSection(classKey, header, content);
        expect(readSection(classKey, header, sealed)).toEqual(JSON.parse(JSON.stringify(content)));
        expect((sealed.length - 28) % LIMITS.paddingStep).toBe(0);
      }),
    );
  });

  it('does not open after any single flipped bit', () => {
    const sealed = sealSection(classKey, header, { resources: [] });
    fc.assert(
      fc.property(fc.nat(sealed.length * 8 - 1), (bit) => {
        const flipped = Buffer.from(sealed);
        flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7));
        expect(() => openSection(classKey, header, flipped)).toThrow(SealBroken);
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    ['site', '7d1bb5c0-5f0a-4a53-8c79-9a7f2d6c9b22'],
    ['patientRef', 'c'.repeat(32)],
    ['sectionId', sectionId(classKey, 'results/2025')],
    ['version', { era: 1, seq: 6 }],
    ['version', { era: 2, seq: 7 }],
    ['epoch', 2],
  ])('does not open in the place of another row (%s)', (field, value) => {
    const sealed = sealSection(classKey, header, { resources: [] });
    expect(() => openSection(classKey, { ...header, [field]: value }, sealed)).toThrow(SealBroken);
  });

  it('does not open with the key of any other class', () => {
    const chartKey = randomBytes(32);
    const sealed = sealSection(deriveClassKey(chartKey, 'results'), header, { resources: [] });
    for (const other of RECORD_CLASSES.filter((name) => name !== 'results')) {
      expect(() => openSection(deriveClassKey(chartKey, other), header, sealed)).toThrow(SealBroken);
    }
  });

  it('is never empty space that opens: cut, extended and foreign padding are refused', () => {
    const padded = pad(Buffer.from('content'));
    expect(unpad(padded).toString()).toBe('content');
    const dirty = Buffer.from(padded);
    dirty[dirty.length - 1] = 1;
    const lying = Buffer.from(padded);
    lying.writeUInt32BE(padded.length, 0);
    for (const wrong of [
      dirty,
      lying,
      padded.subarray(1),
      Buffer.concat([padded, Buffer.alloc(1024)]),
      Buffer.alloc(0),
    ]) {
      expect(() => unpad(wrong)).toThrow(SealBroken);
    }
    expect(() => openSection(classKey, header, Buffer.alloc(10))).toThrow(SealBroken);
  });

  it('is refused exactly when its sealed bytes are more than the limit', () => {
    // Random bytes do not compress, so that they tell the bound of what no compression is tried for as well.
    const random = randomBytes(LIMITS.sectionBytes);
    const seals = (content: Buffer): boolean => {
      try {
        return sealContent(classKey, header, content).length <= LIMITS.sectionBytes;
      } catch (failure: unknown) {
        expect(failure).toBeInstanceOf(RangeError);
        return false;
      }
    };
    const told = [0, 500, 1_000, 1_024, 1_100, 2_048, 3_000, 4_095, 4_096, 4_097].map((less) => {
      const content = random.subarray(0, LIMITS.sectionBytes - less);
      expect([less, fitsSection(content)]).toEqual([less, seals(content)]);
      return fitsSection(content);
    });
    expect(new Set(told)).toEqual(new Set([false, true]));
    // What compresses to little, and is more than anybody opens.
    expect(fitsSection(Buffer.alloc(32 * LIMITS.sectionBytes + 1, 97))).toBe(false);
  });

  it('has an id that is the same for the same name only', () => {
    expect(sectionId(classKey, 'results/2026')).toBe(header.sectionId);
    expect(sectionId(deriveClassKey(randomBytes(32), 'results'), 'results/2026')).not.toBe(header.sectionId);
  });

  it('has a content hash that does not depend on the order of properties', () => {
    expect(contentHash({ a: 1, b: [true, null] })).toBe(contentHash({ b: [true, null], a: 1 }));
    expect(contentHash({ a: 1 })).not.toBe(contentHash({ a: 2 }));
  });
});
